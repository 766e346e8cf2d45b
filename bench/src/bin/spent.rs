//! Runs a command, and prints as JSON what it took and what it printed.

use std::io::{Write, stdout};
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

use anyhow::{Context, Result};
use nix::sys::resource::{UsageWho, getrusage};
use serde_json::json;

fn main() -> Result<ExitCode> {
    let mut command = std::env::args_os().skip(1);
    let program = command.next().context("usage: spent COMMAND [ARGUMENT]…")?;
    if program == "--help" {
        writeln!(
            stdout(),
            "usage: spent COMMAND [ARGUMENT]…\n\nRuns a command, and prints as JSON \
                  its wall and CPU seconds, its peak memory in bytes, its exit code and its output."
        )?;
        return Ok(ExitCode::SUCCESS);
    }
    let start = Instant::now();
    let output = Command::new(&program)
        .args(command)
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("running {}", program.display()))?;
    let wall = start.elapsed();
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let seconds =
        |time: nix::sys::time::TimeVal| time.tv_sec() as f64 + time.tv_usec() as f64 / 1_000_000.0;
    let report = json!({
        "wall": wall.as_secs_f64(),
        "cpu": seconds(usage.user_time()) + seconds(usage.system_time()),
        "peak": usage.max_rss() * 1024,
        "code": output.status.code(),
        "stdout": String::from_utf8_lossy(&output.stdout),
    });
    writeln!(stdout(), "{report}")?;
    Ok(ExitCode::SUCCESS)
}
