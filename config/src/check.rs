//! Holds a value against a schema, and says in plain words what does not fit, and where.

use jsonschema::error::{TypeKind, ValidationErrorKind as Kind};
use jsonschema::{ValidationError, Validator};
use serde_json::Value;

use crate::quantity::{self, DURATION_FORMAT, SIZE_FORMAT};
use crate::schema::{BACKEND_FIELDS, Known};
use crate::words::{alternatives, described, kind, quoted, suggestion};

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
    /// All that does not fit; of one value the first thing alone.
    pub(crate) fn findings(&self, value: &Value) -> Vec<Finding> {
        let mut findings: Vec<Finding> = Vec::new();
        for error in self.validator.iter_errors(value).take(ERRORS_MAX) {
            self.find(&error, &mut findings);
        }
        let mut told: Vec<At> = Vec::new();
        findings.retain(|finding| {
            let first = !told.contains(&finding.at);
            if first && told.len() < FINDINGS_MAX {
                told.push(finding.at.clone());
            }
            first && told.len() < FINDINGS_MAX
        });
        findings
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
        Finding { at: At::Value(pointer.to_owned()), message, hint: None }
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

    /// What a value does not fit, as what follows its name; and what can be done.
    fn misfit(&self, error: &ValidationError<'_>) -> (String, Option<String>) {
        let found = || self.found(error);
        let message = match error.kind() {
            Kind::Type { kind } => return self.other_type(error, kind),
            Kind::Format { format } => return self.other_format(error, format),
            Kind::Minimum { limit } => format!("must be at least {limit}, found {}", found()),
            Kind::Maximum { limit } => format!("must be at most {limit}, found {}", found()),
            Kind::ExclusiveMinimum { limit } => {
                format!("must be more than {limit}, found {}", found())
            }
            Kind::ExclusiveMaximum { limit } => {
                format!("must be less than {limit}, found {}", found())
            }
            Kind::MultipleOf { multiple_of } => format!("must be a multiple of {multiple_of}"),
            Kind::MinLength { limit: 1 } => "must not be empty".into(),
            Kind::MinLength { limit } => format!("must have at least {limit} characters"),
            Kind::MaxLength { limit } => format!("must have at most {limit} characters"),
            Kind::MinItems { limit: 1 } => {
                return (
                    "must not be an empty list".into(),
                    Some("leave it out, or name at least one".into()),
                );
            }
            Kind::MinItems { limit } => format!("must have at least {limit} items"),
            Kind::MaxItems { limit } => format!("must have at most {limit} items"),
            Kind::MinProperties { limit } => format!("must have at least {limit} fields"),
            Kind::MaxProperties { limit } => format!("must have at most {limit} fields"),
            Kind::UniqueItems => "names something twice".into(),
            Kind::Pattern { pattern } => {
                format!("must match the pattern {}, found {}", quoted(pattern), found())
            }
            Kind::FalseSchema => "cannot be given here".into(),
            _ => "does not fit what its type takes".into(),
        };
        let described = || Known::of(self.document, self.part(error)?).description();
        let hint = matches!(error.kind(), Kind::Pattern { .. }).then(described).flatten();
        (message, hint)
    }

    fn other_type(
        &self,
        error: &ValidationError<'_>,
        expected: &TypeKind,
    ) -> (String, Option<String>) {
        let pointer = error.instance_path().as_str();
        let value = error.instance().as_ref();
        let format = self.part(error).and_then(|part| part["format"].as_str()).unwrap_or_default();
        if let Value::Number(number) = value
            && let Some((noun, unit)) = unit_of(format)
        {
            let number = number.to_string();
            let plain = number.bytes().all(|byte| byte.is_ascii_digit());
            return match (self.hides)(pointer) {
                true => (format!("expects a {noun}, and the number has no unit"), None),
                false => {
                    let hint = plain.then(|| format!("write e.g. `{number}{unit}`"));
                    (format!("expects a {noun}, and {number} has no unit"), hint)
                }
            };
        }
        let names: Vec<String> = match expected {
            TypeKind::Single(one) => vec![one.to_string()],
            TypeKind::Multiple(several) => several.iter().map(|one| one.to_string()).collect(),
        };
        let wanted = names.iter().filter(|name| *name != "null").map(|name| spoken(name, format));
        let message = format!(
            "expects {}, found {}",
            wanted.collect::<Vec<_>>().join(" or "),
            self.found(error)
        );
        (message, type_hint(pointer, value, &names).map(str::to_owned))
    }

    fn other_format(&self, error: &ValidationError<'_>, format: &str) -> (String, Option<String>) {
        let written = error.instance().as_str().unwrap_or_default();
        let (wrong, noun, examples) = match format {
            DURATION_FORMAT => {
                (quantity::duration(written).err(), "duration", "`500ms`, `30s`, `5m` or `1h 30m`")
            }
            SIZE_FORMAT => (quantity::size(written).err(), "size", "`512KiB`, `64MiB` or `10GB`"),
            other => {
                return (
                    format!("must be of the format {}, found {}", quoted(other), self.found(error)),
                    None,
                );
            }
        };
        let wrong = wrong.unwrap_or("none");
        (
            format!("expects a {noun}, and {} is {wrong}", self.found(error)),
            Some(format!("write e.g. {examples}")),
        )
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

/// What a format measures, and a unit of it.
fn unit_of(format: &str) -> Option<(&'static str, &'static str)> {
    match format {
        DURATION_FORMAT => Some(("duration", "s")),
        SIZE_FORMAT => Some(("size", "MiB")),
        _ => None,
    }
}

/// What can be done about a value of another type than was expected.
fn type_hint(pointer: &str, value: &Value, expected: &[String]) -> Option<&'static str> {
    let expects = |name: &str| expected.iter().any(|other| other == name);
    match value {
        Value::Number(_) | Value::Bool(_) if expects("string") => Some("put it in quotes"),
        Value::Null => Some("give it a value, or leave the field out"),
        Value::String(text) if expects("object") && text.contains(':') && !text.contains("://") => {
            Some("a space follows the colon after every key: `key: value`")
        }
        Value::String(_) if expects("array") => Some("write it in brackets: [a, b]"),
        Value::Object(_) if expects("object") || expects("array") => None,
        Value::Object(_) if is_option(pointer) => {
            Some("a value of an option may also be `{env: NAME}` or `{file: PATH}`")
        }
        Value::Object(fields) if fields.contains_key("env") || fields.contains_key("file") => {
            Some("only the options of a type may be `{env: NAME}` or `{file: PATH}`")
        }
        _ => None,
    }
}

/// A JSON type in plain words.
fn spoken(name: &str, format: &str) -> &'static str {
    match (name, format) {
        ("string", DURATION_FORMAT) => "a duration such as `30s`",
        ("string", SIZE_FORMAT) => "a size such as `64MiB`",
        ("string", _) => "text",
        ("integer", _) => "a whole number",
        ("number", _) => "a number",
        ("boolean", _) => "`true` or `false`",
        ("array", _) => "a list",
        ("object", _) => "a mapping",
        _ => "nothing",
    }
}

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

/// Whether a pointer leads to an option of a backend, or into one.
fn is_option(pointer: &str) -> bool {
    let mut parts = pointer.split('/').skip(1);
    parts.next() == Some("backends")
        && parts.nth(1).is_some_and(|field| !BACKEND_FIELDS.contains(&field))
}

/// Whether a pointer leads to the type of a backend.
fn is_type(pointer: &str) -> bool {
    let parts: Vec<&str> = pointer.split('/').collect();
    matches!(parts.as_slice(), ["", "backends", _, "type"])
}
