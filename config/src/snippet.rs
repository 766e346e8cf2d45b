//! A line of a file in which every value but the offending one is masked, and what is meant.
//!
//! The line is put together again from what is known to be harmless: keys, and the characters that
//! hold a mapping together. Everything else of it, comments too, is left out.

use crate::source::{Source, Span};
use crate::url::redacted;

/// What a masked value looks like.
const MASK: &str = "***";

/// Characters of a line that are shown; more is cut around the place.
const WIDTH_MAX: usize = 160;

/// Bytes on both sides of the place that are looked at: a line may be a whole file.
const NEAR_BYTES: usize = 1_024;

/// What holds values together.
const STRUCTURE: &str = "{}[],:-? ";

/// What is pointed at, and whether the value there may be shown.
#[derive(Debug, Clone)]
pub(crate) struct Pointed {
    pub(crate) span: Span,
    pub(crate) shown: bool,
}

/// A piece of a line as it is shown.
struct Piece {
    span: Span,
    text: String,
}

/// The gutter, the masked line, and below it what is pointed at.
pub(crate) fn snippet(source: &Source, pointed: &Pointed) -> String {
    let line = source.line(pointed.span.start);
    let (number, _) = source.place(pointed.span.start);
    let pieces = match &source.tokens {
        Some(_) => pieces(source, &line, pointed),
        None => untrusted(source, &line),
    };
    let end = pointed.span.end.min(line.end).max(pointed.span.start);
    let from = column(&pieces, pointed.span.start);
    let to = column(&pieces, end).max(from + 1);
    let text: Vec<char> = pieces.iter().flat_map(|piece| piece.text.chars()).collect();
    let (text, cut) = window(&text, from);
    let (from, to) = (from - cut, (to - cut).min(WIDTH_MAX + 2).max(from - cut + 1));
    let gutter = " ".repeat(number.to_string().len());
    let pointer = format!("{}{}", " ".repeat(from), "^".repeat(to - from));
    format!("{gutter} |\n{number} | {}\n{gutter} | {pointer}\n", text.trim_end())
}

/// The part of a line around a column, and how many columns were cut before it.
fn window(text: &[char], column: usize) -> (String, usize) {
    if text.len() <= WIDTH_MAX {
        return (text.iter().collect(), 0);
    }
    let first = column.saturating_sub(WIDTH_MAX / 2).min(text.len() - WIDTH_MAX / 2);
    let part: String = text.iter().skip(first).take(WIDTH_MAX).collect();
    match first {
        0 => (part, 0),
        // The mark takes a column.
        _ => (format!("…{part}"), first - 1),
    }
}

fn pieces(source: &Source, line: &Span, pointed: &Pointed) -> Vec<Piece> {
    let tokens = source.tokens.as_deref().unwrap_or_default();
    let near = line.start.max(pointed.span.start.saturating_sub(NEAR_BYTES));
    let far = line.end.min(pointed.span.start + NEAR_BYTES);
    let first = tokens.partition_point(|token| token.span.end <= near);
    let before = first.checked_sub(1).map_or(0, |before| tokens[before].span.end);
    let mut at = line.start.max(before);
    let mut pieces = Vec::new();
    if at > line.start {
        pieces.push(Piece { span: at..at, text: "…".to_owned() });
    }
    for token in &tokens[first..] {
        if token.span.start >= line.end {
            break;
        }
        if token.span.start >= far {
            return pieces;
        }
        if token.span.is_empty() {
            continue;
        }
        let (start, end) = (token.span.start.max(at), token.span.end.min(line.end));
        structure(&source.text, at..start, &mut pieces);
        let whole = token.span.start >= line.start && token.span.end <= line.end;
        let is_pointed = pointed.shown && pointed.span == token.span;
        let text = &source.text[start..end.max(start)];
        let text = match () {
            () if whole && token.is_key => redacted(text).into_owned(),
            () if whole && is_pointed && redacted(text) == text => text.to_owned(),
            () => MASK.to_owned(),
        };
        let shown = text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
        pieces.push(Piece { span: start..end.max(start), text: shown });
        at = end.max(at);
    }
    structure(&source.text, at..line.end.max(at), &mut pieces);
    pieces
}

/// What stands between two values: up to a comment, and nothing that could be a value itself.
fn structure(text: &str, span: Span, pieces: &mut Vec<Piece>) {
    let between = &text[span.clone()];
    let between = between.split('#').next().unwrap_or_default();
    let shown = |c: char| match c {
        c if STRUCTURE.contains(c) => c,
        c if c.is_whitespace() => ' ',
        _ => '*',
    };
    let end = span.start + between.len();
    pieces.push(Piece { span: span.start..end, text: between.chars().map(shown).collect() });
}

