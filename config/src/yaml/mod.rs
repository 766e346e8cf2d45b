//! YAML as a tree in which every key and value knows its place.
//!
//! Only what JSON can say is taken: no anchors, tags, merge keys or second documents. They are
//! problems at their place, and what is around them is still read, so that all is told at once. Nor
//! may quotes go on over lines: one that was forgotten would swallow what follows, secrets too.

mod scalar;
mod words;
mod write;

use std::collections::HashMap;

use granit_parser::{Event, Options, Parser, ScalarStyle, ScanError, Span as Marked, StrInput};
use serde_json::{Map, Number, Value};

use crate::source::{Span, Token};

pub(crate) use scalar::resolve as plain;
pub(crate) use write::to_yaml;

/// Nesting of mappings and lists: a configuration needs six.
const DEPTH_MAX: usize = 32;

/// Keys, values, lists and mappings in one file.
const NODES_MAX: usize = 50_000;

/// A value at its place.
pub(crate) struct Node {
    pub(crate) span: Span,
    pub(crate) content: Content,
}

/// A value. It has no `Debug`, for it may be a secret.
pub(crate) enum Content {
    Null,
    Bool(bool),
    Number(Number),
    Text(String),
    List(Vec<Node>),
    Mapping(Vec<Entry>),
}

/// A field of a mapping.
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) key_span: Span,
    pub(crate) value: Node,
}

/// Something that YAML has and we do not take, or no YAML at all.
pub(crate) struct Objection {
    pub(crate) span: Span,
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
}

/// What a text is.
pub(crate) struct Parsed {
    /// `None` where it is no YAML.
    pub(crate) root: Option<Node>,
    /// Every scalar, in order.
    pub(crate) tokens: Vec<Token>,
    pub(crate) objections: Vec<Objection>,
}

impl Content {
    pub(crate) fn to_json(&self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Bool(value) => Value::Bool(*value),
            Self::Number(number) => Value::Number(number.clone()),
            Self::Text(text) => Value::String(text.clone()),
            Self::List(items) => items.iter().map(|item| item.content.to_json()).collect(),
            Self::Mapping(entries) => {
                let fields = entries.iter().map(|e| (e.key.clone(), e.value.content.to_json()));
                Value::Object(fields.collect::<Map<_, _>>())
            }
        }
    }
}

impl Node {
    /// The fields, where it is a mapping.
    pub(crate) fn entries(&self) -> &[Entry] {
        match &self.content {
            Content::Mapping(entries) => entries,
            Content::Null
            | Content::Bool(_)
            | Content::Number(_)
            | Content::Text(_)
            | Content::List(_) => &[],
        }
    }

    /// The items, where it is a list.
    pub(crate) fn items(&self) -> &[Node] {
        match &self.content {
            Content::List(items) => items,
            Content::Null
            | Content::Bool(_)
            | Content::Number(_)
            | Content::Text(_)
            | Content::Mapping(_) => &[],
        }
    }

    /// A field of a mapping.
    pub(crate) fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries().iter().find(|entry| entry.key == key)
    }

    /// The text, where it is one.
    pub(crate) fn text(&self) -> Option<&str> {
        match &self.content {
            Content::Text(text) => Some(text),
            Content::Null
            | Content::Bool(_)
            | Content::Number(_)
            | Content::List(_)
            | Content::Mapping(_) => None,
        }
    }
}

/// Reads a text.
pub(crate) fn parse(text: &str) -> Parsed {
    let mut options = Options::default();
    options.disallow_directives = true;
    options.emit_unresolved_aliases = true;
    options.emit_anchor_events = true;
    options.flow_nesting_limit = DEPTH_MAX;
    options.block_nesting_limit = DEPTH_MAX;
    options.set_emit_comments(false);
    let events = Parser::new_from_str_with_options(text, options);
    let mut builder = Builder { text, events, tokens: vec![], objections: vec![], nodes: 0 };
    let root = match builder.document() {
        Ok(root) => Some(root),
        Err(stop) => {
            builder.objections.push(stop);
            None
        }
    };
    let Builder { tokens, objections, .. } = builder;
    Parsed { root, tokens, objections }
}

