//! Delivered packets as rows: the columns that every table of packets has, in files and in memory.

use snnc_compiler::ir::CoreId;
use snnc_simulator::time::cycle::{DeliveredPacket, InjectedPacket, StepPlace, StepRecord};
use snnc_targets::{Code, Diagnostic, Subject};

use super::Names;

/// Most packets of a table in memory, about 1 GB.
pub const PACKETS_MAX: usize = 1 << 23;

/// One packet that arrived.
#[derive(Debug, Clone, Copy)]
pub struct PacketRow {
    at: StepPlace,
    made: InjectedPacket,
    arrived: DeliveredPacket,
    neuron: u32,
    hops: u32,
    flits: u32,
    core: u32,
    clock_ps: u64,
}

/// The cells of a column.
#[derive(Debug, Clone, Copy)]
pub enum PacketColumn {
    /// Whole numbers of 64 bits.
    Long(fn(&PacketRow) -> i64),
    /// Whole numbers of 32 bits.
    Short(fn(&PacketRow) -> u32),
    /// Names of networks, by index.
    Network(fn(&PacketRow) -> u32),
    /// Names of the layers of slices, by index of the slice.
    Layer(fn(&PacketRow) -> u32),
}

/// The columns; neurons are numbered `[c, h, w]` row-major within their layer, as the model's outside sees them. Times
/// are picoseconds from the beginning of the packet's timestep.
pub const COLUMNS: [(&str, PacketColumn); 17] = [
    ("image", PacketColumn::Long(|r| r.at.image as i64)),
    ("iteration", PacketColumn::Short(|r| r.at.iteration as u32)),
    ("network", PacketColumn::Network(|r| r.at.network.0)),
    ("timestep", PacketColumn::Short(|r| r.at.step as u32)),
    ("source_core", PacketColumn::Short(|r| r.core)),
    ("source_slice", PacketColumn::Short(|r| r.made.slice)),
    ("source_layer", PacketColumn::Layer(|r| r.made.slice)),
    ("source_neuron", PacketColumn::Short(|r| r.neuron)),
    ("source_position", PacketColumn::Short(|r| r.made.spike.position)),
    ("source_atom", PacketColumn::Short(|r| r.made.spike.atom)),
    ("destination_core", PacketColumn::Short(|r| r.arrived.core)),
    ("hops", PacketColumn::Short(|r| r.hops)),
    ("flits", PacketColumn::Short(|r| r.flits)),
    ("operations", PacketColumn::Short(|r| r.arrived.operations)),
    ("injected_ps", PacketColumn::Long(|r| r.ps(r.made.injected))),
    ("delivered_ps", PacketColumn::Long(|r| r.ps(r.arrived.arrived))),
    ("latency_ps", PacketColumn::Long(|r| r.ps(r.arrived.arrived - r.made.injected))),
];

impl PacketRow {
    /// The packets of a timestep, in the order of their arrival.
    pub fn of<'a>(
        names: &'a Names<'_>,
        at: StepPlace,
        step: &'a StepRecord,
    ) -> impl Iterator<Item = Self> + 'a {
        let topology = names.program.topology();
        let site = |core: u32| names.program.sites[CoreId(core)];
        let flits = names.program.target.flits_per_packet();
        step.arrived.iter().map(move |&arrived| {
            let made = step.made[arrived.number as usize];
            let core = names.core(made.slice);
            let hops = topology.distance(site(core), site(arrived.core));
            let neuron = neuron(names, &made);
            Self { at, made, arrived, neuron, hops, flits, core, clock_ps: step.clock_ps }
        })
    }

    fn ps(&self, cycles: u64) -> i64 {
        i64::try_from(cycles.saturating_mul(self.clock_ps)).unwrap_or(i64::MAX)
    }
}

/// The neuron that fired, as the outside numbers those of its layer.
fn neuron(names: &Names, made: &InjectedPacket) -> u32 {
    let slice = &names.slices.slice(names.program, made.slice as usize).slice;
    let population = &names.program.model.populations[slice.population];
    let (y, x) = slice.coordinates(made.spike.position);
    let channel = slice.channels.start + made.spike.atom;
    population.outside(population.shape.at(channel as usize, y as usize, x as usize)) as u32
}

/// Packets of the chosen timesteps, by column of [`COLUMNS`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PacketTable {
    /// Cells; those of names are indices into `networks` and `layers`.
    pub columns: Vec<Vec<i64>>,
    /// Names of the networks.
    pub networks: Vec<String>,
    /// Layer of each slice.
    pub layers: Vec<String>,
}

impl PacketTable {
    /// Without packets.
    pub fn new(names: &Names) -> Self {
        let networks = names.program.model.networks.values().map(|network| network.name.clone()).collect();
        Self { columns: vec![Vec::new(); COLUMNS.len()], networks, layers: names.layers.clone() }
    }

    /// Number of packets.
    pub fn len(&self) -> usize {
        self.columns[0].len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds a timestep's packets.
    ///
    /// # Errors
    /// [`Code::Argument`] for more than [`PACKETS_MAX`] in all.
    pub fn add(&mut self, names: &Names, at: StepPlace, step: &StepRecord) -> Result<(), Diagnostic> {
        if self.len() + step.arrived.len() > PACKETS_MAX {
            let message = format!("more than {PACKETS_MAX} packets, which are not kept in memory");
            return Err(Diagnostic::new(Code::Argument, Subject::argument("--trace"), message)
                .hint("choose fewer items, passes or timesteps, or write them to a file"));
        }
        for row in PacketRow::of(names, at, step) {
            for (cells, (_, column)) in self.columns.iter_mut().zip(&COLUMNS) {
                cells.push(match column {
                    PacketColumn::Long(cell) => cell(&row),
                    PacketColumn::Short(cell) | PacketColumn::Network(cell) | PacketColumn::Layer(cell) => {
                        cell(&row).into()
                    }
                });
            }
        }
        Ok(())
    }
}
