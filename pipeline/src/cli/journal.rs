//! `astload journal`: looks at a journal's folder, and mends it.

use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use astload_pipeline::journal::{Inspection, Look, SegmentReport, inspect, repair};
use bytesize::ByteSize;
use clap::{Args, Subcommand};
use serde::Serialize;
use serde_json::{Value, json};

use super::output::{Failure, count, plural, print, print_json, table};

/// Damage was found.
const DAMAGED: u8 = 1;

/// Inspect, verify or repair a journal
///
/// A journal is a folder of segments, `00000000000000000001.journal`, of frames with checksums, and
/// the cursors of its lanes.
#[derive(Debug, Args)]
pub(super) struct JournalArgs {
    #[command(subcommand)]
    command: JournalCommand,
}

#[derive(Debug, Subcommand)]
enum JournalCommand {
    /// Show its segments and how far its lanes are
    #[command(after_help = "Example:\n  astload journal inspect /var/lib/astload/journal --frames")]
    Inspect {
        /// Its folder
        #[arg(value_name = "DIR", value_hint = clap::ValueHint::DirPath)]
        folder: PathBuf,
        /// Show every frame, too
        #[arg(long)]
        frames: bool,
        /// JSON on stdout
        #[arg(long)]
        json: bool,
    },
    /// Read everything in it, and change nothing
    #[command(after_help = "\
Example:
  astload journal verify /var/lib/astload/journal

Exit codes: 0 everything is whole, 1 something is damaged.")]
    Verify {
        /// Its folder
        #[arg(value_name = "DIR", value_hint = clap::ValueHint::DirPath)]
        folder: PathBuf,
        /// JSON on stdout
        #[arg(long)]
        json: bool,
    },
    /// Take out what is damaged; it stays beside the rest, as NAME.broken
    #[command(after_help = "Example:\n  astload journal repair /var/lib/astload/journal")]
    Repair {
        /// Its folder
        #[arg(value_name = "DIR", value_hint = clap::ValueHint::DirPath)]
        folder: PathBuf,
        /// JSON on stdout
        #[arg(long)]
        json: bool,
    },
}

pub(super) fn run(args: JournalArgs) -> Result<u8, Failure> {
    match args.command {
        JournalCommand::Inspect { folder, frames, json } => {
            let found = look(&folder, Look::Count)?;
            match json {
                true => print_json(&described(&found))?,
                false => print(&(damage(&found) + &overview(&found, frames)))?,
            }
            Ok(0)
        }
        JournalCommand::Verify { folder, json } => {
            let found = look(&folder, Look::Read)?;
            match json {
                true => print_json(&described(&found))?,
                false => print(&(damage(&found) + &verdict(&found)))?,
            }
            Ok(if found.is_whole() { 0 } else { DAMAGED })
        }
        JournalCommand::Repair { folder, json } => {
            let before = look(&folder, Look::Read)?;
            let kept = repair(&folder).map_err(|error| failure("repairing", &folder, &error))?;
            // Nothing may be left in it.
            let after = inspect(&folder, Look::Read)
                .map_err(|error| failure("reading", &folder, &error))?;
            match json {
                true => print_json(&json!({
                    "kept": kept,
                    "whole": after.is_whole(),
                    "segments": after.segments.len(),
                    "problems": problems(&before),
                }))?,
                false => {
                    let kept: String =
                        kept.iter().map(|name| format!("kept as {name}\n")).collect();
                    print(&(damage(&before) + &kept + &verdict(&after)))?;
                }
            }
            Ok(if after.is_whole() { 0 } else { DAMAGED })
        }
    }
}

fn look(folder: &Path, look: Look) -> Result<Inspection, Failure> {
    let found = inspect(folder, look).map_err(|error| failure("reading", folder, &error))?;
    if found.segments.is_empty() && found.no_segments.is_empty() && found.set_aside.is_empty() {
        return Err(Failure::new(format!("there is no journal in {}", folder.display()))
            .with_hint("a journal is a folder with files such as 00000000000000000001.journal"));
    }
    Ok(found)
}

fn failure(what: &str, folder: &Path, error: &std::io::Error) -> Failure {
    Failure::new(format!("{what} {}: {error}", folder.display()))
}

