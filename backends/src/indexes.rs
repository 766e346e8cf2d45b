//! Optional indexes: each makes some questions quick, and costs every load a little. So no load makes
//! them, but whoever asks such questions.

use async_trait::async_trait;
use serde::Serialize;

use crate::error::{Error, Result};

/// Makes and drops the optional indexes of a store. What a user made of the same name counts as made.
#[async_trait]
pub trait Indexes: Send + Sync {
    /// All that there are for this type of store, made or not.
    async fn optional_indexes(&self) -> Result<Vec<OptionalIndex>>;

    /// Makes one, unless it is there. What is cut off leaves none, or one that is not used and counts as
    /// not made.
    async fn make_index(&self, name: &str) -> Result<()>;

    /// Drops one, if it is there.
    async fn drop_index(&self, name: &str) -> Result<()>;
}

/// An index that a store may have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OptionalIndex {
    /// Its name.
    pub name: String,
    /// What is asked for that it makes quick.
    pub serves: String,
    /// Whether it is there.
    pub made: bool,
    /// About how many bytes it takes, or would take.
    pub bytes: u64,
}

/// The index of a name, among those that there are.
pub(crate) fn named<'a, T>(all: &'a [T], name_of: fn(&T) -> &str, name: &str) -> Result<&'a T> {
    all.iter().find(|index| name_of(index) == name).ok_or_else(|| {
        let known: Vec<&str> = all.iter().map(name_of).collect();
        Error::misconfigured(format!("there is no index `{name}`"))
            .with_hint(format!("there are {}", known.join(", ")))
    })
}
