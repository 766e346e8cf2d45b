//! `astload refs`: where a name is defined and used.

use astload_backends::{Access, Reference};

use super::FAILED;
use super::args::RefsArgs;
use super::logs;
use super::output::{Failure, one_line, print, print_json};
use super::store::Store;

pub(super) async fn run(args: RefsArgs) -> Result<u8, Failure> {
    logs::listen(None)?;
    let store = Store::open(&args.from, Access::Read).await?;
    let references = store.query()?.references(&args.name, args.most as usize).await?;
    store.close().await?;
    let code = if references.is_empty() { FAILED } else { 0 };
    if args.json {
        print_json(&references)?;
    } else if references.is_empty() {
        return Err(Failure::new(format!("nothing in the store is called {}", args.name)));
    } else {
        print(&text(&references))?;
    }
    Ok(code)
}

fn text(references: &[Reference]) -> String {
    let mut text = String::new();
    let several = references.iter().any(|reference| reference.repo != references[0].repo);
    for reference in references {
        let place = match (reference.line, reference.column) {
            (Some(line), Some(column)) => format!("{}:{line}:{column}", reference.path),
            _ => reference.path.clone(),
        };
        let place = one_line(&place);
        let repo = if several { format!("{}:", reference.repo) } else { String::new() };
        text += &format!("{:<8} {repo}{place}", reference.kind);
        if let Some(within) = reference.within.as_ref().filter(|_| reference.kind != "DEFINES") {
            text += &format!("  in {}", one_line(within));
        }
        text.push('\n');
    }
    text
}
