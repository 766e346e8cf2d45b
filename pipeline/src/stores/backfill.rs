//! Gives a store what another one has.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use astload_backends::{Ended, Error, OtherRoot, RepoClaim, RepoState, StoredUnit, UnitFilter};
use astload_model::UnitId;
use tokio_util::sync::CancellationToken;

use super::side::{Side, parts};
use crate::channel::{Sender, channel};
use crate::coordinator;
use crate::journal::{Journal, JournalSettings};
use crate::load::{BackendReport, CannotLoad, LaneOptions, LoadProgress, Targets};

/// Batches in the channel.
const BATCHES_MAX: usize = 4;

/// Bytes of batches in the channel.
const BYTES_MAX: u32 = 16 << 20;

/// What came of filling a store.
#[derive(Debug, Default)]
pub struct Backfilled {
    /// Units that were sent.
    pub sent: u64,
    /// Units that it held already, in this version or a newer one.
    pub held: u64,
    /// Units that it holds and the other one does not; they were left.
    pub only_there: u64,
    /// Why not all were sent; `None` where they were.
    pub broken: Option<Error>,
    /// What became of the store.
    pub backends: Vec<BackendReport>,
}

/// Gives each target the units of a store that it lacks, with the generations that they have there.
/// What a target holds in the same version or a newer one is left alone, so the same call again goes
/// on where one ended.
///
/// # Errors
/// [`CannotLoad`] where it may not begin; then nothing was written.
pub async fn backfill(
    from: &Side,
    filter: &UnitFilter,
    options: &LaneOptions,
    targets: &mut Targets,
    progress: &Arc<LoadProgress>,
    cancelled: &CancellationToken,
    dry_run: bool,
) -> Result<Backfilled, CannotLoad> {
    let mut filled = Backfilled::default();
    let repos: Vec<RepoState> =
        from.repos().await?.into_iter().filter(|repo| passes(filter, repo)).collect();
    targets.check_origins(&repos)?;
    let lacking = lacking(from, filter, targets, &mut filled).await?;
    progress.source.found.store(lacking.len() as u64, Ordering::Relaxed);
    let held = &progress.source.held;
    held.add_all(0, filled.held);
    if dry_run {
        filled.sent = lacking.len() as u64;
        filled.backends = targets.reports_of_plan(held);
        return Ok(filled);
    }
    let ended = repos.iter().filter_map(|repo| ended(repo, targets, &filled)).collect();
    let lanes = targets.lanes(options, progress, cancelled)?;
    let journal = Journal::temporary(JournalSettings::default(), &options.spill);
    let (sender, batches) = channel(BATCHES_MAX, BYTES_MAX);
    let counted = sender.sent();
    progress.hear(&counted);
    let coordinator = tokio::spawn(coordinator::run(batches, journal, lanes));
    let claims = (repos.into_iter().map(claim).collect(), ended);
    let sent = send(from, claims, &lacking, &sender, progress, cancelled).await;
    drop(sender);
    progress.source.is_read.store(true, Ordering::Relaxed);
    let carried = coordinator.await.unwrap_or_default();
    filled.sent = progress.source.done.load(Ordering::Relaxed);
    filled.broken = sent.err();
    filled.backends = targets.reports(carried, &counted, held);
    Ok(filled)
}

fn passes(filter: &UnitFilter, repo: &RepoState) -> bool {
    filter.repo.as_ref().is_none_or(|wanted| *wanted == repo.repo)
        && filter.layer.as_ref().is_none_or(|wanted| *wanted == repo.layer)
}

/// The units that a target lacks, of those that it is given.
async fn lacking(
    from: &Side,
    filter: &UnitFilter,
    targets: &mut Targets,
    filled: &mut Backfilled,
) -> Result<Vec<StoredUnit>, CannotLoad> {
    let units = from.units(filter).await?;
    let (held, selection) = targets.held_by_the_only_one(filter).await?;
    let mut held: HashMap<UnitId, StoredUnit> =
        held.into_iter().map(|unit| (unit.id, unit)).collect();
    let mut lacking = Vec::new();
    for unit in units {
        if !selection.selects(&unit.name.repo, &unit.name.path, unit.language.as_deref()) {
            continue;
        }
        if unit.selection.is_some_and(|part| Some(part) != selection.digest()) {
            return Err(CannotLoad {
                message: format!("{} holds only a part of {}", from.name, unit.name),
                hint: Some("backfill from a store that selects everything".into()),
            });
        }
        let is_held = held.remove(&unit.id).is_some_and(|there| {
            let same = there.selection == selection.digest();
            there.generation > unit.generation || there.generation == unit.generation && same
        });
        match is_held {
            true => filled.held += 1,
            false => lacking.push(unit),
        }
    }
    filled.only_there = held.len() as u64;
    Ok(lacking)
}

/// As it is where it is read. Where it was loaded from before, it stays.
fn claim(repo: RepoState) -> RepoClaim {
    let RepoState { repo, layer, root, remote, origin, generation, last_load: _, units: _ } = repo;
    let other_root = OtherRoot::Keep;
    RepoClaim { repo, layer, root, remote, other_root, origin, generation, ended: None }
}

/// The same once all is there: then its last load is that of where it is read, unless it has a later one.
fn ended(repo: &RepoState, targets: &Targets, filled: &Backfilled) -> Option<RepoClaim> {
    if targets.greatest_generation(&repo.repo, &repo.layer) > repo.generation {
        return None;
    }
    let ended = match filled.only_there {
        0 => Ended::Whole(repo.last_load.clone()?),
        _ => Ended::Part(repo.last_load.clone()?),
    };
    Some(RepoClaim { ended: Some(ended), ..claim(repo.clone()) })
}

async fn send(
    from: &Side,
    (before, after): (Vec<RepoClaim>, Vec<RepoClaim>),
    lacking: &[StoredUnit],
    sender: &Sender,
    progress: &LoadProgress,
    cancelled: &CancellationToken,
) -> Result<(), Error> {
    for claim in before {
        if sender.send_claim(claim).await.is_err() {
            return Ok(());
        }
    }
    for part in parts(lacking) {
        let ids: Vec<UnitId> = part.iter().map(|unit| unit.id).collect();
        let batch = tokio::select! {
            batch = from.read(&ids) => batch?,
            () = cancelled.cancelled() => return Ok(()),
        };
        let (units, nodes) = (batch.len(), batch.node_range().len());
        // Where nobody takes it, the lane says why.
        if sender.send(batch, vec![1; units]).await.is_err() {
            return Ok(());
        }
        progress.source.done.fetch_add(units as u64, Ordering::Relaxed);
        progress.source.nodes.fetch_add(nodes as u64, Ordering::Relaxed);
    }
    for claim in after {
        if sender.send_claim(claim).await.is_err() {
            return Ok(());
        }
    }
    Ok(())
}
