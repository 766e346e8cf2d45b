//! How names and values of a user's are worded: short, harmless to a terminal, without passwords.

use serde_json::Value;

use crate::url::redacted;

/// Characters of a name or value that are shown.
const SHOWN_MAX: usize = 60;

/// Words that are listed before the rest is counted.
const LISTED_MAX: usize = 16;

/// A name or text between backticks, without passwords, on one line.
pub(crate) fn quoted(text: &str) -> String {
    if text.trim_end().contains('\n') {
        return "text of several lines".to_owned();
    }
    format!("`{}`", short(&harmless(&redacted(text))))
}

/// A value as a sentence speaks of it.
pub(crate) fn described(value: &Value) -> String {
    match value {
        Value::Null => "nothing".into(),
        Value::Bool(value) => format!("`{value}`"),
        Value::Number(number) => format!("the number {number}"),
        Value::String(text) if text.is_empty() => "empty text".into(),
        Value::String(text) => quoted(text),
        Value::Array(_) => "a list".into(),
        Value::Object(_) => "a mapping".into(),
    }
}

/// A value of which nothing but its kind may be told.
pub(crate) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "`true` or `false`",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a mapping",
    }
}

/// `a`, `b` or `c`.
pub(crate) fn alternatives(words: &[String]) -> String {
    let (listed, more) = words.split_at(words.len().min(LISTED_MAX));
    let quoted: Vec<String> = listed.iter().map(|word| quoted(word)).collect();
    match quoted.as_slice() {
        [] => "nothing".into(),
        [only] => only.clone(),
        all if !more.is_empty() => format!("{} or {} more", all.join(", "), more.len()),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}

/// The word that was probably meant.
pub(crate) fn nearest<'a>(word: &str, known: &'a [String]) -> Option<&'a str> {
    // Long text is no misspelt word, and slow to compare.
    if word.len() > SHOWN_MAX {
        return None;
    }
    let folded = word.to_lowercase().replace('-', "_");
    let distance = |other: &String| {
        strsim::damerau_levenshtein(&folded, &other.to_lowercase().replace('-', "_"))
    };
    let (distance, nearest) = known.iter().map(|other| (distance(other), other)).min()?;
    (distance <= 1 + nearest.len() / 4 && distance < nearest.len()).then_some(nearest)
}

/// `, did you mean …?`, else nothing.
pub fn suggestion(word: &str, known: &[String]) -> String {
    nearest(word, known).map(|meant| format!(", did you mean `{meant}`?")).unwrap_or_default()
}

/// One line, without what would steer a terminal.
fn harmless(text: &str) -> String {
    let turns = |c: char| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let shown = |c: char| if c.is_control() || turns(c) || c == '`' { '\u{fffd}' } else { c };
    text.chars().map(shown).collect()
}

fn short(text: &str) -> String {
    match text.char_indices().nth(SHOWN_MAX) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(words: &[&str]) -> Vec<String> {
        words.iter().map(|&word| word.to_owned()).collect()
    }

    #[test]
    fn a_misspelt_word_finds_the_one_that_was_meant() {
        let known = words(&["attempt_timeout", "deadline", "rows"]);
        assert_eq!(nearest("attemp_timeout", &known), Some("attempt_timeout"));
        assert_eq!(nearest("Attempt-Timeout", &known), Some("attempt_timeout"));
        assert_eq!(nearest("row", &known), Some("rows"));
        assert_eq!(nearest("wal", &known), None);
        assert_eq!(nearest(&"x".repeat(100_000), &known), None);
    }

    #[test]
    fn what_is_quoted_is_short_and_harmless_and_holds_no_password() {
        assert_eq!(quoted("a\u{1b}[31m`b\n"), "`a\u{fffd}[31m\u{fffd}b\u{fffd}`");
        assert_eq!(quoted("pg://me:hunter2@host/db"), "`pg://me:***@host/db`");
        assert_eq!(quoted(&"x".repeat(61)), format!("`{}…`", "x".repeat(60)));
    }

    #[test]
    fn alternatives_read_as_a_sentence() {
        assert_eq!(alternatives(&words(&["a"])), "`a`");
        assert_eq!(alternatives(&words(&["a", "b"])), "`a` or `b`");
        assert_eq!(alternatives(&words(&["a", "b", "c"])), "`a`, `b` or `c`");
    }
}
