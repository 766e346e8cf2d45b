//! Gives refused lines to their backends again.

use std::collections::HashMap;
use std::sync::Arc;

use astload_model::UnitId;
use tokio_util::sync::CancellationToken;

use super::{CannotLoad, Input, LaneOptions, LoadOptions, LoadProgress, LoadReport, Targets, run};
use crate::letters::{NamedUnit, RefusedLine};
use crate::source::directory::{FILE_BYTES_MAX, NodeChoice, PathGlobs};
use crate::source::stream::{StreamFormat, StreamInput};

/// What became of refused lines.
#[derive(Debug)]
pub struct ReplayedLines {
    /// Those that are still refused, or that not every backend was given.
    pub left: Vec<RefusedLine>,
    /// What became of the load of them.
    pub report: LoadReport,
}

/// Loads lines as if they came now, but for those whose unit was loaded since they were refused, which
/// are answered.
///
/// # Errors
/// [`CannotLoad`] where it may not begin; then nothing was written.
pub async fn replay_lines(
    lines: Vec<RefusedLine>,
    lanes: &LaneOptions,
    targets: &mut Targets,
    cancelled: &CancellationToken,
) -> Result<ReplayedLines, CannotLoad> {
    let (mut left, mut given) = (Vec::new(), Vec::new());
    let mut held = HashMap::new();
    for line in lines {
        if line.cut {
            left.push(line);
        } else if !was_loaded_since(&line, targets, &mut held).await {
            given.push(line);
        }
    }
    let text: String = given.iter().map(|line| format!("{}\n", line.text)).collect();
    let inputs = [Input::Stream(StreamInput::Lines(text.into()))];
    let progress = Arc::new(LoadProgress::of(targets));
    let (report, refused) = run(&inputs, &options(lanes)?, targets, &progress, cancelled).await?;
    let mut refused: HashMap<String, String> =
        refused.into_iter().map(|line| (line.at, line.error)).collect();
    let are_written = !report.stopped && report.backends.iter().all(|one| one.error.is_none());
    for (line, number) in given.into_iter().zip(1..) {
        match refused.remove(&format!("line {number}")) {
            Some(error) => left.push(line.again(error)),
            // What a backend refuses is a dead letter of that backend.
            None if are_written => {}
            None => left.push(line),
        }
    }
    Ok(ReplayedLines { left, report })
}

type Generations = HashMap<UnitId, u64>;

/// Whether a store has a later version of the line's unit, as far as we number them: in microseconds.
async fn was_loaded_since(
    line: &RefusedLine,
    targets: &mut Targets,
    held: &mut HashMap<(String, String), Generations>,
) -> bool {
    let Some(NamedUnit { repo, path, layer }) = &line.unit else { return false };
    let key = (repo.clone(), layer.clone());
    if !held.contains_key(&key) {
        held.insert(key.clone(), targets.generations(repo, layer).await);
    }
    let id = UnitId::of(repo, path, layer);
    held.get(&key).and_then(|units| units.get(&id)).is_some_and(|held| *held > line.last_at)
}

fn options(lanes: &LaneOptions) -> Result<LoadOptions, CannotLoad> {
    let globs = PathGlobs::new(&[], &[]).map_err(|error| CannotLoad::new(error.to_string()))?;
    Ok(LoadOptions {
        globs,
        languages: Vec::new(),
        nodes: NodeChoice::Named,
        file_bytes_max: FILE_BYTES_MAX,
        trust_mtime: true,
        format: StreamFormat::Ndjson,
        root_moved: false,
        rename: false,
        allow_mass_delete: false,
        strict: false,
        dry_run: false,
        workers: 1,
        lanes: lanes.clone(),
    })
}
