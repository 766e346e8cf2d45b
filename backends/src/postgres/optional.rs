//! The optional indexes. They are made `CONCURRENTLY`: loads go on meanwhile.

use async_trait::async_trait;
use tokio_postgres::types::Type;

use super::Store;
use super::schema::Index;
use crate::error::{Error, Result};
use crate::indexes::{Indexes, OptionalIndex, named};

/// An index, and what is known of it before it is made.
struct Optional {
    name: &'static str,
    serves: &'static str,
    index: Index,
    /// The table, whose partitions are indexed at once and not `CONCURRENTLY`.
    table: &'static str,
    /// What says how large it would be; of each row, about what was measured.
    bytes: &'static str,
}

const OPTIONAL: [Optional; 2] = [
    Optional {
        name: "kind",
        serves: "nodes of a kind",
        index: Index::new("node_kind", "INDEX CONCURRENTLY {} ON {node} (kind)"),
        table: "node",
        bytes: "(SELECT 7 * sum(nodes) FROM {unit} WHERE number IS NOT NULL)",
    },
    Optional {
        name: "symbol",
        serves: "a symbol, or the edges to it, by its key",
        index: Index::new("symbol_key", "INDEX CONCURRENTLY {} ON {symbol} USING hash (symbol)"),
        table: "symbol",
        bytes: "(SELECT 40 * count(*) FROM {symbol})",
    },
];

const LOOKING: &str = "looking for indexes";
const MAKING: &str = "making an index";
const DROPPING: &str = "dropping an index";

#[async_trait]
impl Indexes for Store {
    async fn optional_indexes(&self) -> Result<Vec<OptionalIndex>> {
        let mut all = Vec::new();
        for index in &OPTIONAL {
            all.push(self.look(index).await?);
        }
        Ok(all)
    }

    async fn make_index(&self, name: &str) -> Result<()> {
        self.check_writable()?;
        let optional = named(&OPTIONAL, |index| index.name, name)?;
        if self.look(optional).await?.made {
            return Ok(());
        }
        // One that was cut off is there and not used.
        self.drop_optional(optional).await?;
        let make = optional.index.create(&self.names, &self.form);
        match self.is_partitioned(optional).await? {
            true => self.run(&make.replacen(" CONCURRENTLY", "", 1), MAKING).await,
            false => self.run(&make, MAKING).await,
        }
    }

    async fn drop_index(&self, name: &str) -> Result<()> {
        self.check_writable()?;
        self.drop_optional(named(&OPTIONAL, |index| index.name, name)?).await
    }
}

impl Store {
    async fn look(&self, optional: &Optional) -> Result<OptionalIndex> {
        let question = format!(
            "SELECT coalesce(bool_or(indisvalid), false),
                    coalesce(sum(pg_relation_size(indexrelid)
                                 + coalesce((SELECT sum(pg_relation_size(part.relid))
                                             FROM pg_partition_tree(indexrelid) AS part), 0))
                             FILTER (WHERE indisvalid), {}, 0)::bigint
             FROM pg_index WHERE indexrelid = to_regclass($1)",
            optional.bytes
        );
        let name = self.names.of(optional.index.name);
        let rows = self.ask(LOOKING, &question, &[(&name, Type::TEXT)]).await?;
        let row = rows.first().ok_or_else(|| Error::unexpected("the server says nothing"))?;
        Ok(OptionalIndex {
            name: optional.name.into(),
            serves: optional.serves.into(),
            made: row.get(0),
            bytes: row.get::<_, i64>(1) as u64,
        })
    }

    async fn drop_optional(&self, optional: &Optional) -> Result<()> {
        let index = self.names.of(optional.index.name);
        self.run(&format!("DROP INDEX IF EXISTS {index}"), DROPPING).await
    }

    async fn is_partitioned(&self, optional: &Optional) -> Result<bool> {
        let question =
            "SELECT count(*) FROM pg_partitioned_table WHERE partrelid = to_regclass($1)";
        let table = self.names.of(optional.table);
        let rows = self.ask(LOOKING, question, &[(&table, Type::TEXT)]).await?;
        Ok(rows.first().is_some_and(|row| row.get::<_, i64>(0) > 0))
    }

    /// Runs a statement that is no part of a transaction, however long it takes.
    async fn run(&self, statement: &str, what: &str) -> Result<()> {
        let mut lease = self.connections.lease().await?;
        // A session behind a pooler is everybody's. Ours is not given back: it has other settings now.
        if !self.connections.is_pooled() {
            lease.alone("SET statement_timeout = 0; SET lock_timeout = 0", what).await?;
        }
        lease.alone(statement, what).await
    }
}
