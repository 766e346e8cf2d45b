//! SQLite, held to the contract's clauses by the conformance kit, and its tables to what they promise
//! besides.

mod conformance;
mod store;
mod tables;
