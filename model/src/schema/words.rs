//! The closed lists of words.

/// What a batch does to a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Op {
    /// The unit becomes what the row says.
    Replace,
    /// The unit goes.
    Delete,
}

impl Op {
    /// The number in the column `op`.
    pub fn code(self) -> u8 {
        match self {
            Self::Replace => 0,
            Self::Delete => 1,
        }
    }

    /// The word in NDJSON.
    pub fn word(self) -> &'static str {
        OPS[self.code() as usize]
    }
}

/// The words for `op`, by their number.
pub const OPS: [&str; 2] = ["replace", "delete"];

/// The words for `position_encoding`, by their number.
pub const POSITION_ENCODINGS: [&str; 3] = ["utf-8", "utf-16", "utf-32"];

/// The languages that astload parses, by name. Units from elsewhere may be in any other.
pub const LANGUAGES: [&str; 12] = [
    "c",
    "cpp",
    "csharp",
    "go",
    "java",
    "javascript",
    "php",
    "python",
    "ruby",
    "rust",
    "tsx",
    "typescript",
];

/// What a node may be labelled.
pub const LABELS: [&str; 12] = [
    "File",
    "Symbol",
    "Local",
    "Ast",
    "Token",
    "Comment",
    "Chunk",
    "Type",
    "Cfg",
    "Diagnostic",
    "Tag",
    "Meta",
];

/// The label of node 0.
pub const ROOT_LABEL: &str = "File";

/// The label of any other node of which nothing is said.
pub(crate) const DEFAULT_LABEL: &str = "Ast";

/// The bits of a unit's flags.
pub const UNIT_FLAGS: [&str; 6] =
    ["has_error", "generated", "test", "binary", "truncated", "text_replaced"];

/// The bits of a node's flags.
pub const NODE_FLAGS: [&str; 6] = ["named", "extra", "error", "missing", "definition", "external"];

/// The bits of an edge's flags.
pub const EDGE_FLAGS: [&str; 7] =
    ["definition", "import", "write", "read", "generated", "test", "forward"];

/// The flags with these names, of [`UNIT_FLAGS`], [`NODE_FLAGS`] or [`EDGE_FLAGS`].
///
/// ```
/// # use astload_model::{NODE_FLAGS, flags};
/// assert_eq!(flags(&NODE_FLAGS, &["named", "error"]), Some(0b101));
/// assert_eq!(flags(&NODE_FLAGS, &["named", "typo"]), None);
/// ```
pub fn flags(names: &[&str], set: &[&str]) -> Option<u16> {
    set.iter().try_fold(0, |flags, flag| {
        let bit = names.iter().position(|name| name == flag)?;
        Some(flags | 1 << bit)
    })
}
