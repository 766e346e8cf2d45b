//! Moves units from a source to every backend, each at its own lane.
//!
//! ```text
//! source ── channel (batches, bytes) ── coordinator ── journal ─┬─ lane ── guard ── backend
//!                                                                └─ lane ── guard ── backend
//! ```

pub mod channel;
pub mod coordinator;
pub mod excerpt;
pub mod folders;
pub mod generation;
pub mod health;
pub mod holdings;
pub mod journal;
pub mod lane;
pub mod languages;
pub mod letters;
pub mod load;
pub mod source;
pub mod stores;
pub mod tally;