struct Builder<'t> {
    text: &'t str,
    events: Parser<'t, StrInput<'t>>,
    tokens: Vec<Token>,
    objections: Vec<Objection>,
    nodes: usize,
}

impl<'t> Builder<'t> {
    /// The only document.
    fn document(&mut self) -> Result<Node, Objection> {
        let mut root = None;
        while let Some((event, span)) = self.next()? {
            match event {
                Event::StreamStart | Event::DocumentEnd | Event::StreamEnd => {}
                Event::DocumentStart(..) if root.is_some() => {
                    let hint =
                        "put the rest into a file of its own, in a directory that `include` names";
                    self.object(span, "a file is one document, and a second one begins here", hint);
                    break;
                }
                Event::DocumentStart(..) => {}
                event => root = Some(self.node(event, span)?),
            }
        }
        Ok(root.unwrap_or(Node { span: 0..0, content: Content::Null }))
    }

    /// The next event that is no remark.
    fn next(&mut self) -> Result<Option<(Event<'t>, Span)>, Objection> {
        while let Some(event) = self.events.next() {
            let (event, marked) = match event {
                Ok(event) => event,
                Err(error) => return Err(self.objection(&error)),
            };
            let span = self.span(&marked);
            if let Some(tag) = marked.tag_span() {
                let tag = self.span(&tag);
                let hint = "leave it out; a secret is `{env: NAME}` or `{file: PATH}`";
                self.object(tag, "tags (`!`) are not supported", hint);
            }
            if !matches!(event, Event::Anchor(..)) {
                return Ok(Some((event, span)));
            }
            let hint = "leave it out; what backends share goes into `defaults`";
            self.object(span, "anchors (`&`) are not supported", hint);
        }
        Ok(None)
    }

    fn objection(&self, error: &ScanError) -> Objection {
        let (message, hint) = words::words(error.kind());
        let at = self.byte(error.marker().byte_offset(), error.marker().index());
        Objection { span: at..at, message: message.to_owned(), hint: hint.map(str::to_owned) }
    }

    fn span(&self, marked: &Marked) -> Span {
        let start = self.byte(marked.start.byte_offset(), marked.start.index());
        let end = self.byte(marked.end.byte_offset(), marked.end.index());
        start..end.max(start)
    }

    /// A place as bytes; the parser may know it in characters only.
    fn byte(&self, byte: Option<usize>, index: usize) -> usize {
        let counted = || self.text.char_indices().nth(index).map_or(self.text.len(), |(at, _)| at);
        self.text.floor_char_boundary(byte.unwrap_or_else(counted))
    }

    /// Whether text goes on after its first line, which is objected to.
    fn goes_on(&mut self, span: &Span, style: ScalarStyle) -> bool {
        let goes_on = self.text[span.clone()].trim_end().contains('\n');
        if goes_on {
            let hint = match style {
                ScalarStyle::Plain => {
                    "a bracket, a comma or the space after a colon may be missing; \
                     text of several lines is indented below a `|`"
                }
                ScalarStyle::Folded | ScalarStyle::Literal => {
                    "text of several lines is indented below a `|`, not a `>`"
                }
                _ => "close the quote; text of several lines is indented below a `|`",
            };
            self.object(span.clone(), "text goes on after the end of its line", hint);
        }
        goes_on
    }

    /// A span without the white space at its end, which block text has.
    fn trimmed(&self, span: &Span) -> Span {
        span.start..span.start + self.text[span.clone()].trim_end().len()
    }

    fn object(&mut self, span: Span, message: &str, hint: &str) {
        let (message, hint) = (message.to_owned(), Some(hint.to_owned()));
        self.objections.push(Objection { span, message, hint });
    }

