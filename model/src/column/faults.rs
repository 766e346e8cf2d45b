//! Values from outside that their column cannot take.

use std::ops::Range;

/// A value that its column cannot take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    /// The unit that it belongs to.
    pub unit: usize,
    /// Its position in the unit's list.
    pub position: usize,
    /// Its column, and what is wrong with it.
    pub what: String,
}

/// What was found wrong with the columns of one table.
///
/// Of each column only the first fault of a unit is kept: it is enough to refuse the unit, and a
/// hostile column of nulls must not cost a message a row.
#[derive(Debug)]
pub struct Faults<'a> {
    /// The rows of each unit, ascending. Rows outside belong to nobody and harm nobody.
    units: &'a [Range<usize>],
    column: &'static str,
    /// The first unit that can still have a fault in this column.
    unit: usize,
    found: Vec<Fault>,
}

impl<'a> Faults<'a> {
    /// No faults in a table of which each unit has these rows.
    pub(crate) fn new(units: &'a [Range<usize>]) -> Self {
        Self { units, column: "", unit: 0, found: Vec::new() }
    }

    /// Turns to the next column.
    pub(crate) fn turn_to(&mut self, column: &'static str) {
        (self.column, self.unit) = (column, 0);
    }

    /// Adds a fault of the column; rows ascend.
    pub(crate) fn add(&mut self, row: usize, what: impl FnOnce() -> String) {
        while self.units.get(self.unit).is_some_and(|rows| rows.end <= row) {
            self.unit += 1;
        }
        if let Some(rows) = self.units.get(self.unit)
            && rows.start <= row
        {
            let (unit, position) = (self.unit, row - rows.start);
            self.found.push(Fault { unit, position, what: format!("{}: {}", self.column, what()) });
            self.unit += 1;
        }
    }

    /// All that were found, column by column.
    pub(crate) fn into_found(self) -> Vec<Fault> {
        self.found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_fault_of_each_unit_is_kept_and_rows_of_nobody_are_not() {
        let units = [2..4, 4..4, 6..8];
        let mut faults = Faults::new(&units);
        for column in ["a", "b"] {
            faults.turn_to(column);
            (0..9).for_each(|row| faults.add(row, || format!("in row {row}")));
        }
        let found: Vec<_> =
            faults.into_found().into_iter().map(|f| (f.unit, f.position, f.what)).collect();
        let expected = [
            (0, 0, "a: in row 2".to_owned()),
            (2, 0, "a: in row 6".to_owned()),
            (0, 0, "b: in row 2".to_owned()),
            (2, 0, "b: in row 6".to_owned()),
        ];
        assert_eq!(found, expected);
    }
}
