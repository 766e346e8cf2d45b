//! Which parts of a schema speak of a value.

use serde_json::Value;

/// Keywords whose values are schemas by name.
pub(super) const SUBSCHEMAS: [&str; 4] =
    ["properties", "patternProperties", "$defs", "dependentSchemas"];

/// Keywords whose value is a schema of the same value.
pub(super) const ONE: [&str; 2] = ["then", "else"];

/// Keywords whose values are schemas of the same value.
pub(super) const SEVERAL: [&str; 3] = ["allOf", "anyOf", "oneOf"];

/// Parts of a schema that are followed for one value: far more than a real schema has.
const PARTS_MAX: usize = 1_000;

/// All that a schema says of a value, wherever it says it.
#[derive(Clone)]
pub(crate) struct Known<'s> {
    document: &'s Value,
    parts: Vec<&'s Value>,
}

impl<'s> Known<'s> {
    /// What a schema says of the value that it is for.
    pub(crate) fn of(document: &'s Value, schema: &'s Value) -> Self {
        let mut known = Self { document, parts: vec![] };
        known.add(schema);
        known
    }

    /// What it says of a field of that value.
    pub(crate) fn field(&self, name: &str) -> Self {
        let mut known = Self { document: self.document, parts: vec![] };
        for part in &self.parts {
            match part["properties"].get(name) {
                Some(field) => known.add(field),
                None => {
                    let patterns = part["patternProperties"].as_object();
                    patterns.into_iter().flat_map(|all| all.values()).for_each(|p| known.add(p));
                    known.add(&part["additionalProperties"]);
                }
            }
        }
        known
    }

    /// What it says of any item of that value.
    pub(crate) fn item(&self) -> Self {
        let mut known = Self { document: self.document, parts: vec![] };
        for part in &self.parts {
            known.add(&part["items"]);
            part["prefixItems"].as_array().into_iter().flatten().for_each(|item| known.add(item));
        }
        known
    }

    /// The same, or the other where nothing is said.
    pub(crate) fn or(self, other: Self) -> Self {
        if self.parts.is_empty() { other } else { self }
    }

    /// Whether the value may be of a JSON type; unknown where nothing is said.
    pub(crate) fn names_type(&self, name: &str) -> bool {
        let is = |value: &Value| value == name;
        self.parts.iter().any(|part| match &part["type"] {
            Value::Array(names) => names.iter().any(is),
            one => is(one),
        })
    }

    /// Whether the value may be something else than a list or a mapping.
    pub(crate) fn takes_scalars(&self) -> bool {
        let scalar = |name: &str| self.names_type(name);
        let composed = self.names_type("object") || self.names_type("array");
        !composed || ["string", "integer", "number", "boolean"].into_iter().any(scalar)
    }

    /// The names of its fields.
    pub(crate) fn fields(&self) -> Vec<String> {
        let fields = self.parts.iter().filter_map(|part| part["properties"].as_object());
        let mut names: Vec<String> = Vec::new();
        for name in fields.flat_map(|fields| fields.keys()) {
            if !names.contains(name) {
                names.push(name.clone());
            }
        }
        names
    }

    /// The words that it may be, where they are a closed list.
    pub(crate) fn words(&self) -> Vec<String> {
        let listed = self.parts.iter().filter_map(|part| part["enum"].as_array()).flatten();
        let single = self.parts.iter().filter_map(|part| part.get("const"));
        listed.chain(single).filter_map(Value::as_str).map(str::to_owned).collect()
    }

    /// What it is, in its first line.
    pub(crate) fn description(&self) -> Option<String> {
        let described = self.parts.iter().find_map(|part| part["description"].as_str());
        described.and_then(|text| text.lines().next()).map(str::to_owned)
    }

    /// Whether it is a secret, however it is written.
    pub(crate) fn is_secret(&self) -> bool {
        self.parts.iter().any(|part| part["writeOnly"] == true || part["format"] == "password")
    }

    fn add(&mut self, part: &'s Value) {
        let seen = self.parts.iter().any(|other| std::ptr::eq(*other, part));
        if !part.is_object() || seen || self.parts.len() >= PARTS_MAX {
            return;
        }
        self.parts.push(part);
        if let Some(pointer) = part["$ref"].as_str().and_then(|to| to.strip_prefix('#')) {
            let to = self.document.pointer(pointer);
            to.into_iter().for_each(|to| self.add(to));
        }
        for keyword in SEVERAL {
            part[keyword].as_array().into_iter().flatten().for_each(|choice| self.add(choice));
        }
        ONE.into_iter().for_each(|keyword| self.add(&part[keyword]));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_said_through_references_and_choices_is_found() {
        let document = json!({
            "properties": {"auth": {"anyOf": [{"$ref": "#/$defs/Auth"}, {"type": "null"}]}},
            "$defs": {"Auth": {"type": "object", "properties": {
                "token": {"type": "string", "writeOnly": true},
                "again": {"$ref": "#/$defs/Auth"},
            }}},
        });
        let root = Known::of(&document, &document);
        let auth = root.field("auth").field("again").field("again");
        assert!(auth.names_type("object") && !auth.takes_scalars());
        assert!(auth.field("token").is_secret() && !auth.is_secret());
        assert!(root.field("other").takes_scalars(), "nothing is known of it");
    }
}
