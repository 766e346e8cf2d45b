//! The arguments of `astload dlq`, and what they choose.

use std::path::PathBuf;
use std::time::Duration;

use astload_pipeline::letters::{DeadLetters, Listing, StoredLetter};
use clap::{Args, Subcommand};

use super::tell_broken;
use crate::cli::args::patience;
use crate::cli::load::dead_letters;
use crate::cli::output::Failure;

/// Show, replay or drop units that backends refused, and lines of streams that are no units or no good
/// ones
///
/// A unit that a backend refuses for good is kept here, with the reason, and the rest of its batch is
/// written. A later version of the unit that the backend takes clears it, and so does a load of a
/// directory from which the file is gone, or `astload rm`.
///
/// A line of a stream that is refused is kept with its place, its text and the reason. A load that
/// reads the same file to its end clears what earlier ones kept of it; lines from a pipe are kept until
/// they are replayed or dropped.
#[derive(Debug, Args)]
pub(in crate::cli) struct DlqArgs {
    #[command(subcommand)]
    pub(super) command: DlqCommand,
}

#[derive(Debug, Subcommand)]
pub(super) enum DlqCommand {
    /// List them
    List(ListArgs),
    /// Show one, with the unit as one line of NDJSON
    Show(ShowArgs),
    /// Give them to their backends again
    Replay(ReplayArgs),
    /// Drop them
    Drop(DropArgs),
}

/// Which dead letters
#[derive(Debug, Args)]
pub(super) struct Chosen {
    /// Only of this backend: its name, or its URL as the list shows it; lines, if they were for it
    #[arg(long, value_name = "NAME")]
    pub(super) backend: Option<String>,
    /// Only those that were refused last so long ago
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    pub(super) older_than: Option<Duration>,
    /// Only those whose error has this in it
    #[arg(long, value_name = "TEXT")]
    pub(super) error: Option<String>,
    /// Only units whose path begins with this
    #[arg(long, value_name = "PATH")]
    pub(super) path: Option<String>,
    /// Only lines of this input, as the list shows it
    #[arg(long, value_name = "NAME")]
    pub(super) input: Option<String>,
    /// Where they are kept [default: ~/.local/state/astload/dead-letters]
    #[arg(long, value_name = "DIR", value_hint = clap::ValueHint::DirPath)]
    pub(super) dead_letters: Option<PathBuf>,
    /// JSON on stdout
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  astload dlq list
  astload dlq list --backend sqlite:code.db --older-than 1h
  astload dlq list --error constraint --json")]
pub(super) struct ListArgs {
    #[command(flatten)]
    pub(super) chosen: Chosen,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  astload dlq show src/main.rs")]
pub(super) struct ShowArgs {
    /// The unit's path, or its last parts; or the input of refused lines
    #[arg(value_name = "FILE")]
    pub(super) file: String,
    #[command(flatten)]
    pub(super) chosen: Chosen,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  astload dlq replay
  astload dlq replay --backend sqlite:code.db
  astload dlq replay --to 'postgres://me:secret@host/code'

Exit codes: 0 all were taken, 1 there is none, 3 some are left.")]
pub(super) struct ReplayArgs {
    /// The backend's URL, where the list does not show all of it; repeat it for more
    #[arg(long, value_name = "URL")]
    pub(super) to: Vec<String>,
    /// The file that configures the backends
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    pub(super) config: Option<PathBuf>,
    /// Give a backend up when it makes no progress for so long
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = patience)]
    pub(super) patience: Duration,
    /// Append what happens to the backends to this file, as JSON lines
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    pub(super) audit: Option<PathBuf>,
    #[command(flatten)]
    pub(super) chosen: Chosen,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  astload dlq drop --backend sqlite:old.db
  astload dlq drop --older-than 30d
  astload dlq drop --all")]
pub(super) struct DropArgs {
    /// Every one of them
    #[arg(long)]
    pub(super) all: bool,
    #[command(flatten)]
    pub(super) chosen: Chosen,
}

impl Chosen {
    pub(super) fn letters(&self) -> DeadLetters {
        dead_letters(self.dead_letters.as_deref())
    }

    pub(super) fn is_everything(&self) -> bool {
        let Self { backend, older_than, error, path, input, dead_letters: _, json: _ } = self;
        let texts = [backend, error, path, input];
        older_than.is_none() && texts.into_iter().all(Option::is_none)
    }

    fn chooses(&self, stored: &StoredLetter) -> bool {
        let letter = &stored.letter;
        let is = |wanted: &Option<String>, holds: &dyn Fn(&str) -> bool| {
            wanted.as_deref().is_none_or(holds)
        };
        self.input.is_none()
            && is(&self.backend, &|backend| backend == letter.backend || backend == letter.place)
            && self.older_than.is_none_or(|age| letter.age() >= age)
            && is(&self.error, &|text| letter.error.contains(text))
            && is(&self.path, &|path| letter.path.starts_with(path))
    }

    /// Those that are chosen, and all that cannot be read: nobody knows what they are of.
    pub(super) fn list(&self) -> Result<Listing, Failure> {
        let failed = |error| Failure::new(format!("the dead letters cannot be read: {error}"));
        let mut listing = self.letters().list().map_err(failed)?;
        listing.letters.retain(|stored| self.chooses(stored));
        Ok(listing)
    }

    /// Those that are chosen; what cannot be read is told, and how many they are.
    pub(super) fn find(&self) -> Result<(Vec<StoredLetter>, usize), Failure> {
        let Listing { letters, broken } = self.list()?;
        for (path, why) in &broken {
            tell_broken(path, &format!("cannot be read: {why}"));
        }
        Ok((letters, broken.len()))
    }
}
