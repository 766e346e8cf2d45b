//! Every command and its arguments.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

use super::config::{CheckArgs, ConfigArgs};
use super::dlq::DlqArgs;
use super::journal::JournalArgs;
use super::schema::SchemaArgs;
use super::stores::{BackfillArgs, VerifyArgs};

/// Where a load goes, and a question is asked, unless told otherwise.
pub(super) const DEFAULT_STORE: &str = "sqlite:astload.db";

/// Longest patience: a longer one is a mistake, and would overflow a clock.
const PATIENCE_MAX: Duration = Duration::from_secs(366 * 24 * 60 * 60);

/// How long a backend is waited for.
pub(super) fn patience(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text).map_err(|error| error.to_string())? {
        Duration::ZERO => Err("that is no time at all".into()),
        long if long > PATIENCE_MAX => Err("that is longer than a year".into()),
        patience => Ok(patience),
    }
}

/// Loads syntax trees and code graphs into any store.
#[derive(Debug, Parser)]
#[command(name = "astload", version, arg_required_else_help = true, max_term_width = 100)]
#[command(after_help = "\
Examples:
  astload load .                     parse this repository into ./astload.db
  astload show                       what is in it
  astload tree src/main.rs:10        the tree at a line
  astload refs main                  where a name is defined and used

Exit codes: 0 done, 1 nothing was loaded or found, 2 wrong usage, 3 partly done, 130 stopped.")]
pub(super) struct Cli {
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Load repositories, or units that were processed elsewhere
    Load(Box<LoadArgs>),
    /// Show what is in a store
    Show(ShowArgs),
    /// Print the stored tree of a file
    Tree(TreeArgs),
    /// Show where a name is defined and used
    Refs(RefsArgs),
    /// Remove a repository, or a path in it
    Rm(RemoveArgs),
    /// Forget what deleted units left behind, and give space back
    Gc(GcArgs),
    /// List, make or drop the optional indexes of a store
    Index(IndexArgs),
    /// List the types of backends, what they can and what they take
    Backends(BackendsArgs),
    /// Show, replay or drop units that backends refused
    Dlq(DlqArgs),
    /// Compare two stores, unit by unit
    Verify(VerifyArgs),
    /// Give a store what another one has
    Backfill(BackfillArgs),
    /// Plan, apply or drop the tables of a store
    Schema(SchemaArgs),
    /// Inspect, verify or repair a journal
    Journal(JournalArgs),
    /// Check a configuration: every problem with its line and column
    Check(CheckArgs),
    /// Show the schema of configurations, or what one comes to
    Config(ConfigArgs),
    /// Print the completions for a shell
    Completions {
        /// The shell
        shell: Shell,
    },
}

/// Load repositories, or units that were processed elsewhere
///
/// A PATH that is a directory is a repository: every file of a known language is parsed and
/// becomes a unit. One inside of a git repository, or a file of it, is a part of that repository.
/// A file that ends in .ndjson, .jsonl, .arrow or .arrows, or `-` for standard input, holds units
/// that were processed elsewhere.
///
/// What a store holds already is skipped; what is gone from a PATH is deleted. So the same
/// command again brings every store up to date, and completes what was interrupted.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  astload load .
  astload load ~/src/django --to sqlite:django.db
  astload load . --to sqlite:a.db --to 'sqlite:b.db?durability=full'
  astload load . --config code.yaml --backend warehouse
  astload load src --languages rust,python --exclude 'tests/' --dry-run
  my-parser | astload load - --to sqlite:dump.db

Exit codes:
  0    done; lines that are no units and files that could not be loaded are reported
  1    nothing was loaded, skipped or deleted
  2    wrong usage
  3    partly done: a unit of a stream breaks a rule, a backend refused units or is incomplete, a
       stream broke off, or deletions lacked consent; with --strict also what is reported under 0
  130  stopped by Ctrl-C or SIGTERM: the same command goes on, but for what came through a pipe")]
