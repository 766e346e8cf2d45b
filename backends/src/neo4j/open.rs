//! Finds the store, or makes it.

use neo4rs::Query;

use super::address::Address;
use super::connect::{Connections, Tx};
use super::names::Names;
use super::options::Neo4jOptions;
use super::schema::{self, RULES, VERSION};
use super::{CAPABILITIES, PREFERRED_ROWS, Store, VERSION_GONE};
use crate::contract::{BackendInfo, Capabilities};
use crate::error::{Error, Result};
use crate::factory::{Access, BackendConfig};
use crate::schema_version;

const OPENING: &str = "opening the store";

/// The oldest server that takes labels and types from values.
const SERVER_MIN: (u32, u32) = (5, 26);

impl Store {
    /// A backend that has not looked for its store yet.
    pub(super) fn new(options: &Neo4jOptions, config: &BackendConfig) -> Result<Self> {
        let concurrency = options.connections as usize;
        Ok(Self {
            info: BackendInfo {
                type_name: super::factory::NAME.into(),
                version: String::new(),
                capabilities: Capabilities { concurrency, ..CAPABILITIES },
                preferred_rows: PREFERRED_ROWS,
            },
            connections: Connections::new(Address::of(options)?, options, config.access)?,
            names: Names::new(&options.prefix),
            access: config.access,
            selection: config.selection,
        })
    }

    /// Whether there is a store.
    pub(super) async fn is_there(&self) -> Result<bool> {
        self.server_version().await?;
        Ok(self.version().await?.is_some())
    }

    /// Finds the store; with [`Access::Write`], makes it where there is none.
    pub(super) async fn open(&mut self) -> Result<()> {
        self.info.version = self.server_version().await?;
        let version = self.version().await?;
        if let Some(version) = version {
            schema_version::check(&format!("{OPENING}: it"), version, VERSION, self.access)?;
        }
        match (version, self.access) {
            (Some(_), Access::Read | Access::Drop) => Ok(()),
            (None, Access::Read | Access::Drop) => {
                Err(Error::misconfigured(format!("{OPENING}: {VERSION_GONE}"))
                    .with_hint("load something into it first: astload load PATH --to URL"))
            }
            (Some(_), Access::Write) => self.complete().await,
            (None, Access::Write) => self.create().await,
        }
    }

    async fn server_version(&self) -> Result<String> {
        let question = "CALL dbms.components() YIELD name, versions, edition
            WHERE name = 'Neo4j Kernel' RETURN [versions[0], edition] AS row";
        let rows = self.ask(OPENING, Query::new(question.into())).await?;
        let Some(mut row) = rows.into_iter().next() else {
            return Err(Error::misconfigured(format!("{OPENING}: what answers is not Neo4j")));
        };
        let (version, edition) = (row.word(), row.word());
        let mut parts = version.split(['.', '-']).map(|part| part.parse::<u32>().unwrap_or(0));
        let number = (parts.next().unwrap_or(0), parts.next().unwrap_or(0));
        if number < SERVER_MIN {
            return Err(Error::misconfigured(format!(
                "{OPENING}: the server is Neo4j {version}; astload needs 5.26 or newer"
            )));
        }
        Ok(format!("{version} {edition}"))
    }

    /// The version of the store's schema; `None` where there is no store.
    async fn version(&self) -> Result<Option<i64>> {
        let question =
            "MATCH (store:{AstloadStore} {prefix: '{prefix}'}) RETURN [store.version] AS row";
        let rows = self.ask(OPENING, Query::new(self.names.cypher(question))).await?;
        let Some(mut row) = rows.into_iter().next() else { return Ok(None) };
        let version = row.int();
        version.map(Some).ok_or_else(|| {
            Error::misconfigured(format!("{OPENING}: its own node has no version"))
                .with_hint("choose another `prefix`")
        })
    }

    /// Makes what somebody took away.
    async fn complete(&self) -> Result<()> {
        match self.lacking().await?.is_empty() {
            true => Ok(()),
            false => self.create().await,
        }
    }

    /// Makes what is not there, unless somebody else does so at the same time.
    async fn create(&self) -> Result<()> {
        const WHAT: &str = "making the store";
        let make = async |tx: &mut Tx| {
            for rule in &RULES {
                tx.run(Query::new(rule.create(&self.names)), WHAT).await?;
            }
            Ok(())
        };
        self.connections.transact(WHAT, make).await?;
        // Indexes are not awaited: the server's procedure waits for those of others, too, and has locks
        // meanwhile that they may need. Nothing that is written looks for them.
        self.ask(WHAT, Query::new(schema::store(&self.names))).await.map(drop)
    }
}
