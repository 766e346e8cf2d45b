//! The part of `astload dlq` that is about lines of streams.

use std::time::Duration;

use astload_backends::Registry;
use astload_pipeline::letters::{LinesListing, RefusedLine, RefusedLines};
use astload_pipeline::load::{
    Approach, BackendReport, LaneOptions, ReplayedLines, TargetSpec, Targets, replay_lines,
};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::problem::Problem;
use super::{Failure, count, plural, print, print_json, shortened, table, tell_broken, time};

/// A file of refused lines, of which some are chosen.
pub(super) struct Chosen {
    file: RefusedLines,
    is_chosen: Vec<bool>,
}

/// The lines that are chosen, by file; what is no such file is told.
pub(super) fn find(chosen: &super::Chosen) -> Result<Vec<Chosen>, Failure> {
    let failed = |error| Failure::new(format!("the refused lines cannot be read: {error}"));
    let LinesListing { files, broken } = chosen.letters().list_lines().map_err(failed)?;
    for (path, why) in broken {
        tell_broken(&path, &format!("holds no refused lines: {why}"));
    }
    let of_file = |file: RefusedLines| {
        let is_chosen = file.lines.iter().map(|line| chosen.chooses_line(&file, line)).collect();
        Chosen { file, is_chosen }
    };
    Ok(files.into_iter().map(of_file).filter(|chosen| chosen.count() > 0).collect())
}

impl super::Chosen {
    fn chooses_line(&self, file: &RefusedLines, line: &RefusedLine) -> bool {
        let is = |wanted: &Option<String>, holds: &dyn Fn(&str) -> bool| {
            wanted.as_deref().is_none_or(holds)
        };
        let path = line.unit.as_ref().map(|unit| unit.path.as_str());
        is(&self.input, &|input| input == file.input.input)
            && is(&self.backend, &|backend| file.input.backends.iter().any(|its| its == backend))
            && self.older_than.is_none_or(|age| line.age() >= age)
            && is(&self.error, &|text| line.error.contains(text))
            && is(&self.path, &|start| path.is_some_and(|path| path.starts_with(start)))
    }
}

impl Chosen {
    fn lines(&self) -> impl Iterator<Item = &RefusedLine> {
        let all = self.file.lines.iter().zip(&self.is_chosen);
        all.filter(|(_, is_chosen)| **is_chosen).map(|(line, _)| line)
    }

    pub(super) fn count(&self) -> usize {
        self.lines().count()
    }

    pub(super) fn backends(&self) -> impl Iterator<Item = &str> {
        self.file.input.backends.iter().map(String::as_str)
    }

    pub(super) fn json(&self) -> impl Iterator<Item = Value> {
        self.lines().map(|line| {
            let mut letter = json!(line);
            letter["input"] = json!(self.file.input.input);
            letter["backends"] = json!(self.file.input.backends);
            letter
        })
    }

    /// Keeps these in place of those that are chosen.
    pub(super) fn keep(&self, left: Vec<RefusedLine>) -> Result<(), Failure> {
        let others = self.file.lines.iter().zip(&self.is_chosen).filter(|(_, chosen)| !**chosen);
        let mut file = self.file.clone();
        file.lines = others.map(|(line, _)| line.clone()).chain(left).collect();
        let path = self.file.path.display();
        file.save().map_err(|error| Failure::new(format!("{path} cannot be written: {error}")))
    }
}

pub(super) fn table_of(files: &[Chosen]) -> String {
    let header = ["input", "place", "error", "attempts", "last"].map(str::to_owned).to_vec();
    let row = |(file, line): (&Chosen, &RefusedLine)| {
        let age = Duration::from_secs(line.age().as_secs());
        vec![
            file.file.input.input.clone(),
            line.at.clone(),
            shortened(&line.error),
            count(line.attempts),
            format!("{} ago", humantime::format_duration(age)),
        ]
    };
    let lines = files.iter().flat_map(|file| file.lines().map(move |line| (file, line)));
    let rows: Vec<Vec<String>> = std::iter::once(header).chain(lines.map(row)).collect();
    let all = rows.len() as u64 - 1;
    format!("{}{}\n", table(&rows), plural(all, "refused line"))
}

