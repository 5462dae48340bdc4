//! Tables for people: columns as wide as their content, two blanks between them, no borders.
//!
//! Every table that the product prints is made here, so that all look alike and a long name shifts no line.

use std::fmt;

use comfy_table::{CellAlignment, Table, TableStyle};

/// Blanks between two columns.
const GAP: u16 = 2;

/// A column: its heading, and the side to which its cells are flush.
#[derive(Debug, Clone)]
pub struct TableColumn {
    heading: String,
    alignment: CellAlignment,
}

/// A column of words, flush left.
pub fn left(heading: impl Into<String>) -> TableColumn {
    TableColumn { heading: heading.into(), alignment: CellAlignment::Left }
}

/// A column of figures, flush right.
pub fn right(heading: impl Into<String>) -> TableColumn {
    TableColumn { heading: heading.into(), alignment: CellAlignment::Right }
}

/// A column of names, and after it columns of figures.
pub fn name_and_figures<H: Into<String>>(
    name: impl Into<String>,
    figures: impl IntoIterator<Item = H>,
) -> impl Iterator<Item = TableColumn> {
    [left(name)].into_iter().chain(figures.into_iter().map(right))
}

/// Rows under headings. Printed, every line ends with a newline and none with blanks.
#[derive(Debug, Clone)]
pub struct TextTable {
    table: Table,
    columns: usize,
}

impl TextTable {
    /// An empty table, `indent` blanks from the margin. It has a line of headings unless all of them are empty.
    pub fn new(indent: u16, columns: impl IntoIterator<Item = TableColumn>) -> Self {
        let columns: Vec<TableColumn> = columns.into_iter().collect();
        let mut table = Table::new();
        table.load_style(TableStyle::new());
        // The header makes the library's columns, whose format is set below.
        table.set_header(columns.iter().map(|column| &column.heading));
        for (index, (column, format)) in columns.iter().zip(table.column_iter_mut()).enumerate() {
            format.set_padding((if index == 0 { indent } else { GAP }, 0));
            format.set_cell_alignment(column.alignment);
        }
        Self { table, columns: columns.len() }
    }

    /// Appends a row. Cells that are missing at its end stay empty.
    ///
    /// # Panics
    /// If there are more cells than columns.
    pub fn row<C: Into<String>>(&mut self, cells: impl IntoIterator<Item = C>) {
        let cells: Vec<String> = cells.into_iter().map(Into::into).collect();
        assert!(cells.len() <= self.columns, "a row of {} cells in {} columns", cells.len(), self.columns);
        self.table.add_row(cells);
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    /// Its lines without newlines, that of the headings first if there is one.
    pub fn lines(&self) -> impl Iterator<Item = String> {
        let headings = self.table.header().into_iter().flat_map(|header| header.cell_iter());
        let unnamed = headings.map(|cell| cell.content()).all(|heading| heading.is_empty());
        self.table.lines().skip(usize::from(unnamed)).map(|line| line.trim_end().to_owned())
    }
}

impl fmt::Display for TextTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.lines().try_for_each(|line| writeln!(f, "{line}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_content() {
        let mut table = TextTable::new(2, name_and_figures("layer", ["neurons"]).chain([left("")]));
        table.row(["a.layer.with.a.long.name", "8", "µ"]);
        table.row(["b", "12345678", "most"]);
        table.row(["c"]);
        let lines = [
            "  layer                      neurons",
            "  a.layer.with.a.long.name         8  µ",
            "  b                         12345678  most",
            "  c",
        ];
        assert_eq!(table.to_string(), lines.map(|line| format!("{line}\n")).concat());
    }

    #[test]
    fn without_headings_there_is_no_line_for_them() {
        let mut table = TextTable::new(0, [left(""), right("")]);
        assert!(table.is_empty());
        assert_eq!(table.to_string(), "");
        table.row(["a", "1"]);
        table.row(["  of it", "22"]);
        assert_eq!(table.to_string(), "a         1\n  of it  22\n");
        assert!(!table.is_empty());
    }

    #[test]
    #[should_panic(expected = "a row of 2 cells in 1 columns")]
    fn a_row_with_too_many_cells_is_refused() {
        TextTable::new(0, [left("one")]).row(["1", "2"]);
    }
}
