//! Ids that every machine computes alike, so that no allocator has to be asked.
//!
//! Whoever writes code chooses its paths and names, so the hash is a cryptographic one: two names of one
//! id would be taken for each other, and for quick hashes they are found in seconds.

use std::fmt;

/// The first 128 bits of BLAKE3.
fn digest(hasher: &blake3::Hasher) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
    bytes
}

/// Names a unit everywhere: 128 bits of BLAKE3 of `repo \0 path \0 layer`. Equal ids are one unit.
///
/// Stores keep the first 63 of them, see [`as_i64`](Self::as_i64).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UnitId(u64, u64);

impl UnitId {
    /// The id of a (repo, path, layer).
    pub fn of(repo: &str, path: &str, layer: &str) -> Self {
        let mut hasher = blake3::Hasher::new();
        for (index, part) in [repo, path, layer].into_iter().enumerate() {
            if index > 0 {
                hasher.update(&[0]);
            }
            hasher.update(part.as_bytes());
        }
        Self::from_bytes(digest(&hasher))
    }

    /// The number that stores keep, the column `unit_id`: the first 63 bits, so it fits a signed BIGINT.
    ///
    /// Two units may share a number, and somebody with a core and some minutes to spare can find two
    /// that do: a store that has another (repo, path, layer) under a number refuses the unit.
    pub fn as_i64(self) -> i64 {
        (self.0 >> 1) as i64
    }

    /// The sixteen bytes, most significant first.
    pub fn to_bytes(self) -> [u8; 16] {
        (u128::from(self.0) << 64 | u128::from(self.1)).to_be_bytes()
    }

    /// The id of these sixteen bytes.
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        let whole = u128::from_be_bytes(bytes);
        Self((whole >> 64) as u64, whole as u64)
    }
}

impl fmt::Display for UnitId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}{:016x}", self.0, self.1)
    }
}

impl fmt::Debug for UnitId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UnitId({self})")
    }
}

/// Names a symbol everywhere: 128 bits of BLAKE3 of its key, verbatim. Equal ids are one symbol.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SymbolId(u128);

impl SymbolId {
    /// The id of a key.
    pub fn of(key: &str) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update(key.as_bytes());
        Self(u128::from_be_bytes(digest(&hasher)))
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
        assert_eq!(UnitId::of("r", "a/b.rs", "ast").as_i64(), 1_872_230_329_487_900_338);
        assert_eq!(SymbolId::of("name rust main").to_string(), "1a445a4b880bd5ea122de954a73abab9");
    }

    #[test]
    fn the_parts_of_a_unit_do_not_run_together() {
        assert_ne!(UnitId::of("ab", "c", "ast"), UnitId::of("a", "bc", "ast"));
        assert_ne!(UnitId::of("a", "b", "c"), UnitId::of("a", "bc", ""));
    }
}
