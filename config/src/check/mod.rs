//! Holds a value against a schema, and says in plain words what does not fit, and where.

mod misfit;

use jsonschema::error::ValidationErrorKind as Kind;
use jsonschema::{ValidationError, Validator};
use serde_json::Value;

use crate::schema::Known;
use crate::words::{alternatives, described, kind, quoted, suggestion};
use misfit::unit_of;

/// Where something does not fit, as JSON pointers.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum At {
    /// The value at a pointer.
    Value(String),
    /// The name of the value at a pointer; of the whole where that is empty.
    Name(String),
    /// A key of the mapping at a pointer.
    Key(String, String),
}

/// Something that does not fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) at: At,
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
}

/// A schema, and which values must not be told.
pub(crate) struct Check<'c> {
    pub(crate) document: &'c Value,
    pub(crate) validator: &'c Validator,
    /// Whether the value at a pointer must not be told.
    pub(crate) hides: &'c dyn Fn(&str) -> bool,
}

impl Check<'_> {
    /// All that does not fit; of one value the first thing alone, but every field that it lacks.
    pub(crate) fn findings(&self, value: &Value) -> Vec<Finding> {
        let mut findings: Vec<Finding> = Vec::new();
        for error in self.validator.iter_errors(value).take(ERRORS_MAX) {
            self.find(&error, &mut findings);
        }
        let mut told: Vec<Finding> = Vec::new();
        for finding in findings {
            let is_told = |other: &Finding| match finding.at {
                At::Value(_) | At::Key(..) => other.at == finding.at,
                At::Name(_) => *other == finding,
            };
            if told.len() < FINDINGS_MAX && !told.iter().any(is_told) {
                told.push(finding);
            }
        }
        told
    }

    fn find(&self, error: &ValidationError<'_>, findings: &mut Vec<Finding>) {
        let pointer = error.instance_path().as_str();
        let at = |message: String, hint: Option<String>| Finding {
            at: At::Value(pointer.to_owned()),
            message,
            hint,
        };
        match error.kind() {
            Kind::AdditionalProperties { unexpected }
            | Kind::UnevaluatedProperties { unexpected } => {
                findings.extend(unexpected.iter().map(|key| self.unknown(error, key)));
            }
            Kind::PropertyNames { .. } | Kind::Required { .. } => findings.push(self.name(error)),
            Kind::AnyOf { context } | Kind::OneOfNotValid { context } => {
                self.choose(error, context, findings);
            }
            Kind::Enum { options } => {
                let options = options.as_array().map_or(&[][..], Vec::as_slice);
                findings.push(self.none_of(error, &texts(options)));
            }
            Kind::Constant { expected_value } => {
                findings.push(self.none_of(error, &[text(expected_value)]));
            }
            // Its format is what it does not fit, and says so better.
            Kind::Pattern { .. } if self.has_unit(error) => {}
            _ => {
                let (message, hint) = self.misfit(error);
                findings.push(at(format!("{} {message}", name_of(pointer)), hint));
            }
        }
    }

    /// A key that is not known.
    fn unknown(&self, error: &ValidationError<'_>, key: &str) -> Finding {
        let pointer = error.instance_path().as_str();
        let part = self.part(error).unwrap_or(&Value::Null);
        let known = Known::of(self.document, part).fields();
        let mut message = format!("unknown field {}{}", quoted(key), suggestion(key, &known));
        let mut hint = None;
        if !message.ends_with('?') {
            match known.len() {
                0 => message += ", for none is taken here",
                1..=8 => message += &format!(", expected {}", alternatives(&known)),
                _ => hint = Some(format!("the fields here are {}", known.join(", "))),
            }
        }
        Finding { at: At::Key(pointer.to_owned(), key.to_owned()), message, hint }
    }

    /// A key that cannot be, or is missing.
    fn name(&self, error: &ValidationError<'_>) -> Finding {
        let pointer = error.instance_path().as_str();
        match error.kind() {
            Kind::Required { property } => {
                let property = text(property);
                let part = self.part(error).unwrap_or(&Value::Null);
                let known = Known::of(self.document, part).field(&property);
                let words = known.words();
                let hint = match words.is_empty() {
                    true => known.description().map(|what| format!("`{property}`: {what}")),
                    false => Some(format!("`{property}` is {}", alternatives(&words))),
                };
                let message = format!("{} lacks `{property}`", name_of(pointer));
                Finding { at: At::Name(pointer.to_owned()), message, hint }
            }
            Kind::PropertyNames { error: inner } => {
                let key = text(inner.instance());
                let message = format!("{} is no name", quoted(&key));
                let hint = "a name is up to 64 of a-z, 0-9, _ and -, and begins with a letter";
                let hint = (pointer == "/backends").then(|| hint.to_owned());
                Finding { at: At::Key(pointer.to_owned(), key), message, hint }
            }
            _ => {
                Finding { at: At::Name(pointer.to_owned()), message: misfits(pointer), hint: None }
            }
        }
    }

    /// A value that is none of a closed list.
    fn none_of(&self, error: &ValidationError<'_>, options: &[String]) -> Finding {
        let pointer = error.instance_path().as_str();
        let value = error.instance();
        let mut message = format!("{} expects {}", name_of(pointer), alternatives(options));
        if is_type(pointer) && value.is_string() {
            message = format!("unknown type {}", quoted(&text(value)));
            let meant = suggestion(&text(value), options);
            message += &if meant.is_empty() {
                format!(", known are {}", alternatives(options))
            } else {
                meant
            };
        } else if let (Value::String(text), false) = (value.as_ref(), (self.hides)(pointer)) {
            message += &format!(", found {}{}", quoted(text), suggestion(text, options));
        } else {
            message += &format!(", found {}", self.found(error));
        }
        // What else can be done is told where nothing seems to be meant.
        let comment = || self.part(error)?["$comment"].as_str().map(str::to_owned);
        let hint = if message.ends_with('?') { None } else { comment() };
        Finding { at: At::Value(pointer.to_owned()), message, hint }
    }

    /// None of several schemas fits: the one that was probably meant is told.
    fn choose(
        &self,
        error: &ValidationError<'_>,
        context: &[Vec<ValidationError<'static>>],
        findings: &mut Vec<Finding>,
    ) {
        let here = error.instance_path().as_str();
        let is_here = |inner: &ValidationError<'_>| inner.instance_path().as_str() == here;
        let mut options = Vec::new();
        for inner in context.iter().flatten().filter(|inner| is_here(inner)) {
            match inner.kind() {
                Kind::Constant { expected_value } => options.push(text(expected_value)),
                Kind::Enum { options: all } => {
                    options.extend(texts(all.as_array().map_or(&[][..], Vec::as_slice)))
                }
                _ => {}
            }
        }
        let other_type = |branch: &&Vec<ValidationError<'_>>| {
            branch.iter().any(|inner| is_here(inner) && matches!(inner.kind(), Kind::Type { .. }))
        };
        let fitting: Vec<_> = context.iter().filter(|branch| !other_type(branch)).collect();
        match fitting.as_slice() {
            _ if !options.is_empty() => findings.push(self.none_of(error, &options)),
            [only] => only.iter().for_each(|inner| self.find(inner, findings)),
            [] => {
                let first = context.iter().flatten().find(|inner| is_here(inner));
                first.into_iter().for_each(|inner| self.find(inner, findings));
            }
            several => {
                let nearest = several.iter().min_by_key(|branch| branch.len());
                nearest.into_iter().for_each(|branch| {
                    branch.iter().for_each(|inner| self.find(inner, findings));
                });
            }
        }
    }

    fn has_unit(&self, error: &ValidationError<'_>) -> bool {
        let format = self.part(error).and_then(|part| part["format"].as_str());
        format.is_some_and(|format| unit_of(format).is_some())
    }

    /// The value that was found, or only its kind where it must not be told.
    fn found(&self, error: &ValidationError<'_>) -> String {
        match self.hides_text(error) {
            true => kind(error.instance()).to_owned(),
            false => described(error.instance()),
        }
    }

    /// Whether a value must not be told. Text in the place of all backends or of a whole one may be
    /// anything: a file of another kind, a URL.
    fn hides_text(&self, error: &ValidationError<'_>) -> bool {
        let pointer = error.instance_path().as_str();
        is_outer(pointer) || (self.hides)(pointer)
    }

    /// The part of the schema that a value does not fit.
    fn part(&self, error: &ValidationError<'_>) -> Option<&Value> {
        let (part, _) = error.schema_path().as_str().rsplit_once('/')?;
        self.document.pointer(part)
    }
}

