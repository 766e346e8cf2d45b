//! The backends of a file, with references resolved, held against the schema.

use std::collections::HashSet;
use std::path::Path;

use serde_json::{Map, Value, json};

use super::files::{File, read_file};
use super::{Environment, Fault};
use crate::check::{At, Check, Finding, escaped, is_outer, unescaped};
use crate::schema::{BACKEND_FIELDS, BACKENDS_MAX, FileSchema, Known};
use crate::secrets::HIDDEN;
use crate::source::Span;
use crate::url::{redacted, secrets};
use crate::words::quoted;
use crate::yaml::{Content, Entry, Node, plain};

/// Size of a file that holds a secret.
const SECRET_BYTES_MAX: usize = 64 << 10;

/// Resolves what one file says.
pub(super) struct Resolving<'a> {
    pub(super) schema: &'a FileSchema,
    pub(super) environment: Environment<'a>,
    pub(super) defaults: Option<&'a Node>,
    pub(super) number: usize,
    pub(super) file: &'a File,
}

/// A backend as a file has it.
pub(super) struct Draft<'a> {
    pub(super) file: usize,
    pub(super) entry: &'a Entry,
    /// The schema of its type's options, where the type is known.
    pub(super) options_schema: Option<&'a Value>,
    /// Its options, as the type takes them.
    pub(super) options: Map<String, Value>,
    /// Its options, as they may be shown.
    pub(super) shown: Map<String, Value>,
    /// Texts among its options that are secrets.
    pub(super) secrets: Vec<String>,
}

/// What came of the options of a file's backends.
#[derive(Default)]
struct Resolved {
    /// Values that must not be told.
    hidden: HashSet<Span>,
    /// Values that are unknown, for a reference leads nowhere.
    unknown: HashSet<Span>,
    /// Texts that are secrets, of one backend.
    secrets: Vec<String>,
    faults: Vec<Fault>,
}

/// A value as its type takes it, and as it may be shown.
struct Both {
    value: Value,
    shown: Value,
}

