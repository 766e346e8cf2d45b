//! A file of the configuration as it was written, and where in it something stands.

use std::ops::Range;
use std::path::PathBuf;

/// A part of a source, in bytes.
pub(crate) type Span = Range<usize>;

/// A scalar as it stands in a source.
#[derive(Clone)]
pub(crate) struct Token {
    pub(crate) span: Span,
    pub(crate) is_key: bool,
}

/// A file's text.
pub(crate) struct Source {
    /// As the user would name it.
    pub(crate) path: PathBuf,
    pub(crate) text: String,
    /// Every scalar, in order; `None` where the text is no YAML, and no line of it can be trusted.
    pub(crate) tokens: Option<Vec<Token>>,
}

impl Source {
    /// Line and column of a byte, both from 1; columns count characters.
    pub(crate) fn place(&self, at: usize) -> (usize, usize) {
        let line = self.line(at);
        let number = self.text[..line.start].bytes().filter(|&byte| byte == b'\n').count() + 1;
        (number, self.text[line.start..at.min(line.end)].chars().count() + 1)
    }

    /// The line around a byte, without its end.
    pub(crate) fn line(&self, at: usize) -> Span {
        let at = self.text.floor_char_boundary(at);
        let start = self.text[..at].rfind('\n').map_or(0, |end| end + 1);
        let end = self.text[at..].find('\n').map_or(self.text.len(), |end| at + end);
        start..end.max(start)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_columns_count_from_one_in_characters() {
        let text = "ä: b\r\n  ö: ü\n".to_owned();
        let source = Source { path: "x".into(), text, tokens: None };
        assert_eq!(source.place(0), (1, 1));
        assert_eq!(source.place(4), (1, 4));
        assert_eq!(source.place(source.text.find('ü').expect("there")), (2, 6));
        assert_eq!(source.place(source.text.len()), (3, 1));
    }
}
