//! What is wrong with a single value, in plain words.

use jsonschema::ValidationError;
use jsonschema::error::{TypeKind, ValidationErrorKind as Kind};
use serde_json::Value;

use super::Check;
use crate::quantity::{self, DURATION_FORMAT, SIZE_FORMAT};
use crate::schema::{BACKEND_FIELDS, Known};
use crate::words::quoted;

impl Check<'_> {
    /// What a value does not fit, as what follows its name; and what can be done.
    pub(super) fn misfit(&self, error: &ValidationError<'_>) -> (String, Option<String>) {
        let found = || self.found(error);
        let message = match error.kind() {
            Kind::Type { kind } => return self.other_type(error, kind),
            Kind::Format { format } => return self.other_format(error, format),
            Kind::Minimum { limit } => format!("must be at least {limit}, found {}", found()),
            Kind::Maximum { limit } => format!("must be at most {limit}, found {}", found()),
            Kind::ExclusiveMinimum { limit } => {
                format!("must be more than {limit}, found {}", found())
            }
            Kind::ExclusiveMaximum { limit } => {
                format!("must be less than {limit}, found {}", found())
            }
            Kind::MultipleOf { multiple_of } => format!("must be a multiple of {multiple_of}"),
            Kind::MinLength { limit: 1 } => "must not be empty".into(),
            Kind::MinLength { limit } => format!("must have at least {limit} characters"),
            Kind::MaxLength { limit } => format!("must have at most {limit} characters"),
            Kind::MinItems { limit: 1 } => {
                return (
                    "must not be an empty list".into(),
                    Some("leave it out, or name at least one".into()),
                );
            }
            Kind::MinItems { limit } => format!("must have at least {limit} items"),
            Kind::MaxItems { limit } => format!("must have at most {limit} items"),
            Kind::MinProperties { limit } => format!("must have at least {limit} fields"),
            Kind::MaxProperties { limit } => format!("must have at most {limit} fields"),
            Kind::UniqueItems => "names something twice".into(),
            Kind::Pattern { pattern } => {
                format!("must match the pattern {}, found {}", quoted(pattern), found())
            }
            Kind::FalseSchema => "cannot be given here".into(),
            _ => "does not fit what its type takes".into(),
        };
        let described = || Known::of(self.document, self.part(error)?).description();
        let hint = matches!(error.kind(), Kind::Pattern { .. }).then(described).flatten();
        (message, hint)
    }

    fn other_type(
        &self,
        error: &ValidationError<'_>,
        expected: &TypeKind,
    ) -> (String, Option<String>) {
        let pointer = error.instance_path().as_str();
        let value = error.instance().as_ref();
        let format = self.part(error).and_then(|part| part["format"].as_str()).unwrap_or_default();
        if let Value::Number(number) = value
            && let Some((noun, unit)) = unit_of(format)
        {
            let number = number.to_string();
            let plain = number.bytes().all(|byte| byte.is_ascii_digit());
            return match (self.hides)(pointer) {
                true => (format!("expects a {noun}, and the number has no unit"), None),
                false => {
                    let hint = plain.then(|| format!("write e.g. `{number}{unit}`"));
                    (format!("expects a {noun}, and {number} has no unit"), hint)
                }
            };
        }
        let names: Vec<String> = match expected {
            TypeKind::Single(one) => vec![one.to_string()],
            TypeKind::Multiple(several) => several.iter().map(|one| one.to_string()).collect(),
        };
        let wanted = names.iter().filter(|name| *name != "null").map(|name| spoken(name, format));
        let message = format!(
            "expects {}, found {}",
            wanted.collect::<Vec<_>>().join(" or "),
            self.found(error)
        );
        (message, type_hint(pointer, value, &names).map(str::to_owned))
    }

    fn other_format(&self, error: &ValidationError<'_>, format: &str) -> (String, Option<String>) {
        let written = error.instance().as_str().unwrap_or_default();
        let (wrong, noun, examples) = match format {
            DURATION_FORMAT => {
                (quantity::duration(written).err(), "duration", "`500ms`, `30s`, `5m` or `1h 30m`")
            }
            SIZE_FORMAT => (quantity::size(written).err(), "size", "`512KiB`, `64MiB` or `10GB`"),
            other => {
                return (
                    format!("must be of the format {}, found {}", quoted(other), self.found(error)),
                    None,
                );
            }
        };
        let wrong = wrong.unwrap_or("none");
        (
            format!("expects a {noun}, and {} is {wrong}", self.found(error)),
            Some(format!("write e.g. {examples}")),
        )
    }
}

/// What a format measures, and a unit of it.
pub(super) fn unit_of(format: &str) -> Option<(&'static str, &'static str)> {
    match format {
        DURATION_FORMAT => Some(("duration", "s")),
        SIZE_FORMAT => Some(("size", "MiB")),
        _ => None,
    }
}

/// What can be done about a value of another type than was expected.
fn type_hint(pointer: &str, value: &Value, expected: &[String]) -> Option<&'static str> {
    let expects = |name: &str| expected.iter().any(|other| other == name);
    match value {
        Value::Number(_) | Value::Bool(_) if expects("string") => Some("put it in quotes"),
        Value::Null => Some("give it a value, or leave the field out"),
        Value::String(text) if expects("object") && text.contains(':') && !text.contains("://") => {
            Some("a space follows the colon after every key: `key: value`")
        }
        Value::String(_) if expects("array") => Some("write it in brackets: [a, b]"),
        Value::Object(_) if expects("object") || expects("array") => None,
        Value::Object(_) if is_option(pointer) => {
            Some("a value of an option may also be `{env: NAME}` or `{file: PATH}`")
        }
        Value::Object(fields) if fields.contains_key("env") || fields.contains_key("file") => {
            Some("only the options of a type may be `{env: NAME}` or `{file: PATH}`")
        }
        _ => None,
    }
}

/// A JSON type in plain words.
fn spoken(name: &str, format: &str) -> &'static str {
    match (name, format) {
        ("string", DURATION_FORMAT) => "a duration such as `30s`",
        ("string", SIZE_FORMAT) => "a size such as `64MiB`",
        ("string", _) => "text",
        ("integer", _) => "a whole number",
        ("number", _) => "a number",
        ("boolean", _) => "`true` or `false`",
        ("array", _) => "a list",
        ("object", _) => "a mapping",
        _ => "nothing",
    }
}

/// Whether a pointer leads to an option of a backend, or into one.
fn is_option(pointer: &str) -> bool {
    let mut parts = pointer.split('/').skip(1);
    parts.next() == Some("backends")
        && parts.nth(1).is_some_and(|field| !BACKEND_FIELDS.contains(&field))
}