impl<'a> Resolving<'a> {
    /// All backends of the file; what is wrong with it joins the faults.
    pub(super) fn backends(&self, faults: &mut Vec<Fault>) -> Vec<Draft<'a>> {
        let mut resolved = Resolved::default();
        self.hide_blocks(&self.file.root, &mut resolved.hidden);
        let entries = self.file.root.entry("backends").map(|entry| entry.value.entries());
        // The schema refuses more.
        let entries = entries.unwrap_or_default().iter().take(BACKENDS_MAX + 1);
        let drafts: Vec<Draft<'a>> =
            entries.map(|entry| self.backend(entry, &mut resolved)).collect();
        let findings = self.findings(&drafts, &resolved);
        faults.append(&mut resolved.faults);
        for finding in findings {
            faults.extend(self.fault(finding, &resolved));
        }
        drafts
    }

    /// Text below a `|` may be anything that was indented by mistake: it is not told.
    fn hide_blocks(&self, node: &Node, hidden: &mut HashSet<Span>) {
        if node.text().is_some() && self.file.source.text[node.span.clone()].contains('\n') {
            hidden.insert(node.span.clone());
        }
        node.items().iter().for_each(|item| self.hide_blocks(item, hidden));
        node.entries().iter().for_each(|entry| self.hide_blocks(&entry.value, hidden));
    }

    fn backend(&self, entry: &'a Entry, resolved: &mut Resolved) -> Draft<'a> {
        let type_name = entry.value.entry("type").and_then(|entry| entry.value.text());
        let options_schema = type_name.and_then(|name| self.schema.options_of(name));
        if options_schema.is_none() {
            hide(&entry.value, &mut resolved.hidden);
        }
        let (mut options, mut shown) = (Map::new(), Map::new());
        let known = options_schema.map(|schema| Known::of(schema, schema));
        for Entry { key, value, .. } in entry.value.entries() {
            if !BACKEND_FIELDS.contains(&key.as_str()) {
                let known = known.as_ref().map(|known| known.field(key));
                let both = self.option(value, known.as_ref(), resolved);
                options.insert(key.clone(), both.value);
                shown.insert(key.clone(), both.shown);
            }
        }
        // A setting of every backend, where its type knows what to do with it.
        if let Some((_, durability)) = self.durability(&entry.value)
            && known.is_some_and(|known| known.fields().iter().any(|field| field == "durability"))
            && !options.contains_key("durability")
        {
            options.insert("durability".into(), durability.content.to_json());
        }
        let secrets = std::mem::take(&mut resolved.secrets);
        Draft { file: self.number, entry, options_schema, options, shown, secrets }
    }

    /// What a backend's writes survive, and the file that says so.
    fn durability(&self, backend: &'a Node) -> Option<(usize, &'a Node)> {
        let of = |node: &'a Node| Some(&node.entry("write")?.value.entry("durability")?.value);
        let own = of(backend).map(|node| (self.number, node));
        own.or_else(|| self.defaults.and_then(of).map(|node| (0, node)))
    }

    fn option(&self, node: &Node, known: Option<&Known<'_>>, resolved: &mut Resolved) -> Both {
        let is_scalar = known.is_none_or(Known::takes_scalars);
        let is_secret = known.is_none_or(Known::is_secret);
        if is_secret {
            hide(node, &mut resolved.hidden);
        }
        match &node.content {
            Content::Mapping(entries) if is_scalar && is_reference(entries) => {
                self.reference(node, entries, known, resolved)
            }
            Content::Mapping(entries) => {
                let (mut values, mut shown) = (Map::new(), Map::new());
                for Entry { key, value, .. } in entries {
                    let known = known.map(|known| known.field(key));
                    let both = self.option(value, known.as_ref(), resolved);
                    values.insert(key.clone(), both.value);
                    shown.insert(key.clone(), both.shown);
                }
                let shown = if is_secret { json!(HIDDEN) } else { Value::Object(shown) };
                Both { value: Value::Object(values), shown }
            }
            Content::List(items) => {
                let known = known.map(Known::item);
                let items = items.iter().map(|item| self.option(item, known.as_ref(), resolved));
                let (values, shown): (Vec<_>, Vec<_>) =
                    items.map(|both| (both.value, both.shown)).unzip();
                let shown = if is_secret { json!(HIDDEN) } else { Value::Array(shown) };
                Both { value: Value::Array(values), shown }
            }
            Content::Text(text) if !is_secret => {
                let shown = redacted(text);
                for secret in secrets(text) {
                    resolved.hidden.insert(node.span.clone());
                    resolved.secrets.push(secret);
                }
                Both { value: json!(text), shown: json!(shown) }
            }
            Content::Null | Content::Bool(_) | Content::Number(_) | Content::Text(_) => {
                let value = node.content.to_json();
                if is_secret {
                    resolved
                        .secrets
                        .push(node.text().map_or_else(|| value.to_string(), str::to_owned));
                }
                let shown = if is_secret { json!(HIDDEN) } else { value.clone() };
                Both { value, shown }
            }
        }
    }

    fn reference(
        &self,
        node: &Node,
        entries: &[Entry],
        known: Option<&Known<'_>>,
        resolved: &mut Resolved,
    ) -> Both {
        match self.referred(node, entries) {
            Ok((text, shown)) => {
                resolved.hidden.insert(node.span.clone());
                resolved.secrets.push(text.clone());
                Both { value: known.map_or(json!(text), |known| typed(&text, known)), shown }
            }
            Err(fault) => {
                resolved.faults.push(fault);
                resolved.unknown.insert(node.span.clone());
                Both { value: Value::Null, shown: Value::Null }
            }
        }
    }

    /// What a reference leads to, and how it is shown.
    fn referred(&self, node: &Node, entries: &[Entry]) -> Result<(String, Value), Fault> {
        let [Entry { key, value, .. }] = entries else {
            let message = "a reference has one of `env` and `file`, not both";
            return Err(Fault::new(self.number, node.span.clone(), message));
        };
        let fault = |message: String| Fault::new(self.number, value.span.clone(), message);
        let name = value.text().unwrap_or_default();
        if key == "file" {
            if name.is_empty() {
                return Err(fault("`file` expects a path".into()));
            }
            let path = self.file.folder().join(name);
            let text = secret_file(&path);
            let text =
                text.map_err(|reason| fault(format!("{} {reason}", quoted(name))).shown())?;
            let path = std::path::absolute(&path).unwrap_or(path);
            return Ok((text, json!({"file": path.to_string_lossy()})));
        }
        let begins = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        if !begins || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
            // It may be the secret itself.
            let hint = "write e.g. `{env: DATABASE_URL}`, and the value into the environment";
            return Err(
                fault("`env` expects the name of an environment variable".into()).with_hint(hint)
            );
        }
        match (self.environment)(name).map(std::ffi::OsString::into_string) {
            Some(Ok(text)) => Ok((text, json!({"env": name}))),
            Some(Err(_)) => {
                Err(fault(format!("environment variable {} is not UTF-8", quoted(name))).shown())
            }
            None => {
                let hint = "set it where astload is started, or use `{file: PATH}`";
                Err(fault(format!("environment variable {} is not set", quoted(name)))
                    .shown()
                    .with_hint(hint))
            }
        }
    }

    /// What of the file does not fit the schema.
    fn findings(&self, drafts: &[Draft<'_>], resolved: &Resolved) -> Vec<Finding> {
        let hides = |pointer: &str| {
            let (_, node) = located(&self.file.root, pointer);
            node.is_some_and(|node| resolved.hidden.contains(&node.span))
        };
        let document = self.schema.document();
        let check = Check { document, validator: self.schema.validator(), hides: &hides };
        check.findings(&self.instance(drafts))
    }

    /// The file as JSON, with the options that references stand for.
    fn instance(&self, drafts: &[Draft<'_>]) -> Value {
        let mut instance = self.file.root.content.to_json();
        if instance.is_null() {
            // All of it may be commented out.
            return json!({});
        }
        for Draft { entry, options, .. } in drafts {
            if let Some(backend) = instance["backends"][&entry.key].as_object_mut() {
                let options = options.iter().map(|(key, value)| (key.clone(), value.clone()));
                backend.extend(options);
            }
        }
        if let (true, Some(fields)) = (self.file.included, instance.as_object_mut()) {
            // They are refused in words of their own.
            fields.retain(|field, _| field != "include" && field != "defaults");
        }
        instance
    }

    /// A finding at its place in the file, unless it is of a value that is unknown.
    fn fault(&self, finding: Finding, resolved: &Resolved) -> Option<Fault> {
        let root = &self.file.root;
        let place = |pointer: &str| {
            let (key, node) = located(root, pointer);
            key.unwrap_or_else(|| node.map_or(0..0, |node| node.span.start..node.span.start))
        };
        let (number, span, shown) = match &finding.at {
            At::Name(pointer) => (self.number, place(pointer), false),
            At::Key(pointer, key) => {
                (self.number, place(&format!("{pointer}/{}", escaped(key))), false)
            }
            At::Value(pointer) => match located(root, pointer) {
                (_, Some(node)) if resolved.unknown.contains(&node.span) => return None,
                (_, Some(node)) if self.file.objected.contains(&node.span) => return None,
                // A value that is not there is where its name is.
                (Some(key), Some(node)) if node.span.is_empty() => (self.number, key, false),
                (_, Some(node)) => {
                    let shown = !is_outer(pointer) && !resolved.hidden.contains(&node.span);
                    (self.number, node.span.clone(), shown)
                }
                // The only value that is not where it is used.
                (_, None) => {
                    let backend = pointer.rsplit_once('/').map_or("", |(backend, _)| backend);
                    let (number, node) = self.durability(located(root, backend).1?)?;
                    (number, node.span.clone(), true)
                }
            },
        };
        let fault = Fault::new(number, span, finding.message);
        let fault = Fault { hint: finding.hint, ..fault };
        Some(if shown { fault.shown() } else { fault })
    }
}

/// The value at a JSON pointer, and the place of its key.
fn located<'n>(root: &'n Node, pointer: &str) -> (Option<Span>, Option<&'n Node>) {
    let (mut key, mut node) = (None, Some(root));
    for part in pointer.split('/').skip(1) {
        let Some(parent) = node else { return (None, None) };
        let entry = parent.entry(&unescaped(part));
        let item = || part.parse::<usize>().ok().and_then(|item| parent.items().get(item));
        key = entry.map(|entry| entry.key_span.clone());
        node = entry.map(|entry| &entry.value).or_else(item);
    }
    (key, node)
}

