//! A list that is told: the first of its entries, and how many there are.
//!
//! What a report holds must not grow with a load.

/// Entries that are kept.
pub const EXCERPT_MAX: usize = 1_000;

/// The first entries of a list, and how many it has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Excerpt<T> {
    first: Vec<T>,
    count: u64,
}

impl<T> Default for Excerpt<T> {
    fn default() -> Self {
        Self { first: Vec::new(), count: 0 }
    }
}

impl<T> Excerpt<T> {
    /// Adds an entry; one past the first [`EXCERPT_MAX`] is only counted.
    pub fn push(&mut self, entry: T) {
        self.count += 1;
        if self.first.len() < EXCERPT_MAX {
            self.first.push(entry);
        }
    }

    /// How many entries were added.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Whether none was added.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The first of them.
    pub fn first(&self) -> &[T] {
        &self.first
    }

    /// How many are left when so many of the first were told.
    pub fn beyond(&self, told: usize) -> u64 {
        self.count - told.min(self.first.len()) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_entries_are_kept_and_all_are_counted() {
        let mut excerpt = Excerpt::default();
        assert!(excerpt.is_empty());
        (0..2 * EXCERPT_MAX).for_each(|number| excerpt.push(number));
        assert_eq!(excerpt.first().len(), EXCERPT_MAX);
        assert_eq!((excerpt.count(), excerpt.first()[7]), (2_000, 7));
        assert_eq!((excerpt.beyond(5), excerpt.beyond(5_000)), (1_995, 1_000));
    }
}
