//! Loads a stream of units that were processed elsewhere.

use std::collections::HashMap;

use astload_backends::{Error, Origin, OtherRoot, RepoClaim};
use astload_model::limits::UPSTREAM_GENERATION_MAX;
use astload_model::{Batch, Decoded, Op, Problem, Unit, text_of};
use serde::Serialize;
use tokio::sync::mpsc;

use super::{Known, Load, LoadProblem};
use crate::channel::Lanes;
use crate::holdings::{Need, Offer};
use crate::letters::{InputLetters, RefusedLine};
use crate::source::directory::Parts;
use crate::source::stream::{self, Stop, StreamInput};

/// Batches that are decoded ahead.
const AHEAD: usize = 2;

/// What becomes of the lines of an input that are refused.
#[derive(Debug)]
pub(super) enum Refusals {
    /// They are told, and that is all.
    Told,
    /// They are kept among the dead letters.
    Kept(InputLetters),
    /// They were refused before; whoever gave them keeps them.
    Returned(Vec<RefusedLine>),
}

/// An input that is read.
struct Reading {
    refusals: Refusals,
    /// Whether all of it was read, so far.
    to_its_end: bool,
}

/// How far an input was read that cannot be read again.
#[derive(Debug, Clone, Serialize)]
pub struct ReadThrough {
    /// The input.
    pub input: String,
    /// The last line or batch that was read whole.
    pub through: u64,
    /// What is counted.
    pub unit: &'static str,
    /// Whether that is all of it.
    pub to_its_end: bool,
}

/// What the repository of a unit is claimed as, wherever a directory was that it came from.
fn claim(repo: String, layer: String, origin: Origin) -> RepoClaim {
    let (root, remote, other_root) = (None, None, OtherRoot::Keep);
    RepoClaim { repo, layer, root, remote, other_root, origin, generation: 0, ended: None }
}

