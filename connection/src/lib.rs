//! What keeps a connection to a store usable. Knows no store.

mod backoff;

pub use backoff::Backoff;
