//! The part of the schema that does not depend on types.

use astload_model::{LABELS, LANGUAGES, NODE_FLAGS};
use serde_json::{Value, json};

use super::BACKENDS_MAX;
use crate::quantity::{DURATION_FORMAT, SIZE_FORMAT};
use crate::settings::BackendName;

/// Most batches that a backend is given at the same time.
const CONCURRENCY_MAX: u32 = 1_024;

/// The schema of a file without any type.
pub(super) fn document() -> Value {
    let properties = json!({
        "include": list(
            "Directories, relative to this file, whose *.yaml and *.yml files hold more backends.",
            text(),
        ),
        "defaults": object(
            "What backends have that do not say otherwise: by field, but `select` as a whole.",
            json!({
                "select": {"$ref": "#/$defs/select"},
                "write": {"$ref": "#/$defs/write"},
                "health": {"$ref": "#/$defs/health"},
            }),
        ),
        "backends": {
            "description": "The stores that are loaded, by name.",
            "type": "object",
            "maxProperties": BACKENDS_MAX,
            "propertyNames": {"pattern": BackendName::PATTERN},
            "additionalProperties": {"$ref": "#/$defs/backend"},
        },
    });
    let mut document = object("Names and configures backends.", properties);
    document["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    document["title"] = json!("astload configuration");
    document["$defs"] = json!({
        "backend": {
            "type": "object",
            "required": ["type"],
            "properties": {
                "type": {"description": "`astload backends` lists them.", "type": "string"},
                "select": {"$ref": "#/$defs/select"},
                "write": {"$ref": "#/$defs/write"},
                "health": {"$ref": "#/$defs/health"},
            },
        },
        "select": select(),
        "write": write(),
        "health": health(),
        "duration": {
            "type": "string",
            "format": DURATION_FORMAT,
            // For editors, which do not know the format.
            "pattern": "[a-zA-Zµ]\\s*$",
            "examples": ["30s", "5m"],
        },
        "size": {
            "type": "string",
            "format": SIZE_FORMAT,
            "pattern": "[a-zA-Z]\\s*$",
            "examples": ["64MiB", "10GB"],
        },
    });
    document
}

fn select() -> Value {
    let some = |description: &str, item: Value| {
        let mut some = list(description, item);
        // An empty list would select nothing at all.
        some["minItems"] = json!(1);
        some
    };
    object(
        "What of the units it holds, all of which must hold; without it, what suits its type.",
        json!({
            "labels": some("Nodes with one of these labels.", json!({"enum": LABELS})),
            "kinds": some("Nodes of one of these kinds, as the grammar calls them.", text()),
            "flags": some("Nodes with one of these flags.", json!({"enum": NODE_FLAGS})),
            "with_name": {"description": "Nodes that have a name alone.", "type": "boolean"},
            "languages": some("Units in one of these languages.", json!({
                "enum": LANGUAGES,
                "$comment": "a language of units from elsewhere goes into `other_languages`",
            })),
            "other_languages": some("Units in one of these languages, which come from elsewhere.", text()),
            "repos": some("Units of repositories that match one of these globs.", text()),
            "paths": some("Units whose path matches one of these globs.", text()),
        }),
    )
}

fn write() -> Value {
    object(
        "How its writes are made and protected.",
        json!({
            "attempt_timeout": duration("How long one attempt may take."),
            "deadline": duration("How long a write may take with all its attempts."),
            "retry": retry(),
            "breaker": object("When attempts stop for a while.", json!({
                "faults": count("Faults in a row that open it.", u32::MAX),
                "cooldown": duration("How long it stays open at first."),
                "cooldown_max": duration("How long it stays open at most."),
            })),
            "concurrency": concurrency(),
            "batch": object("Up to what batches are joined; far larger ones are split.", json!({
                "rows": count("Rows of a batch.", u32::MAX),
                "bytes": size("Size of a batch."),
            })),
            "durability": {
                "description": "What survives a power cut: all that was acknowledged, or most.",
                "enum": ["normal", "full"],
            },
            "required": {
                "description": "Whether the source waits for it, rather than going on without it.",
                "type": "boolean",
            },
            "retention": size("How much of the journal it may hold back before it is left behind."),
        }),
    )
}

fn retry() -> Value {
    let budget = json!({
        "ratio": number("Retries for each write, in the long run."),
        "per_second": number("Retries a second that are always allowed."),
        "most": number("Retries that can be saved up."),
    });
    object(
        "How waits between attempts grow, and how many there may be.",
        json!({
            "first": duration("The first wait, at most."),
            "max": duration("The longest wait."),
            "budget": object("How many attempts may be made again.", budget),
        }),
    )
}

/// A number, or a mapping: both in one, for a choice could not say which of them was meant.
fn concurrency() -> Value {
    let properties = json!({
        "min": count("The least, under overload.", CONCURRENCY_MAX),
        "max": count("The most.", CONCURRENCY_MAX),
    });
    let mut concurrency = object(
        "Batches that it is given at the same time: a number, or between which two it moves.",
        properties,
    );
    concurrency["required"] = json!(["min", "max"]);
    concurrency["type"] = json!(["integer", "object"]);
    concurrency["minimum"] = json!(1);
    concurrency["maximum"] = json!(CONCURRENCY_MAX);
    concurrency
}

fn health() -> Value {
    object(
        "How it is asked whether it is well.",
        json!({
            "interval": duration("How often, while it is well."),
            "unhealthy_interval": duration("How often, while it is not."),
            "timeout": duration("How long an answer may take."),
        }),
    )
}

fn object(description: &str, properties: Value) -> Value {
    json!({
        "description": description,
        "type": "object",
        "additionalProperties": false,
        "properties": properties,
    })
}

fn list(description: &str, items: Value) -> Value {
    json!({"description": description, "type": "array", "items": items})
}

fn text() -> Value {
    json!({"type": "string", "minLength": 1})
}

fn duration(description: &str) -> Value {
    json!({"description": description, "$ref": "#/$defs/duration"})
}

fn size(description: &str) -> Value {
    json!({"description": description, "$ref": "#/$defs/size"})
}

fn count(description: &str, max: u32) -> Value {
    json!({"description": description, "type": "integer", "minimum": 1, "maximum": max})
}

fn number(description: &str) -> Value {
    json!({"description": description, "type": "number", "minimum": 0, "maximum": 1_000_000})
}
