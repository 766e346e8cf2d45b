//! Values as Bolt carries them, to the server and back.

use neo4rs::{BoltFloat, BoltInteger, BoltList, BoltMap, BoltNull, BoltString, BoltType};

/// What a statement is given. `u64` and digests keep their bits.
pub(super) fn int(value: impl Into<i64>) -> BoltType {
    BoltType::Integer(BoltInteger::new(value.into()))
}

pub(super) fn int_or_null(value: Option<impl Into<i64>>) -> BoltType {
    value.map_or_else(null, int)
}

pub(super) fn text(value: &str) -> BoltType {
    BoltType::String(BoltString::new(value))
}

pub(super) fn text_or_null(value: Option<&str>) -> BoltType {
    value.map_or_else(null, text)
}

pub(super) fn list(values: Vec<BoltType>) -> BoltType {
    BoltType::List(BoltList { value: values })
}

pub(super) fn floats(values: &[f32]) -> BoltType {
    list(values.iter().map(|&value| BoltType::Float(BoltFloat::new(value.into()))).collect())
}

/// Of pairs; what is null is not set.
pub(super) fn map<const N: usize>(pairs: [(&str, BoltType); N]) -> BoltType {
    let mut map = BoltMap::with_capacity(N);
    for (key, value) in pairs {
        map.put(key.into(), value);
    }
    BoltType::Map(map)
}

fn null() -> BoltType {
    BoltType::Null(BoltNull)
}

/// A row of an answer, whose values are taken from left to right.
pub(super) struct Answer(std::vec::IntoIter<BoltType>);

impl Answer {
    /// Of a list, which is how every statement here answers.
    pub(super) fn of(list: BoltType) -> Self {
        match list {
            BoltType::List(list) => Self(list.value.into_iter()),
            _ => Self(Vec::new().into_iter()),
        }
    }

    /// What follows the next so many values.
    pub(super) fn split_off(&mut self, count: usize) -> Self {
        let first: Vec<BoltType> = self.0.by_ref().take(count).collect();
        Self(std::mem::replace(&mut self.0, first.into_iter()))
    }

    pub(super) fn int(&mut self) -> Option<i64> {
        match self.0.next() {
            Some(BoltType::Integer(number)) => Some(number.value),
            _ => None,
        }
    }

    pub(super) fn uint(&mut self) -> Option<u32> {
        self.int().and_then(|number| u32::try_from(number).ok())
    }

    /// A number that is always there.
    pub(super) fn number(&mut self) -> u64 {
        self.int().unwrap_or_default() as u64
    }

    pub(super) fn text(&mut self) -> Option<String> {
        match self.0.next() {
            Some(BoltType::String(text)) => Some(text.value),
            _ => None,
        }
    }

    /// A text that is always there.
    pub(super) fn word(&mut self) -> String {
        self.text().unwrap_or_default()
    }

    pub(super) fn bool(&mut self) -> bool {
        matches!(self.0.next(), Some(BoltType::Boolean(truth)) if truth.value)
    }

    pub(super) fn list(&mut self) -> Vec<BoltType> {
        match self.0.next() {
            Some(BoltType::List(list)) => list.value,
            _ => Vec::new(),
        }
    }

    pub(super) fn words(&mut self) -> Vec<String> {
        let word = |value| match value {
            BoltType::String(text) => Some(text.value),
            _ => None,
        };
        self.list().into_iter().filter_map(word).collect()
    }

    pub(super) fn floats(&mut self) -> Vec<f32> {
        let number = |value| match value {
            BoltType::Float(number) => Some(number.value as f32),
            _ => None,
        };
        self.list().into_iter().filter_map(number).collect()
    }
}
