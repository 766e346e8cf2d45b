//! `astload index`: the optional indexes of a store.

use std::time::{Duration, Instant};

use astload_backends::{Access, OptionalIndex};
use indicatif::{HumanBytes, ProgressBar};
use serde_json::json;

use super::args::{DEFAULT_STORE, IndexArgs};
use super::logs;
use super::output::{Failure, print, print_json, table};
use super::progress::Style;
use super::store::Store;

/// Between two turns of the wheel that says that the store is at work.
const TURN: Duration = Duration::from_millis(100);

pub(super) async fn run(args: IndexArgs) -> Result<u8, Failure> {
    logs::listen(args.audit.as_deref())?;
    // No index has a colon in its name, and every URL has one.
    let (name, url) = match (args.name, args.url) {
        (Some(url), None) if url.contains(':') => (None, Some(url)),
        given => given,
    };
    let url = url.as_deref().unwrap_or(DEFAULT_STORE);
    match name {
        None if args.drop => {
            let failure = Failure::usage("--drop needs the name of an index");
            Err(failure.with_hint(format!("`astload index {url}` lists them")))
        }
        None => list(url, args.json).await,
        Some(name) => change(&name, url, args.drop, args.json).await,
    }
}

async fn list(url: &str, json: bool) -> Result<u8, Failure> {
    let store = Store::open(url, Access::Read).await?;
    let all = match store.indexes() {
        Some(indexes) => indexes.optional_indexes().await?,
        None => Vec::new(),
    };
    let url = store.url().to_owned();
    store.close().await?;
    match all.as_slice() {
        all if json => print_json(&all)?,
        [] => {
            print(&format!("{url} needs no optional indexes: a load makes all that there are\n"))?
        }
        all => print(&table(&all.iter().map(row).collect::<Vec<_>>()))?,
    }
    Ok(0)
}

fn row(index: &OptionalIndex) -> Vec<String> {
    let is_made = if index.made { "made" } else { "not made" };
    let bytes = format!("about {}", HumanBytes(index.bytes));
    vec![index.name.clone(), is_made.into(), bytes, format!("for {}", index.serves)]
}

async fn change(name: &str, url: &str, drop: bool, json: bool) -> Result<u8, Failure> {
    let store = Store::open(url, Access::Write).await?;
    let Some(indexes) = store.indexes() else {
        let failure = Failure::usage(format!("{} has no optional indexes", store.url()));
        return Err(failure.with_hint("it needs none: a load makes all that there are"));
    };
    let start = Instant::now();
    let wheel = wheel(name, drop, json);
    let changed = match drop {
        true => indexes.drop_index(name).await,
        false => indexes.make_index(name).await,
    };
    wheel.finish_and_clear();
    store.close().await?;
    changed.map_err(|error| match error.message.starts_with("there is no index") {
        true => Failure::wrong_usage(error),
        false => error.into(),
    })?;
    let seconds = start.elapsed().as_secs_f64();
    let done = if drop { "dropped" } else { "made" };
    match json {
        true => print_json(&json!({ "name": name, "made": !drop, "seconds": seconds }))?,
        false => print(&format!("index {name} {done}; {seconds:.1} s\n"))?,
    }
    Ok(0)
}

/// A wheel that turns on a terminal, with the time that it has taken so far.
fn wheel(name: &str, drop: bool, json: bool) -> ProgressBar {
    if Style::of(json, false) != Style::Live {
        return ProgressBar::hidden();
    }
    let doing = if drop { "dropping" } else { "making" };
    let wheel = ProgressBar::new_spinner().with_message(format!("{doing} index {name}"));
    wheel.enable_steady_tick(TURN);
    wheel
}
