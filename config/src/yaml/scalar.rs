//! What a plain scalar stands for: YAML 1.2's core schema, so `no` and `1.2.3` are text.

use serde_json::Number;

use super::Content;

/// What plain text means. Infinities and what is no number stay text, for JSON has neither.
pub(crate) fn resolve(text: &str) -> Content {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Content::Null,
        "true" | "True" | "TRUE" => Content::Bool(true),
        "false" | "False" | "FALSE" => Content::Bool(false),
        _ => number(text).map_or_else(|| Content::Text(text.to_owned()), Content::Number),
    }
}

fn number(text: &str) -> Option<Number> {
    if let Some(digits) = text.strip_prefix("0x") {
        return digits_of(digits, 16);
    }
    if let Some(digits) = text.strip_prefix("0o") {
        return digits_of(digits, 8);
    }
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let written = digits.bytes().all(|b| b.is_ascii_digit() || b"+-.eE".contains(&b));
    if !written || !digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return None;
    }
    let plain = text.strip_prefix('+').unwrap_or(text);
    let whole =
        plain.parse::<u64>().map(Number::from).or_else(|_| plain.parse::<i64>().map(Number::from));
    whole.ok().or_else(|| Number::from_f64(plain.parse().ok()?))
}

fn digits_of(digits: &str, radix: u32) -> Option<Number> {
    let unsigned = digits.starts_with(|first: char| first.is_digit(radix));
    unsigned.then(|| u64::from_str_radix(digits, radix).ok().map(Number::from)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scalars_mean_what_yaml_1_2_says() {
        let table = [
            ("", "null"),
            ("~", "null"),
            ("True", "true"),
            ("no", "\"no\""),
            ("30", "30"),
            ("-3", "-3"),
            ("+3", "3"),
            ("007", "7"),
            ("0x1F", "31"),
            ("0o17", "15"),
            ("1.5e3", "1500.0"),
            (".5", "0.5"),
            ("99999999999999999999", "1e+20"),
            ("1.2.3", "\"1.2.3\""),
            ("30s", "\"30s\""),
            (".inf", "\".inf\""),
            ("1e999", "\"1e999\""),
            ("0x+1", "\"0x+1\""),
            (".", "\".\""),
            ("-", "\"-\""),
        ];
        for (text, json) in table {
            assert_eq!(resolve(text).to_json().to_string(), json, "{text}");
        }
    }
}
