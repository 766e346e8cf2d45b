//! Directories of source, parsed the way `astload load` parses them.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use astload_backends::Registry;
use astload_config::BackendUrl;
use astload_model::Batch;
use astload_pipeline::load::{
    Approach, Input, LaneOptions, LoadOptions, LoadProgress, LoadReport, TargetSpec, Targets, load,
};
use astload_pipeline::source::directory::{Checkout, FILE_BYTES_MAX, NodeChoice, PathGlobs};
use astload_pipeline::source::stream::StreamFormat;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

use crate::sink::{SCHEME, SinkFactory};

/// Loads a directory into a sink: named nodes, every file read, a thread a core.
///
/// # Errors
/// Where the load cannot begin.
pub fn parse(
    runtime: &Runtime,
    corpus: &Path,
    sinks: &SinkFactory,
    cancelled: &CancellationToken,
) -> Result<LoadReport> {
    let root = corpus.canonicalize().with_context(|| format!("no corpus {}", corpus.display()))?;
    let inputs = [Input::Directory(Checkout::within(&root, &root).named("corpus"))];
    let options = LoadOptions {
        globs: PathGlobs::new(&[], &[])?,
        languages: Vec::new(),
        nodes: NodeChoice::Named,
        file_bytes_max: FILE_BYTES_MAX,
        trust_mtime: false,
        format: StreamFormat::Auto,
        root_moved: false,
        rename: false,
        allow_mass_delete: false,
        strict: false,
        dry_run: false,
        workers: std::thread::available_parallelism().map_or(1, usize::from),
        lanes: LaneOptions::new(Duration::from_secs(30)),
    };
    let registry = Registry::with_builtins();
    registry.register(Arc::new(sinks.clone()))?;
    let url = BackendUrl::parse(&format!("{SCHEME}:"))?;
    let specs = [TargetSpec::of_url(&registry, &url, &[])?];
    runtime.block_on(async {
        let (patience, stopping) = (options.lanes.patience, cancelled.clone());
        let approach = Approach { dry_run: false, patience, stopping };
        let mut targets = Targets::connect(&registry, &specs, approach).await?;
        let progress = Arc::new(LoadProgress::of(&targets));
        Ok(load(&inputs, &options, &mut targets, &progress, cancelled).await?)
    })
}

/// The batches of a directory, up to so many rows.
///
/// # Errors
/// Where the directory has fewer rows.
pub fn collect(runtime: &Runtime, corpus: &Path, rows: usize) -> Result<Vec<Batch>> {
    let enough = CancellationToken::new();
    let sinks = SinkFactory::keeping(rows, enough.clone());
    parse(runtime, corpus, &sinks, &enough)?;
    let batches = sinks.take();
    let found: usize = batches.iter().map(Batch::rows).sum();
    ensure!(found >= rows || rows == usize::MAX, "the corpus has {found} rows, not {rows}");
    Ok(batches)
}
