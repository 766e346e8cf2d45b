//! The types that astload brings along: one line each.

use std::sync::Arc;

use crate::factory::BackendFactory;
use crate::sqlite::SqliteFactory;

pub(crate) fn factories() -> Vec<Arc<dyn BackendFactory>> {
    vec![Arc::new(SqliteFactory)]
}
