//! What a configuration says, in types that cannot be wrong.

use std::fmt;
use std::time::Duration;

use astload_model::SelectionRules;
use serde::{Deserialize, Deserializer, de::Error as _};
use serde_json::{Map, Value};

use crate::quantity;
use crate::secrets::Secrets;

/// A backend's name: 1 to 64 of `a-z`, `0-9`, `_` and `-`, beginning with a letter.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BackendName(String);

/// A text that is no backend's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a name is up to 64 of a-z, 0-9, _ and -, and begins with a letter")]
pub struct NameError;

impl BackendName {
    pub(crate) const PATTERN: &str = "^[a-z][a-z0-9_-]{0,63}$";

    /// Reads a name.
    ///
    /// # Errors
    /// Where it is none.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let begins = text.starts_with(|first: char| first.is_ascii_lowercase());
        let is_part = |b: u8| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-');
        if !begins || text.len() > 64 || !text.bytes().all(is_part) {
            return Err(NameError);
        }
        Ok(Self(text.to_owned()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for BackendName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Options of a type, references resolved. They may hold secrets: `Debug` shows their names only.
#[derive(Clone, PartialEq, Eq)]
pub struct Options {
    value: Value,
    secrets: Secrets,
}

impl Options {
    /// Options, and what of them is secret.
    pub fn new(value: Value, secrets: Secrets) -> Self {
        Self { value, secrets }
    }

    /// The options as the type takes them.
    pub fn value(&self) -> &Value {
        &self.value
    }

    /// What of them is never told.
    pub fn secrets(&self) -> &Secrets {
        &self.secrets
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.value.as_object().into_iter().flat_map(Map::keys);
        f.debug_map().entries(names.map(|name| (name, "***"))).finish()
    }
}

/// A backend that is configured.
#[derive(Debug, Clone, PartialEq)]
pub struct BackendSettings {
    /// What the user calls it.
    pub name: BackendName,
    /// The type that makes it.
    pub type_name: String,
    /// What its type takes.
    pub options: Options,
    /// What of the units it is given, where somebody says; else its type does.
    pub select: Option<SelectionRules>,
    /// How its writes are made and protected.
    pub write: WriteSettings,
    /// How it is asked whether it is well.
    pub health: HealthSettings,
}

/// How a backend's writes are made and protected. What is absent is the default of whoever uses it.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WriteSettings {
    /// How long one attempt may take.
    #[serde(deserialize_with = "duration")]
    pub attempt_timeout: Option<Duration>,
    /// How long a write may take with all its attempts.
    #[serde(deserialize_with = "duration")]
    pub deadline: Option<Duration>,
    /// How waits between attempts grow, and how many there may be.
    pub retry: RetrySettings,
    /// When attempts stop for a while.
    pub breaker: BreakerRules,
    /// Between which bounds the number of attempts under way moves.
    #[serde(deserialize_with = "concurrency")]
    pub concurrency: Option<Concurrency>,
    /// How large a batch grows.
    pub batch: BatchSettings,
    /// What survives a power cut; is among the type's options too.
    pub durability: Option<Durability>,
    /// Whether the source waits for it.
    pub required: Option<bool>,
    /// Bytes of the journal that it may hold back.
    #[serde(deserialize_with = "size")]
    pub retention: Option<u64>,
}

/// How waits between attempts grow.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RetrySettings {
    /// The first wait, at most.
    #[serde(deserialize_with = "duration")]
    pub first: Option<Duration>,
    /// The longest wait.
    #[serde(deserialize_with = "duration")]
    pub max: Option<Duration>,
    /// How many attempts may be made again.
    pub budget: RetryBudgetSettings,
}

/// How many attempts may be made again.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RetryBudgetSettings {
    /// Retries for each write, in the long run.
    pub ratio: Option<f64>,
    /// Retries a second that are always allowed.
    pub per_second: Option<f64>,
    /// Retries that can be saved up.
    pub most: Option<f64>,
}

/// When attempts stop for a while.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BreakerRules {
    /// Faults in a row that open it.
    pub faults: Option<u32>,
    /// How long it stays open at first.
    #[serde(deserialize_with = "duration")]
    pub cooldown: Option<Duration>,
    /// How long it stays open at most.
    #[serde(deserialize_with = "duration")]
    pub cooldown_max: Option<Duration>,
}

/// Between which bounds the number of attempts under way moves; the same twice where it does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct Concurrency {
    /// The least, from 1.
    pub min: usize,
    /// The most.
    pub max: usize,
}

/// How large a batch grows.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BatchSettings {
    /// Rows of a batch.
    pub rows: Option<usize>,
    /// Bytes of a batch.
    #[serde(deserialize_with = "size")]
    pub bytes: Option<u64>,
}

/// What survives a power cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Durability {
    /// What was acknowledged survives a crash, not always a power cut.
    Normal,
    /// What was acknowledged is on the disk.
    Full,
}

/// How a backend is asked whether it is well. What is absent is the default of whoever asks.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HealthSettings {
    /// How often, while it is well.
    #[serde(deserialize_with = "duration")]
    pub interval: Option<Duration>,
    /// How often, while it is not.
    #[serde(deserialize_with = "duration")]
    pub unhealthy_interval: Option<Duration>,
    /// How long an answer may take.
    #[serde(deserialize_with = "duration")]
    pub timeout: Option<Duration>,
}

fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    let text = String::deserialize(deserializer)?;
    quantity::duration(&text).map(Some).map_err(D::Error::custom)
}

fn size<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    let text = String::deserialize(deserializer)?;
    quantity::size(&text).map(Some).map_err(D::Error::custom)
}

fn concurrency<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Concurrency>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        Fixed(usize),
        Range(Concurrency),
    }
    Ok(Some(match Written::deserialize(deserializer)? {
        Written::Fixed(calls) => Concurrency { min: calls, max: calls },
        Written::Range(range) => range,
    }))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_name_is_short_lower_case_and_begins_with_a_letter() {
        for name in ["a", "local", "ware-house_2", &"x".repeat(64)] {
            assert_eq!(BackendName::parse(name).expect(name).as_str(), name);
        }
        for name in ["", "2a", "-a", "A", "a b", "ä", "a.b", &"x".repeat(65)] {
            assert_eq!(BackendName::parse(name), Err(NameError), "{name}");
        }
    }

    #[test]
    fn options_are_not_shown() {
        let value = json!({"url": "pg://u:hunter2@h", "tls": {"key": "hunter2"}});
        let options = Options::new(value, Secrets::default());
        assert_eq!(format!("{options:?}"), r#"{"url": "***", "tls": "***"}"#);
    }

    #[test]
    fn settings_are_read_with_their_units() {
        let write: WriteSettings = serde_json::from_value(json!({
            "attempt_timeout": "30s", "concurrency": 4, "batch": {"bytes": "4MiB"},
            "retry": {"first": "1s", "budget": {"ratio": 0.5}}, "durability": "full",
        }))
        .expect("valid");
        assert_eq!(write.attempt_timeout, Some(Duration::from_secs(30)));
        assert_eq!(write.concurrency, Some(Concurrency { min: 4, max: 4 }));
        assert_eq!(write.batch.bytes, Some(4 << 20));
        assert_eq!(write.retry.budget.ratio, Some(0.5));
        assert_eq!(write.durability, Some(Durability::Full));
        assert_eq!(write.deadline, None);
    }
}