pub(super) struct LoadArgs {
    /// Directories, files of a repository, .ndjson or .arrow files, or - for standard input
    #[arg(required = true, value_name = "PATH", value_hint = clap::ValueHint::AnyPath)]
    pub(super) paths: Vec<PathBuf>,

    /// Backend to load into; repeat it for more [default: sqlite:astload.db]
    #[arg(long, value_name = "URL")]
    pub(super) to: Vec<String>,

    /// Load into the backends that this file configures, and those of --to
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    pub(super) config: Option<PathBuf>,

    /// Only this backend of the file; repeat it for more
    #[arg(long, value_name = "NAME", requires = "config")]
    pub(super) backend: Vec<String>,

    /// Name of the repository, if it is one [default: its git remote, else its directory's name]
    #[arg(long, value_name = "NAME")]
    pub(super) repo: Option<String>,

    /// Directory of the repository, to which paths are relative [default: the git repository
    /// around PATH, else PATH]
    #[arg(long, value_name = "DIR", value_hint = clap::ValueHint::DirPath)]
    pub(super) root: Option<PathBuf>,

    /// Only paths that match, relative to the repository; repeat it for more
    #[arg(long, value_name = "GLOB", help_heading = "Files")]
    pub(super) include: Vec<String>,

    /// No paths that match; repeat it for more
    #[arg(long, value_name = "GLOB", help_heading = "Files")]
    pub(super) exclude: Vec<String>,

    /// Only these languages
    #[arg(long, value_name = "NAME", value_delimiter = ',', help_heading = "Files")]
    pub(super) languages: Vec<String>,

    /// Which nodes of the trees
    #[arg(long, value_enum, default_value_t = Nodes::Named, help_heading = "Files")]
    pub(super) nodes: Nodes,

    /// Larger files are left out, and reported
    #[arg(long, value_name = "SIZE", default_value = "2MiB", help_heading = "Files")]
    pub(super) max_file_size: bytesize::ByteSize,

    /// Read every file, even where size, times and inode say that it did not change
    #[arg(long, help_heading = "Files")]
    pub(super) no_trust_mtime: bool,

    /// What a file or standard input holds
    #[arg(long, value_enum, default_value_t = Format::Auto, help_heading = "Files")]
    pub(super) format: Format,

    /// Another directory than last time holds the same repository
    #[arg(long)]
    pub(super) root_moved: bool,

    /// Remove what a store holds of the directory under the name that it had without a git remote
    #[arg(long)]
    pub(super) rename: bool,

    /// Delete even where more than half of a repository is gone
    #[arg(long)]
    pub(super) allow_mass_delete: bool,

    /// Exit with 3 also where a line of a stream is no unit, or a file could not be loaded
    #[arg(long)]
    pub(super) strict: bool,

    /// Say how much would be written and deleted, and do neither
    #[arg(long)]
    pub(super) dry_run: bool,

    /// With --dry-run, name every unit
    #[arg(long, short)]
    pub(super) verbose: bool,

    /// Where units are kept that a backend refuses [default: ~/.local/state/astload/dead-letters]
    #[arg(long, value_name = "DIR", value_hint = clap::ValueHint::DirPath)]
    pub(super) dead_letters: Option<PathBuf>,

    /// What survives a power cut: `full` syncs every batch to the disk, `normal` may lose the last
    /// ones, never the store
    #[arg(long, value_enum)]
    pub(super) durability: Option<Durability>,

