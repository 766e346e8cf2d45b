//! Settings, of files in which nothing is wrong.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::Fault;
use super::resolve::Draft;
use crate::Config;
use crate::secrets::Secrets;
use crate::settings::{BackendName, BackendSettings, Options};
use crate::url::redacted;
use crate::yaml::Node;

/// The whole configuration.
pub(super) fn config(
    drafts: Vec<Draft<'_>>,
    defaults: Option<&Node>,
    faults: &mut Vec<Fault>,
) -> Config {
    let mut backends = Vec::new();
    let mut effective = Map::new();
    for draft in drafts {
        let (file, span) = (draft.file, draft.entry.key_span.clone());
        match backend(draft, defaults) {
            Some((settings, shown)) => {
                effective.insert(settings.name.to_string(), shown);
                backends.push(settings);
            }
            // The schema takes what the settings do not: no user can do anything about it.
            None => faults.push(Fault::new(file, span, "these settings do not fit together")),
        }
    }
    Config { backends, effective: json!({ "backends": effective }) }
}

fn backend(draft: Draft<'_>, defaults: Option<&Node>) -> Option<(BackendSettings, Value)> {
    let Draft { entry, options, shown, secrets, .. } = draft;
    let type_name = entry.value.entry("type")?.value.text()?.to_owned();
    let of =
        |node: &Node, field: &str| node.entry(field).map(|entry| entry.value.content.to_json());
    let own = |field: &str| of(&entry.value, field);
    let default = |field: &str| defaults.and_then(|node| of(node, field));
    let select = own("select").or_else(|| default("select"));
    let merged = |field: &str| merge(default(field).unwrap_or_else(|| json!({})), own(field));
    let (write, health) = (merged("write"), merged("health"));

    let mut effective = Map::from_iter([("type".to_owned(), json!(type_name))]);
    effective.extend(shown);
    // Nothing in it says something, too: everything, whatever the type would be given.
    effective.extend(select.as_ref().map(|rules| ("select".to_owned(), harmless(rules))));
    for (field, value) in [("write", &write), ("health", &health)] {
        if value.as_object().is_some_and(|fields| !fields.is_empty()) {
            effective.insert(field.to_owned(), harmless(value));
        }
    }
    let settings = BackendSettings {
        name: BackendName::parse(&entry.key).ok()?,
        type_name,
        options: Options::new(Value::Object(options), Secrets::new(secrets)),
        select: match select {
            Some(rules) => Some(typed(rules)?),
            None => None,
        },
        write: typed(write)?,
        health: typed(health)?,
    };
    Some((settings, Value::Object(effective)))
}

fn typed<T: DeserializeOwned>(value: Value) -> Option<T> {
    serde_json::from_value(value).ok()
}

/// Field by field, in mappings within mappings too; what is the backend's own wins.
fn merge(default: Value, own: Option<Value>) -> Value {
    match (default, own) {
        (Value::Object(mut fields), Some(Value::Object(own))) => {
            for (field, value) in own {
                let default = fields.remove(&field).unwrap_or(Value::Null);
                fields.insert(field, merge(default, Some(value)));
            }
            Value::Object(fields)
        }
        (default, None) => default,
        (_, Some(own)) => own,
    }
}

/// The same, without a password that got where it does not belong.
fn harmless(value: &Value) -> Value {
    match value {
        Value::String(text) => json!(redacted(text)),
        Value::Array(items) => items.iter().map(harmless).collect(),
        Value::Object(fields) => {
            let fields = fields.iter().map(|(name, value)| (name.clone(), harmless(value)));
            Value::Object(fields.collect())
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    }
}