/// Shows the lines of an input, or of a unit; says whether there are some.
pub(super) fn show(files: &[Chosen], name: &str, json: bool) -> Result<bool, Failure> {
    let below = format!("/{name}");
    let is_of = |file: &Chosen, line: &RefusedLine| {
        let path = line.unit.as_ref().map(|unit| unit.path.as_str());
        let is = |path: &str| path == name || path.ends_with(&below);
        is(&file.file.input.input) || path.is_some_and(is)
    };
    let mut some = false;
    for file in files {
        for line in file.lines().filter(|line| is_of(file, line)) {
            some = true;
            if json {
                let letter = json!({ "input": file.file.input, "line": line });
                print_json(&letter)?;
                continue;
            }
            let unit = line.unit.as_ref();
            let unit = unit.map(|unit| format!("{} {} ({})", unit.repo, unit.path, unit.layer));
            let rows = [
                ("input", file.file.input.input.clone()),
                ("place", line.at.clone()),
                ("unit", unit.unwrap_or_default()),
                ("backends", file.file.input.backends.join(", ")),
                ("error", line.error.clone()),
                ("attempts", line.attempts.to_string()),
                ("first", time(line.first_at)),
                ("last", time(line.last_at)),
                ("file", file.file.path.display().to_string()),
            ];
            let head: String =
                rows.iter().map(|(name, value)| format!("{name:<11} {value}\n")).collect();
            let more = if line.cut { "…" } else { "" };
            print(&format!("{head}{}{more}\n", line.text))?;
        }
    }
    Ok(some)
}

/// What came of lines that were replayed.
#[derive(Default)]
pub(super) struct Replayed {
    pub(super) backends: Vec<BackendReport>,
    pub(super) problems: Vec<Problem<'static>>,
    pub(super) left: usize,
}

/// How lines are given to their backends again.
pub(super) struct Again<'a> {
    pub(super) registry: &'a Registry,
    pub(super) specs: &'a [TargetSpec],
    /// Whether the user says to which backends.
    pub(super) is_told: bool,
    pub(super) approach: Approach,
}

impl Again<'_> {
    pub(super) async fn replay(
        &self,
        files: &[Chosen],
        options: &LaneOptions,
        cancelled: &CancellationToken,
    ) -> Result<Replayed, Failure> {
        let mut replayed = Replayed::default();
        for file in files {
            let (input, lines) = (&file.file.input, file.lines().cloned().collect::<Vec<_>>());
            let is_for = |spec: &&TargetSpec| self.is_told || input.backends.contains(&spec.name);
            let specs: Vec<TargetSpec> = self.specs.iter().filter(is_for).cloned().collect();
            if specs.is_empty() {
                let message = format!("{}: none of its backends is there", input.input);
                let hint = Some("add --to URL");
                replayed.problems.push(Problem { hint, ..Problem::new("forgotten", message) });
                replayed.left += lines.len();
                continue;
            }
            let mut targets =
                Targets::connect(self.registry, &specs, self.approach.clone()).await?;
            let ran = replay_lines(lines, options, &mut targets, cancelled).await;
            targets.close().await;
            let ReplayedLines { left, report } = ran?;
            let told = left.iter().map(|line| {
                let (kind, why) = match line.cut {
                    true => ("cut", "is not kept whole"),
                    false => ("refused", line.error.as_str()),
                };
                let place = Some((input.input.clone(), line.at.clone()));
                let message = format!("{}: {}: {why}", input.input, line.at);
                Problem { place, ..Problem::new(kind, message) }
            });
            replayed.problems.extend(told);
            replayed.left += left.len();
            replayed.backends.extend(report.backends);
            file.keep(left)?;
        }
        Ok(replayed)
    }
}