/// Errors of a schema that are looked at in one file: far more than are told.
const ERRORS_MAX: usize = 1_000;

/// Findings in one file: more than are told.
const FINDINGS_MAX: usize = 200;

/// The name of the value at a pointer, as a sentence begins with it.
pub(crate) fn name_of(pointer: &str) -> String {
    let Some((parent, last)) = pointer.rsplit_once('/') else { return "the file".into() };
    let name = unescaped(last);
    match last.parse::<usize>() {
        Ok(item) if parent.contains('/') => format!("item {} of {}", item + 1, name_of(parent)),
        _ => quoted(&name),
    }
}

/// A part of a JSON pointer as the key that it stands for.
pub(crate) fn unescaped(part: &str) -> String {
    part.replace("~1", "/").replace("~0", "~")
}

/// A key as a part of a JSON pointer.
pub(crate) fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

fn misfits(pointer: &str) -> String {
    format!("{} does not fit what its type takes", name_of(pointer))
}

fn texts(values: &[Value]) -> Vec<String> {
    values.iter().filter(|value| !value.is_null()).map(text).collect()
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Whether a pointer leads to the file, all its backends, or one of them.
pub(crate) fn is_outer(pointer: &str) -> bool {
    let mut parts = pointer.split('/').skip(1);
    parts.next().is_none_or(|first| first == "backends") && parts.count() <= 1
}

/// Whether a pointer leads to the type of a backend.
fn is_type(pointer: &str) -> bool {
    let parts: Vec<&str> = pointer.split('/').collect();
    matches!(parts.as_slice(), ["", "backends", _, "type"])
}
