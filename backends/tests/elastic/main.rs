//! The Elasticsearch and OpenSearch backends, against real servers:
//! `tests/services/run elasticsearch opensearch toxiproxy -- cargo test …`.

mod conformance;
mod errors;
mod loaders;
mod network;
mod restarts;
mod security;
mod server;
mod store;
