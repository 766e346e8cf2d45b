//! Prints results: columns as wide as their widest cell, numbers to the right.

use std::io::{self, Write};

/// Rows of cells under a head.
#[derive(Debug, Clone)]
pub struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with this head.
    pub fn new(head: &[&str]) -> Self {
        Self { rows: vec![head.iter().map(|cell| (*cell).to_owned()).collect()] }
    }

    /// Adds a row.
    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// Prints it as Markdown, ready for the README.
    ///
    /// # Errors
    /// Where standard output is gone.
    pub fn print(&self) -> io::Result<()> {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        let mut output = io::stdout().lock();
        for (at, row) in self.rows.iter().enumerate() {
            for (cell, &width) in row.iter().zip(&widths) {
                match is_number(cell) {
                    true => write!(output, "| {cell:>width$} ")?,
                    false => write!(output, "| {cell:<width$} ")?,
                }
            }
            writeln!(output, "|")?;
            if at == 0 {
                for &width in &widths {
                    write!(output, "|{:-<1$}", "", width + 2)?;
                }
                writeln!(output, "|")?;
            }
        }
        output.flush()
    }
}

fn is_number(cell: &str) -> bool {
    cell.starts_with(|first: char| first.is_ascii_digit())
}
