//! Loads one directory, and deletes what is gone from it.

use std::path::Path;

use astload_backends::{Ended, LastLoad, Origin};
use astload_model::{Batch, BatchBuilder, BatchFull, UnitName};

use super::{Known, Load, LoadProblem};
use crate::channel::Lanes;
use crate::holdings::Holdings;
use crate::letters::{DeadLetters, StoredLetter};
use crate::source::directory::{
    self, Checkout, DirectoryOptions, DirectoryReport, LAYER, Sink, revision,
};

/// Why a stream's unit is refused.
const READ_HERE: &str = "belongs to a repository that this load reads from a directory";

/// Deletes in one batch.
const DELETES_MAX: usize = 4_096;

impl Load<'_> {
    pub(super) async fn directory(&mut self, checkout: &Checkout) {
        let Checkout { root, repo, parts, .. } = checkout;
        let greatest = self.targets.greatest_generation(repo, LAYER);
        let closed = Some(READ_HERE);
        let mut known = Known { closed, ..Known::of(Origin::Ours, greatest) };
        let generation = known.next_generation();
        if self.repos.insert((repo.clone(), LAYER.to_owned()), known).is_some() {
            self.report.broken = true;
            let message = format!(
                "not loaded from {}: a stream of this load has units of it",
                root.display()
            );
            let problem = LoadProblem::of_repo("two sources", repo, message);
            return self.report.problems.push(problem.with_hint("load the directory by itself"));
        }
        let Some(generation) = generation else {
            self.report.broken = true;
            let message = format!(
                "not loaded: there is no generation after {greatest}, which a store has of it"
            );
            let problem = LoadProblem::of_repo("generation", repo, message);
            return self
                .report
                .problems
                .push(problem.with_hint("load it under another name: --repo NAME"));
        };
        let claim = super::repos::claim(checkout, self.options.root_moved, generation);
        let holdings = match self.targets.holdings(repo, LAYER, Origin::Ours, parts).await {
            Ok(holdings) => holdings,
            Err(error) => return self.give_up(repo, &error),
        };
        if let Some(sender) = self.sender()
            && sender.send_claim(claim.clone()).await.is_err()
        {
            return;
        }
        let before = revision(root);
        let (read, holdings) = self.read(checkout, generation, holdings).await;
        let (complete, unlisted, seen) = (read.complete, read.unlisted, read.seen);
        self.absorb(read);
        if unlisted && !holdings.unseen().is_empty() {
            let message = "could not be read whole: units of it that may be gone were kept";
            self.report.problems.push(LoadProblem::of_repo("not whole", repo, message.into()));
        }
        if !seen || complete && !self.delete_absent(repo, generation, &holdings).await {
            return;
        }
        // While it changes there is no telling which one was read.
        let revision = before.filter(|before| revision(root).as_ref() == Some(before));
        let load = LastLoad::now(revision);
        let is_whole = complete && parts.are_whole();
        if is_whole && self.options.rename {
            self.renamed = Some(checkout.clone());
        }
        let ended = if is_whole { Ended::Whole(load) } else { Ended::Part(load) };
        self.end(claim, ended).await;
    }

    fn give_up(&mut self, repo: &str, error: &astload_backends::Error) {
        self.report.broken = true;
        self.report.problems.push(LoadProblem::not_loaded(repo, error));
    }

    /// Reads the directory on a thread that may block.
    async fn read(
        &self,
        checkout: &Checkout,
        generation: u64,
        holdings: Holdings,
    ) -> (DirectoryReport, Holdings) {
        let options = DirectoryOptions {
            root: checkout.root.clone(),
            repo: checkout.repo.clone(),
            parts: checkout.parts.clone(),
            globs: self.options.globs.clone(),
            languages: self.options.languages.clone(),
            nodes: self.options.nodes,
            file_bytes_max: self.options.file_bytes_max,
            trust_mtime: self.options.trust_mtime,
            generation,
            workers: self.options.workers,
            stores: self.targets.places(),
        };
        let (sink, progress) = (self.sink.clone(), self.progress.clone());
        let (cancelled, mut holdings) = (self.cancelled.clone(), holdings);
        let (letters, keys) = (self.options.lanes.letters.clone(), self.targets.keys());
        let reading = tokio::task::spawn_blocking(move || {
            add_refused(&mut holdings, &letters, &keys, &options);
            let report = directory::read(&options, &holdings, &sink, &progress.source, &cancelled);
            (report, holdings)
        });
        match reading.await {
            Ok(read) => read,
            Err(panic) => std::panic::resume_unwind(panic.into_panic()),
        }
    }

    fn absorb(&mut self, read: DirectoryReport) {
        let report = &mut self.report;
        report.files.absorb(read.problems);
        for (language, files) in read.languages {
            *report.languages.entry(language).or_default() += files;
        }
        for (name, files) in read.without_grammar {
            *report.without_grammar.entry(name).or_default() += files;
        }
        if let Some(plan) = &mut report.plan {
            plan.write.extend(read.planned);
            plan.held += read.held;
        }
    }

    /// Deletes the units that the listing, being complete, proves to be gone. Says whether they are sent.
    async fn delete_absent(&mut self, repo: &str, generation: u64, holdings: &Holdings) -> bool {
        let gone = holdings.unseen();
        if holdings.is_mass_delete(&gone) && !self.options.allow_mass_delete && !gone.is_empty() {
            self.report.withheld += gone.len() as u64;
            let units = match gone.len() {
                1 => "1 unit is".to_owned(),
                many => format!("{many} units are"),
            };
            let message = format!(
                "{units} gone from the directory or not selected any more, more than half of what a \
                 store holds: kept there"
            );
            let problem = LoadProblem::of_repo("withheld", repo, message);
            let hint = "--allow-mass-delete deletes what is gone";
            self.report.problems.push(problem.with_hint(hint));
            return false;
        }
        if let Some(plan) = &mut self.report.plan {
            plan.delete.extend(gone.iter().map(|(path, _)| (*path).to_owned()));
            return true;
        }
        let Some(sender) = self.sender().cloned() else { return false };
        for gone in gone.chunks(DELETES_MAX) {
            let Ok(batch) = deletes(repo, gone, generation) else { return false };
            let lanes: Vec<Lanes> = gone.iter().map(|(_, lanes)| *lanes).collect();
            if sender.send(batch, lanes).await.is_err() {
                return false;
            }
        }
        self.targets.drop_letters(&self.options.lanes.letters, holdings).await;
        true
    }
}

