//! A backend that does nothing, or keeps what it is given: parsing alone, and the pipe alone. It may
//! encode what it is given as the client of a store would, and wait until it is told to go on.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use astload_backends::{
    Admin, Backend, BackendConfig, BackendFactory, BackendInfo, Capabilities, Error, HealthReport,
    Query, Reader, Receipt, Result, RowCounts, TypeInfo,
};
use astload_config::BackendUrl;
use astload_model::{Batch, CodecError, ipc, ndjson};
use async_trait::async_trait;
use clap::ValueEnum;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

/// The scheme of its URLs.
pub const SCHEME: &str = "sink";

const CAPABILITIES: Capabilities = Capabilities {
    unit_atomicity: false,
    vectors: true,
    reader: false,
    admin: false,
    query: false,
    concurrency: 1,
};

/// What is kept of what a sink is given.
#[derive(Debug)]
struct Kept {
    batches: Mutex<Vec<Batch>>,
    rows: AtomicUsize,
    rows_max: usize,
    /// Cancelled when there is enough.
    enough: CancellationToken,
}

/// Makes sinks, which share what they keep.
#[derive(Debug, Clone, Default)]
pub struct SinkFactory {
    kept: Option<Arc<Kept>>,
}

impl SinkFactory {
    /// Sinks that drop everything.
    pub fn dropping() -> Self {
        Self::default()
    }

    /// Sinks that keep whole batches up to so many rows, and then cancel `enough`.
    pub fn keeping(rows_max: usize, enough: CancellationToken) -> Self {
        let (batches, rows) = (Mutex::default(), AtomicUsize::new(0));
        Self { kept: Some(Arc::new(Kept { batches, rows, rows_max, enough })) }
    }

    /// A sink.
    pub fn sink(&self) -> Sink {
        let info = BackendInfo {
            type_name: SCHEME.into(),
            version: env!("CARGO_PKG_VERSION").into(),
            capabilities: CAPABILITIES,
            preferred_rows: 32_768,
        };
        Sink { info, kept: self.kept.clone(), encoding: Encoding::Nothing, opened: None }
    }

    /// What was kept, which is kept no longer.
    pub fn take(&self) -> Vec<Batch> {
        let Some(kept) = &self.kept else { return Vec::new() };
        std::mem::take(&mut kept.batches.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[async_trait]
impl BackendFactory for SinkFactory {
    fn info(&self) -> TypeInfo {
        TypeInfo {
            name: SCHEME,
            schemes: &[],
            version: env!("CARGO_PKG_VERSION"),
            summary: "takes everything, stores nothing",
            example: "sink:",
            capabilities: CAPABILITIES,
        }
    }

    fn options_schema(&self) -> Value {
        json!({"type": "object", "properties": {}})
    }

    fn options_from_url(&self, _: &BackendUrl) -> Result<Value> {
        Ok(json!({}))
    }

    fn place(&self, _: &Value) -> Result<String> {
        Ok(String::new())
    }

    fn schema(&self, _: &Value) -> Result<Vec<String>> {
        Ok(Vec::new())
    }

    async fn exists(&self, _: &Value) -> Result<bool> {
        Ok(true)
    }

    async fn connect(&self, _: BackendConfig) -> Result<Arc<dyn Backend>> {
        Ok(Arc::new(self.sink()))
    }
}

/// What a client makes of a batch before it sends it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Encoding {
    /// Nothing
    Nothing,
    /// An Arrow IPC stream
    Ipc,
    /// Lines of JSON
    Ndjson,
}

impl Encoding {
    fn encode(self, batch: &Batch) -> Result<(), CodecError> {
        match self {
            Self::Nothing => Ok(()),
            Self::Ipc => {
                let mut stream = ipc::Writer::new(io::sink(), ipc::Compression::None)?;
                stream.write(batch)?;
                stream.finish().map(drop)
            }
            Self::Ndjson => ndjson::Writer::new(io::sink()).write(batch),
        }
    }
}

/// A backend that stores nothing.
#[derive(Debug)]
pub struct Sink {
    info: BackendInfo,
    kept: Option<Arc<Kept>>,
    encoding: Encoding,
    /// Where it is there, nothing is taken before it is cancelled.
    opened: Option<CancellationToken>,
}

impl Sink {
    /// The same, which encodes each batch on a thread that may block.
    #[must_use]
    pub fn encoding(self, encoding: Encoding) -> Self {
        Self { encoding, ..self }
    }

    /// The same, which takes nothing before `opened` is cancelled.
    #[must_use]
    pub fn once(self, opened: CancellationToken) -> Self {
        Self { opened: Some(opened), ..self }
    }
}

#[async_trait]
impl Backend for Sink {
    fn info(&self) -> &BackendInfo {
        &self.info
    }

    async fn write_batch(&self, batch: &Batch) -> Result<Receipt> {
        if let Some(opened) = &self.opened {
            opened.cancelled().await;
        }
        if self.encoding != Encoding::Nothing {
            let (encoding, batch) = (self.encoding, batch.clone());
            let encoded = tokio::task::spawn_blocking(move || encoding.encode(&batch)).await;
            let encoded = encoded.map_err(|error| Error::unexpected(error.to_string()))?;
            encoded.map_err(|error| Error::unexpected(error.to_string()))?;
        }
        if let Some(kept) = &self.kept {
            let before = kept.rows.fetch_add(batch.rows(), Ordering::Relaxed);
            if before < kept.rows_max {
                let mut batches = kept.batches.lock().unwrap_or_else(PoisonError::into_inner);
                batches.push(batch.clone());
            } else {
                kept.enough.cancel();
            }
        }
        let rows = RowCounts {
            nodes: batch.node_range().len() as u64,
            edges: batch.edge_range().len() as u64,
            symbols: 0,
            vectors: batch.vector_range().len() as u64,
        };
        Ok(Receipt { written: batch.len() as u64, rows, ..Receipt::default() })
    }

    async fn health_check(&self) -> Result<HealthReport> {
        Ok(HealthReport { latency: Duration::ZERO, details: Vec::new() })
    }

    async fn settle(&self) -> Result<()> {
        Ok(())
    }

    async fn close(&self) -> Result<()> {
        Ok(())
    }

    fn reader(&self) -> Option<&dyn Reader> {
        None
    }

    fn admin(&self) -> Option<&dyn Admin> {
        None
    }

    fn query(&self) -> Option<&dyn Query> {
        None
    }
}
