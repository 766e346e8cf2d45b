//! The Postgres backend, against a real server: `tests/services/run postgres -- cargo test …`.

mod conformance;
mod server;
