//! Ids that every machine computes alike, so that no allocator has to be asked.

use std::fmt;

use xxhash_rust::xxh3::{Xxh3, xxh3_128};

/// Names a unit everywhere: xxh3-64 of `repo \0 path \0 layer`, shifted right by one.
///
/// 63 bits, so it fits a signed BIGINT. Two units may collide; a store that finds another
/// (repo, path, layer) under the same id refuses the unit.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UnitId(u64);

impl UnitId {
    /// The id of a (repo, path, layer).
    pub fn of(repo: &str, path: &str, layer: &str) -> Self {
        let mut hash = Xxh3::new();
        for (index, part) in [repo, path, layer].into_iter().enumerate() {
            if index > 0 {
                hash.update(&[0]);
            }
            hash.update(part.as_bytes());
        }
        Self(hash.digest() >> 1)
    }

    /// The number as a store keeps it; never negative.
    pub fn as_i64(self) -> i64 {
        self.0 as i64
    }

    /// The id behind a number that a store kept; `None` for a negative one.
    pub fn from_i64(number: i64) -> Option<Self> {
        u64::try_from(number).ok().map(Self)
    }
}

impl fmt::Display for UnitId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl fmt::Debug for UnitId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UnitId({})", self.0)
    }
}

/// Names a symbol everywhere: xxh3-128 of its key, verbatim.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SymbolId(u128);

impl SymbolId {
    /// The id of a key.
    pub fn of(key: &str) -> Self {
        Self(xxh3_128(key.as_bytes()))
    }

    /// The sixteen bytes as a store keeps them, most significant first.
    pub fn to_bytes(self) -> [u8; 16] {
        self.0.to_be_bytes()
    }
}

impl fmt::Display for SymbolId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for SymbolId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SymbolId({:032x})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_the_same_on_every_machine() {
        assert_eq!(UnitId::of("r", "a/b.rs", "ast").as_i64(), 1_963_994_789_181_250_697);
        assert_eq!(SymbolId::of("name rust main").to_string(), "f5a0adafc3189f82a5f27bae100c7b0e");
    }

    #[test]
    fn the_parts_of_a_unit_do_not_run_together() {
        assert_ne!(UnitId::of("ab", "c", "ast"), UnitId::of("a", "bc", "ast"));
        assert_ne!(UnitId::of("a", "b", "c"), UnitId::of("a", "bc", ""));
    }
}