    fn node(&mut self, event: Event<'t>, span: Span) -> Result<Node, Objection> {
        self.count(&span)?;
        let content = match event {
            Event::Scalar(text, style, ..) => {
                self.tokens.push(Token { span: self.trimmed(&span), is_key: false });
                match style {
                    ScalarStyle::Literal => Content::Text(text.into_owned()),
                    _ if self.goes_on(&span, style) => Content::Null,
                    ScalarStyle::Plain => scalar::resolve(&text),
                    _ => Content::Text(text.into_owned()),
                }
            }
            Event::SequenceStart(..) => return self.list(span),
            Event::MappingStart(..) => return self.mapping(span),
            Event::Alias(_) | Event::UnresolvedAlias(_) => {
                let hint = "write the value out; what backends share goes into `defaults`";
                self.object(span.clone(), "aliases (`*`) are not supported", hint);
                Content::Null
            }
            _ => Content::Null,
        };
        Ok(Node { span, content })
    }

    fn count(&mut self, span: &Span) -> Result<(), Objection> {
        self.nodes += 1;
        if self.nodes <= NODES_MAX {
            return Ok(());
        }
        let message = format!("a file has at most {NODES_MAX} keys and values");
        Err(Objection { span: span.clone(), message, hint: None })
    }

    fn list(&mut self, start: Span) -> Result<Node, Objection> {
        let mut items = Vec::new();
        while let Some((event, span)) = self.next()? {
            if matches!(event, Event::SequenceEnd) {
                let span = start.start..span.end.max(start.start);
                return Ok(Node { span, content: Content::List(items) });
            }
            items.push(self.node(event, span)?);
        }
        Ok(Node { span: start, content: Content::List(items) })
    }

    fn mapping(&mut self, start: Span) -> Result<Node, Objection> {
        let mut entries: Vec<Entry> = Vec::new();
        let mut seen: HashMap<String, usize> = HashMap::new();
        while let Some((event, key_span)) = self.next()? {
            if matches!(event, Event::MappingEnd) {
                let span = start.start..key_span.end.max(start.start);
                return Ok(Node { span, content: Content::Mapping(entries) });
            }
            let key = self.key(event, &key_span)?;
            let Some((event, span)) = self.next()? else { break };
            let value = self.node(event, span)?;
            let Some(key) = key else { continue };
            if let Some(&first) = seen.get(&key) {
                let line = self.text[..first].bytes().filter(|&byte| byte == b'\n').count() + 1;
                let message =
                    format!("{} is here twice, first in line {line}", crate::words::quoted(&key));
                self.objections.push(Objection { span: key_span, message, hint: None });
                continue;
            }
            seen.insert(key.clone(), key_span.start);
            entries.push(Entry { key, key_span, value });
        }
        Ok(Node { span: start, content: Content::Mapping(entries) })
    }

    /// The text of a key, where it is one.
    fn key(&mut self, event: Event<'t>, span: &Span) -> Result<Option<String>, Objection> {
        let text = match event {
            Event::Scalar(text, style, ..) => {
                self.count(span)?;
                self.tokens.push(Token { span: self.trimmed(span), is_key: true });
                if self.goes_on(span, style) {
                    return Ok(None);
                }
                if span.is_empty() {
                    self.object(span.clone(), "a key is missing before `:`", "write `key: value`");
                    return Ok(None);
                }
                text.into_owned()
            }
            event => {
                self.node(event, span.clone())?;
                self.object(span.clone(), "a key is text", "quote it if it begins with a bracket");
                return Ok(None);
            }
        };
        if text == "<<" {
            let hint = "write the fields out; what backends share goes into `defaults`";
            self.object(span.clone(), "merge keys (`<<`) are not supported", hint);
            return Ok(None);
        }
        Ok(Some(text))
    }
}