    /// Give a backend up when it makes no progress for so long; to close it may take 5 s more
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = patience)]
    pub(super) patience: Duration,

    /// Threads that parse [default: one a core]
    #[arg(long, short, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub(super) jobs: Option<u16>,

    /// Append what happens to the backends to this file, as JSON lines: all that is written or
    /// changed, every probe, change of health and dead letter
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    pub(super) audit: Option<PathBuf>,

    /// One JSON object on stdout, progress as JSON lines on stderr
    #[arg(long)]
    pub(super) json: bool,

    /// No progress
    #[arg(long, short)]
    pub(super) quiet: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Nodes {
    /// Those that the grammar names
    Named,
    /// Tokens too
    All,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// What the first bytes say
    Auto,
    /// One line, one unit
    Ndjson,
    /// An Arrow IPC stream
    Arrow,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Durability {
    /// What returned is on the disk
    Full,
    /// What returned survives a crash, not always a power cut
    Normal,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  astload show sqlite:django.db --json")]
pub(super) struct ShowArgs {
    /// The store
    #[arg(value_name = "URL", default_value = DEFAULT_STORE)]
    pub(super) url: String,
    /// Entries of each list
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub(super) most: u16,
    /// JSON on stdout
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  astload tree src/main.rs\n  astload tree main.rs:10")]
pub(super) struct TreeArgs {
    /// A path, or its last parts; with a line, only what covers it
    #[arg(value_name = "FILE[:LINE]")]
    pub(super) file: String,
    /// The store
    #[arg(long, value_name = "URL", default_value = DEFAULT_STORE)]
    pub(super) from: String,
    /// Only this repository
    #[arg(long, value_name = "NAME")]
    pub(super) repo: Option<String>,
    /// JSON on stdout: the unit as one line of NDJSON
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  astload refs parse_url --from sqlite:django.db")]
pub(super) struct RefsArgs {
    /// The name of a function, a type …, or the key of a symbol
    pub(super) name: String,
    /// The store
    #[arg(long, value_name = "URL", default_value = DEFAULT_STORE)]
    pub(super) from: String,
    /// Most places to show
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    pub(super) most: u32,
    /// JSON on stdout
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  astload rm github.com/org/name\n  astload rm name src/old")]
pub(super) struct RemoveArgs {
    /// The repository
    pub(super) repo: String,
    /// A file, or a directory with all below it [default: everything]
    pub(super) path: Option<String>,
    /// The store
    #[arg(long, value_name = "URL", default_value = DEFAULT_STORE)]
    pub(super) from: String,
    /// Where units are kept that it refused [default: ~/.local/state/astload/dead-letters]
    #[arg(long, value_name = "DIR", value_hint = clap::ValueHint::DirPath)]
    pub(super) dead_letters: Option<PathBuf>,
    /// Append what happens to the store to this file, as JSON lines
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    pub(super) audit: Option<PathBuf>,
    /// JSON on stdout
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Args)]
pub(super) struct GcArgs {
    /// The store
    #[arg(value_name = "URL", default_value = DEFAULT_STORE)]
    pub(super) url: String,
    /// Append what happens to the store to this file, as JSON lines
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    pub(super) audit: Option<PathBuf>,
    /// JSON on stdout
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Each makes some questions quick, and costs every load a little. One that is made survives all loads.
SQLite makes an index in one transaction, for which loads wait; in PostgreSQL they go on, but where
tables have partitions. Ctrl-C leaves the store as it was.

Examples:
  astload index                      what there is for ./astload.db
  astload index postgres://me@host/code
  astload index kind                 make the index for nodes of a kind
  astload index kind sqlite:django.db --drop")]
pub(super) struct IndexArgs {
    /// The index to make [default: list them]
    #[arg(value_name = "NAME")]
    pub(super) name: Option<String>,
    /// The store [default: sqlite:astload.db]
    #[arg(value_name = "URL")]
    pub(super) url: Option<String>,
    /// Drop the index
    #[arg(long, requires = "name")]
    pub(super) drop: bool,
    /// Append what happens to the store to this file, as JSON lines
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    pub(super) audit: Option<PathBuf>,
    /// JSON on stdout
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Args)]
pub(super) struct BackendsArgs {
    /// JSON on stdout, with the JSON Schema of each type's options
    #[arg(long)]
    pub(super) json: bool,
}
