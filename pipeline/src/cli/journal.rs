//! `astload journal`: looks at a journal's folder, and mends it.

use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use astload_pipeline::journal::{Inspection, Look, SegmentReport, inspect, repair};
use bytesize::ByteSize;
use clap::{Args, Subcommand};
use serde_json::json;

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
                true => print_json(&found)?,
                false => print(&(damage(&found) + &overview(&found, frames)))?,
            }
            Ok(0)
        }
        JournalCommand::Verify { folder, json } => {
            let found = look(&folder, Look::Read)?;
            match json {
                true => print_json(&found)?,
                false => print(&(damage(&found) + &verdict(&found)))?,
            }
            Ok(if found.is_whole() { 0 } else { DAMAGED })
        }
        JournalCommand::Repair { folder, json } => {
            let before = look(&folder, Look::Read)?;
            let kept = repair(&folder).map_err(|error| failure("repairing", &folder, &error))?;
            let after = look(&folder, Look::Read)?;
            match json {
                true => print_json(&json!({ "kept": kept, "whole": after.is_whole() }))?,
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
    if found.segments.is_empty() && found.no_segments.is_empty() {
        return Err(Failure::new(format!("there is no journal in {}", folder.display()))
            .with_hint("a journal is a folder with files such as 00000000000000000001.journal"));
    }
    Ok(found)
}

fn failure(what: &str, folder: &Path, error: &std::io::Error) -> Failure {
    Failure::new(format!("{what} {}: {error}", folder.display()))
}

fn damage(found: &Inspection) -> String {
    let mut text = String::new();
    for name in &found.no_segments {
        text += &format!("error: {name} is no segment\n");
    }
    for segment in &found.segments {
        for broken in &segment.broken {
            let (name, what) = (&segment.name, &broken.what);
            text += &format!("error: {name}, bytes {} to {}: {what}\n", broken.from, broken.to);
        }
    }
    text
}

fn verdict(found: &Inspection) -> String {
    let frames: usize = found.segments.iter().map(|segment| segment.frames.len()).sum();
    let counts = format!(
        "{} in {}",
        plural(frames as u64, "frame"),
        plural(found.segments.len() as u64, "segment")
    );
    match found.is_whole() {
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
