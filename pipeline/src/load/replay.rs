//! Gives dead letters to their backends again.

use std::io;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::{BackendReport, CannotLoad, LaneOptions, LoadProgress, Targets};
use crate::channel::channel;
use crate::coordinator;
use crate::journal::{Journal, JournalSettings};
use crate::letters::StoredLetter;
use crate::tally::Tally;

/// Letters in the channel.
const LETTERS_MAX: usize = 64;

/// Bytes of letters in the channel.
const BYTES_MAX: u32 = 16 << 20;

/// What became of a replay.
#[derive(Debug)]
pub struct Replayed {
    /// What became of each target.
    pub backends: Vec<BackendReport>,
    /// Letters of repositories that their stores do not know any more.
    pub forgotten: Vec<StoredLetter>,
    /// Letters whose files could not be read.
    pub unread: Vec<(StoredLetter, io::Error)>,
}

/// Gives each letter that belongs to one of the targets to it again, with the generation that it
/// had: what is taken is no letter any more, and what is refused again has one attempt more.
///
/// # Errors
/// [`CannotLoad`] where it may not begin; then nothing was written.
pub async fn replay(
    letters: &[StoredLetter],
    options: &LaneOptions,
    targets: &Targets,
    cancelled: &CancellationToken,
) -> Result<Replayed, CannotLoad> {
    let progress = Arc::new(LoadProgress::of(targets));
    let lanes = targets.lanes(options, &progress, cancelled)?;
    let journal = Journal::temporary(JournalSettings::default(), &options.spill);
    let (sender, batches) = channel(LETTERS_MAX, BYTES_MAX);
    let sent = sender.sent();
    let coordinator = tokio::spawn(coordinator::run(batches, journal, lanes));
    let (mut forgotten, mut unread) = (Vec::new(), Vec::new());
    for stored in letters {
        let Some(lanes) = targets.lanes_of(stored) else {
            forgotten.push(stored.clone());
            continue;
        };
        match options.letters.unit(stored) {
            Err(error) => unread.push((stored.clone(), error)),
            Ok(unit) => {
                if cancelled.is_cancelled() || sender.send(unit, vec![lanes]).await.is_err() {
                    break;
                }
            }
        }
    }
    drop(sender);
    let carried = coordinator.await.unwrap_or_default();
    let backends = targets.reports(carried, &sent, &Tally::default());
    Ok(Replayed { backends, forgotten, unread })
}
