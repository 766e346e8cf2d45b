//! A backend's options: checked against the keys that its type knows, then against its types.

use serde::de::DeserializeOwned;
use serde_json::Value;

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
/// [`OptionsError`] where a key is unknown or a value does not fit.
pub fn parse_options<T: DeserializeOwned>(
    options: &Value,
    schema: &Value,
) -> Result<T, OptionsError> {
    let known: Vec<&str> = schema["properties"]
        .as_object()
        .map(|properties| properties.keys().map(String::as_str).collect())
        .unwrap_or_default();
    for key in options.as_object().into_iter().flat_map(|options| options.keys()) {
        if !known.contains(&key.as_str()) {
            return Err(OptionsError(unknown(key, &known)));
        }
    }
    T::deserialize(options).map_err(|error| OptionsError(pointed::<T>(options, error.to_string())))
}

/// What is wrong, with the option that it is about: the one without which something else is said.
fn pointed<T: DeserializeOwned>(options: &Value, wrong: String) -> String {
    let is_about = |key: &&String| {
        let mut others = options.clone();
        others.as_object_mut().map(|others| others.remove(*key));
        T::deserialize(others).err().is_none_or(|error| error.to_string() != wrong)
    };
    match options.as_object().and_then(|options| options.keys().find(is_about)) {
        Some(key) => format!("`{key}`: {wrong}"),
        None => wrong,
    }
}

/// `unknown option`, with the nearest known one, or all.
fn unknown(key: &str, known: &[&str]) -> String {
    let distance = |other: &&&str| strsim::damerau_levenshtein(key, other);
    match known.iter().min_by_key(distance) {
        Some(nearest) if distance(&nearest) <= 1 + nearest.len() / 4 => {
            format!("unknown option `{key}`, did you mean `{nearest}`?")
        }
        _ => format!("unknown option `{key}`, expected one of {}", known.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::json;

    use super::*;

    #[derive(Debug, Deserialize)]
    struct Options {
        durability: String,
        #[serde(rename = "path")]
        _path: Option<String>,
    }

    fn parse(options: Value) -> Result<Options, OptionsError> {
        parse_options(&options, &json!({"properties": {"durability": {}, "path": {}}}))
    }

    #[test]
    fn options_are_read_into_their_type() {
        let options = parse(json!({"durability": "full"})).expect("valid");
        assert_eq!(options.durability, "full");
    }

    #[test]
    fn an_unknown_option_is_refused_with_the_one_that_was_meant() {
        let error = |options| parse(options).expect_err("invalid").to_string();
        assert_eq!(
            error(json!({"durabilty": "full"})),
            "unknown option `durabilty`, did you mean `durability`?"
        );
        assert_eq!(
            error(json!({"wal": true})),
            "unknown option `wal`, expected one of durability, path"
        );
    }

    #[test]
    fn a_value_of_another_type_is_refused_with_its_option() {
        let error = |options| parse(options).expect_err("invalid").to_string();
        assert_eq!(
            error(json!({"path": "a", "durability": 1})),
            "`durability`: invalid type: integer `1`, expected a string"
        );
        assert_eq!(
            error(json!({"path": [], "durability": "full"})),
            "`path`: invalid type: sequence, expected a string"
        );
        assert_eq!(error(json!({"path": "a"})), "missing field `durability`");
    }
}