/// A line of a text that is no YAML: its first key, if it looks like one.
fn untrusted(source: &Source, line: &Span) -> Vec<Piece> {
    let text = source.text[line.clone()].trim_end();
    let indent = text.len() - text.trim_start_matches([' ', '-', '\t']).len();
    let rest = &text[indent..];
    let is_key = |key: &str| {
        !key.is_empty()
            && key.len() <= 40
            && key.chars().all(|c| c.is_ascii_alphanumeric() || "_-".contains(c))
    };
    let kept = match rest.split_once(':') {
        Some((key, value)) if is_key(key) && (value.is_empty() || value.starts_with(' ')) => {
            indent + key.len() + 1
        }
        _ => indent,
    };
    let masked = match text.len() - kept {
        0 => String::new(),
        _ if kept > indent => format!(" {MASK}"),
        _ => MASK.to_owned(),
    };
    let (shown, hidden) = (line.start..line.start + kept, line.start + kept..line.end);
    vec![
        Piece { span: shown, text: text[..kept].replace('\t', " ") },
        Piece { span: hidden, text: masked },
    ]
}

/// Where a byte of the line is once it is masked.
fn column(pieces: &[Piece], byte: usize) -> usize {
    let mut column = 0;
    for Piece { span, text } in pieces {
        let width = text.chars().count();
        if byte < span.end {
            // Inside of what is masked, its beginning.
            let inside = byte.saturating_sub(span.start);
            let same = text.len() == span.len();
            return column
                + if same { text[..text.floor_char_boundary(inside)].chars().count() } else { 0 };
        }
        column += width;
    }
    column
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::parse;

    fn show(text: &str, at: &str, shown: bool) -> String {
        let start = text.find(at).expect("there");
        let parsed = parse(text);
        let tokens = parsed.root.map(|_| parsed.tokens);
        let source = Source { path: "x.yaml".into(), text: text.to_owned(), tokens };
        snippet(&source, &Pointed { span: start..start + at.len(), shown })
    }

    #[test]
    fn every_value_but_the_offending_one_is_masked() {
        let text = "a:\n  b: {type: x, url: 'pw', write: {attemp: 30s}} # pw\n";
        assert_eq!(
            show(text, "attemp", false),
            "  |\n2 |   b: {type: ***, url: ***, write: {attemp: ***}}\n  |                                    ^^^^^^\n"
        );
        assert_eq!(
            show(text, "30s", true),
            "  |\n2 |   b: {type: ***, url: ***, write: {attemp: 30s}}\n  |                                            ^^^\n"
        );
    }

    #[test]
    fn text_over_several_lines_is_masked_on_each() {
        let text = "a: |\n  pw one\n  pw two\nb: \"pw\n  three\"\nc: pw\n  four\nd: >-\n  pw";
        for line in ["a:", "  pw one", "  pw two", "b:", "  three", "c:", "  four", "d:", "  pw"] {
            let shown = show(text, line, true);
            assert!(!shown.contains("pw") && !shown.contains("four"), "{shown}");
            assert!(!shown.contains("three"), "{shown}");
        }
    }

    #[test]
    fn a_line_of_what_is_no_yaml_shows_its_key_alone() {
        for (line, shown) in [
            ("  - pass: [pw", "  - pass: ***"),
            ("postgres://u:pw@h", "***"),
            ("pass: pw", "pass: ***"),
            ("pass:", "pass:"),
            ("pw", "***"),
        ] {
            let text = format!("{line}\n{{");
            let (first, _) = line.split_at(1);
            let all = show(&text, first, true);
            assert!(all.contains(&format!("1 | {shown}\n")), "{all}");
        }
    }

    #[test]
    fn a_long_line_is_cut_around_the_place() {
        let text = format!("{{{}bad: 1, {}}}", "a: 1, ".repeat(100), "b: 1, ".repeat(100));
        let shown = show(&text, "bad", true);
        let lines: Vec<&str> = shown.lines().collect();
        assert!(lines[1].chars().count() <= WIDTH_MAX + 10, "{shown}");
        let column = lines[2].find('^').expect("pointed");
        let under: String = lines[1].chars().skip(column).take(3).collect();
        assert_eq!(under, "bad", "{shown}");
    }
}
