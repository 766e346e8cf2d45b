//! Moves units from a source to every backend, each at its own lane.
//!
//! ```text
//! source ── channel (batches, bytes) ── coordinator ─┬─ lane ── backend
//!                                                    └─ lane ── backend
//! ```

pub mod channel;
pub mod coordinator;
pub mod generation;
pub mod holdings;
pub mod lane;
pub mod languages;
pub mod load;
pub mod source;
