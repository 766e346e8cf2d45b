//! What a backend holds of a unit (rule 10).

use astload_fixtures::units::{NodeValue, UnitValue, any_units, batch_of, tree, units_of};
use astload_model::{Batch, Intake, NODE_FLAGS, Selection, SelectionRules};
use proptest::prelude::*;
use proptest::sample::subsequence;

fn select(rules: SelectionRules, batch: &Batch) -> Batch {
    let selection = Selection::new(rules).expect("the rules can be");
    selection.apply(batch).expect("what was valid fits")
}

fn some(words: &[&str]) -> Option<Vec<String>> {
    Some(words.iter().map(|&word| word.to_owned()).collect())
}

/// One rule each for labels, kinds, flags and languages, or none.
fn any_rules() -> impl Strategy<Value = SelectionRules> {
    let list = |words: &'static [&'static str]| {
        let some_of = subsequence(words, 0..=words.len());
        let owned = |words: Vec<&str>| words.into_iter().map(str::to_owned).collect::<Vec<_>>();
        prop::option::of(some_of.prop_map(owned))
    };
    (
        list(&["Ast", "Token", "Comment"]),
        list(&["call", "identifier", "CALL"]),
        list(&NODE_FLAGS),
        any::<bool>(),
        list(&["python", "go"]),
        prop::option::weighted(0.2, Just(vec!["a*/**".to_owned()])),
    )
        .prop_map(|(labels, kinds, flags, with_name, languages, paths)| SelectionRules {
            labels,
            kinds,
            flags,
            with_name,
            languages,
            other_languages: None,
            repos: None,
            paths,
        })
}

/// What a selection of nodes leaves of a unit, said in the words of rule 10.
fn expected(unit: &UnitValue, keeps: impl Fn(&NodeValue) -> bool) -> UnitValue {
    let mut left = unit.clone();
    left.nodes.retain(|node| node.ord == 0 || keeps(node));
    let kept: Vec<u32> = left.nodes.iter().map(|node| node.ord).collect();
    let has = |ord: u32| kept.contains(&ord);
    for node in &mut left.nodes {
        while node.parent.is_some_and(|parent| !has(parent)) {
            let dropped = unit.nodes.iter().find(|other| Some(other.ord) == node.parent);
            node.parent = dropped.expect("a parent").parent;
        }
    }
    left.edges.retain(|edge| has(edge.src) && edge.dst_node.is_none_or(has));
    left.vectors.retain(|vector| has(vector.node));
    let mut symbols = Vec::new();
    for edge in &mut left.edges {
        if let Some(position) = edge.dst_symbol {
            let symbol = &unit.symbols[position as usize];
            let at = symbols.iter().position(|other| other == symbol).unwrap_or_else(|| {
                symbols.push(symbol.clone());
                symbols.len() - 1
            });
            edge.dst_symbol = Some(at as u32);
        }
    }
    left.symbols = symbols;
    left
}

proptest! {
    #[test]
    fn what_is_selected_is_valid(units in any_units(), rules in any_rules()) {
        let selected = select(rules, &batch_of(&units));
        prop_assert_eq!(Intake::validate(selected).refusals, []);
    }

    #[test]
    fn selecting_again_changes_nothing(units in any_units(), rules in any_rules()) {
        let once = select(rules.clone(), &batch_of(&units));
        prop_assert_eq!(units_of(&select(rules, &once)), units_of(&once));
    }

    #[test]
    fn a_selection_of_nodes_leaves_what_rule_10_says(units in any_units(), rule in 0..7_usize) {
        // The one after all flags is that of names.
        let (flag, with_name) = (NODE_FLAGS.get(rule), rule == NODE_FLAGS.len());
        let flags = flag.map(|flag| vec![(*flag).to_owned()]);
        let rules = SelectionRules { flags, with_name, ..SelectionRules::default() };
        let selected = select(rules, &batch_of(&units));
        let keeps = |node: &NodeValue| match with_name {
            true => node.name.is_some(),
            false => node.flags & (1 << rule) != 0,
        };
        let expected: Vec<UnitValue> = units.iter().map(|unit| expected(unit, keeps)).collect();
        prop_assert_eq!(units_of(&selected), expected);
    }

    #[test]
    fn a_slice_is_selected_as_a_batch_of_its_own(units in any_units(), rules in any_rules()) {
        let from = units.len() / 2;
        let slice = batch_of(&units).slice(from..units.len());
        let alone = batch_of(&units[from..]);
        prop_assert_eq!(units_of(&select(rules.clone(), &slice)), units_of(&select(rules, &alone)));
    }
}

