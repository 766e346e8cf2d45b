//! A type's schema as a part of the configuration's.

use serde_json::{Map, Value, json};

use super::walk::{Known, ONE, SEVERAL, SUBSCHEMAS};
use super::{BACKEND_FIELDS, TypeSchema};

/// The name of a type's definition.
pub(super) fn definition(name: &str) -> String {
    format!("type.{name}")
}

/// The fields of a backend of a type: its options, and what every backend has.
pub(super) fn option_fields(known: &TypeSchema) -> Value {
    fields(known, known.schema.clone())
}

/// The same, where every scalar option may be a reference.
pub(super) fn option_fields_or_references(known: &TypeSchema) -> Value {
    let mut schema = known.schema.clone();
    allow_references(&known.schema, &mut schema);
    fields(known, schema)
}

/// A schema that takes no other options than those that it names.
pub(crate) fn closed(schema: &Value) -> Value {
    let mut schema = schema.clone();
    if let Some(keywords) = schema.as_object_mut() {
        close(keywords);
    }
    schema
}

fn close(keywords: &mut Map<String, Value>) {
    let says = ["additionalProperties", "unevaluatedProperties"];
    if says.iter().any(|keyword| keywords.contains_key(*keyword)) {
        return;
    }
    // Only the latter sees what the branches of a choice name.
    let choice =
        ["$ref", "allOf", "anyOf", "oneOf", "if"].iter().any(|word| keywords.contains_key(*word));
    keywords.insert(says[usize::from(choice)].to_owned(), Value::Bool(false));
}

fn fields(known: &TypeSchema, mut schema: Value) -> Value {
    move_references(&mut schema, &format!("#/$defs/{}", definition(&known.name)));
    let Some(keywords) = schema.as_object_mut() else { return schema };
    for keyword in ["$schema", "$id", "title"] {
        keywords.remove(keyword);
    }
    close(keywords);
    let properties = keywords.entry("properties").or_insert_with(|| json!({}));
    // What they are is said once, for all types.
    for field in BACKEND_FIELDS {
        properties[field] = json!(true);
    }
    schema
}

/// References within a schema lead to its new place.
fn move_references(schema: &mut Value, place: &str) {
    match schema {
        Value::Object(keywords) => {
            for (keyword, value) in keywords {
                match value {
                    Value::String(to) if keyword == "$ref" && to.starts_with('#') => {
                        *to = format!("{place}{}", &to[1..]);
                    }
                    value => move_references(value, place),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| move_references(item, place)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Lets every scalar below a schema be a reference instead.
fn allow_references(document: &Value, schema: &mut Value) {
    let Some(keywords) = schema.as_object_mut() else { return };
    for (keyword, value) in keywords {
        let is_value = keyword != "$defs";
        match value {
            Value::Object(named) if SUBSCHEMAS.contains(&keyword.as_str()) => {
                named.values_mut().for_each(|inner| allow_reference(document, inner, is_value));
            }
            Value::Object(_) if keyword == "items" || keyword == "additionalProperties" => {
                allow_reference(document, value, true);
            }
            Value::Object(_) if ONE.contains(&keyword.as_str()) => {
                allow_references(document, value)
            }
            Value::Array(choices) if SEVERAL.contains(&keyword.as_str()) => {
                choices.iter_mut().for_each(|choice| allow_references(document, choice));
            }
            _ => {}
        }
    }
}

fn allow_reference(document: &Value, schema: &mut Value, is_value: bool) {
    let takes = is_value && Known::of(document, schema).takes_scalars();
    allow_references(document, schema);
    if !takes {
        return;
    }
    let mut outer = Map::new();
    for keyword in ["description", "default", "title"] {
        if let Some(value) = schema.get(keyword) {
            outer.insert(keyword.into(), value.clone());
        }
    }
    let reference = json!({
        "type": "object",
        "description": "where the value is: an environment variable, or a file",
        "properties": {"env": {"type": "string"}, "file": {"type": "string"}},
        "additionalProperties": false,
        "minProperties": 1,
        "maxProperties": 1,
    });
    outer.insert("anyOf".into(), json!([schema.take(), reference]));
    *schema = Value::Object(outer);
}
