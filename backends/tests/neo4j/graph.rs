//! What the graph looks like, and that nothing of a unit is lost in it.

use astload_fixtures::delivery::unit;
use astload_fixtures::units::{EdgeValue, UnitValue};

use crate::server::Server;
use crate::store::Store;

#[tokio::test(flavor = "multi_thread")]
async fn nodes_are_labelled_and_related_as_the_page_says() {
    let Some(server) = Server::started() else { return };
    let store = Store::new(&server).await;
    store.write(&[unit("a", 1)]).await;
    for (question, expected) in [
        ("MATCH (unit:P_Unit:P_Code:File {path: 'a'}) RETURN count(*) AS number", 1),
        ("MATCH (:P_Unit)-[:HAS_CHILD*1..]->(node:P_Code:Ast) RETURN count(*) AS number", 5),
        ("MATCH (:P_Code)-[:HAS_VECTOR]->(:P_Vector) RETURN count(*) AS number", 1),
        ("MATCH (:P_Repo {repo: 'example', layer: 'ast'}) RETURN count(*) AS number", 1),
        ("MATCH (store:P_AstloadStore) WHERE store.version > 0 RETURN count(*) AS number", 1),
        ("MATCH (node) WHERE node.writing IS NOT NULL RETURN count(*) AS number", 0),
    ] {
        assert_eq!(store.number(question).await, expected, "{question}");
    }
}

/// Kinds that could be taken for labels of ours, or cannot be labels.
#[tokio::test(flavor = "multi_thread")]
async fn kinds_and_relationships_that_look_like_ours_are_told_from_them() {
    let Some(server) = Server::started() else { return };
    let store = Store::new(&server).await;
    let own = |label: &str| format!("{}{label}", store.prefix);
    let mut all = Vec::new();
    for (at, kind) in [
        "File".to_owned(),
        "Ast".into(),
        own("Code"),
        own("Unit"),
        own("SharedSymbol"),
        "Code".into(),
        "`x`".into(),
        "a b:c$(d)".into(),
        "\u{202e}über😀".into(),
        "k".repeat(1000),
    ]
    .into_iter()
    .enumerate()
    {
        let mut odd = unit(&format!("odd/{at}"), 1);
        odd.nodes[1].kind = kind;
        all.push(odd);
    }
    for (at, kind) in ["HAS_CHILD", "HAS_VECTOR", "HAS_CHILD_", "X`Y", "CALL"].iter().enumerate() {
        let mut odd: UnitValue = unit(&format!("edge/{at}"), 1);
        odd.edges = odd
            .edges
            .into_iter()
            .map(|edge| EdgeValue { kind: (*kind).to_owned(), ..edge })
            .collect();
        all.push(odd);
    }
    store.write(&all).await;
    store.holds(&all).await;
    // Once more, over what is there.
    for unit in &mut all {
        *unit = unit.clone().at_generation(2);
    }
    store.write(&all).await;
    store.holds(&all).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn any_text_is_read_back_as_it_was() {
    let Some(server) = Server::started() else { return };
    let store = Store::new(&server).await;
    let mut odd = unit("dir/\u{202e}\"'\\`${x}\n😀.py", 1);
    odd.nodes[1].name = Some("\u{feff}a\u{0301}\u{200d}\r\n\t\u{1}".into());
    odd.nodes[2].text = Some("\\u0000 {} $x // \u{ffff}\u{10ffff}".into());
    odd.nodes[3].text = Some(String::new());
    odd.nodes[1].properties = Some("{\"a\":\"\\u0001\\ud83d\\ude00\",\"b\":[null,1e400]}".into());
    odd.symbols[0].name = Some("n".repeat(1024));
    odd.revision = Some("'; MATCH (n) DETACH DELETE n; //".into());
    store.write(&[odd.clone(), unit("b", 1)]).await;
    store.holds(&[odd, unit("b", 1)]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn relationships_and_labels_of_others_are_left_alone() {
    let Some(server) = Server::started() else { return };
    let store = Store::new(&server).await;
    store.write(&[unit("a", 1)]).await;
    store
        .execute(
            "MATCH (unit:P_Unit {path: 'a'})-[:HAS_CHILD]->(node)
             SET node:Reviewed CREATE (unit)-[:SEEN_BY]->(:P_Person {name: 'me'})",
        )
        .await;
    store.holds(&[unit("a", 1)]).await;
    // A version that follows takes the unit's nodes along, and nobody else's.
    store.write(&[unit("a", 2)]).await;
    store.holds(&[unit("a", 2)]).await;
    assert_eq!(store.number("MATCH (who:P_Person) RETURN count(*) AS number").await, 1);
    store.execute("MATCH (who:P_Person) DETACH DELETE who").await;
}
