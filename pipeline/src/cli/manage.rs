//! `astload rm` and `astload gc`.

use astload_backends::{Access, Origin};
use astload_pipeline::letters::DeadLetters;
use indicatif::HumanBytes;

use super::args::{GcArgs, RemoveArgs};
use super::load::dead_letters;
use super::logs;
use super::output::{Failure, plural, print, print_json};
use super::progress::{Style, wait};
use super::store::Store;

pub(super) async fn remove(args: RemoveArgs) -> Result<u8, Failure> {
    logs::listen(args.audit.as_deref())?;
    let style = Style::of_question(args.json);
    let store = wait("connecting", style, Store::open(&args.from, Access::Write)).await?;
    let path = args.path.as_deref().map(|path| path.trim_end_matches('/'));
    // One that has no units may be somebody's all the same.
    let is_known = path.is_none() && is_claimed(&store, &args.repo).await?;
    let receipt = wait("removing", style, store.admin()?.remove(&args.repo, path)).await?;
    // What the store refused of it would come back by a replay.
    let letters = dead_letters(args.dead_letters.as_deref());
    let letters = drop_letters(&letters, store.key(), &args.repo, path);
    wait("closing", style, store.close()).await?;
    let letters = letters?;
    let nothing = receipt.deleted == 0 && letters == 0 && !is_known;
    if nothing && !args.json {
        let what = path.map_or_else(|| args.repo.clone(), |path| format!("{}:{path}", args.repo));
        return Err(Failure::new(format!("the store has no {what}"))
            .with_hint("astload show lists its repositories"));
    }
    if args.json {
        print_json(&serde_json::json!({
            "deleted": receipt.deleted, "dead_letters_dropped": letters,
        }))?;
    } else {
        let letters = match letters {
            0 => String::new(),
            some => format!(", {} dropped", plural(some, "dead letter")),
        };
        print(&format!(
            "{} deleted{letters}; astload gc gives space back where there is much\n",
            plural(receipt.deleted, "unit")
        ))?;
    }
    Ok(u8::from(nothing))
}

async fn is_claimed(store: &Store, repo: &str) -> Result<bool, Failure> {
    let Ok(reader) = store.reader() else { return Ok(false) };
    let repos = reader.repos().await?;
    Ok(repos.iter().any(|known| known.repo == repo && known.origin != Origin::Nobody))
}

/// Drops the dead letters of a store that are of a repository, or of a path in it; says how many.
fn drop_letters(
    letters: &DeadLetters,
    store: &str,
    repo: &str,
    path: Option<&str>,
) -> Result<u64, Failure> {
    let failed = |error| Failure::new(format!("its dead letters cannot be dropped: {error}"));
    letters.remove_of(store, repo, path).map_err(failed)
}

pub(super) async fn gc(args: GcArgs) -> Result<u8, Failure> {
    logs::listen(args.audit.as_deref())?;
    let style = Style::of_question(args.json);
    let store = wait("connecting", style, Store::open(&args.url, Access::Write)).await?;
    let report = wait("forgetting what was deleted", style, store.admin()?.gc()).await?;
    wait("closing", style, store.close()).await?;
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
