//! `astload rm` and `astload gc`.

use astload_backends::Access;
use indicatif::HumanBytes;

use super::args::{GcArgs, RemoveArgs};
use super::output::{Failure, plural, print, print_json};
use super::store::Store;

pub(super) async fn remove(args: RemoveArgs) -> Result<u8, Failure> {
    let store = Store::open(&args.from, Access::Write).await?;
    let path = args.path.as_deref().map(|path| path.trim_end_matches('/'));
    let receipt = store.admin()?.remove(&args.repo, path).await?;
    store.close().await?;
    if receipt.deleted == 0 && !args.json {
        let what = path.map_or_else(|| args.repo.clone(), |path| format!("{}:{path}", args.repo));
        return Err(Failure::new(format!("the store has no {what}"))
            .with_hint("astload show lists its repositories"));
    }
    if args.json {
        print_json(&serde_json::json!({ "deleted": receipt.deleted }))?;
    } else {
        print(&format!(
            "{} deleted; astload gc gives space back where there is much\n",
            plural(receipt.deleted, "unit")
        ))?;
    }
    Ok(u8::from(receipt.deleted == 0))
}

pub(super) async fn gc(args: GcArgs) -> Result<u8, Failure> {
    let store = Store::open(&args.url, Access::Write).await?;
    let report = store.admin()?.gc().await?;
    store.close().await?;
    if args.json {
        print_json(&report)?;
    } else {
        print(&format!(
            "{} and {} forgotten, {} given back\n",
            plural(report.tombstones, "tombstone"),
            plural(report.symbols, "symbol"),
            HumanBytes(report.bytes)
        ))?;
    }
    Ok(0)
}
