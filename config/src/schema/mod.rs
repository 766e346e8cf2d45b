//! One JSON Schema for a whole configuration, assembled from a part of our own and from the schema
//! of every type that is registered. A plugin's type is checked by it as a built-in one is.

mod fields;
mod types;
mod walk;

use std::fmt;

use jsonschema::Validator;
use serde_json::{Value, json};

use crate::quantity;

pub(crate) use types::closed;
pub(crate) use walk::Known;

/// Fields that every backend has, and no type's option can be called.
pub const BACKEND_FIELDS: [&str; 4] = ["type", "select", "write", "health"];

/// The most backends of one file.
pub(crate) const BACKENDS_MAX: usize = 256;

/// A type of backend as the configuration knows it.
#[derive(Debug, Clone)]
pub struct TypeSchema {
    /// What a user writes as `type`.
    pub name: String,
    /// The JSON Schema of its options.
    pub schema: Value,
}

/// Why a type's schema cannot be part of the configuration's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SchemaError {
    /// An option has the name of a field that every backend has.
    #[error("type `{name}` has an option `{option}`, which is a field of every backend")]
    Taken {
        /// The type.
        name: String,
        /// The option.
        option: &'static str,
    },
    /// It is no JSON Schema, or refers to what it does not contain.
    #[error("the options of type `{name}` have no valid JSON Schema: {reason}")]
    Invalid {
        /// The type.
        name: String,
        /// What is wrong.
        reason: String,
    },
}

/// The place of the store that a type's options lead to, the same however it is written.
type PlaceOf = dyn Fn(&str, &Value) -> Option<String> + Send + Sync;

/// The schema of a whole configuration.
pub struct FileSchema {
    types: Vec<TypeSchema>,
    document: Value,
    validator: Validator,
    place_of: Box<PlaceOf>,
}

impl fmt::Debug for FileSchema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { types, document: _, validator: _, place_of: _ } = self;
        f.debug_struct("FileSchema").field("types", types).finish_non_exhaustive()
    }
}

impl FileSchema {
    /// Assembles it from the types that are registered.
    ///
    /// # Errors
    /// Where a type's schema cannot be part of it.
    pub fn new(mut types: Vec<TypeSchema>) -> Result<Self, SchemaError> {
        types.sort_by(|one, other| one.name.cmp(&other.name));
        for TypeSchema { name, schema } in &types {
            let taken = |option: &&str| schema["properties"].get(*option).is_some();
            if let Some(option) = BACKEND_FIELDS.into_iter().find(|option| taken(option)) {
                return Err(SchemaError::Taken { name: name.clone(), option });
            }
            validator(schema)
                .map_err(|reason| SchemaError::Invalid { name: name.clone(), reason })?;
        }
        let document = assemble(&types, types::option_fields);
        let validator = validator(&document).map_err(|reason| {
            let name = types.iter().map(|known| known.name.as_str()).collect::<Vec<_>>().join(", ");
            SchemaError::Invalid { name, reason }
        })?;
        Ok(Self { types, document, validator, place_of: Box::new(|_, _| None) })
    }

    /// The same, told where the store of a type is, by its name and the options: two backends of one
    /// store are a problem.
    #[must_use]
    pub fn with_places(
        self,
        place_of: impl Fn(&str, &Value) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        Self { place_of: Box::new(place_of), ..self }
    }

    /// The place of a store, where that is known.
    pub(crate) fn place_of(&self, type_name: &str, options: &Value) -> Option<String> {
        (self.place_of)(type_name, options)
    }

    /// The schema as an editor wants it: every option may be a reference too.
    pub fn for_editors(&self) -> Value {
        assemble(&self.types, types::option_fields_or_references)
    }

    /// The schema of a type's options.
    pub(crate) fn options_of(&self, name: &str) -> Option<&Value> {
        self.types.iter().find(|known| known.name == name).map(|known| &known.schema)
    }

    pub(crate) fn document(&self) -> &Value {
        &self.document
    }

    pub(crate) fn validator(&self) -> &Validator {
        &self.validator
    }
}

/// A validator of a schema that knows our formats.
pub(crate) fn validator(schema: &Value) -> Result<Validator, String> {
    jsonschema::options()
        .with_format(quantity::DURATION_FORMAT, |text: &str| quantity::duration(text).is_ok())
        .with_format(quantity::SIZE_FORMAT, |text: &str| quantity::size(text).is_ok())
        .should_validate_formats(true)
        .offline()
        .build(schema)
        .map_err(|error| error.to_string())
}

fn assemble(types: &[TypeSchema], fields_of: fn(&TypeSchema) -> Value) -> Value {
    let names: Vec<&str> = types.iter().map(|known| known.name.as_str()).collect();
    let choice = |known: &TypeSchema| {
        json!({
            "if": {"required": ["type"], "properties": {"type": {"const": known.name}}},
            "then": {"$ref": format!("#/$defs/{}", types::definition(&known.name))},
        })
    };
    let mut document = fields::document();
    let definitions = &mut document["$defs"];
    definitions["backend"]["properties"]["type"]["enum"] = json!(names);
    if !types.is_empty() {
        definitions["backend"]["allOf"] = types.iter().map(choice).collect();
    }
    for known in types {
        definitions[types::definition(&known.name)] = fields_of(known);
    }
    document
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema(options: Value) -> Result<FileSchema, SchemaError> {
        FileSchema::new(vec![TypeSchema { name: "store".into(), schema: options }])
    }

    #[test]
    fn an_option_cannot_have_the_name_of_a_field_of_every_backend() {
        let error = schema(json!({"type": "object", "properties": {"write": {}}}));
        assert_eq!(
            error.expect_err("taken").to_string(),
            "type `store` has an option `write`, which is a field of every backend"
        );
    }

    #[test]
    fn a_schema_that_is_none_or_is_not_whole_is_refused() {
        for options in [
            json!({"type": "objekt", "properties": {}}),
            json!({"type": "object", "properties": {"a": {"$ref": "#/$defs/gone"}}}),
            json!({"type": "object", "properties": {"a": {"$ref": "https://example.com/x.json"}}}),
            json!({"type": "object", "properties": {"a": {"pattern": "("}}}),
        ] {
            assert!(
                matches!(schema(options.clone()), Err(SchemaError::Invalid { .. })),
                "{options}"
            );
        }
    }

    #[test]
    fn an_editor_is_offered_references_where_an_option_is_a_scalar() {
        let key = json!({"key": {"type": "string"}});
        let tls = json!({"type": "object", "additionalProperties": false, "properties": key});
        let options = json!({
            "type": "object",
            "required": ["url"],
            "properties": {
                "url": {"$ref": "#/$defs/Url"},
                "tls": tls,
            },
            "$defs": {"Url": {"type": "string", "pattern": "^pg:"}},
        });
        let editors = schema(options).expect("valid").for_editors();
        let editors = validator(&editors).expect("valid");
        let accepts = |store: Value| editors.is_valid(&json!({"backends": {"a": store}}));
        assert!(accepts(json!({"type": "store", "url": "pg:x"})));
        assert!(accepts(json!({"type": "store", "url": {"env": "URL"}})));
        assert!(accepts(json!({"type": "store", "url": "pg:x", "tls": {"key": {"file": "k"}}})));
        assert!(!accepts(json!({"type": "store", "url": "my:x"})));
        assert!(!accepts(json!({"type": "store", "url": {"enf": "URL"}})));
        assert!(!accepts(json!({"type": "store", "url": "pg:x", "tls": {"env": "TLS"}})));
        assert!(!accepts(json!({"type": {"env": "TYPE"}, "url": "pg:x"})));
    }
}
