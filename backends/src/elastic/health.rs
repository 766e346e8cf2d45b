//! What the cluster says of itself and of the store.

use std::collections::BTreeSet;

use elasticsearch::http::Method;
use serde_json::{Value, json};

use super::client::Body;
use super::{Store, classify};
use crate::error::{Error, ErrorKind, Result};
use crate::factory::Access;

const WHAT: &str = "health check";

/// Where the server's settings for disks are.
const WATERMARK: &str = "cluster.routing.allocation.disk.watermark";

impl Store {
    /// What is known of the cluster; an error where nothing can be written.
    pub(super) async fn health(&self) -> Result<Vec<(String, String)>> {
        if self.access == Access::Drop {
            // Of an older version, the indices have other names.
            return Ok(vec![("version".to_owned(), self.info.version.clone())]);
        }
        if let Some(name) = self.lacking().await?.first() {
            let name = self.names.alias(name);
            return Err(Error::misconfigured(format!("{WHAT}: there is no index {name}"))
                .with_hint(
                    "`astload schema apply` makes it anew; what was in it is gone: load again",
                ));
        }
        if self.access == Access::Write {
            self.is_not_blocked().await?;
        }
        // Of the store's own indices: others may be ill, or just being made.
        let path =
            format!("_cluster/health/{}?filter_path=status,number_of_nodes", self.names.all());
        let cluster = self.asked(&path).await?;
        if cluster["status"] == "red" {
            let message = format!("{WHAT}: shards of the store's indices are missing (status red)");
            return Err(Error::new(ErrorKind::Transient, message)
                .with_hint("GET _cluster/allocation/explain says why a shard is not there"));
        }
        let nodes =
            self.asked("_nodes/stats/fs?filter_path=nodes.*.roles,nodes.*.fs.total").await?;
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let known = [
            ("version", Some(self.info.version.clone())),
            ("status", Some(text(&cluster["status"]))),
            ("nodes", Some(text(&cluster["number_of_nodes"]))),
            ("roles", roles(&nodes)),
            ("disk_free", least_free(&nodes)),
            ("disk_watermarks", self.watermarks().await?),
        ];
        Ok(known.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect())
    }

    async fn asked(&self, path: &str) -> Result<Value> {
        self.ask(WHAT, Method::Get, path, Body::None).await
    }

    async fn is_not_blocked(&self) -> Result<()> {
        let path = format!("{}/_settings/index.blocks.*?flat_settings=true", self.names.all());
        let settings = self.asked(&path).await?;
        for (index, found) in settings.as_object().into_iter().flatten() {
            for (name, value) in found["settings"].as_object().into_iter().flatten() {
                if value == "true" {
                    let reason = match name.as_str() {
                        "index.blocks.read_only_allow_delete" => "12/flood stage",
                        _ => "8/index write",
                    };
                    let reason = format!("index [{index}] blocked by: [FORBIDDEN/{reason}/]");
                    let said = json!({ "type": "cluster_block_exception", "reason": reason });
                    return Err(classify::of_answer(WHAT, 403, &said));
                }
            }
        }
        Ok(())
    }

    /// From where on the server places no more shards, moves some away, and blocks indices.
    async fn watermarks(&self) -> Result<Option<String>> {
        let path = format!("_cluster/settings?include_defaults&filter_path=*.{WATERMARK}");
        let settings = self.asked(&path).await?;
        // What is set for now goes before what is set, and this before what is not.
        let level = |name: &str| {
            ["transient", "persistent", "defaults"].into_iter().find_map(|set| {
                let pointer = format!("/{set}/{}/{name}", WATERMARK.replace('.', "/"));
                settings.pointer(&pointer)?.as_str()
            })
        };
        let levels: Vec<&str> =
            ["low", "high", "flood_stage"].into_iter().filter_map(level).collect();
        Ok((!levels.is_empty()).then(|| levels.join(", ")))
    }
}

/// What is known of each node.
fn each(nodes: &Value) -> impl Iterator<Item = &Value> {
    nodes["nodes"].as_object().into_iter().flat_map(|nodes| nodes.values())
}

/// What the nodes do, all of them together.
fn roles(nodes: &Value) -> Option<String> {
    let lists = each(nodes).filter_map(|node| node["roles"].as_array());
    let roles: BTreeSet<&str> = lists.flatten().filter_map(Value::as_str).collect();
    (!roles.is_empty()).then(|| Vec::from_iter(roles).join(", "))
}

/// The share of the disk that is free, on the node that has the least.
fn least_free(nodes: &Value) -> Option<String> {
    let free = each(nodes).filter_map(|node| {
        let total = &node["fs"]["total"];
        let (free, all) =
            (total["available_in_bytes"].as_f64()?, total["total_in_bytes"].as_f64()?);
        (all > 0.0).then_some(100.0 * free / all)
    });
    Some(format!("{:.0} %", free.reduce(f64::min)?))
}
