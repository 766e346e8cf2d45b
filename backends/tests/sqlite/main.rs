//! SQLite, held to the contract's clauses: written to, and read back row for row.

mod contract;
mod invariant;
mod store;
