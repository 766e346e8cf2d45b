//! A store in a temporary folder.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use astload_backends::sqlite::SqliteFactory;
use astload_backends::{Access, Backend, BackendConfig, BackendFactory, Receipt};
use astload_fixtures::units::{UnitValue, batch_of};
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
