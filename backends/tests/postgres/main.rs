//! The Postgres backend, against a real server:
//! `tests/services/run postgres toxiproxy pgbouncer -- cargo test …`.

mod conformance;
mod errors;
mod forms;
mod loaders;
mod network;
mod own;
mod restarts;
mod rights;
mod server;
mod space;
mod store;
mod text;
mod tls;
mod tls_listener;
