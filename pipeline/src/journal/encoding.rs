//! Makes frames, on no more threads than there are cores.

use std::num::NonZero;
use std::sync::{Arc, LazyLock};
use std::thread::available_parallelism;

use astload_model::ipc::Compression;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use tokio_util::task::AbortOnDropHandle;

use super::appender::AppendError;
use super::frame::{Frame, FrameError};
use crate::channel::Cargo;

/// So many bytes are encoded before another thread could begin to …
const AT_ONCE_BYTES: usize = 32 << 10;

/// … and so many are worth one more of them.
const THREAD_BYTES: usize = 512 << 10;

/// One a core.
static THREADS: LazyLock<Semaphore> =
    LazyLock::new(|| Semaphore::new(available_parallelism().map_or(1, NonZero::get)));

/// Frames that are being made, in order.
#[derive(Debug)]
pub(super) enum Encoding {
    Made(Result<Vec<Frame>, FrameError>),
    Begun(Vec<AbortOnDropHandle<Result<Vec<Frame>, AppendError>>>),
}

impl Encoding {
    /// Begins at once, whether anybody waits or not.
    pub(super) fn begin(mut entries: Vec<Arc<Cargo>>, compression: Compression) -> Self {
        let bytes: usize = entries.iter().map(|cargo| cargo.bytes()).sum();
        if bytes <= AT_ONCE_BYTES {
            return Self::Made(encode(&entries, compression));
        }
        let mut begun = Vec::new();
        while !entries.is_empty() {
            let mut taken = 0;
            let is_last = |cargo: &Arc<Cargo>| {
                taken += cargo.bytes();
                taken >= THREAD_BYTES
            };
            let end = entries.iter().position(is_last).map_or(entries.len(), |last| last + 1);
            let part = entries.drain(..end).collect();
            begun.push(AbortOnDropHandle::new(tokio::spawn(on_a_thread(part, compression))));
        }
        Self::Begun(begun)
    }

    pub(super) async fn finish(self, frames: &mut Vec<Frame>) -> Result<(), AppendError> {
        match self {
            Self::Made(made) => frames.extend(made?),
            Self::Begun(parts) => {
                for part in parts {
                    frames.extend(part.await.map_err(|e| AppendError::Failed(e.to_string()))??);
                }
            }
        }
        Ok(())
    }
}

async fn on_a_thread(
    entries: Vec<Arc<Cargo>>,
    compression: Compression,
) -> Result<Vec<Frame>, AppendError> {
    let _thread = THREADS.acquire().await;
    let encoded = spawn_blocking(move || encode(&entries, compression)).await;
    Ok(encoded.map_err(|error| AppendError::Failed(error.to_string()))??)
}

fn encode(entries: &[Arc<Cargo>], compression: Compression) -> Result<Vec<Frame>, FrameError> {
    entries.iter().map(|cargo| Frame::of(cargo, compression)).collect()
}
