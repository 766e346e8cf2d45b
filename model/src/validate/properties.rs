//! The rules for `properties`: a JSON object that every store can take.

use std::collections::HashSet;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::without_nul;
use crate::limits;

pub(super) fn properties(json: &str) -> Result<(), String> {
    if json.len() > limits::PROPERTIES_MAX {
        return Err(format!("properties: are longer than {} bytes", limits::PROPERTIES_MAX));
    }
    without_nul("properties", json)?;
    if !json.trim_start().starts_with('{') {
        return Err("properties: are no JSON object".into());
    }
    let mut parser = serde_json::Deserializer::from_str(json);
    let level = Level(limits::PROPERTIES_DEPTH_MAX);
    match level.deserialize(&mut parser).and_then(|()| parser.end()) {
        Ok(()) => Ok(()),
        Err(error) => Err(format!("properties: {error}")),
    }
}

/// A value inside of which this many levels may nest.
///
/// It is parsed with all its strings, because stores do: a lone surrogate, an escaped U+0000 or a
/// name that is there twice would be refused by one of them, after others took the unit.
#[derive(Clone, Copy)]
struct Level(usize);

impl Level {
    fn inner<E: Error>(self) -> Result<Self, E> {
        let max = limits::PROPERTIES_DEPTH_MAX;
        let inner = self.0.checked_sub(1).map(Self);
        inner.ok_or_else(|| E::custom(format_args!("nests deeper than {max} levels")))
    }
}

impl<'de> DeserializeSeed<'de> for Level {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Level {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        match text.contains('\0') {
            false => Ok(()),
            true => Err(E::custom("a string holds U+0000")),
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let inner = self.inner()?;
        while seq.next_element_seed(inner)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let inner = self.inner()?;
        let mut names: HashSet<String> = HashSet::new();
        while let Some(name) = map.next_key::<String>()? {
            self.visit_str(&name)?;
            map.next_value_seed(inner)?;
            if let Some(name) = names.replace(name) {
                return Err(A::Error::custom(format_args!("`{name}` is there twice")));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(json: &str) -> String {
        properties(json).expect_err("is refused")
    }

    #[test]
    fn an_object_of_every_kind_of_value_is_taken() {
        let json = r#" {"a":[1,-2,2.5e-3,true,null,"😀 \u00e9\ud83d\ude00"],"b":{"a":{}}} "#;
        assert_eq!(properties(json), Ok(()));
    }

    #[test]
    fn what_is_no_object_is_refused() {
        for json in ["", "[]", "1", "null", r#""a""#] {
            assert_eq!(refused(json), "properties: are no JSON object", "{json}");
        }
    }

    #[test]
    fn json_that_stops_is_refused_with_the_place() {
        let expected = "properties: EOF while parsing an object at line 1 column 6";
        assert_eq!(refused(r#"{"a":1"#), expected);
        assert_eq!(refused("{} {}"), "properties: trailing characters at line 1 column 4");
    }

    #[test]
    fn sixty_four_levels_are_taken_and_sixty_five_are_not() {
        let nested = |levels: usize| {
            format!("{{\"a\":{}{}}}", "[".repeat(levels - 1), "]".repeat(levels - 1))
        };
        assert_eq!(properties(&nested(64)), Ok(()));
        assert!(refused(&nested(65)).starts_with("properties: nests deeper than 64 levels at"));
    }

    #[test]
    fn a_string_that_no_store_takes_is_refused() {
        assert!(refused(r#"{"a":"\u0000"}"#).contains("holds U+0000"));
        assert!(refused(r#"{"a\u0000":1}"#).contains("holds U+0000"));
        assert!(refused(r#"{"a":"\ud800"}"#).contains("hex escape"));
    }

    #[test]
    fn a_name_that_is_there_twice_is_refused() {
        assert!(refused(r#"{"a":1,"b":{"a":2},"a":3}"#).contains("`a` is there twice"));
    }

    #[test]
    fn a_number_that_no_double_holds_is_refused() {
        assert!(refused(r#"{"a":1e999}"#).contains("number out of range"));
    }
}
