//! The Neo4j backend, against a real server:
//! `tests/services/run neo4j toxiproxy -- cargo test …`.

mod conformance;
mod server;