/// Nothing but `env` or `file`.
fn is_reference(entries: &[Entry]) -> bool {
    let names = entries.iter().all(|entry| entry.key == "env" || entry.key == "file");
    names && !entries.is_empty()
}

/// What a file holds, without the end of its last line; else what follows its name.
fn secret_file(path: &Path) -> Result<String, String> {
    let bytes = read_file(path, SECRET_BYTES_MAX)?;
    if bytes.len() > SECRET_BYTES_MAX {
        return Err("is larger than the 64 KiB that a secret may have".into());
    }
    let mut text = String::from_utf8(bytes).map_err(|_| "is not UTF-8")?;
    if text.ends_with('\n') {
        text.pop();
        if text.ends_with('\r') {
            text.pop();
        }
    }
    Ok(text)
}

/// Text as what its type wants, where that is a number or a truth value.
fn typed(text: &str, known: &Known<'_>) -> Value {
    let wants = |value: &Value| match value {
        Value::Bool(_) => known.names_type("boolean"),
        Value::Number(_) => known.names_type("integer") || known.names_type("number"),
        Value::Null | Value::String(_) | Value::Array(_) | Value::Object(_) => false,
    };
    let value = plain(text).to_json();
    if !known.names_type("string") && wants(&value) { value } else { json!(text) }
}

/// Nothing of a value is told.
fn hide(node: &Node, hidden: &mut HashSet<Span>) {
    hidden.insert(node.span.clone());
    node.items().iter().for_each(|item| hide(item, hidden));
    node.entries().iter().for_each(|entry| hide(&entry.value, hidden));
}