/// Adds the units of a repository that are dead letters of the stores.
fn add_refused(
    holdings: &mut Holdings,
    letters: &DeadLetters,
    keys: &[String],
    options: &DirectoryOptions,
) {
    for (lane, key) in keys.iter().enumerate() {
        // Where they cannot be read, the load did not begin.
        let Ok(listing) = letters.list_of(key) else { continue };
        let is_read = |stored: &&StoredLetter| {
            let letter = &stored.letter;
            let is_its = letter.repo == options.repo && letter.layer == LAYER;
            is_its && options.parts.has(Path::new(&letter.path))
        };
        for StoredLetter { letter, .. } in listing.letters.iter().filter(is_read) {
            holdings.add_refused(lane, letter.unit(), &letter.path);
        }
    }
}

fn deletes(repo: &str, gone: &[(&str, Lanes)], generation: u64) -> Result<Batch, BatchFull> {
    let mut builder = BatchBuilder::default();
    for (path, _) in gone {
        let name = UnitName { repo: repo.into(), path: (*path).into(), layer: LAYER.into() };
        builder.delete_unit(&name, Some(generation))?;
    }
    Ok(builder.finish())
}

impl Load<'_> {
    /// Whether nothing is written.
    pub(super) fn is_plan(&self) -> bool {
        matches!(self.sink, Sink::Plan)
    }
}
