//! A load of a stream into the stores of a registry.

use std::sync::Arc;
use std::time::Duration;

use astload_backends::Registry;
use astload_config::BackendUrl;
use astload_pipeline::letters::DeadLetters;
use astload_pipeline::load::{
    Approach, Input, LaneOptions, LoadOptions, LoadProgress, LoadReport, TargetSpec, Targets, load,
};
use astload_pipeline::source::directory::{NodeChoice, PathGlobs};
use astload_pipeline::source::stream::{StreamFormat, StreamInput};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A backend by its URL.
pub(crate) fn spec(registry: &Registry, url: &str) -> TargetSpec {
    let url = BackendUrl::parse(url).expect("a URL");
    TargetSpec::of_url(registry, &url, &[]).expect("valid")
}

/// How a load is made.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Setup {
    pub(crate) dry_run: bool,
}

impl Setup {
    /// Loads lines.
    pub(crate) async fn load(
        self,
        registry: &Registry,
        specs: &[TargetSpec],
        lines: &str,
    ) -> LoadReport {
        let Self { dry_run } = self;
        let folder = TempDir::new().expect("a folder");
        let file = folder.path().join("units.ndjson");
        std::fs::write(&file, lines).expect("written");
        let letters = DeadLetters::within(folder.path().join("letters"));
        let lanes = LaneOptions { letters, spill: folder.path().into(), patience: PATIENCE };
        let options = LoadOptions {
            globs: PathGlobs::new(&[], &[]).expect("none"),
            languages: Vec::new(),
            nodes: NodeChoice::Named,
            file_bytes_max: 1 << 20,
            trust_mtime: false,
            format: StreamFormat::Auto,
            root_moved: false,
            rename: false,
            allow_mass_delete: false,
            strict: false,
            dry_run,
            workers: 1,
            lanes,
        };
        let stopping = CancellationToken::new();
        let approach = Approach { dry_run, patience: PATIENCE, stopping };
        let mut targets = Targets::connect(registry, specs, approach).await.expect("it begins");
        let progress = Arc::new(LoadProgress::of(&targets));
        let inputs = [Input::Stream(StreamInput::File(file))];
        let stop = CancellationToken::new();
        let report = load(&inputs, &options, &mut targets, &progress, &stop).await;
        targets.close().await;
        report.expect("it begins")
    }
}