impl Load<'_> {
    pub(super) async fn stream(&mut self, input: &StreamInput) {
        let stop = Stop::default();
        let (decoded, mut batches) = mpsc::channel(AHEAD);
        let (format, source, stopped) = (self.options.format, input.clone(), stop.clone());
        let decoding = tokio::task::spawn_blocking(move || {
            let opened = stream::open(&source, format, &stopped)?;
            for batch in opened {
                if decoded.blocking_send(batch).is_err() {
                    break;
                }
            }
            std::io::Result::Ok(())
        });
        let mut reading = Reading { refusals: self.refusals_of(input), to_its_end: true };
        let mut is_stopping = false;
        loop {
            // Standard input may never say anything more.
            let batch = tokio::select! {
                biased;
                () = self.cancelled.cancelled(), if !is_stopping => {
                    reading.to_its_end = false;
                    if !input.is_read_once() {
                        return self.close(input, reading).await;
                    }
                    // What was read of it has to be written.
                    stop.stop();
                    is_stopping = true;
                    continue;
                }
                batch = batches.recv() => batch,
            };
            let Some(batch) = batch else { break };
            match batch {
                Ok(decoded) => {
                    if let Err(error) = self.take(input, &mut reading, decoded).await {
                        reading.to_its_end = false;
                        self.break_off(input, &error.to_string());
                        return self.close(input, reading).await;
                    }
                }
                Err(error) => {
                    reading.to_its_end = false;
                    self.break_off(input, &error.to_string());
                }
            }
        }
        match decoding.await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                reading.to_its_end = false;
                self.break_off(input, &error.to_string());
            }
            Err(panic) => std::panic::resume_unwind(panic.into_panic()),
        }
        self.close(input, reading).await;
    }

    fn break_off(&mut self, input: &StreamInput, what: &str) {
        self.report.broken = true;
        self.report.problems.push(LoadProblem::of_input("broken off", input, what));
    }

    /// Where the refused lines of an input go.
    fn refusals_of(&self, input: &StreamInput) -> Refusals {
        match input {
            StreamInput::Lines(_) => Refusals::Returned(Vec::new()),
            _ if self.is_plan() => Refusals::Told,
            _ => {
                let place = input.place().and_then(|place| place.canonicalize().ok());
                let backends = self.targets.iter().map(|target| target.name.clone()).collect();
                let letters = &self.options.lanes.letters;
                Refusals::Kept(letters.of_input(input.to_string(), place.as_deref(), backends))
            }
        }
    }

    /// Counts, tells and keeps what is refused.
    async fn refuse(
        &mut self,
        input: &StreamInput,
        reading: &mut Reading,
        refused: Vec<RefusedLine>,
    ) {
        if refused.is_empty() {
            return;
        }
        for line in &refused {
            match line.unit {
                Some(_) => self.report.refused_units += 1,
                None => self.report.refused_lines += 1,
            }
            self.report.problems.push(LoadProblem::of_line(input, line));
        }
        let mut letters = match std::mem::replace(&mut reading.refusals, Refusals::Told) {
            Refusals::Told => return,
            Refusals::Returned(mut all) => {
                all.extend(refused);
                reading.refusals = Refusals::Returned(all);
                return;
            }
            Refusals::Kept(letters) => letters,
        };
        let keeping = tokio::task::spawn_blocking(move || {
            let kept = refused.iter().try_for_each(|line| letters.keep(line));
            (letters, kept, refused.len() as u64)
        });
        match keeping.await {
            Ok((letters, Ok(()), lines)) => {
                self.report.kept_lines += lines;
                reading.refusals = Refusals::Kept(letters);
            }
            Ok((letters, Err(error), _)) => {
                self.unkept(input, &error);
                self.close(input, Reading { refusals: Refusals::Kept(letters), to_its_end: false })
                    .await;
            }
            Err(panic) => std::panic::resume_unwind(panic.into_panic()),
        }
    }

    fn unkept(&mut self, input: &StreamInput, error: &std::io::Error) {
        self.break_off(input, &format!("not all of its refused lines are kept: {error}"));
    }

    /// Ends with an input.
    async fn close(&mut self, input: &StreamInput, reading: Reading) {
        if let Some(read) = &mut self.report.read_through {
            read.to_its_end = reading.to_its_end;
        }
        match reading.refusals {
            Refusals::Told => {}
            Refusals::Returned(refused) => self.returned = refused,
            Refusals::Kept(letters) => {
                let to_its_end = reading.to_its_end;
                let closing = tokio::task::spawn_blocking(move || letters.close(to_its_end));
                match closing.await {
                    Ok(Ok(())) => {}
                    Ok(Err(error)) => self.unkept(input, &error),
                    Err(panic) => std::panic::resume_unwind(panic.into_panic()),
                }
            }
        }
    }

    /// Sends the good units of what was decoded, in each repository at a later generation than those
    /// before: of two versions of a unit, the later line stays.
    async fn take(
        &mut self,
        input: &StreamInput,
        reading: &mut Reading,
        decoded: Decoded,
    ) -> Result<(), Error> {
        let Decoded { batch, places, problems, read } = decoded;
        if input.is_read_once() {
            self.report.read_through = Some(ReadThrough {
                input: input.to_string(),
                through: read as u64,
                unit: places.unit(),
                to_its_end: false,
            });
        }
        let mut refused = Vec::new();
        for problem in problems {
            reading.to_its_end &= !problem.is_torn;
            self.report.broken |= problem.is_torn;
            let Problem { at, what, unit, text, .. } = problem;
            refused.push(RefusedLine::new(at, what, unit, &text));
        }
        let (mut admitted, mut wanted): (Vec<usize>, Vec<Lanes>) = (Vec::new(), Vec::new());
        let (mut numbers, mut generations) = (HashMap::new(), Vec::new());
        for (position, unit) in batch.units().enumerate() {
            let refusal = |rule: &str| {
                let what = format!("unit {}: {rule}", unit.name());
                let text = text_of(&batch.slice(position..position + 1));
                RefusedLine::new(places.of(position), what, Some(unit.name()), &text)
            };
            if let Err(rule) = self.admit(&unit).await {
                refused.push(refusal(rule));
                continue;
            }
            let need = self.need(&unit).await?;
            self.progress.source.held.add(need.held);
            if need.lacking != 0 {
                match self.number(&unit, &mut numbers) {
                    Ok(generation) => generations.push(generation),
                    Err(rule) => {
                        refused.push(refusal(rule));
                        continue;
                    }
                }
                admitted.push(position);
                wanted.push(need.lacking);
            } else if let Some(plan) = &mut self.report.plan {
                plan.held += 1;
            }
        }
        let batch = batch.take(&admitted).with_generations(|position| generations[position]);
        self.refuse(input, reading, refused).await;
        self.send(batch, wanted).await;
        Ok(())
    }

    /// The generation of a unit: its own, or that of its repository in this batch.
    fn number(
        &mut self,
        unit: &Unit<'_>,
        numbers: &mut HashMap<(String, String), Option<u64>>,
    ) -> Result<u64, &'static str> {
        if let Some(own) = unit.generation() {
            return Ok(own);
        }
        let key = (unit.repo().to_owned(), unit.layer().to_owned());
        let known = self.repos.get_mut(&key);
        let number = numbers.entry(key).or_insert_with(|| known.and_then(Known::next_generation));
        number.ok_or(
            "a store has the greatest generation of its repository that there is; load it under another \
             name",
        )
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
    async fn admit(&mut self, unit: &Unit<'_>) -> Result<(), &'static str> {
        let (own, other) = match unit.generation() {
            Some(_) => (Origin::Upstream, Origin::Ours),
            None => (Origin::Ours, Origin::Upstream),
        };
        if unit.generation().is_some_and(|generation| generation > UPSTREAM_GENERATION_MAX) {
            return Err("generation: is above 2^62");
        }
        let key = (unit.repo().to_owned(), unit.layer().to_owned());
        if !self.repos.contains_key(&key) {
            let (repo, layer) = key.clone();
            let origin = match self.targets.has_other_origin(&repo, &layer, own) {
                true => other,
                false => own,
            };
            let greatest = self.targets.greatest_generation(&repo, &layer);
            let mut known = Known::of(origin, greatest);
            if let (true, Some(sender)) = (origin == own, self.sender()) {
                let claim = claim(repo, layer, origin);
                known.claim = Some(claim.clone());
                // Where nobody takes it, nobody takes the units either.
                sender.send_claim(claim).await.ok();
            }
            self.repos.insert(key.clone(), known);
        }
        let Some(known) = self.repos.get_mut(&key) else { return Ok(()) };
        Err(match (known.closed, known.origin) {
            (Some(closed), _) => closed,
            (None, origin) if origin == own => {
                // What is deleted has no revision, unless it says so.
                if unit.op() == Op::Replace || unit.revision().is_some() {
                    known.named.meet(unit.revision());
                }
                return Ok(());
            }
            (None, Origin::Ours) => {
                "has a generation, but those of its repository are given by astload"
            }
            (None, Origin::Upstream | Origin::Nobody) => {
                "has no generation, but those of its repository come from upstream"
            }
        })
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
                let (origin, all) = (known.origin, Parts::whole());
                none.insert(self.targets.holdings(repo, layer, origin, &all).await?)
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
