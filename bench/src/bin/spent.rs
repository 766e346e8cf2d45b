//! Runs a command, and prints as JSON what it took and what it printed.

use std::io::{Write, stdout};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::thread;
use std::time::{Duration, Instant};

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
                  its wall and CPU seconds, its peak memory, the most that its files without a name had \
                  (both in bytes), its exit code and its output."
        )?;
        return Ok(ExitCode::SUCCESS);
    }
    let start = Instant::now();
    let child = Command::new(&program)
        .args(command)
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .with_context(|| format!("running {}", program.display()))?;
    let files = PathBuf::from(format!("/proc/{}/fd", child.id()));
    // Ends with the child, which has no files any more then.
    let unnamed = thread::spawn(move || {
        let mut most = 0;
        while let Some(bytes) = unnamed_bytes(&files) {
            most = bytes.max(most);
            thread::sleep(Duration::from_millis(50));
        }
        most
    });
    let output = child.wait_with_output()?;
    let wall = start.elapsed();
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let seconds =
        |time: nix::sys::time::TimeVal| time.tv_sec() as f64 + time.tv_usec() as f64 / 1_000_000.0;
    let report = json!({
        "wall": wall.as_secs_f64(),
        "cpu": seconds(usage.user_time()) + seconds(usage.system_time()),
        "peak": usage.max_rss() * 1024,
        "unnamed": unnamed.join().unwrap_or_default(),
        "code": output.status.code(),
        "stdout": String::from_utf8_lossy(&output.stdout),
    });
    writeln!(stdout(), "{report}")?;
    Ok(ExitCode::SUCCESS)
}

/// The bytes on disk of files that a process holds and that have no name, as a temporary journal has none.
fn unnamed_bytes(files: &Path) -> Option<u64> {
    let of_file = |entry: std::io::Result<std::fs::DirEntry>| {
        let file = std::fs::metadata(entry.ok()?.path()).ok()?;
        (file.is_file() && file.nlink() == 0).then(|| 512 * file.blocks())
    };
    Some(std::fs::read_dir(files).ok()?.filter_map(of_file).sum())
}
