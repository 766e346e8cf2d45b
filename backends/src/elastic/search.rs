//! All that a search finds, page by page.

use elasticsearch::http::Method;
use serde_json::{Value, json};

use super::Store;
use super::client::Body;
use crate::error::Result;

/// Documents of a page.
const PAGE: usize = 1000;

impl Store {
    /// Where to search an index. What is found where a shard is missing is not all that there is, and who
    /// takes it for that deletes the rest: so then there is no answer.
    pub(super) fn search_path(&self, index: &str) -> String {
        format!("{}/_search?allow_partial_search_results=false", self.names.alias(index))
    }

    /// Every document that a query finds, in the order of a field that is different in each, with these
    /// of its fields; each is handed to `take`.
    pub(super) async fn all(
        &self,
        what: &str,
        index: &str,
        query: Value,
        [sort, fields]: [&[&str]; 2],
        mut take: impl FnMut(Value),
    ) -> Result<()> {
        let path = self.search_path(index);
        let sort: Vec<Value> = sort.iter().map(|field| json!({ *field: "asc" })).collect();
        let mut after = Value::Null;
        loop {
            let mut asked = json!({
                "size": PAGE, "query": query, "sort": sort, "_source": fields,
                "track_total_hits": false, "seq_no_primary_term": true,
            });
            if !after.is_null() {
                asked["search_after"] = after;
            }
            let mut answer = self.ask(what, Method::Post, &path, Body::json(&asked)).await?;
            let hits =
                answer["hits"]["hits"].as_array_mut().map(std::mem::take).unwrap_or_default();
            let is_last = hits.len() < PAGE;
            after = hits.last().map(|hit| hit["sort"].clone()).unwrap_or_default();
            hits.into_iter().for_each(&mut take);
            if is_last {
                return Ok(());
            }
        }
    }

    /// What aggregations come to.
    pub(super) async fn count(
        &self,
        what: &str,
        index: &str,
        query: Value,
        asked: Value,
    ) -> Result<Value> {
        let path = self.search_path(index);
        let body = json!({ "size": 0, "query": query, "aggs": asked, "track_total_hits": true });
        self.ask(what, Method::Post, &path, Body::json(&body)).await
    }
}
