//! Where two versions of a unit differ, for people.

use astload_model::{Batch, ndjson};
use serde_json::Value;

/// Longest value that is told.
const SHOWN_MAX: usize = 40;

/// The first place where two units differ, as a path into their NDJSON; each batch has one unit.
pub(super) fn first(left: &Batch, right: &Batch) -> String {
    let (Some(left), Some(right)) = (json(left), json(right)) else {
        return "they differ".into();
    };
    let place = ["", "nodes"].iter().find_map(|list| match list.is_empty() {
        true => own_columns(&left, &right),
        false => differ(list, &left[*list], &right[*list]),
    });
    // Their order is the store's own.
    place.unwrap_or_else(|| "edges, symbols or vectors differ".into())
}

fn json(batch: &Batch) -> Option<Value> {
    let mut writer = ndjson::Writer::new(Vec::new());
    writer.write(batch).ok()?;
    serde_json::from_slice(&writer.into_inner()).ok()
}

/// The columns of the unit itself; its generation says when, not what.
fn own_columns(left: &Value, right: &Value) -> Option<String> {
    let (left, right) = (left.as_object()?, right.as_object()?);
    let lists = ["nodes", "edges", "symbols", "vectors", "generation"];
    let mut names = left.keys().chain(right.keys()).filter(|name| !lists.contains(&name.as_str()));
    let null = Value::Null;
    names.find_map(|name| {
        differ(name, left.get(name).unwrap_or(&null), right.get(name).unwrap_or(&null))
    })
}

/// Where two values differ, if they do.
fn differ(place: &str, left: &Value, right: &Value) -> Option<String> {
    match (left, right) {
        _ if left == right => None,
        (Value::Array(one), Value::Array(other)) if one.len() == other.len() => {
            let pairs = one.iter().zip(other).enumerate();
            pairs.into_iter().find_map(|(at, (l, r))| differ(&format!("{place}[{at}]"), l, r))
        }
        (Value::Array(one), Value::Array(other)) => {
            Some(format!("{place}: {} against {}", one.len(), other.len()))
        }
        (Value::Object(one), Value::Object(other)) => {
            let null = Value::Null;
            let mut names = one.keys().chain(other.keys());
            names.find_map(|name| {
                let (l, r) = (one.get(name).unwrap_or(&null), other.get(name).unwrap_or(&null));
                differ(&format!("{place}.{name}"), l, r)
            })
        }
        _ => Some(format!("{place}: {} against {}", shown(left), shown(right))),
    }
}

fn shown(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(SHOWN_MAX) {
        None => text,
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_first_place_is_named() {
        let left = json!([{"name": "a"}, {"name": "b", "text": "x".repeat(60)}]);
        let right = json!([{"name": "a"}, {"name": "c"}]);
        assert_eq!(differ("nodes", &left, &left), None);
        let told = differ("nodes", &left, &right).expect("a difference");
        assert_eq!(told, "nodes[1].name: \"b\" against \"c\"");
        let fewer = differ("nodes", &left, &json!([]));
        assert_eq!(fewer.as_deref(), Some("nodes: 2 against 0"));
    }

    #[test]
    fn a_column_that_one_lacks_is_a_difference_and_a_generation_is_none() {
        let (left, right) = (json!({"path": "a", "generation": 1}), json!({"path": "a"}));
        assert_eq!(own_columns(&left, &right), None);
        let right = json!({"path": "a", "language": "rust"});
        assert_eq!(own_columns(&left, &right).as_deref(), Some("language: null against \"rust\""));
    }
}
