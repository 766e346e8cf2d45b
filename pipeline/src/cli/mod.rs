//! The command line: what a person types, and what they see.

mod args;
mod backends;
mod config;
mod dlq;
mod index;
mod inputs;
mod journal;
mod load;
mod logs;
mod manage;
mod output;
mod progress;
mod refs;
mod schema;
mod show;
mod store;
mod stores;
mod summary;
mod tree;

use std::process::ExitCode;

use clap::{ArgMatches, CommandFactory, FromArgMatches};

use args::{Cli, Command};
use output::{Audience, Failure, print, tell};

/// The exit code of a failure that is no load's outcome.
const FAILED: u8 = 1;

/// Wrong usage, as clap has it.
const USAGE: u8 = 2;

/// Runs the command that the arguments ask for.
pub(crate) fn run() -> ExitCode {
    let read = Cli::command().try_get_matches().and_then(|matches| {
        Audience::settle(asks_for_json(&matches));
        Cli::from_arg_matches(&matches)
    });
    let cli = match read {
        Ok(cli) => cli,
        Err(error) => return misread(&error),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let done = match runtime {
        Ok(runtime) => {
            let done = runtime.block_on(dispatch(cli));
            // A read of standard input cannot be interrupted, and is not waited for.
            runtime.shutdown_background();
            done
        }
        Err(error) => Err(Failure::new(format!("no runtime: {error}"))),
    };
    match done {
        Ok(code) => ExitCode::from(code),
        Err(failure) => ExitCode::from(failure.report()),
    }
}

/// Whether a command is asked for JSON.
fn asks_for_json(matches: &ArgMatches) -> bool {
    let here = matches.try_get_one::<bool>("json").ok().flatten();
    let below = matches.subcommand().is_some_and(|(_, matches)| asks_for_json(matches));
    here.is_some_and(|json| *json) || below
}

/// Tells what is wrong with the arguments, or what was asked of them, such as the version. An
/// argument that got to the wrong place may hold a password: it is not repeated.
fn misread(error: &clap::Error) -> ExitCode {
    if !error.use_stderr() {
        error.print().ok();
        return ExitCode::SUCCESS;
    }
    let mut text = error.render().to_string();
    for argument in std::env::args_os().skip(1) {
        let argument = argument.to_string_lossy();
        // What clap says of `--NAME=VALUE` may be of the value alone.
        let parts = argument.match_indices('=').map(|(at, _)| &argument[at + 1..]);
        for part in std::iter::once(&*argument).chain(parts).filter(|part| may_hold_secret(part)) {
            text = text.replace(part, "***");
        }
    }
    tell(&text);
    ExitCode::from(USAGE)
}

/// Whether an argument looks like a URL, or like parameters of one.
fn may_hold_secret(argument: &str) -> bool {
    argument.contains([':', '@', '='])
}

async fn dispatch(cli: Cli) -> Result<u8, Failure> {
    match cli.command {
        Command::Load(args) => load::run(*args).await,
        Command::Show(args) => show::run(args).await,
        Command::Tree(args) => tree::run(args).await,
        Command::Refs(args) => refs::run(args).await,
        Command::Rm(args) => manage::remove(args).await,
        Command::Gc(args) => manage::gc(args).await,
        Command::Index(args) => index::run(args).await,
        Command::Backends(args) => backends::run(&args),
        Command::Dlq(args) => Box::pin(dlq::run(args)).await,
        Command::Verify(args) => Box::pin(stores::verify(args)).await,
        Command::Backfill(args) => stores::backfill(args).await,
        Command::Schema(args) => schema::run(args).await,
        Command::Journal(args) => journal::run(args),
        Command::Check(args) => config::check(args).await,
        Command::Config(args) => config::config(args),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "astload", &mut script);
            print(&String::from_utf8_lossy(&script))?;
            Ok(0)
        }
    }
}
