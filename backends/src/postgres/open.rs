//! Finds the store, or makes it.

use std::sync::Mutex;
use std::sync::atomic::AtomicBool;

use tokio_postgres::types::Type;

use super::classify::Attempt;
use super::connect::{Connections, Tx};
use super::conninfo::ConnInfo;
use super::indexes::Indexing;
use super::names::{Lock, Names};
use super::options::PostgresOptions;
use super::read::Value;
use super::schema::{self, Form, VERSION};
use super::words::Known;
use super::{CAPABILITIES, PREFERRED_ROWS, Store};
use crate::contract::{BackendInfo, Capabilities};
use crate::error::{Error, Result};
use crate::factory::{Access, BackendConfig};
use crate::schema_version;

const OPENING: &str = "opening the store";

/// The oldest server that is known to do: partitions with keys of their own came with it.
const SERVER_MIN: i32 = 120_000;

/// Whether there is a relation of a schema. Unlike `to_regclass`, it sees what was made while a lock
/// was waited for.
const IS_THERE: &str = "EXISTS (SELECT 1 FROM pg_class AS class
    JOIN pg_namespace AS namespace ON namespace.oid = class.relnamespace
    WHERE namespace.nspname = $1 AND class.relname = $2)";

/// What a server says of itself and of the store.
struct Server {
    version: String,
    is_standby: bool,
    /// The version of the schema, where there is a store.
    schema: Option<i32>,
}

impl Store {
    /// A backend that has not looked for its store yet.
    pub(super) fn new(options: &PostgresOptions, config: &BackendConfig) -> Result<Self> {
        let info = ConnInfo::of(options)?.with_password();
        let capabilities =
            Capabilities { concurrency: options.connections as usize, ..CAPABILITIES };
        Ok(Self {
            info: BackendInfo {
                type_name: super::factory::NAME.into(),
                version: String::new(),
                capabilities,
                preferred_rows: PREFERRED_ROWS,
            },
            connections: Connections::new(&info, options, config.access)?,
            names: Names::new(&options.schema, &options.prefix),
            unit_table: format!("{}unit", options.prefix),
            form: Form::of(options),
            access: config.access,
            selection: config.selection,
            known: Mutex::new(Known::default()),
            cannot_index: AtomicBool::new(false),
            indexing: Indexing::default(),
        })
    }

    /// Whether there is a store.
    pub(super) async fn is_there(&self) -> Result<bool> {
        Ok(self.server().await?.schema.is_some())
    }

    /// Finds the store; with [`Access::Write`], makes it where there is none.
    pub(super) async fn open(&mut self) -> Result<()> {
        let server = self.server().await?;
        if let Some(version) = server.schema {
            schema_version::check(&format!("{OPENING}: it"), version, VERSION, self.access)?;
        }
        match (server.schema, self.access) {
            (Some(_), Access::Read) => {}
            (None, Access::Read | Access::Drop) => {
                let schema = self.names.schema();
                let message = format!("{OPENING}: there is none in schema {schema}");
                return Err(Error::misconfigured(message)
                    .with_hint("load something into it first: astload load PATH --to URL"));
            }
            (_, Access::Write | Access::Drop) if server.is_standby => {
                let message = format!("{OPENING}: the server is a standby and takes no writes");
                return Err(Error::misconfigured(message)
                    .with_hint("connect to the primary: target_session_attrs=read-write"));
            }
            (Some(_), Access::Write | Access::Drop) => {}
            (None, Access::Write) => self.create().await?,
        }
        self.info.version = server.version;
        Ok(())
    }

    async fn server(&self) -> Result<Server> {
        let [schema, table] = self.names.in_catalog("store");
        let question = format!(
            "SELECT current_setting('server_version'), current_setting('server_version_num')::int,
                    current_setting('server_encoding'), pg_is_in_recovery(), {IS_THERE}"
        );
        let values = [(&schema as _, Type::TEXT), (&table as _, Type::TEXT)];
        let rows = self.ask(OPENING, &question, &values).await?;
        let row = rows.first().ok_or_else(|| Error::unexpected("the server says nothing"))?;
        let (version, number, encoding): (String, i32, String) =
            (row.get(0), row.get(1), row.get(2));
        if number < SERVER_MIN {
            return Err(Error::misconfigured(format!(
                "{OPENING}: the server is PostgreSQL {version}; astload needs 12 or newer"
            )));
        }
        if encoding != "UTF8" {
            return Err(Error::misconfigured(format!(
                "{OPENING}: the database is encoded in {encoding}, source code is not"
            ))
            .with_hint("create the database with ENCODING 'UTF8' TEMPLATE template0"));
        }
        let (is_standby, there): (bool, bool) = (row.get(3), row.get(4));
        let schema = match there {
            false => None,
            true => {
                let rows = self.ask(OPENING, "SELECT version FROM {store}", &[]).await?;
                let version = rows.first().map(|row| row.get(0));
                Some(version.ok_or_else(|| {
                    Error::misconfigured(format!("{OPENING}: table {table} is empty or another's"))
                        .with_hint("choose another `schema` or `prefix`")
                })?)
            }
        };
        Ok(Server { version, is_standby, schema })
    }

    /// Makes the tables, unless somebody else does so at the same time.
    async fn create(&self) -> Result<()> {
        const WHAT: &str = "making the schema";
        self.change(WHAT, async |tx| {
            self.lock(Lock::Tables, true, tx, WHAT).await?;
            if self.is_made(tx, WHAT).await? {
                return Ok(());
            }
            // To make a schema that is there already needs a right that its owner may not have.
            let [schema, _] = self.names.in_catalog("store");
            let has_schema = "SELECT count(*) FROM pg_namespace WHERE nspname = $1";
            let schema: Value<'_> = (&schema, Type::TEXT);
            let rows = tx.transaction.query_typed(has_schema, &[schema]).await.attempt(WHAT)?;
            let schemas: i64 = rows.first().map_or(0, |row| row.get(0));
            let statements = schema::create(&self.names, &self.form);
            // All at once: one after the other takes a second where the server is far away.
            let statements = statements[usize::from(schemas > 0)..].join(";\n");
            tx.transaction.batch_execute(&statements).await.attempt(WHAT)
        })
        .await
    }

    /// Whether there is a store by now.
    async fn is_made(&self, tx: &Tx<'_>, what: &str) -> Result<bool> {
        let [schema, store] = self.names.in_catalog("store");
        let values: [Value<'_>; 2] = [(&schema, Type::TEXT), (&store, Type::TEXT)];
        let rows = tx.transaction.query_typed(&format!("SELECT {IS_THERE}"), &values).await;
        Ok(rows.attempt(what)?.first().is_some_and(|row| row.get(0)))
    }
}
