//! YAML from JSON: block mappings, short lists in brackets, and quotes wherever in doubt.

use serde_json::{Map, Value};

use super::scalar;

/// Writes a mapping's fields, each on lines of its own.
pub(crate) fn to_yaml(fields: &Map<String, Value>) -> String {
    let mut text = String::new();
    write(fields, 0, &mut text);
    text
}

fn write(fields: &Map<String, Value>, depth: usize, text: &mut String) {
    for (key, value) in fields {
        let indent = "  ".repeat(depth);
        match value {
            Value::Object(inner) if !is_short(inner) => {
                *text += &format!("{indent}{}:\n", scalar(key));
                write(inner, depth + 1, text);
            }
            value => *text += &format!("{indent}{}: {}\n", scalar(key), flow(value)),
        }
    }
}

/// An empty mapping, or one field of a scalar: `{env: NAME}`.
fn is_short(fields: &Map<String, Value>) -> bool {
    fields.is_empty()
        || fields.len() == 1 && fields.values().all(|value| !value.is_object() && !value.is_array())
}

fn flow(value: &Value) -> String {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::String(text) => scalar(text),
        Value::Array(items) => {
            format!("[{}]", items.iter().map(flow).collect::<Vec<_>>().join(", "))
        }
        Value::Object(fields) => {
            let field =
                |(key, value): (&String, &Value)| format!("{}: {}", scalar(key), flow(value));
            format!("{{{}}}", fields.iter().map(field).collect::<Vec<_>>().join(", "))
        }
    }
}

/// Text as it stands, where nobody could take it for something else; otherwise quoted as JSON does,
/// which YAML reads the same.
fn scalar(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./".contains(c);
    let is_text = matches!(scalar::resolve(text), super::Content::Text(_));
    // Older readers take these for truth values.
    let is_word =
        ["yes", "no", "on", "off", "y", "n"].contains(&text.to_ascii_lowercase().as_str());
    let begins = text.starts_with(|c: char| c.is_ascii_alphanumeric() || "_/.".contains(c));
    if is_text && begins && !is_word && text.chars().all(plain) && !text.starts_with("...") {
        return text.to_owned();
    }
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            // What a reader would fold, or refuse.
            c if c.is_control()
                || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}') =>
            {
                quoted += &format!("\\U{:08x}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::yaml::parse;

    fn read(text: &str) -> Value {
        parse(text).root.expect("YAML").content.to_json()
    }

    #[test]
    fn a_mapping_is_a_block_and_a_reference_stays_on_its_line() {
        let value = json!({"backends": {"a": {
            "type": "sqlite", "path": "a b.db", "url": {"env": "URL"}, "version": "1.10", "no": "no",
            "select": {"languages": ["rust", "c#"], "x": {}}}}});
        let text = to_yaml(value.as_object().expect("a mapping"));
        assert_eq!(
            text,
            "backends:\n  a:\n    type: sqlite\n    path: \"a b.db\"\n    url: {env: URL}\n    version: \"1.10\"\n    \"no\": \"no\"\n    select:\n      languages: [rust, \"c#\"]\n      x: {}\n"
        );
        assert_eq!(read(&text), value);
    }

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
            "[a-z0-9.:#{}\\[\\]&*!|> \"'\n-]{0,12}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map(".{1,8}", inner, 0..4).prop_map(
                    |fields| Value::Object(
                        fields.into_iter().filter(|(key, _)| key != "<<").collect()
                    )
                ),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_the_same(fields in prop::collection::btree_map("[ -~]{1,8}", value(), 1..4)) {
            let fields: Map<String, Value> =
                fields.into_iter().filter(|(key, _)| key != "<<").collect();
            prop_assume!(!fields.is_empty());
            let text = to_yaml(&fields);
            prop_assert_eq!(read(&text), Value::Object(fields), "{}", text);
        }
    }
}
