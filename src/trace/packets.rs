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
use snnc_compiler::ir::program::Program;
use snnc_simulator::time::cycle::{DeliveredPacket, InjectedPacket, StepPlace, StepRecord};
use snnc_targets::output::Unfinished;
use snnc_targets::{Code, Diagnostic};

use super::{Names, flits};

/// Rows of a group.
const GROUP: usize = 1 << 17;

/// The columns; neurons are numbered `[c, h, w]` row-major within their layer, as the model's outside sees them.
const SCHEMA: &str = "message packets {
    required int64 image;
    required int32 iteration;
    required binary network (UTF8);
    required int32 timestep;
    required int32 source_core;
    required int32 source_slice;
    required binary source_layer (UTF8);
    required int32 source_neuron;
    required int32 source_position;
    required int32 source_atom;
    required int32 destination_core;
    required int32 hops;
    required int32 flits;
    required int32 operations;
    required int64 injected_ps;
    required int64 delivered_ps;
    required int64 latency_ps;
}";

/// Columns of numbers that hardly repeat: differences pack better than a dictionary.
const TIMES: [&str; 3] = ["injected_ps", "delivered_ps", "latency_ps"];

/// One row.
#[derive(Debug, Clone, Copy)]
struct PacketRow {
    at: StepPlace,
    made: InjectedPacket,
    arrived: DeliveredPacket,
    neuron: u32,
    hops: u32,
    clock_ps: u64,
}

/// The file in the making.
pub struct PacketFile {
    writer: SerializedFileWriter<Unfinished>,
    path: PathBuf,
    flits: u32,
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
    pub fn create(path: &Path, program: &Program) -> Result<Self, Diagnostic> {
        let mut properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .set_created_by(concat!("snnc ", env!("CARGO_PKG_VERSION")).into());
        for name in TIMES {
            properties = properties
                .set_column_dictionary_enabled(ColumnPath::from(name), false)
                .set_column_encoding(ColumnPath::from(name), Encoding::DELTA_BINARY_PACKED);
        }
        let schema = parse_message_type(SCHEMA).expect("the schema above parses");
        let file = Unfinished::create(path)?;
        let writer = SerializedFileWriter::new(file, Arc::new(schema), Arc::new(properties.build()));
        let writer = writer.map_err(|e| failed(path, &e))?;
        let flits = flits(program) as u32;
        Ok(Self { writer, path: path.to_owned(), flits, rows: Vec::with_capacity(GROUP), written: 0 })
    }

    /// Adds a timestep's packets.
    ///
    /// # Errors
    /// [`Code::OutputFailed`].
    pub fn add(&mut self, names: &Names, at: StepPlace, step: &StepRecord) -> Result<(), Diagnostic> {
        let topology = names.program.topology();
        let site = |core: u32| names.program.sites[snnc_compiler::ir::CoreId(core)];
        for &arrived in &step.arrived {
            let made = step.made[arrived.number as usize];
            let hops = topology.distance(site(names.core(made.slice)), site(arrived.core));
            let neuron = neuron(names, &made);
            self.rows.push(PacketRow { at, made, arrived, neuron, hops, clock_ps: step.clock_ps });
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
        columns(group, &self.rows, names, self.flits).map_err(|e| failed(&self.path, &e))?;
        self.written += self.rows.len() as u64;
        self.rows.clear();
        Ok(())
    }
}

fn failed(path: &Path, error: &dyn std::fmt::Display) -> Diagnostic {
    Diagnostic::new(Code::OutputFailed, path, format!("cannot write: {error}"))
}

/// The neuron that fired, as the outside numbers those of its layer.
fn neuron(names: &Names, made: &InjectedPacket) -> u32 {
    let slice = &names.slices.slice(names.program, made.slice as usize).slice;
    let population = &names.program.model.populations[slice.population];
    let (y, x) = slice.coordinates(made.spike.position);
    let channel = slice.channels.start + made.spike.atom;
    population.outside(population.shape.at(channel as usize, y as usize, x as usize)) as u32
}

/// Writes all columns of a group, in the order of [`SCHEMA`].
fn columns(
    mut group: SerializedRowGroupWriter<'_, Unfinished>,
    rows: &[PacketRow],
    names: &Names,
    flits: u32,
) -> parquet::errors::Result<()> {
    let networks = &names.program.model.networks;
    let word = |text: &str| ByteArray::from(text);
    let layers: Vec<ByteArray> = names.layers.iter().map(|name| word(name)).collect();
    let networks: Vec<ByteArray> = networks.values().map(|network| word(&network.name)).collect();
    let g = &mut group;
    column::<Int64Type>(g, rows, |r| r.at.image as i64)?;
    column::<Int32Type>(g, rows, |r| r.at.iteration as i32)?;
    column::<ByteArrayType>(g, rows, |r| networks[r.at.network.0 as usize].clone())?;
    column::<Int32Type>(g, rows, |r| r.at.step as i32)?;
    column::<Int32Type>(g, rows, |r| names.core(r.made.slice) as i32)?;
    column::<Int32Type>(g, rows, |r| r.made.slice as i32)?;
    column::<ByteArrayType>(g, rows, |r| layers[r.made.slice as usize].clone())?;
    column::<Int32Type>(g, rows, |r| r.neuron as i32)?;
    column::<Int32Type>(g, rows, |r| r.made.spike.position as i32)?;
    column::<Int32Type>(g, rows, |r| r.made.spike.atom as i32)?;
    column::<Int32Type>(g, rows, |r| r.arrived.core as i32)?;
    column::<Int32Type>(g, rows, |r| r.hops as i32)?;
    column::<Int32Type>(g, rows, |_| flits as i32)?;
    column::<Int32Type>(g, rows, |r| r.arrived.operations as i32)?;
    column::<Int64Type>(g, rows, |r| ps(r, r.made.injected))?;
    column::<Int64Type>(g, rows, |r| ps(r, r.arrived.arrived))?;
    column::<Int64Type>(g, rows, |r| ps(r, r.arrived.arrived - r.made.injected))?;
    group.close()?;
    Ok(())
}

fn ps(row: &PacketRow, cycles: u64) -> i64 {
    i64::try_from(cycles.saturating_mul(row.clock_ps)).unwrap_or(i64::MAX)
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
