//! The table of packets: Parquet, a row a delivered packet, in order of image, pass, timestep and arrival.
//!
//! Times are integers of picoseconds from the beginning of the packet's timestep. `latency_ps` is `delivered_ps -
//! injected_ps`: from standing in the router's local buffer to the arrival of its last flit at the core. Rows are
//! written in groups of [`GROUP`], so memory does not grow with the run.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use parquet::basic::{Compression, Encoding};
use parquet::data_type::{ByteArray, ByteArrayType, DataType, Int32Type, Int64Type};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::parser::parse_message_type;
use parquet::schema::types::ColumnPath;
use snnc_simulator::time::cycle::{StepPlace, StepRecord};
use snnc_targets::output::Unfinished;
use snnc_targets::{Code, Diagnostic};

use super::Names;
use super::rows::{COLUMNS, PacketColumn, PacketRow};

/// Rows of a group.
const GROUP: usize = 1 << 17;

/// Columns of numbers that hardly repeat: differences pack better than a dictionary.
const TIMES: [&str; 3] = ["injected_ps", "delivered_ps", "latency_ps"];

/// The file in the making.
pub struct PacketFile {
    writer: SerializedFileWriter<Unfinished>,
    path: PathBuf,
    rows: Vec<PacketRow>,
    written: u64,
}

impl std::fmt::Debug for PacketFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PacketFile({}, {} packets)", self.path.display(), self.written + self.rows.len() as u64)
    }
}

impl PacketFile {
    /// Begins `path`.
    ///
    /// # Errors
    /// [`Code::OutputFailed`].
    pub fn create(path: &Path) -> Result<Self, Diagnostic> {
        let mut properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .set_created_by(concat!("snnc ", env!("CARGO_PKG_VERSION")).into());
        for name in TIMES {
            properties = properties
                .set_column_dictionary_enabled(ColumnPath::from(name), false)
                .set_column_encoding(ColumnPath::from(name), Encoding::DELTA_BINARY_PACKED);
        }
        let schema = parse_message_type(&schema()).expect("the schema below parses");
        let file = Unfinished::create(path)?;
        let writer = SerializedFileWriter::new(file, Arc::new(schema), Arc::new(properties.build()));
        let writer = writer.map_err(|e| failed(path, &e))?;
        Ok(Self { writer, path: path.to_owned(), rows: Vec::with_capacity(GROUP), written: 0 })
    }

    /// Adds a timestep's packets.
    ///
    /// # Errors
    /// [`Code::OutputFailed`].
    pub fn add(&mut self, names: &Names, at: StepPlace, step: &StepRecord) -> Result<(), Diagnostic> {
        for row in PacketRow::of(names, at, step) {
            self.rows.push(row);
            if self.rows.len() == GROUP {
                self.group(names)?;
            }
        }
        Ok(())
    }

    /// Writes what is left and names the file; its packets.
    ///
    /// # Errors
    /// [`Code::OutputFailed`].
    pub fn finish(mut self, names: &Names) -> Result<u64, Diagnostic> {
        if !self.rows.is_empty() {
            self.group(names)?;
        }
        let file = self.writer.into_inner().map_err(|e| failed(&self.path, &e))?;
        file.finish()?;
        Ok(self.written)
    }

    fn group(&mut self, names: &Names) -> Result<(), Diagnostic> {
        let group = self.writer.next_row_group().map_err(|e| failed(&self.path, &e))?;
        columns(group, &self.rows, names).map_err(|e| failed(&self.path, &e))?;
        self.written += self.rows.len() as u64;
        self.rows.clear();
        Ok(())
    }
}

fn failed(path: &Path, error: &dyn std::fmt::Display) -> Diagnostic {
    Diagnostic::new(Code::OutputFailed, path, format!("cannot write: {error}"))
}

/// The columns of [`COLUMNS`] as Parquet declares them.
fn schema() -> String {
    let mut schema = String::from("message packets {\n");
    for (name, column) in COLUMNS {
        let (of, suffix) = match column {
            PacketColumn::Long(_) => ("int64", ""),
            PacketColumn::Short(_) => ("int32", ""),
            PacketColumn::Network(_) | PacketColumn::Layer(_) => ("binary", " (UTF8)"),
        };
        schema += &format!("required {of} {name}{suffix};\n");
    }
    schema + "}"
}

/// Writes all columns of a group, in the order of [`COLUMNS`].
fn columns(
    mut group: SerializedRowGroupWriter<'_, Unfinished>,
    rows: &[PacketRow],
    names: &Names,
) -> parquet::errors::Result<()> {
    let networks = names.program.model.networks.values();
    let networks: Vec<ByteArray> = networks.map(|network| ByteArray::from(network.name.as_str())).collect();
    let layers: Vec<ByteArray> = names.layers.iter().map(|name| ByteArray::from(name.as_str())).collect();
    for (_, cells) in COLUMNS {
        let g = &mut group;
        match cells {
            PacketColumn::Long(cell) => column::<Int64Type>(g, rows, cell)?,
            PacketColumn::Short(cell) => column::<Int32Type>(g, rows, |r| cell(r) as i32)?,
            PacketColumn::Network(cell) => {
                column::<ByteArrayType>(g, rows, |r| networks[cell(r) as usize].clone())?;
            }
            PacketColumn::Layer(cell) => {
                column::<ByteArrayType>(g, rows, |r| layers[cell(r) as usize].clone())?;
            }
        }
    }
    group.close()?;
    Ok(())
}

fn column<T: DataType>(
    group: &mut SerializedRowGroupWriter<'_, Unfinished>,
    rows: &[PacketRow],
    value: impl Fn(&PacketRow) -> T::T,
) -> parquet::errors::Result<()> {
    let values: Vec<T::T> = rows.iter().map(value).collect();
    let mut column = group.next_column()?.expect("as many columns as the schema has");
    column.typed::<T>().write_batch(&values, None, None)?;
    column.close()
}
