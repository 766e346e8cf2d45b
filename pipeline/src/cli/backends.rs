//! `astload backends`: the types, what they can and what they take.

use astload_backends::{RegisteredType, Registry};
use serde_json::{Value, json};

use super::args::BackendsArgs;
use super::output::{Failure, print, print_json, table};

pub(super) fn run(args: &BackendsArgs) -> Result<u8, Failure> {
    let registry = Registry::with_builtins();
    let types = registry.discover();
    if args.json {
        let all: Vec<Value> = types
            .iter()
            .map(|known| json!({ "type": known.info, "options": *known.options }))
            .collect();
        print_json(&all)?;
        return Ok(0);
    }
    let mut text = String::new();
    for RegisteredType { info, options, .. } in &types {
        text += &format!("{} {}: {}\n  {}\n", info.name, info.version, info.summary, info.example);
        let can = serde_json::to_value(info.capabilities).unwrap_or_default();
        let can = can.as_object().into_iter().flatten().filter_map(|(name, value)| match value {
            Value::Bool(true) => Some(name.replace('_', " ")),
            Value::Number(number) => Some(format!("{name} {number}")),
            _ => None,
        });
        text += &format!("  can: {}\n", can.collect::<Vec<_>>().join(", "));
        let factory = registry.factory(info.name);
        let selected =
            factory.ok().and_then(|factory| serde_json::to_string(&factory.selection()).ok());
        if let Some(rules) = selected.filter(|rules| rules != "{}") {
            text += &format!("  select, where nobody says: {rules}\n");
        }
        text += &table(&option_rows(options));
    }
    print(&text)?;
    Ok(0)
}

/// The options of a type, from their JSON Schema.
fn option_rows(schema: &Value) -> Vec<Vec<String>> {
    let properties = schema["properties"].as_object().into_iter().flatten();
    let row = |(name, option): (&String, &Value)| {
        let description = option["description"].as_str().unwrap_or_default();
        let required = schema["required"].as_array().into_iter().flatten();
        let default = match &option["default"] {
            Value::Null if required.clone().any(|known| known == name) => "required".to_owned(),
            Value::Null => "optional".to_owned(),
            Value::String(text) => format!("default {text}"),
            value => format!("default {value}"),
        };
        vec![name.clone(), default, description.replace('\n', " ")]
    };
    properties.map(row).collect()
}
