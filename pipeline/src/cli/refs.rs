//! `astload refs`: where a name is defined and used.

use astload_backends::{Access, Enclosing, Reference};
use serde_json::json;

use super::FAILED;
use super::args::RefsArgs;
use super::logs;
use super::output::{Audience, Failure, count, one_line, print, print_json, tell, tell_json};
use super::store::Store;

pub(super) async fn run(args: RefsArgs) -> Result<u8, Failure> {
    logs::listen(None)?;
    let store = Store::open(&args.from, Access::Read).await?;
    let most = args.most as usize;
    // One more than is shown says whether there are more.
    let mut references = store.query()?.references(&args.name, most.saturating_add(1)).await?;
    store.close().await?;
    let is_cut = references.len() > most;
    references.truncate(most);
    let code = if references.is_empty() { FAILED } else { 0 };
    if args.json {
        print_json(&references)?;
    } else if references.is_empty() {
        return Err(Failure::new(format!("nothing in the store is called {}", args.name)));
    } else {
        print(&text(&references))?;
    }
    if is_cut {
        let message = format!("there are more places than the {} shown", count(most as u64));
        let hint = "--most N shows more";
        match Audience::of_process() {
            Audience::People => tell(&format!("note: {message}\nhint: {hint}\n")),
            Audience::Machines => {
                tell_json(&json!({ "kind": "cut", "message": message, "hint": hint }));
            }
        }
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
        if let Some(defined) = &reference.defined {
            text += &format!("  {}", one_line(defined));
        }
        if let Some(Enclosing { kind, name }) = &reference.within {
            text += &format!("  in {} {}", one_line(kind), one_line(name));
        }
        text.push('\n');
    }
    text
}
