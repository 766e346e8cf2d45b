//! The names of a store's labels, constraints and indexes.

/// What labels and names begin with.
#[derive(Debug, Clone)]
pub(super) struct Names {
    prefix: String,
}

/// Labels that say what a node is, without prefix. `Code` is every node of a unit's tree.
pub(super) const CODE: &str = "Code";
pub(super) const UNIT: &str = "Unit";
pub(super) const SYMBOL: &str = "SharedSymbol";

/// In statements `{Unit}` stands for the label of a unit; these are all that can.
const LABELS: [&str; 6] = [CODE, UNIT, SYMBOL, "Vector", "Repo", "AstloadStore"];

/// Relationships of ours. An edge of another's making that is called so gets a `_` at its end.
pub(super) const HAS_CHILD: &str = "HAS_CHILD";
pub(super) const HAS_VECTOR: &str = "HAS_VECTOR";
pub(super) const HAS_MENTION: &str = "HAS_MENTION";

/// Bytes of a kind that is a label. A longer one is a property.
const KIND_LABEL_MAX: usize = 256;

impl Names {
    pub(super) fn new(prefix: &str) -> Self {
        Self { prefix: prefix.to_owned() }
    }

    pub(super) fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The label that stands for this word.
    pub(super) fn of(&self, label: &str) -> String {
        format!("{}{label}", self.prefix)
    }

    /// Whether a label is one of ours.
    pub(super) fn is_own(&self, label: &str) -> bool {
        label.strip_prefix(&self.prefix).is_some_and(|word| LABELS.contains(&word))
    }

    /// Whether a kind is a label, and so can be told from the other labels of its node.
    pub(super) fn is_label(&self, kind: &str) -> bool {
        !kind.is_empty()
            && kind.len() <= KIND_LABEL_MAX
            && !astload_model::LABELS.contains(&kind)
            && !self.is_own(kind)
    }

    /// Which of a node's labels is its label.
    pub(super) fn label<'a>(&self, labels: &'a [String]) -> &'a str {
        let known = labels.iter().find(|label| astload_model::LABELS.contains(&label.as_str()));
        known.map_or("", String::as_str)
    }

    /// Its kind: a property where it has it, else the label that is left.
    pub(super) fn kind<'a>(&self, labels: &'a [String], property: Option<&'a str>) -> &'a str {
        let of_labels = || labels.iter().map(String::as_str).find(|label| self.is_label(label));
        property.or_else(of_labels).unwrap_or_default()
    }

    /// A statement with the names in it. A prefix is letters, digits and `_`: nothing is quoted.
    pub(super) fn cypher(&self, template: &str) -> String {
        let named = LABELS.iter().fold(template.to_owned(), |cypher, label| {
            cypher.replace(&format!("{{{label}}}"), &self.of(label))
        });
        named.replace("{prefix}", &self.prefix)
    }
}

/// The type of the relationship for an edge of a kind, and back.
pub(super) fn type_of(kind: &str) -> String {
    match is_reserved(kind) {
        true => format!("{kind}_"),
        false => kind.to_owned(),
    }
}

pub(super) fn kind_of(type_name: &str) -> &str {
    match is_reserved(type_name) {
        true => type_name.strip_suffix('_').unwrap_or(type_name),
        false => type_name,
    }
}

fn is_reserved(name: &str) -> bool {
    [HAS_CHILD, HAS_VECTOR, HAS_MENTION].contains(&name.trim_end_matches('_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kind_of_an_edge_is_known_by_its_relationship() {
        for kind in
            ["CALL", "HAS_CHILD", "HAS_CHILD_", "HAS_VECTOR__", "HAS_MENTION", "_", "HAS_", "CALL_"]
        {
            let named = type_of(kind);
            assert!(![HAS_CHILD, HAS_VECTOR, HAS_MENTION].contains(&named.as_str()), "{named}");
            assert_eq!(kind_of(&named), kind);
        }
    }

    #[test]
    fn a_prefix_is_part_of_every_name() {
        let names = Names::new("My");
        assert_eq!(names.cypher("(u:{Unit}) {prefix}unit_id"), "(u:MyUnit) Myunit_id");
        assert!(names.is_own("MyCode") && !names.is_own("Code") && !names.is_own("MyFile"));
    }
}
