//! The table of a sweep as Parquet: the columns of `sweep.csv` with their types.
//!
//! A column is of integers, reals or truth values if all its cells are, else of texts. Every column may have empty
//! cells.

use std::path::Path;
use std::sync::Arc;

use parquet::basic::Compression;
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DataType, DoubleType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::parser::parse_message_type;
use snnc_targets::output::Unfinished;
use snnc_targets::{Code, Diagnostic};

use super::table::{Cell, Table};

/// Name of the file.
pub const FILE: &str = "sweep.parquet";

/// Type of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ColumnType {
    Integer,
    Real,
    Flag,
    Text,
}

fn kind(table: &Table, column: usize) -> ColumnType {
    let mut kind = None;
    for cell in table.rows.iter().map(|row| &row[column]) {
        let one = match cell {
            Cell::Empty => continue,
            Cell::Integer(value) if i64::try_from(*value).is_ok() => ColumnType::Integer,
            Cell::Integer(_) | Cell::Real(_) => ColumnType::Real,
            Cell::Flag(_) => ColumnType::Flag,
            Cell::Text(_) => ColumnType::Text,
        };
        kind = Some(match (kind, one) {
            (None, one) => one,
            (Some(before), one) if before == one => one,
            (Some(ColumnType::Integer), ColumnType::Real) | (Some(ColumnType::Real), ColumnType::Integer) => {
                ColumnType::Real
            }
            _ => ColumnType::Text,
        });
    }
    kind.unwrap_or(ColumnType::Real)
}

/// Writes the table.
///
/// # Errors
/// [`Code::OutputFailed`].
pub(super) fn write(path: &Path, table: &Table) -> Result<(), Diagnostic> {
    let failed =
        |error: &ParquetError| Diagnostic::new(Code::OutputFailed, path, format!("cannot write: {error}"));
    let kinds: Vec<ColumnType> = (0..table.columns.len()).map(|column| kind(table, column)).collect();
    let mut schema = String::from("message sweep {\n");
    for (name, kind) in table.columns.iter().zip(&kinds) {
        let (of, suffix) = match kind {
            ColumnType::Integer => ("int64", ""),
            ColumnType::Real => ("double", ""),
            ColumnType::Flag => ("boolean", ""),
            ColumnType::Text => ("binary", " (UTF8)"),
        };
        schema += &format!("optional {of} {name}{suffix};\n");
    }
    schema.push('}');
    let schema = parse_message_type(&schema).map_err(|error| failed(&error))?;
    let properties = WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .set_created_by(concat!("snnc ", env!("CARGO_PKG_VERSION")).into());
    let file = Unfinished::create(path)?;
    let file = (|| {
        let mut writer = SerializedFileWriter::new(file, Arc::new(schema), Arc::new(properties.build()))?;
        let mut group = writer.next_row_group()?;
        for (column, kind) in kinds.iter().enumerate() {
            let cells = || table.rows.iter().map(|row| &row[column]);
            match kind {
                ColumnType::Integer => put::<Int64Type>(&mut group, cells().map(integer))?,
                ColumnType::Real => put::<DoubleType>(&mut group, cells().map(real))?,
                ColumnType::Flag => put::<BoolType>(&mut group, cells().map(flag))?,
                ColumnType::Text => put::<ByteArrayType>(&mut group, cells().map(text))?,
            }
        }
        group.close()?;
        writer.into_inner()
    })();
    file.map_err(|error| failed(&error))?.finish()
}

/// Writes the next column.
fn put<T: DataType>(
    group: &mut SerializedRowGroupWriter<'_, Unfinished>,
    cells: impl Iterator<Item = Option<T::T>>,
) -> Result<(), ParquetError> {
    let cells: Vec<Option<T::T>> = cells.collect();
    let levels: Vec<i16> = cells.iter().map(|cell| i16::from(cell.is_some())).collect();
    let values: Vec<T::T> = cells.into_iter().flatten().collect();
    let Some(mut column) = group.next_column()? else { return Ok(()) };
    column.typed::<T>().write_batch(&values, Some(&levels), None)?;
    column.close()
}

fn integer(cell: &Cell) -> Option<i64> {
    match cell {
        Cell::Integer(value) => i64::try_from(*value).ok(),
        _ => None,
    }
}

fn real(cell: &Cell) -> Option<f64> {
    match cell {
        Cell::Integer(value) => Some(*value as f64),
        Cell::Real(value) => Some(*value),
        _ => None,
    }
}

fn flag(cell: &Cell) -> Option<bool> {
    match cell {
        Cell::Flag(value) => Some(*value),
        _ => None,
    }
}

fn text(cell: &Cell) -> Option<ByteArray> {
    match cell {
        Cell::Empty => None,
        other => Some(ByteArray::from(other.text().into_bytes())),
    }
}
