//! The arguments of `check` and `config`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueHint};

/// Check a configuration: every problem with its line and column
///
/// The file, all that it includes, and what it refers to in the environment and in files is read;
/// nothing is connected, unless --connect asks for it. Nothing that is printed holds a secret.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  astload check astload.yaml
  astload check astload.yaml --connect
  astload check astload.yaml --json

Exit codes: 0 no problems, 1 problems, or a backend that does not answer, 2 wrong usage.")]
pub(in crate::cli) struct CheckArgs {
    /// The configuration
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(super) file: PathBuf,
    /// Connect to each backend too, for reading, and ask how it is
    #[arg(long)]
    pub(super) connect: bool,
    /// Append what happens to the backends to this file, as JSON lines
    #[arg(long, value_name = "FILE", requires = "connect", value_hint = ValueHint::FilePath)]
    pub(super) audit: Option<PathBuf>,
    /// One JSON object a line for each problem, and with --connect for each backend
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  astload config schema > astload.schema.json
  astload config show astload.yaml")]
pub(in crate::cli) struct ConfigArgs {
    #[command(subcommand)]
    pub(super) command: ConfigCommand,
}

#[derive(Debug, Subcommand)]
pub(super) enum ConfigCommand {
    /// Print the JSON Schema of configurations, by which an editor completes and checks them
    #[command(after_help = "\
Example:
  astload config schema > astload.schema.json
and as the first line of a configuration:
  # yaml-language-server: $schema=astload.schema.json")]
    Schema,
    /// Print what a configuration comes to: files and defaults merged, secrets hidden
    #[command(after_help = "Example:\n  astload config show astload.yaml")]
    Show(ShowArgs),
}

#[derive(Debug, Args)]
pub(super) struct ShowArgs {
    /// The configuration
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(super) file: PathBuf,
    /// JSON on stdout
    #[arg(long)]
    pub(super) json: bool,
}
