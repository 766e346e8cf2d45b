//! What the parser objects to, in words that a user of YAML knows.

use granit_parser::ErrorKind;

/// What is wrong, and what can be done. Never text of the file.
pub(super) fn words(kind: &ErrorKind) -> (&'static str, Option<&'static str>) {
    use ErrorKind as E;
    match kind {
        E::UnexpectedEofFlowSequence | E::UnclosedFlowCollection { open: '[' } => {
            ("`[` is never closed", Some("close it with `]`"))
        }
        E::UnexpectedEofFlowMapping
        | E::UnexpectedEofImplicitFlowMapping
        | E::UnclosedFlowCollection { .. } => ("`{` is never closed", Some("close it with `}`")),
        E::MismatchedFlowCollectionEnd { open: '[', .. } => {
            ("`[` is closed by `}`", Some("close it with `]`"))
        }
        E::MismatchedFlowCollectionEnd { .. } => {
            ("`{` is closed by `]`", Some("close it with `}`"))
        }
        E::MisplacedFlowCollectionEnd => ("a bracket closes what was never opened", None),
        E::ExpectedFlowMappingSeparator => ("`,` or `}` is missing before this", None),
        E::ExpectedFlowSequenceSeparator => ("`,` or `]` is missing before this", None),
        E::TabNotAllowed
        | E::TabInBlockIndentation
        | E::TabInIndentation
        | E::TabAtBlockScalarStart
        | E::TabInPlainScalar => ("a tab cannot indent", Some("YAML is indented by spaces")),
        E::UnclosedQuotedScalar
        | E::DocumentIndicatorInQuotedScalar
        | E::InvalidQuotedScalarIndent => (
            "a quote that was opened above is not closed",
            Some("text in quotes over several lines is indented"),
        ),
        E::InvalidTrailingSingleQuotedScalar | E::InvalidTrailingDoubleQuotedScalar => {
            ("nothing may follow a closing quote", Some("quote the whole value"))
        }
        E::UnknownQuotedScalarEscape => {
            ("unknown escape after `\\`", Some("in single quotes a backslash is plain text"))
        }
        E::MappingValueNotAllowed | E::InvalidColonPlacement | E::MappingKeyNotAllowed => (
            "a second `key: value` stands where a value ends",
            Some("begin a line for each field, or quote a value that holds `: `"),
        ),
        E::SimpleKeyExpected | E::InvalidSimpleKey | E::ExpectedBlockMappingKey => (
            "expected `key: value`",
            Some("a colon and a space follow a key; fields of one mapping begin in one column"),
        ),
        E::InvalidIndentation | E::InvalidBlockScalarIndent | E::InvalidFlowScalarIndent => {
            ("this line's indentation fits no line above", None)
        }
        E::RecursionLimitExceeded => ("this is nested too deeply", None),
        E::UnexpectedCharacter { .. } => {
            ("no value can begin with this character", Some("put the value in quotes"))
        }
        E::DirectiveDisallowed => ("directives (`%`) are not supported", None),
        E::UndeclaredTagHandle => {
            ("tags (`!`) are not supported", Some("quote text that begins with `!`"))
        }
        E::CommentNotSeparated => ("a space is missing before `#`", None),
        E::BlockEntryInFlowCollection
        | E::BlockSequenceEntryNotAllowed
        | E::ExpectedBlockSequenceEntry => (
            "a list item (`- `) cannot stand here",
            Some("items of a list begin in the same column"),
        ),
        _ => ("this is no valid YAML", None),
    }
}
