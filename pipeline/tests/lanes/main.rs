//! Batches on their way through the channel, the coordinator and the journal to lanes whose backends
//! fail or are slow.

mod calls;
mod durable;
mod faults;
mod health;
mod letters;
mod pace;
mod setup;
