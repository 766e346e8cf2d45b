//! The types that astload brings along: one line each. Those with a driver are cargo features.

use std::sync::Arc;

#[cfg(feature = "elastic")]
use crate::elastic::{ElasticsearchFactory, OpenSearchFactory};
use crate::factory::BackendFactory;
#[cfg(feature = "neo4j")]
use crate::neo4j::Neo4jFactory;
#[cfg(feature = "postgres")]
use crate::postgres::PostgresFactory;
use crate::sqlite::SqliteFactory;

pub(crate) fn factories() -> Vec<Arc<dyn BackendFactory>> {
    vec![
        #[cfg(feature = "elastic")]
        Arc::new(ElasticsearchFactory),
        #[cfg(feature = "neo4j")]
        Arc::new(Neo4jFactory),
        #[cfg(feature = "elastic")]
        Arc::new(OpenSearchFactory),
        #[cfg(feature = "postgres")]
        Arc::new(PostgresFactory),
        Arc::new(SqliteFactory),
    ]
}