#[test]
fn nothing_said_selects_everything() {
    let units = [UnitValue::sample("a.py"), UnitValue::delete("b.py")];
    assert_eq!(units_of(&select(SelectionRules::default(), &batch_of(&units))), units);
}

#[test]
fn a_selection_of_nothing_leaves_the_roots() {
    let rules = SelectionRules { kinds: some(&[]), ..SelectionRules::default() };
    let selected = select(rules, &batch_of(&[UnitValue::sample("a.py")]));
    let [unit] = &units_of(&selected)[..] else { panic!("one unit") };
    assert_eq!((unit.nodes.len(), unit.edges.len(), unit.symbols.len()), (1, 0, 0));
    assert_eq!(unit.nodes[0].last, 5, "last stays");
}

#[test]
fn the_parent_of_a_kept_node_is_the_nearest_kept_above() {
    let rules = SelectionRules { kinds: some(&["b", "d"]), ..SelectionRules::default() };
    let unit = UnitValue::new("a.py", tree("a(b(c(d)) e(d))"));
    let [unit] = &units_of(&select(rules, &batch_of(&[unit])))[..] else { panic!("one unit") };
    let found: Vec<_> = unit.nodes.iter().map(|node| (node.ord, node.parent, node.last)).collect();
    assert_eq!(found, [(0, None, 5), (1, Some(0), 3), (3, Some(1), 3), (5, Some(0), 5)]);
}

#[test]
fn units_are_selected_by_repo_path_and_language() {
    let unit = |repo: &str, path: &str, language: Option<&str>| UnitValue {
        repo: repo.into(),
        language: language.map(str::to_owned),
        ..UnitValue::new(path, tree("m"))
    };
    let units = [
        unit("django@5.2", "src/a.py", Some("python")),
        unit("django@5.2", "src/a.go", Some("go")),
        unit("django@5.2", "b.py", None),
        unit("example", "src/a.py", Some("python")),
        UnitValue { repo: "example".into(), ..UnitValue::delete("gone") },
    ];
    let held = |rules| {
        let selected = select(rules, &batch_of(&units));
        let at = |unit: &UnitValue| units.iter().position(|other| other == unit);
        units_of(&selected).iter().map(|unit| at(unit).expect("one of them")).collect::<Vec<_>>()
    };
    let none = SelectionRules::default;
    assert_eq!(held(SelectionRules { repos: some(&["django*"]), ..none() }), [0, 1, 2, 4]);
    assert_eq!(held(SelectionRules { paths: some(&["src/**"]), ..none() }), [0, 1, 3, 4]);
    assert_eq!(held(SelectionRules { languages: some(&["python"]), ..none() }), [0, 3, 4]);
    let other = SelectionRules { other_languages: some(&["python"]), ..none() };
    assert_eq!(held(other), [0, 3, 4], "by whatever name it is called");
    let both =
        SelectionRules { languages: some(&["go"]), other_languages: some(&["python"]), ..none() };
    assert_eq!(held(both), [0, 1, 3, 4]);
}

#[test]
fn rules_that_cannot_be_are_refused_by_name() {
    let error = |rules| Selection::new(rules).expect_err("is refused").to_string();
    let none = SelectionRules::default;
    let labels = SelectionRules { labels: some(&["Ast", "Fnord"]), ..none() };
    assert!(error(labels).starts_with("label `Fnord` is none of File Symbol"));
    let flags = SelectionRules { flags: some(&["namd"]), ..none() };
    assert!(error(flags).starts_with("flag `namd` is none of named extra"));
    let languages = SelectionRules { languages: some(&["rsut"]), ..none() };
    assert!(error(languages).starts_with("language `rsut` is none of c cpp csharp"));
    let paths = SelectionRules { paths: some(&["a[b"]), ..none() };
    assert!(error(paths).contains("a[b"), "names the pattern");
}

#[test]
fn the_digest_of_a_selection_does_not_depend_on_the_order_of_words() {
    let digest = |kinds: &[&str]| {
        let rules = SelectionRules { kinds: some(kinds), ..SelectionRules::default() };
        Selection::new(rules).expect("the rules can be").digest()
    };
    assert_eq!(digest(&["a", "b"]), digest(&["b", "a", "b"]));
    assert_ne!(digest(&["a"]), digest(&["b"]));
    assert_ne!(digest(&[]), None);
    assert_eq!(Selection::default().digest(), None);
}
