//! Loads a stream of units that were processed elsewhere.

use std::collections::HashMap;

use astload_backends::{Error, Origin, RepoState};
use astload_model::{Batch, CodecError, Decoded, Op, Unit};
use tokio::sync::mpsc;

use super::Load;
use crate::channel::Lanes;
use crate::holdings::{Fingerprint, Holdings};
use crate::source::stream::{self, StreamInput};

/// Batches that are decoded ahead.
const AHEAD: usize = 2;

/// Problems that are told one by one.
const PROBLEMS_TOLD: usize = 1_000;

/// What is known of a (repository, layer) that a stream has units of.
struct Known {
    origin: Origin,
    /// Read when a unit with a content hash is first met.
    holdings: Option<Holdings>,
}

type Repos = HashMap<(String, String), Known>;

impl Load<'_> {
    pub(super) async fn stream(&mut self, input: &StreamInput) {
        let (decoded, mut batches) = mpsc::channel(AHEAD);
        let (format, source) = (self.options.format, input.clone());
        let decoding = tokio::task::spawn_blocking(move || {
            let opened = stream::open(&source, format)?;
            for batch in opened {
                if decoded.blocking_send(batch).is_err() {
                    break;
                }
            }
            std::io::Result::Ok(())
        });
        let mut repos = Repos::new();
        loop {
            // Standard input may never say anything more.
            let batch = tokio::select! {
                biased;
                () = self.cancelled.cancelled() => return,
                batch = batches.recv() => batch,
            };
            let Some(batch) = batch else { break };
            match batch {
                Ok(decoded) => {
                    if let Err(error) = self.take(input, decoded, &mut repos).await {
                        self.break_off(input, &error.to_string());
                        return;
                    }
                }
                Err(CodecError::Broken { at, what }) => {
                    self.break_off(input, &format!("{at}: {what}"));
                }
                Err(error) => self.break_off(input, &error.to_string()),
            }
        }
        match decoding.await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => self.break_off(input, &error.to_string()),
            Err(panic) => std::panic::resume_unwind(panic.into_panic()),
        }
    }

    fn break_off(&mut self, input: &StreamInput, what: &str) {
        self.report.broken = true;
        self.report.problems.push(format!("{input}: {what}"));
    }

    fn refuse(&mut self, problem: String) {
        self.report.unread += 1;
        if self.report.problems.len() < PROBLEMS_TOLD {
            self.report.problems.push(problem);
        }
    }

    /// Sends the good units of what was decoded.
    async fn take(
        &mut self,
        input: &StreamInput,
        decoded: Decoded,
        repos: &mut Repos,
    ) -> Result<(), Error> {
        for problem in decoded.problems {
            self.refuse(format!("{input}: {problem}"));
        }
        let batch = decoded.batch;
        let (mut admitted, mut wanted): (Vec<usize>, Vec<Lanes>) = (Vec::new(), Vec::new());
        for (position, unit) in batch.units().enumerate() {
            let Some(known) = self.admit(&unit, repos).await? else { continue };
            match self.lacking(&unit, known).await? {
                0 => self.report.skipped += 1,
                lanes => {
                    admitted.push(position);
                    wanted.push(lanes);
                }
            }
        }
        let batch = batch.take(&admitted).with_generation(self.generation);
        self.send(batch, wanted).await;
        Ok(())
    }

    async fn send(&mut self, batch: Batch, wanted: Vec<Lanes>) {
        let (units, nodes) = (batch.len() as u64, batch.node_range().len() as u64);
        let deletes = batch.units().filter(|unit| unit.op() == Op::Delete).count() as u64;
        let source = &self.progress.source;
        source.found.fetch_add(units, std::sync::atomic::Ordering::Relaxed);
        if let Some(plan) = &mut self.report.plan {
            for unit in batch.units() {
                let paths =
                    if unit.op() == Op::Delete { &mut plan.delete } else { &mut plan.write };
                paths.push(unit.name().to_string());
            }
        } else if let Some(sender) = self.sender().cloned()
            && !batch.is_empty()
            && sender.send(batch, wanted).await.is_ok()
        {
            self.report.sent += units - deletes;
            self.report.deleted += deletes;
        }
        let source = &self.progress.source;
        source.done.fetch_add(units, std::sync::atomic::Ordering::Relaxed);
        source.nodes.fetch_add(nodes, std::sync::atomic::Ordering::Relaxed);
    }

    /// What is known of the unit's repository; `None` where the unit is refused, for its
    /// generations come from upstream and ours do not, or the other way round.
    async fn admit<'r>(
        &mut self,
        unit: &Unit<'_>,
        repos: &'r mut Repos,
    ) -> Result<Option<&'r mut Known>, Error> {
        let origin = match unit.generation() {
            Some(_) => Origin::Upstream,
            None => Origin::Ours,
        };
        let key = (unit.repo().to_owned(), unit.layer().to_owned());
        if !repos.contains_key(&key) {
            let known = self.targets.origin(unit.repo(), unit.layer());
            if let (None, Some(sender)) = (known, self.sender()) {
                let (repo, layer) = key.clone();
                let state = RepoState { repo, layer, root: None, origin, generation: 0, units: 0 };
                // Where nobody takes it, nobody takes the units either.
                sender.send_repo(state).await.ok();
            }
            let known = Known { origin: known.unwrap_or(origin), holdings: None };
            repos.insert(key.clone(), known);
        }
        let Some(known) = repos.get_mut(&key) else { return Ok(None) };
        if known.origin == origin {
            return Ok(Some(known));
        }
        let rule = match known.origin {
            Origin::Ours => "has a generation, but those of its repository are given by astload",
            Origin::Upstream => "has no generation, but those of its repository come from upstream",
        };
        self.refuse(format!("unit {}: {rule}", unit.name()));
        Ok(None)
    }

    /// The lanes that do not hold the unit as it is.
    async fn lacking(&mut self, unit: &Unit<'_>, known: &mut Known) -> Result<Lanes, Error> {
        let all = self.targets.connected().fold(0, |lanes, (lane, _)| lanes | 1 << lane);
        let Some(version) = Fingerprint::of(unit.content_hash(), unit.extractor(), None) else {
            return Ok(if self.is_plan() { Lanes::MAX } else { all });
        };
        let holdings = match &mut known.holdings {
            Some(holdings) => holdings,
            none => none.insert(self.targets.holdings(unit.repo(), unit.layer()).await?),
        };
        Ok(holdings.lacking(unit.id(), Some(version)))
    }
}
