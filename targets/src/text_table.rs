//! Tables for people: columns as wide as their content, two blanks between them, no borders.
//!
//! Every table that the product prints is made here, so that all look alike and a long name shifts no line.

use std::fmt;

use comfy_table::{CellAlignment, Table, TableStyle};

use crate::text_width::{WIDTH, broken};

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

/// Room that a last column of words needs beside the others, else it goes below them.
const WORDS: usize = 24;

/// Rows under headings. Printed, every line ends with a newline and none with blanks.
///
/// No line is wider than [`WIDTH`] as long as words allow it: the last column, if it is one of words, goes on in
/// further lines, and columns for which there is no room beside the others stand in a second block below the first,
/// each row under its first cell once more.
#[derive(Debug, Clone)]
pub struct TextTable {
    indent: u16,
    columns: Vec<TableColumn>,
    rows: Vec<Vec<String>>,
    /// Characters of a line.
    width: usize,
}

impl TextTable {
    /// An empty table, `indent` blanks from the margin. It has a line of headings unless all of them are empty.
    pub fn new(indent: u16, columns: impl IntoIterator<Item = TableColumn>) -> Self {
        Self { indent, columns: columns.into_iter().collect(), rows: Vec::new(), width: WIDTH }
    }

    /// A line a row however wide it is, for lists that programs read.
    #[must_use]
    pub fn on_single_lines(self) -> Self {
        Self { width: usize::MAX, ..self }
    }

    /// Appends a row. Cells that are missing at its end stay empty.
    ///
    /// # Panics
    /// If there are more cells than columns.
    pub fn row<C: Into<String>>(&mut self, cells: impl IntoIterator<Item = C>) {
        let cells: Vec<String> = cells.into_iter().map(Into::into).collect();
        let columns = self.columns.len();
        assert!(cells.len() <= columns, "a row of {} cells in {columns} columns", cells.len());
        self.rows.push(cells);
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Its lines without newlines, that of the headings first if there is one.
    pub fn lines(&self) -> impl Iterator<Item = String> {
        self.blocks().into_iter().flat_map(|block| self.block(&block))
    }

    /// Characters of the widest cell of each column.
    fn widths(&self) -> Vec<usize> {
        let of = |(index, column): (usize, &TableColumn)| {
            let cells = self.rows.iter().filter_map(|row| row.get(index));
            let widths = cells.chain([&column.heading]).map(|cell| cell.chars().count());
            widths.max().unwrap_or(0)
        };
        self.columns.iter().enumerate().map(of).collect()
    }

    /// Whether a column may go on in further lines.
    fn wraps(&self, column: usize) -> bool {
        column + 1 == self.columns.len() && self.columns[column].alignment == CellAlignment::Left
    }

    /// Columns that stand side by side; as few blocks as there can be, and these about as wide as each other.
    fn blocks(&self) -> Vec<Vec<usize>> {
        let widths = self.widths();
        let widest = self.cut(&widths, self.width);
        if widest.len() == 1 {
            return widest;
        }
        let fewest = |&limit: &usize| self.cut(&widths, limit).len() == widest.len();
        let narrowest = (1..=self.width).find(fewest).unwrap_or(self.width);
        self.cut(&widths, narrowest)
    }

    /// Columns from left to right, a new block wherever the next one would pass `limit`; the first column in each.
    fn cut(&self, widths: &[usize], limit: usize) -> Vec<Vec<usize>> {
        let first = usize::from(self.indent) + widths.first().copied().unwrap_or(0);
        let (mut blocks, mut used) = (vec![vec![0]], first);
        for (column, &width) in widths.iter().enumerate().skip(1) {
            let needed = usize::from(GAP) + if self.wraps(column) { width.min(WORDS) } else { width };
            let last = blocks.len() - 1;
            if used + needed > limit && blocks[last].len() > 1 {
                blocks.push(vec![0]);
                used = first;
            }
            used += needed;
            let last = blocks.len() - 1;
            blocks[last].push(column);
        }
        blocks
    }

    /// The lines of some columns.
    fn block(&self, block: &[usize]) -> Vec<String> {
        let mut table = Table::new();
        table.load_style(TableStyle::new());
        // The header makes the library's columns, whose format is set below.
        table.set_header(block.iter().map(|&column| &self.columns[column].heading));
        for (place, (&column, format)) in block.iter().zip(table.column_iter_mut()).enumerate() {
            format.set_padding((if place == 0 { self.indent } else { GAP }, 0));
            format.set_cell_alignment(self.columns[column].alignment);
        }
        let widths = self.widths();
        let beside: usize =
            block.iter().filter(|&&column| !self.wraps(column)).map(|&column| widths[column]).sum();
        let gaps = usize::from(self.indent) + usize::from(GAP) * (block.len() - 1);
        let room = self.width.saturating_sub(beside + gaps).max(WORDS);
        for row in &self.rows {
            let cell = |&column: &usize| {
                let cell = row.get(column).map_or("", String::as_str);
                if self.wraps(column) { broken(cell, room).join("\n") } else { cell.to_owned() }
            };
            table.add_row(block.iter().map(cell));
        }
        let unnamed = block.iter().all(|&column| self.columns[column].heading.is_empty());
        table.lines().skip(usize::from(unnamed)).map(|line| line.trim_end().to_owned()).collect()
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
    fn what_is_too_wide_goes_on_below() {
        let mut table = TextTable::new(2, name_and_figures("layer", ["a", "b", "c"]).chain([left("words")]));
        let words = "seven words are about as many as fit";
        table.row(["name".into(), "1".repeat(20), "2".repeat(20), "3".into(), words.to_owned()]);
        let lines: Vec<String> = table.lines().collect();
        assert_eq!(lines.len(), 3, "{table}");
        assert!(lines.iter().all(|line| line.chars().count() <= WIDTH), "{table}");
        assert!(lines[1].ends_with("seven words are about as"), "{table}");
        assert_eq!(lines[2].trim_start(), "many as fit");
        // No room beside the others: two blocks of about the same width, each under the name.
        let mut table = TextTable::new(2, name_and_figures("layer", ["a", "b", "c", "d"]));
        table.row(["name".to_owned(), "1".repeat(20), "2".repeat(20), "3".repeat(20), "4".repeat(20)]);
        let lines: Vec<String> = table.lines().collect();
        assert_eq!(lines.len(), 4, "{table}");
        assert_eq!(lines[1], format!("  name   {}  {}", "1".repeat(20), "2".repeat(20)));
        assert_eq!(lines[3], format!("  name   {}  {}", "3".repeat(20), "4".repeat(20)));
        assert!(lines[2].starts_with("  layer") && lines[2].trim_end().ends_with('d'), "{table}");
    }

    #[test]
    #[should_panic(expected = "a row of 2 cells in 1 columns")]
    fn a_row_with_too_many_cells_is_refused() {
        TextTable::new(0, [left("one")]).row(["1", "2"]);
    }
}
