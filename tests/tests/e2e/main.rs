//! The binary as a user meets it, against real files and real stores.

mod arrow;
mod audit;
mod compare;
mod config;
mod configured;
mod crash;
mod docs;
mod edits;
mod fanout;
mod files;
mod golden;
mod incremental;
mod letters;
mod load_output;
mod mount;
mod nobody;
mod postgres;
mod postgres_down;
mod python;
mod questions;
mod secrets;
mod signals;
mod sql;
mod stores;
mod streams;
mod usage;
