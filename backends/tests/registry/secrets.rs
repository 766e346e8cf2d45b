//! Whatever a backend says, nothing that comes out of the registry holds a secret of its options.

use std::sync::Arc;

use astload_backends::{
    Access, Admin, Backend, BackendConfig, BackendFactory, BackendInfo, Capabilities, Error,
    ErrorKind, GcReport, HealthReport, Query, Reader, Receipt, Reference, Registry, RepoClaim,
    RepoState, Result, StoreSummary, StoredUnit, Terms, TypeInfo, UnitFilter,
};
use astload_config::{BackendUrl, Secrets};
use astload_fixtures::units::{UnitValue, batch_of};
use astload_model::{Batch, UnitId};
use async_trait::async_trait;
use serde_json::{Value, json};

use crate::Changed;
use crate::audit::account_of;

const SECRET: &str = "/srv/s3cret/a.db";

/// What repeats its options in every error.
#[derive(Debug)]
struct Talker {
    info: BackendInfo,
}

fn words() -> Error {
    let cause = std::io::Error::other(format!("at {SECRET}"));
    let error = Error::refused(vec![(UnitId::of("r", "a", "ast"), format!("not in {SECRET}"))]);
    error.with_hint(format!("see to {SECRET}")).with_source(cause)
}

#[async_trait]
impl Backend for Talker {
    fn info(&self) -> &BackendInfo {
        &self.info
    }

    async fn write_batch(&self, _: &Batch) -> Result<Receipt> {
        Err(words())
    }

    async fn health_check(&self) -> Result<HealthReport> {
        let latency = std::time::Duration::ZERO;
        Ok(HealthReport { latency, details: Vec::new() })
    }

    async fn settle(&self) -> Result<()> {
        Err(words())
    }

    async fn close(&self) -> Result<()> {
        Err(words())
    }

    fn reader(&self) -> Option<&dyn Reader> {
        Some(self)
    }

    fn admin(&self) -> Option<&dyn Admin> {
        Some(self)
    }

    fn query(&self) -> Option<&dyn Query> {
        Some(self)
    }
}

#[async_trait]
impl Reader for Talker {
    async fn repos(&self) -> Result<Vec<RepoState>> {
        Err(words())
    }

    async fn units(&self, _: &UnitFilter) -> Result<Vec<StoredUnit>> {
        Err(words())
    }

    async fn read_units(&self, _: &[UnitId]) -> Result<Batch> {
        Err(words())
    }
}

#[async_trait]
impl Admin for Talker {
    async fn plan_schema(&self) -> Result<Vec<String>> {
        Err(words())
    }

    async fn drop_schema(&self) -> Result<Vec<String>> {
        Err(words())
    }

    async fn claim_repo(&self, _: &RepoClaim) -> Result<()> {
        Err(words())
    }

    async fn remove(&self, _: &str, _: Option<&str>) -> Result<Receipt> {
        Err(words())
    }

    async fn gc(&self) -> Result<GcReport> {
        Err(words())
    }
}

#[async_trait]
impl Query for Talker {
    async fn summary(&self, _: usize) -> Result<StoreSummary> {
        Err(words())
    }

    async fn find(&self, _: &str) -> Result<Vec<StoredUnit>> {
        Err(words())
    }

    async fn references(&self, _: &str, _: usize) -> Result<Vec<Reference>> {
        Err(words())
    }
}

/// Makes what talks, or talks itself.
#[derive(Debug)]
struct Talkers {
    connects: bool,
}

fn capabilities() -> Capabilities {
    Capabilities { query: true, ..Changed::default().info.capabilities }
}

#[async_trait]
impl BackendFactory for Talkers {
    fn info(&self) -> TypeInfo {
        TypeInfo { capabilities: capabilities(), ..Changed::default().info }
    }

    fn options_schema(&self) -> Value {
        Changed::default().options
    }

    fn options_from_url(&self, _: &BackendUrl) -> Result<Value> {
        Err(words())
    }

    fn place(&self, _: &Value) -> Result<String> {
        Err(words())
    }

    fn schema(&self, _: &Value) -> Result<Vec<String>> {
        Ok(Vec::new())
    }

    async fn exists(&self, _: &Value) -> Result<bool> {
        Err(words())
    }

    async fn connect(&self, _: BackendConfig) -> Result<Arc<dyn Backend>> {
        let info = BackendInfo {
            type_name: "memory".into(),
            version: "1".into(),
            capabilities: capabilities(),
            preferred_rows: 1,
        };
        match self.connects {
            true => Ok(Arc::new(Talker { info })),
            false => Err(words()),
        }
    }
}

async fn create(connects: bool) -> Result<Arc<dyn Backend>> {
    let registry = Registry::default();
    registry.register(Arc::new(Talkers { connects })).expect("free");
    let terms = Terms::of("store", &Secrets::new([SECRET.to_owned()]));
    let options = json!({"name": SECRET});
    let config = BackendConfig { options, access: Access::Write, selection: None };
    assert!(!format!("{config:?}").contains("s3cret"), "{config:?}");
    registry.create_on(&terms, "memory", config).await
}

#[track_caller]
fn is_clean<T>(call: &str, answer: Result<T>) {
    let Err(error) = answer else { panic!("{call} fails") };
    let said = format!("{error:?} {error}");
    assert!(!said.contains("s3cret"), "{call}: {said}");
    assert_eq!(error.kind, ErrorKind::Refused);
    assert_eq!(error.message, "not in ***", "{call}");
    assert_eq!(error.hint.as_deref(), Some("see to ***"), "{call}");
    assert_eq!(error.rejected[0].1, "not in ***", "{call}");
}

#[tokio::test]
async fn no_call_says_a_secret() {
    is_clean("connect", create(false).await);
    let made = create(true).await.expect("made");
    assert!(!format!("{made:?}").contains("s3cret"), "{made:?}");
    let batch = batch_of(&[UnitValue::sample("a.py").at_generation(1)]);
    is_clean("write_batch", made.write_batch(&batch).await);
    is_clean("settle", made.settle().await);
    is_clean("close", made.close().await);
    let reader = made.reader().expect("there");
    is_clean("repos", reader.repos().await);
    is_clean("units", reader.units(&UnitFilter::default()).await);
    is_clean("read_units", reader.read_units(&[]).await);
    let admin = made.admin().expect("there");
    is_clean("plan_schema", admin.plan_schema().await);
    is_clean("drop_schema", admin.drop_schema().await);
    is_clean("remove", admin.remove("r", None).await);
    is_clean("gc", admin.gc().await);
    let query = made.query().expect("there");
    is_clean("summary", query.summary(1).await);
    is_clean("find", query.find("a").await);
    is_clean("references", query.references("a", 1).await);
}

#[test]
fn no_secret_is_on_the_account() {
    let lines = account_of(async {
        create(false).await.expect_err("it does not connect");
        let made = create(true).await.expect("made");
        made.settle().await.expect_err("it fails");
    });
    let failed = lines.iter().find(|line| line["fields"]["error"].is_string()).expect("an error");
    assert_eq!(failed["fields"]["event"], "create");
    assert_eq!(failed["fields"]["backend"], "store");
    let all = Value::from(lines).to_string();
    assert!(all.contains("not in ***") && !all.contains("s3cret"), "{all}");
}
