//! The options of one backend, when they do not come from a file: checked by the same schema, and
//! told in the same words.

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::check::Check;
use crate::schema::{Known, closed, validator};

/// Options that a backend's type does not take.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct OptionsError(String);

/// Reads options into their type.
///
/// `schema` is the JSON Schema of the options; a key that it does not know is refused with the one
/// that was probably meant.
///
/// # Errors
/// [`OptionsError`] where a key is unknown or a value does not fit: all that is wrong, no secret.
pub fn parse_options<T: DeserializeOwned>(
    options: &Value,
    schema: &Value,
) -> Result<T, OptionsError> {
    let wrong = option_problems(options, schema)?;
    if !wrong.is_empty() {
        return Err(OptionsError(wrong.join("; ")));
    }
    // What serde says may quote the value.
    T::deserialize(options)
        .map_err(|_| OptionsError("the options do not fit what the type takes".into()))
}

/// What is wrong with options, if anything.
pub(crate) fn option_problems(
    options: &Value,
    schema: &Value,
) -> Result<Vec<String>, OptionsError> {
    let schema = closed(schema);
    let validator = validator(&schema).map_err(OptionsError)?;
    let hides = |pointer: &str| {
        let mut known = Known::of(&schema, &schema);
        pointer.split('/').skip(1).any(|part| {
            known = known.field(part).or(known.item());
            known.is_secret()
        })
    };
    let check = Check { document: &schema, validator: &validator, hides: &hides };
    Ok(check.findings(options).into_iter().map(|finding| finding.message).collect())
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::json;

    use super::*;

    #[derive(Debug, Deserialize)]
    struct Options {
        durability: String,
    }

    fn parse(options: Value) -> Result<Options, OptionsError> {
        let schema = json!({"type": "object", "properties": {
            "durability": {"enum": ["normal", "full"]}, "path": {"type": "string"},
            "auth": {"properties": {"password": {"type": "integer", "writeOnly": true}}},
        }});
        parse_options(&options, &schema)
    }

    #[test]
    fn options_are_read_into_their_type() {
        let options = parse(json!({"durability": "full"})).expect("valid");
        assert_eq!(options.durability, "full");
    }

    #[test]
    fn what_does_not_fit_is_told_in_plain_words() {
        let table = [
            (json!({"durabilty": "full"}), "unknown field `durabilty`, did you mean `durability`?"),
            (json!({"wal": true}), "unknown field `wal`, expected `durability`, `path` or `auth`"),
            (
                json!({"durability": "ful", "path": 3}),
                "`durability` expects `normal` or `full`, found `ful`, did you mean `full`?; \
                 `path` expects text, found the number 3",
            ),
            (
                json!({"auth": {"password": "hunter2"}}),
                "`password` expects a whole number, found text",
            ),
            (json!({}), "the options do not fit what the type takes"),
        ];
        for (options, words) in table {
            assert_eq!(parse(options).expect_err("invalid").to_string(), words);
        }
    }
}
