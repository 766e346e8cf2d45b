//! The binary as a user meets it, against real files and real stores.

mod arrow;
mod config;
mod crash;
mod edits;
mod fanout;
mod files;
mod golden;
mod incremental;
mod letters;
mod load_output;
mod mount;
mod nobody;
mod python;
mod questions;
mod signals;
mod sql;
mod stores;
mod streams;
mod usage;
