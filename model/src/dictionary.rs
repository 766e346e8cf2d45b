//! The words of a dictionary column: one append-only dictionary a column and process.
//!
//! Batches that share a dictionary are joined by copying keys, and a sink that has seen a
//! dictionary translates only what was appended since. Arrow's own `concat` would glue unequal
//! dictionaries together and let them grow without end.
//!
//! Keys are `u16`. Hostile input could fill them, so a dictionary that holds
//! [`limits::DICTIONARY_FULL`] words is succeeded by an empty one; batches keep the one they were
//! built with.

use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

use arrow_array::StringArray;
use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::limits;

/// Words to keys.
pub(crate) type WordMap = HashMap<Box<str>, u16, BuildHasherDefault<WordHasher>>;

/// xxh3 of one word: four times as quick on short ones as what std takes.
#[derive(Debug, Default)]
pub(crate) struct WordHasher(u64);

impl Hasher for WordHasher {
    fn write(&mut self, bytes: &[u8]) {
        self.0 = xxh3_64_with_seed(bytes, self.0);
    }

    /// What ends a `str`: a map of nothing but words needs no end.
    fn write_u8(&mut self, _: u8) {}

    fn finish(&self) -> u64 {
        self.0
    }
}

/// The dictionary has no free key left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Full;

/// The words of one column, in the order in which they were first met.
pub(crate) struct Dictionary {
    id: u64,
    column: &'static str,
    words: Mutex<Words>,
}

#[derive(Default)]
struct Words {
    keys: WordMap,
    ordered: Vec<Box<str>>,
    snapshot: Option<Arc<Snapshot>>,
}

/// The words of a dictionary up to some moment; what a batch keeps.
pub(crate) struct Snapshot {
    pub(crate) dictionary: Arc<Dictionary>,
    pub(crate) words: StringArray,
}

static NEXT_ID: AtomicU64 = AtomicU64::new(1);
static CURRENT: LazyLock<Mutex<HashMap<&'static str, Arc<Dictionary>>>> =
    LazyLock::new(Mutex::default);

impl Dictionary {
    /// The dictionary that new batches of a column use.
    pub(crate) fn current(column: &'static str) -> Arc<Self> {
        let mut current = lock(&CURRENT);
        match current.get(column) {
            Some(dictionary) if dictionary.len() < limits::DICTIONARY_FULL => dictionary.clone(),
            _ => {
                let dictionary = Self::new(column);
                current.insert(column, dictionary.clone());
                dictionary
            }
        }
    }

    /// An empty successor, which becomes the current one.
    pub(crate) fn succeed(&self) -> Arc<Self> {
        let dictionary = Self::new(self.column);
        lock(&CURRENT).insert(self.column, dictionary.clone());
        dictionary
    }

    fn new(column: &'static str) -> Arc<Self> {
        let id = NEXT_ID.fetch_add(1, Ordering::Relaxed);
        Arc::new(Self { id, column, words: Mutex::default() })
    }

    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    pub(crate) fn column(&self) -> &'static str {
        self.column
    }

    fn len(&self) -> usize {
        lock(&self.words).ordered.len()
    }

    /// The key of a word that is there.
    pub(crate) fn find(&self, word: &str) -> Option<u16> {
        lock(&self.words).keys.get(word).copied()
    }

    /// The key of a word, which is appended if it is new.
    pub(crate) fn intern(&self, word: &str) -> Result<u16, Full> {
        let mut words = lock(&self.words);
        if let Some(&key) = words.keys.get(word) {
            return Ok(key);
        }
        let key = u16::try_from(words.ordered.len()).map_err(|_| Full)?;
        words.keys.insert(word.into(), key);
        words.ordered.push(word.into());
        words.snapshot = None;
        Ok(key)
    }

    /// The words so far; the same `Arc` until a word is appended.
    pub(crate) fn snapshot(self: &Arc<Self>) -> Arc<Snapshot> {
        let mut words = lock(&self.words);
        if let Some(snapshot) = &words.snapshot {
            return snapshot.clone();
        }
        let array = StringArray::from_iter_values(words.ordered.iter());
        let snapshot = Arc::new(Snapshot { dictionary: self.clone(), words: array });
        words.snapshot = Some(snapshot.clone());
        snapshot
    }
}

impl fmt::Debug for Dictionary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Dictionary({} #{}, {} words)", self.column, self.id, self.len())
    }
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (column, id) = (self.dictionary.column, self.dictionary.id);
        write!(f, "Snapshot({column} #{id}, {} words)", arrow_array::Array::len(&self.words))
    }
}

/// A panic while the lock was held leaves the words whole: every change is a single append.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use arrow_array::Array;

    use super::*;

    #[test]
    fn a_snapshot_is_shared_until_a_word_is_appended() {
        let dictionary = Dictionary::current("test.shared");
        assert_eq!(dictionary.intern("a"), Ok(0));
        let first = dictionary.snapshot();
        assert_eq!(dictionary.intern("a"), Ok(0));
        assert!(Arc::ptr_eq(&first, &dictionary.snapshot()));
        assert_eq!(dictionary.intern("b"), Ok(1));
        let second = dictionary.snapshot();
        assert_eq!((first.words.len(), second.words.len()), (1, 2));
    }

    #[test]
    fn a_dictionary_that_grew_large_is_succeeded() {
        let first = Dictionary::current("test.large");
        for word in 0..limits::DICTIONARY_FULL {
            first.intern(&word.to_string()).expect("keys are left");
        }
        let second = Dictionary::current("test.large");
        assert_ne!(first.id(), second.id());
        assert_eq!(second.intern("again"), Ok(0));
    }

    #[test]
    fn keys_end_at_65536_words() {
        let dictionary = Dictionary::new("test.full");
        for word in 0..=u16::MAX as usize {
            assert_eq!(dictionary.intern(&word.to_string()), Ok(word as u16));
        }
        assert_eq!(dictionary.intern("one more"), Err(Full));
        assert_eq!(dictionary.intern("7"), Ok(7));
    }
}
