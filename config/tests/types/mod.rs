//! Two types for tests: one like SQLite, and one with all that a plugin's may have.

use astload_config::{FileSchema, TypeSchema};
use serde_json::{Value, json};

fn file() -> Value {
    json!({
        "type": "object",
        "required": ["path"],
        "additionalProperties": false,
        "properties": {
            "path": {"type": "string", "minLength": 1, "description": "The database file."},
            "durability": {"$ref": "#/$defs/Durability", "default": "normal"},
            "busy_timeout_ms": {"type": "integer", "format": "uint64", "minimum": 0},
        },
        "$defs": {"Durability": {"oneOf": [
            {"const": "normal", "description": "What returned may be lost in a power cut."},
            {"const": "full", "description": "What returned is on the disk."},
        ]}},
    })
}

fn server() -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "required": ["url"],
        "properties": {
            "url": {"type": "string", "pattern": "^tcp://", "description": "Where it listens."},
            "port": {"type": "integer", "minimum": 1, "maximum": 65535},
            "user": {"type": "string", "maxLength": 16},
            "password": {"type": "string", "minLength": 8, "writeOnly": true},
            "pin": {"type": "integer", "format": "password"},
            "wait": {"type": "string", "format": "human-duration"},
            "ratio": {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1},
            "hosts": {"type": "array", "items": {"type": "string", "minLength": 1}, "maxItems": 2, "uniqueItems": true},
            "tls": {"anyOf": [{"$ref": "#/$defs/Tls"}, {"type": "null"}]},
            "tables": {"type": "object", "additionalProperties": {"$ref": "#/$defs/Table"}},
        },
        "$defs": {
            "Tls": {
                "type": "object",
                "additionalProperties": false,
                "required": ["ca"],
                "properties": {
                    "ca": {"type": "string"},
                    "key": {"type": "string", "writeOnly": true},
                    "mode": {"enum": ["verify-full", "verify-ca", "off"]},
                },
            },
            "Table": {
                "type": "object",
                "additionalProperties": false,
                "properties": {"name": {"type": "string"}, "shards": {"type": "integer", "multipleOf": 2}},
            },
        },
    })
}

/// The schema of a configuration of both.
pub(crate) fn schema() -> FileSchema {
    let of = |(name, schema): (&str, Value)| TypeSchema { name: name.into(), schema };
    FileSchema::new([("file", file()), ("server", server())].map(of).into()).expect("valid schemas")
}
