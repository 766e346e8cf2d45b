//! The part of the schema that does not depend on types.

use astload_model::{LABELS, NODE_FLAGS};
use serde_json::{Value, json};

use super::BACKENDS_MAX;
use crate::quantity::{DURATION_FORMAT, SIZE_FORMAT};
use crate::settings::BackendName;

/// The schema of a file without any type.
pub(super) fn document() -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "astload configuration",
        "type": "object",
        "additionalProperties": false,
        "properties": {
            "include": {
                "description": "Directories whose *.yaml and *.yml files hold more backends; relative to this file.",
                "type": "array", "items": {"type": "string", "minLength": 1},
            },
            "defaults": {
                "description": "What backends have that do not say otherwise: field by field, but `select` as a whole.",
                "type": "object", "additionalProperties": false,
                "properties": {
                    "select": {"$ref": "#/$defs/select"},
                    "write": {"$ref": "#/$defs/write"},
                    "health": {"$ref": "#/$defs/health"},
                },
            },
            "backends": {
                "description": "The stores that are loaded, by name.",
                "type": "object", "maxProperties": BACKENDS_MAX,
                "propertyNames": {"pattern": BackendName::PATTERN},
                "additionalProperties": {"$ref": "#/$defs/backend"},
            },
        },
        "$defs": {
            "backend": {
                "type": "object",
                "required": ["type"],
                "properties": {
                    "type": {"description": "Its type; `astload backends` lists them.", "type": "string"},
                    "select": {"$ref": "#/$defs/select"},
                    "write": {"$ref": "#/$defs/write"},
                    "health": {"$ref": "#/$defs/health"},
                },
            },
            "select": select(),
            "write": write(),
            "health": health(),
            "duration": {
                "type": "string", "format": DURATION_FORMAT,
                "pattern": "[a-zA-Zµ]\\s*$", "examples": ["30s", "5m"],
            },
            "size": {
                "type": "string", "format": SIZE_FORMAT,
                "pattern": "[a-zA-Z]\\s*$", "examples": ["64MiB", "10GB"],
            },
        },
    })
}

fn select() -> Value {
    let words = |description: &str, items: Value| json!({"description": description, "type": "array", "minItems": 1, "items": items});
    let text = || json!({"type": "string", "minLength": 1});
    json!({
        "description": "What of the units it is given; what is absent selects everything, what is given must all hold.",
        "type": "object", "additionalProperties": false,
        "properties": {
            "labels": words("Nodes with one of these labels.", json!({"type": "string", "enum": LABELS})),
            "kinds": words("Nodes of one of these kinds, as the grammar calls them.", text()),
            "flags": words("Nodes with one of these flags.", json!({"type": "string", "enum": NODE_FLAGS})),
            "languages": words("Units in one of these languages.", text()),
            "repos": words("Units of repositories that match one of these globs.", text()),
            "paths": words("Units whose path matches one of these globs.", text()),
        },
    })
}

fn write() -> Value {
    let duration =
        |description: &str| json!({"description": description, "$ref": "#/$defs/duration"});
    let count = |description: &str| json!({"description": description, "type": "integer", "minimum": 1, "maximum": u32::MAX});
    let number = |description: &str| json!({"description": description, "type": "number", "minimum": 0, "maximum": 1_000_000});
    json!({
        "description": "How its writes are made and protected.",
        "type": "object", "additionalProperties": false,
        "properties": {
            "attempt_timeout": duration("How long one attempt may take."),
            "deadline": duration("How long a write may take with all its attempts."),
            "retry": {
                "description": "How waits between attempts grow, and how many there may be.",
                "type": "object", "additionalProperties": false,
                "properties": {
                    "first": duration("The first wait, at most."),
                    "max": duration("The longest wait."),
                    "budget": {
                        "description": "How many attempts may be made again.",
                        "type": "object", "additionalProperties": false,
                        "properties": {
                            "ratio": number("Retries for each write, in the long run."),
                            "per_second": number("Retries a second that are always allowed."),
                            "most": number("Retries that can be saved up."),
                        },
                    },
                },
            },
            "breaker": {
                "description": "When attempts stop for a while.",
                "type": "object", "additionalProperties": false,
                "properties": {
                    "faults": count("Faults in a row that open it."),
                    "cooldown": duration("How long it stays open at first."),
                    "cooldown_max": duration("How long it stays open at most."),
                },
            },
            "concurrency": {
                "description": "Batches that it is given at the same time: a number, or between which two it moves.",
                "type": ["integer", "object"],
                "minimum": 1, "maximum": 1024,
                "additionalProperties": false, "required": ["min", "max"],
                "properties": {
                    "min": {"description": "The least, under overload.", "type": "integer", "minimum": 1, "maximum": 1024},
                    "max": {"description": "The most.", "type": "integer", "minimum": 1, "maximum": 1024},
                },
            },
            "batch": {
                "description": "How large a batch grows before it is written.",
                "type": "object", "additionalProperties": false,
                "properties": {
                    "rows": count("Rows of a batch."),
                    "bytes": {"description": "Size of a batch.", "$ref": "#/$defs/size"},
                },
            },
            "durability": {
                "description": "What survives a power cut: all that was acknowledged, or all but the last batches.",
                "type": "string", "enum": ["normal", "full"],
            },
            "required": {
                "description": "Whether the source waits for it, rather than going on without it.",
                "type": "boolean",
            },
            "retention": {
                "description": "How much of the journal it may hold back before it is left behind.",
                "$ref": "#/$defs/size",
            },
        },
    })
}

fn health() -> Value {
    let duration =
        |description: &str| json!({"description": description, "$ref": "#/$defs/duration"});
    json!({
        "description": "How it is asked whether it is well.",
        "type": "object", "additionalProperties": false,
        "properties": {
            "interval": duration("How often, while it is well."),
            "unhealthy_interval": duration("How often, while it is not."),
            "timeout": duration("How long an answer may take."),
        },
    })
}
