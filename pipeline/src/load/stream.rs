//! Loads a stream of units that were processed elsewhere.

use astload_backends::{Error, Origin, RepoState};
use astload_model::{Batch, CodecError, Decoded, Op, Unit};
use tokio::sync::mpsc;

use super::{Known, Load};
use crate::channel::Lanes;
use crate::holdings::{Need, Offer};
use crate::source::stream::{self, StreamInput};

/// Batches that are decoded ahead.
const AHEAD: usize = 2;

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
                    if let Err(error) = self.take(input, decoded).await {
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

    /// Sends the good units of what was decoded, at a later generation than those before: of two
    /// versions of a unit, the later line stays.
    async fn take(&mut self, input: &StreamInput, decoded: Decoded) -> Result<(), Error> {
        for problem in decoded.problems {
            match problem.unit {
                Some(_) => self.report.refused_units += 1,
                None => self.report.refused_lines += 1,
            }
            self.report.problems.push(format!("{input}: {problem}"));
        }
        self.generation += 1;
        let batch = decoded.batch;
        let (mut admitted, mut wanted): (Vec<usize>, Vec<Lanes>) = (Vec::new(), Vec::new());
        for (position, unit) in batch.units().enumerate() {
            if !self.admit(&unit).await {
                continue;
            }
            let need = self.need(&unit).await?;
            self.progress.source.held.add(need.held);
            if need.lacking != 0 {
                admitted.push(position);
                wanted.push(need.lacking);
            } else if let Some(plan) = &mut self.report.plan {
                plan.held += 1;
            }
        }
        let batch = batch.take(&admitted).with_generation(self.generation);
        self.send(batch, wanted).await;
        Ok(())
    }

    async fn send(&mut self, batch: Batch, wanted: Vec<Lanes>) {
        let (units, nodes) = (batch.len() as u64, batch.node_range().len() as u64);
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
        {
            // Where nobody takes it, the lanes say why.
            sender.send(batch, wanted).await.ok();
        }
        let source = &self.progress.source;
        source.done.fetch_add(units, std::sync::atomic::Ordering::Relaxed);
        source.nodes.fetch_add(nodes, std::sync::atomic::Ordering::Relaxed);
    }

    /// Whether the unit may be loaded. It is refused where its generation comes from upstream and
    /// its repository's come from us, or the other way round.
    async fn admit(&mut self, unit: &Unit<'_>) -> bool {
        let (own, other) = match unit.generation() {
            Some(_) => (Origin::Upstream, Origin::Ours),
            None => (Origin::Ours, Origin::Upstream),
        };
        let key = (unit.repo().to_owned(), unit.layer().to_owned());
        if !self.repos.contains_key(&key) {
            let (repo, layer) = key.clone();
            let origin = match self.targets.has_other_origin(&repo, &layer, own) {
                true => other,
                false => own,
            };
            if let (true, Some(sender)) = (origin == own, self.sender()) {
                let state = RepoState { repo, layer, root: None, origin, generation: 0, units: 0 };
                // Where nobody takes it, nobody takes the units either.
                sender.send_repo(state).await.ok();
            }
            self.repos.insert(key.clone(), Known { origin, closed: None, holdings: None });
        }
        let Some(known) = self.repos.get(&key) else { return false };
        let rule = match (known.closed, known.origin) {
            (Some(closed), _) => closed,
            (None, origin) if origin == own => return true,
            (None, Origin::Ours) => {
                "has a generation, but those of its repository are given by astload"
            }
            (None, Origin::Upstream) => {
                "has no generation, but those of its repository come from upstream"
            }
        };
        self.report.refused_units += 1;
        self.report.problems.push(format!("unit {}: {rule}", unit.name()));
        false
    }

    /// Who needs the unit as it is.
    async fn need(&mut self, unit: &Unit<'_>) -> Result<Need, Error> {
        let all = match self.is_plan() {
            true => Lanes::MAX,
            false => self.targets.connected().fold(0, |lanes, (lane, _)| lanes | 1 << lane),
        };
        let of_all = Need { lacking: all, held: 0 };
        let key = (unit.repo().to_owned(), unit.layer().to_owned());
        let Some(known) = self.repos.get_mut(&key) else { return Ok(of_all) };
        let holdings = match &mut known.holdings {
            Some(holdings) => holdings,
            none => {
                let (repo, layer) = &key;
                none.insert(self.targets.holdings(repo, layer, known.origin).await?)
            }
        };
        let need = match unit.op() {
            Op::Delete => of_all,
            Op::Replace => {
                let offer = Offer {
                    id: unit.id(),
                    repo: unit.repo(),
                    path: unit.path(),
                    language: unit.language(),
                    content_hash: unit.content_hash(),
                    extractor: unit.extractor(),
                    upstream_generation: unit.generation(),
                };
                let Need { lacking, held } = holdings.need(&offer);
                // There is no listing at whose end it could be deleted.
                Need { lacking: lacking | holdings.deselected(&offer), held }
            }
        };
        if need.lacking != 0 {
            holdings.forget(unit.id());
        }
        Ok(need)
    }
}
