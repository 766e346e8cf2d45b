//! What a unit says of the symbols in its list, and what their keys tell by themselves.
//!
//! Units share a symbol, and each may say something else of it: so what one says is its own, and goes
//! with it. A symbol by itself has its key, and what that alone tells.

use crate::unit::Unit;

/// What is said of a symbol besides its key. The least of several is the same in whatever order they
/// are met.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Said<'a> {
    /// Its kind.
    pub kind: &'a str,
    /// Its name for people.
    pub name: Option<&'a str>,
    /// The package that it belongs to.
    pub package: Option<&'a str>,
}

impl<'a> Said<'a> {
    /// What a key tells: of `name <language> <identifier>` the identifier, of any other nothing.
    pub fn by_key(key: &'a str) -> Self {
        let named = key.strip_prefix("name ").and_then(|rest| rest.split_once(' '));
        let name = named.map(|(_, identifier)| identifier).filter(|name| !name.is_empty());
        Self { kind: "name", name, package: None }
    }
}

/// A symbol in a unit's list of which the unit says more than its key tells, or that no edge of the unit
/// ends at. All others, which are all of a file that was parsed, are known by the unit's edges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mention<'a> {
    /// Its index in [`Batch::symbols`](crate::Batch::symbols).
    pub row: usize,
    /// What the unit says of it; `None` where that is what its key tells.
    pub said: Option<Said<'a>>,
}

impl<'a> Unit<'a> {
    /// The symbols of its list that its edges do not tell all of.
    pub fn mentions(&self) -> Vec<Mention<'a>> {
        let (symbols, edges, own) = (self.symbol_view(), self.edge_view(), self.symbols());
        let mut has_edge = vec![false; own.len()];
        for position in self.edges().filter_map(|i| edges.dst_symbol.get(i)) {
            has_edge[position as usize] = true;
        }
        let mention = |(row, has_edge): (usize, bool)| {
            let said = Said {
                kind: symbols.kind.at(row),
                name: symbols.name.get(row),
                package: symbols.package.get(row),
            };
            let said = (said != Said::by_key(symbols.symbol.at(row))).then_some(said);
            (said.is_some() || !has_edge).then_some(Mention { row, said })
        };
        own.zip(has_edge).filter_map(mention).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_tells_the_identifier_that_it_ends_with() {
        let name = |key| Said::by_key(key).name;
        assert_eq!(name("name python main"), Some("main"));
        assert_eq!(name("name python operator =="), Some("operator =="));
        for key in ["name python ", "name python", "name ", "names python x", "scip x y", ""] {
            assert_eq!(Said::by_key(key), Said { kind: "name", name: None, package: None });
        }
    }
}
