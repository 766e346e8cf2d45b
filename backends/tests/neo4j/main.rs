//! The Neo4j backend, against a real server:
//! `tests/services/run neo4j toxiproxy -- cargo test …`.

mod conformance;
mod errors;
mod graph;
mod loaders;
mod network;
mod restarts;
mod server;
mod space;
mod store;
mod tls;