/// What is wrong with a journal, each with its place.
#[derive(Serialize)]
struct Problem<'a> {
    kind: &'static str,
    file: &'a str,
    from: Option<u64>,
    to: Option<u64>,
    message: &'a str,
}

fn problems(found: &Inspection) -> Vec<Problem<'_>> {
    let whole = |kind, file, message| Problem { kind, file, from: None, to: None, message };
    let no_segments = found.no_segments.iter();
    let mut all: Vec<Problem<'_>> =
        no_segments.map(|name| whole("no segment", name.as_str(), "is no segment")).collect();
    for segment in &found.segments {
        all.extend(segment.broken.iter().map(|broken| Problem {
            from: Some(broken.from),
            to: Some(broken.to),
            ..whole("broken", &segment.name, &broken.what)
        }));
    }
    let set_aside = found.set_aside.iter();
    all.extend(set_aside.map(|name| whole("set aside", name, "was damaged, and was set aside")));
    all
}

/// What was found, with its problems.
fn described(found: &Inspection) -> Value {
    let mut described = json!(found);
    described["whole"] = found.is_whole().into();
    described["problems"] = json!(problems(found));
    described
}

fn damage(found: &Inspection) -> String {
    let line = |problem: &Problem<'_>| {
        let Problem { kind, file, message, .. } = problem;
        let level = if *kind == "set aside" { "note" } else { "error" };
        match (problem.from, problem.to) {
            (Some(from), Some(to)) => format!("{level}: {file}, bytes {from} to {to}: {message}\n"),
            _ => format!("{level}: {file} {message}\n"),
        }
    };
    problems(found).iter().map(line).collect()
}

fn verdict(found: &Inspection) -> String {
    let frames: usize = found.segments.iter().map(|segment| segment.frames.len()).sum();
    let counts = format!(
        "{} in {}",
        plural(frames as u64, "frame"),
        plural(found.segments.len() as u64, "segment")
    );
    match found.is_whole() {
        true if found.segments.is_empty() => {
            "no segment is left: the journal begins anew\n".to_owned()
        }
        true => format!("{counts}: everything is whole\n"),
        false => format!("{counts} are whole; `astload journal repair` takes out the rest\n"),
    }
}

fn overview(found: &Inspection, frames: bool) -> String {
    let mut rows = vec![
        ["segment", "frames", "units", "bytes", "from", "to", "written"]
            .map(str::to_owned)
            .to_vec(),
    ];
    for segment in &found.segments {
        rows.push(segment_row(segment));
        for frame in segment.frames.iter().filter(|_| frames) {
            rows.push(vec![
                format!("  {}", frame.kind),
                String::new(),
                count(frame.units as u64),
                count(frame.bytes),
                count(frame.seq),
                String::new(),
                time(frame.written_at),
            ]);
        }
    }
    let bytes: u64 = found.segments.iter().map(|segment| segment.bytes).sum();
    let segments = plural(found.segments.len() as u64, "segment");
    let mut text = format!("{}{segments}, {}\n", table(&rows), ByteSize(bytes));
    match &found.cursors {
        None => {
            text +=
                "another process has it open, or died: how far its lanes are is not known here\n";
        }
        Some(cursors) => {
            let last = found.segments.iter().filter_map(|s| s.frames.last()).map(|f| f.seq).max();
            for (lane, cursor) in cursors {
                let behind = count(last.unwrap_or(0).saturating_sub(cursor.done));
                let done = count(cursor.done);
                text += &match cursor.detached {
                    false => format!("lane {lane} is done with {done}, {behind} behind\n"),
                    true => format!("lane {lane} was cut off after {done}\n"),
                };
            }
        }
    }
    text
}

fn segment_row(segment: &SegmentReport) -> Vec<String> {
    let units: usize = segment.frames.iter().map(|frame| frame.units).sum();
    let number = |frame: Option<&astload_pipeline::journal::FrameReport>| {
        frame.map_or_else(String::new, |frame| count(frame.seq))
    };
    vec![
        segment.name.clone(),
        count(segment.frames.len() as u64),
        count(units as u64),
        count(segment.bytes),
        number(segment.frames.first()),
        number(segment.frames.last()),
        segment.frames.last().map_or_else(String::new, |frame| time(frame.written_at)),
    ]
}

fn time(micros: u64) -> String {
    humantime::format_rfc3339_seconds(UNIX_EPOCH + Duration::from_micros(micros)).to_string()
}
