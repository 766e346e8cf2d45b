//! The types that astload brings along: one line each.

use std::sync::Arc;

use crate::elastic::{ElasticsearchFactory, OpenSearchFactory};
use crate::factory::BackendFactory;
use crate::neo4j::Neo4jFactory;
use crate::postgres::PostgresFactory;
use crate::sqlite::SqliteFactory;

pub(crate) fn factories() -> Vec<Arc<dyn BackendFactory>> {
    vec![
        Arc::new(ElasticsearchFactory),
        Arc::new(Neo4jFactory),
        Arc::new(OpenSearchFactory),
        Arc::new(PostgresFactory),
        Arc::new(SqliteFactory),
    ]
}
