//! A store in a temporary folder, and units in a form that can be compared.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use astload_backends::sqlite::SqliteFactory;
use astload_backends::{Access, Backend, BackendConfig, BackendFactory, Receipt, UnitFilter};
use astload_fixtures::units::{EdgeValue, UnitValue, batch_of, units_of};
use astload_model::UnitId;
use serde_json::json;
use tempfile::TempDir;

/// A store that is gone when the test is.
pub(crate) struct Store {
    pub(crate) backend: Arc<dyn Backend>,
    folder: TempDir,
}

impl Store {
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let backend = connect(&folder.path().join("s.db")).await;
        Self { backend, folder }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("s.db")
    }

    /// A second connection to the same file, as another process has it.
    pub(crate) async fn other(&self) -> Arc<dyn Backend> {
        connect(&self.path()).await
    }

    pub(crate) async fn write(&self, units: &[UnitValue]) -> Receipt {
        self.backend.write_batch(&batch_of(units)).await.expect("written")
    }

    /// Everything that the store holds, by unit, and each unit's generation.
    pub(crate) async fn held(&self) -> BTreeMap<UnitId, (u64, Comparable)> {
        held(&*self.backend).await
    }

    pub(crate) fn sql(&self, question: &str) -> i64 {
        let connection = rusqlite::Connection::open(self.path()).expect("opens");
        connection.query_row(question, [], |row| row.get(0)).expect("answers")
    }
}

async fn connect(path: &Path) -> Arc<dyn Backend> {
    let options = json!({ "path": path });
    let config = BackendConfig { options, access: Access::Write, selection: None };
    SqliteFactory.connect(config).await.expect("connects")
}

pub(crate) async fn held(backend: &dyn Backend) -> BTreeMap<UnitId, (u64, Comparable)> {
    let reader = backend.reader().expect("a reader");
    let units = reader.units(&UnitFilter::default()).await.expect("units");
    let ids: Vec<UnitId> = units.iter().map(|unit| unit.id).collect();
    let batch = reader.read_units(&ids).await.expect("rows");
    let values = units_of(&batch).into_iter().zip(batch.units());
    values
        .map(|(value, unit)| (unit.id(), (unit.generation().unwrap_or(0), Comparable::of(value))))
        .collect()
}

/// A unit without what may differ between two stores that hold the same: the order of its edges,
/// the positions of its symbols, symbols that no edge refers to, and the generation.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Comparable {
    unit: UnitValue,
    edges: Vec<(EdgeValue, Option<String>)>,
}

impl Comparable {
    pub(crate) fn of(mut unit: UnitValue) -> Self {
        let symbols = std::mem::take(&mut unit.symbols);
        let mut edges: Vec<_> = std::mem::take(&mut unit.edges)
            .into_iter()
            .map(|mut edge| {
                let symbol = edge.dst_symbol.take();
                (edge, symbol.map(|at| symbols[at as usize].symbol.clone()))
            })
            .collect();
        edges.sort_by_key(|(edge, symbol)| {
            (edge.src, edge.kind.clone(), edge.dst_node, symbol.clone(), edge.ord)
        });
        unit.vectors.sort_by_key(|vector| (vector.node, vector.model.clone()));
        unit.generation = None;
        Self { unit, edges }
    }
}
