//! JSON as it is sent: straight into bytes, for a document of values would cost more than the rows.

use serde::Serialize;
use serde_json::Value;

/// Bytes of properties that are searched, too.
const SEARCHED_BYTES_MAX: usize = 8 << 10;

/// How deep they may be.
const SEARCHED_DEPTH_MAX: usize = 10;

/// An object that is being written.
#[derive(Debug)]
pub(super) struct Object<'a> {
    bytes: &'a mut Vec<u8>,
    is_first: bool,
}

impl<'a> Object<'a> {
    pub(super) fn begin(bytes: &'a mut Vec<u8>) -> Self {
        bytes.push(b'{');
        Self { bytes, is_first: true }
    }

    pub(super) fn end(self) {
        self.bytes.push(b'}');
    }

    /// A name of ours, which needs no escapes.
    fn name(&mut self, name: &str) {
        if !std::mem::take(&mut self.is_first) {
            self.bytes.push(b',');
        }
        self.bytes.push(b'"');
        self.bytes.extend_from_slice(name.as_bytes());
        self.bytes.extend_from_slice(b"\":");
    }

    pub(super) fn text(&mut self, name: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.name(name);
            text(self.bytes, value);
        }
    }

    pub(super) fn number(&mut self, name: &str, value: Option<impl Into<u64>>) {
        if let Some(value) = value {
            self.name(name);
            number(self.bytes, value.into());
        }
    }

    pub(super) fn truth(&mut self, name: &str) {
        self.name(name);
        self.bytes.extend_from_slice(b"true");
    }

    /// A value that somebody else writes.
    pub(super) fn value(&mut self, name: &str, write: impl FnOnce(&mut Vec<u8>)) {
        self.name(name);
        write(self.bytes);
    }

    /// A JSON object as it was given, and again to be searched where it is of an everyday form.
    pub(super) fn properties(&mut self, given: Option<&str>) {
        let Some(given) = given else { return };
        self.value("properties_text", |bytes| {
            bytes.extend_from_slice(b"{\"json\":");
            text(bytes, given);
            bytes.push(b'}');
        });
        let parsed = (given.len() <= SEARCHED_BYTES_MAX)
            .then(|| serde_json::from_str::<Value>(given).ok())
            .flatten();
        let searched = parsed.filter(|value| is_searched(value, SEARCHED_DEPTH_MAX));
        if let Some(value) =
            searched.filter(|value| value.as_object().is_some_and(|map| !map.is_empty()))
        {
            self.value("properties", |bytes| bytes.extend_from_slice(value.to_string().as_bytes()));
        }
    }
}

/// Names with dots, or none, are paths to a server.
fn is_searched(value: &Value, depth: usize) -> bool {
    match value {
        Value::Object(map) => {
            depth > 0
                && map.iter().all(|(name, value)| {
                    !name.is_empty()
                        && !name.contains(['.', '\0'])
                        && name.trim() == name
                        && is_searched(value, depth - 1)
                })
        }
        Value::Array(items) => depth > 0 && items.iter().all(|item| is_searched(item, depth - 1)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => true,
    }
}

pub(super) fn any(bytes: &mut Vec<u8>, value: &impl Serialize) {
    // What these are, and to a vector, cannot fail.
    serde_json::to_writer(bytes, value).unwrap_or_default();
}

pub(super) fn text(bytes: &mut Vec<u8>, value: &str) {
    any(bytes, &value);
}

pub(super) fn number(bytes: &mut Vec<u8>, value: u64) {
    any(bytes, &value);
}

pub(super) fn number_or_null(bytes: &mut Vec<u8>, value: Option<u32>) {
    any(bytes, &value);
}

pub(super) fn text_or_null(bytes: &mut Vec<u8>, value: Option<&str>) {
    any(bytes, &value);
}
