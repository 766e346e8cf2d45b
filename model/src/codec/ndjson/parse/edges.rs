//! Reads symbols, edges and vectors.

use std::collections::HashMap;

use jiter::Peek;

use super::super::columns::{Json, Next};
use super::super::draft::{
    EdgeDraft, EdgeField, SymbolDraft, SymbolField, VectorDraft, VectorField,
};
use super::{LineParser, TWICE, flag_names, properties};
use crate::column::TextColumn;
use crate::mention::Said;
use crate::schema::EDGE_FLAGS;

impl LineParser {
    pub(super) fn symbol(&mut self, json: &mut Json<'_>) -> Result<(), String> {
        let mut draft = SymbolDraft::default();
        let mut next = json.field(Next::First, SymbolField::named)?;
        while let Some(column) = next {
            self.place.field = column.name();
            if draft.has(column) {
                return Err(TWICE.into());
            }
            draft.read(column, json)?;
            self.place.field = "";
            next = json.field(Next::Further, SymbolField::named)?;
        }
        self.symbols.push(draft);
        Ok(())
    }

    pub(super) fn edge(&mut self, json: &mut Json<'_>) -> Result<(), String> {
        let mut draft = EdgeDraft::default();
        let mut next = json.field(Next::First, EdgeKey::named)?;
        while let Some(key) = next {
            match key {
                EdgeKey::Symbol => self.edge_symbol(json)?,
                EdgeKey::Column(column) => {
                    self.place.field = column.name();
                    match (column, json.peek()?) {
                        (column, _) if draft.has(column) => return Err(TWICE.into()),
                        (EdgeField::flags, Peek::Array) => {
                            draft.flags = Some(flag_names(json, &EDGE_FLAGS)?);
                        }
                        (EdgeField::properties, _) => draft.properties = properties(json)?,
                        (column, _) => draft.read(column, json)?,
                    }
                }
            }
            self.place.field = "";
            next = json.field(Next::Further, EdgeKey::named)?;
        }
        self.edges.push(draft);
        Ok(())
    }

    /// The key of the symbol at the end of the edge that is being read.
    fn edge_symbol(&mut self, json: &mut Json<'_>) -> Result<(), String> {
        self.place.field = "symbol";
        let edge = self.edges.len();
        if self.edge_symbols.last().is_some_and(|(last, _)| *last == edge) {
            return Err(TWICE.into());
        }
        let key = json.value::<TextColumn>()?;
        self.edge_symbols.extend(key.map(|key| (edge, key)));
        Ok(())
    }

    pub(super) fn vector(&mut self, json: &mut Json<'_>) -> Result<(), String> {
        let mut draft = VectorDraft::default();
        let mut next = json.field(Next::First, VectorField::named)?;
        while let Some(column) = next {
            self.place.field = column.name();
            if draft.has(column) {
                return Err(TWICE.into());
            }
            draft.read(column, json)?;
            self.place.field = "";
            next = json.field(Next::Further, VectorField::named)?;
        }
        self.vectors.push(draft);
        Ok(())
    }

    /// Gives edges that name a symbol by its key the symbol's position, adding it where the unit
    /// did not list it.
    pub(super) fn name_symbols(&mut self) -> Result<(), String> {
        if self.edge_symbols.is_empty() {
            return Ok(());
        }
        let mut positions = HashMap::with_capacity(self.symbols.len());
        for (position, symbol) in self.symbols.iter().enumerate() {
            if let Some(key) = symbol.symbol {
                positions.entry(self.pool.get(key)).or_insert(position as u32);
            }
        }
        for &(edge, key) in &self.edge_symbols {
            let draft = &mut self.edges[edge];
            if draft.dst_symbol.is_some() {
                return Err(format!("edges[{edge}]: symbol, dst_symbol: both are given"));
            }
            let next = self.symbols.len() as u32;
            let position = *positions.entry(self.pool.get(key)).or_insert(next);
            if position == next {
                let name = Said::by_key(self.pool.get(key)).name;
                let name = name.map(|name| (key.1 - name.len() as u32, key.1));
                let symbol = SymbolDraft { symbol: Some(key), name, ..SymbolDraft::default() };
                self.symbols.push(symbol);
            }
            draft.dst_symbol = Some(position);
        }
        Ok(())
    }
}

/// A field of an edge.
enum EdgeKey {
    Symbol,
    Column(EdgeField),
}

impl EdgeKey {
    fn named(name: &[u8]) -> Option<Self> {
        match name {
            b"symbol" => Some(Self::Symbol),
            name => EdgeField::named(name).map(Self::Column),
        }
    }
}
