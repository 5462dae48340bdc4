//! What a fault is about, by kind.

use std::fmt;

use super::Place;
use crate::ids::{CoreId, NetworkId, PopulationId, ProjectionId};

/// What a fault is about. Its `Display` is what users read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// The file that the place lies in, as a whole or at the place's line.
    File,
    /// An argument of the command line (`--images 0`), or of a function of the library (`items 0`).
    Argument {
        /// Name as the user writes it, with its dashes.
        name: String,
        /// What was given for it, if that matters.
        value: Option<String>,
    },
    /// A field of a file, by its path: `core.neurons`.
    Field(String),
    /// A tensor of a weight file.
    Tensor(String),
    /// A key of a recording.
    Key(String),
    /// A handle of a weight file in a model file.
    WeightFile(String),
    /// A model by its name.
    Model(String),
    /// A compiled program by its model's name.
    Program(String),
    /// A network by its name.
    Network(String),
    /// A layer by its names.
    Layer {
        /// Name of its network.
        network: String,
        /// Name of the layer in it.
        layer: String,
    },
    /// A target by its name; of a target with a core for each layer also the layers, `NETWORK.LAYER`.
    Target {
        /// Name.
        target: String,
        /// Layers that compete for its cores.
        layers: Vec<String>,
    },
    /// A network of the spiking IR, with its name where that is known.
    IrNetwork(NetworkId, Option<String>),
    /// A population, with its layer's name.
    Population(PopulationId, String),
    /// The order of a population's neurons.
    Order(PopulationId),
    /// What the host writes to a population.
    HostInput(PopulationId),
    /// What the host reads of a population.
    Readout(PopulationId),
    /// A projection.
    Projection(ProjectionId),
    /// How a projection maps one axis.
    ProjectionAxis(ProjectionId, MapAxis),
    /// A core of a program, or a part of it.
    Core(CoreId, CorePart),
    /// A core of a file, by its number there.
    CoreOfFile(usize),
    /// A router by its number, row by row.
    Router(usize),
    /// A router by its tile.
    RouterAt {
        /// Column of the board.
        column: usize,
        /// Row of the board.
        row: usize,
    },
    /// A vertex of a hypergraph.
    Vertex(usize),
    /// A net of a hypergraph.
    Net(usize),
    /// Something that there is once.
    Part(NamedPart),
    /// A place in another file, which the file of this place has led to.
    Elsewhere(Place),
}

/// A part of a core's memories.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CorePart {
    /// The core as a whole.
    Whole,
    /// The core as a whole, with the layers on it, `NETWORK.LAYER`.
    Layers(Vec<String>),
    /// A synapse list.
    List(usize),
    /// An input axon.
    Axon(usize),
    /// A route to an input axon of a core.
    Route(CoreId, u32),
    /// A source position of a slice, (y, x).
    Position(u32, u32),
    /// What the spikes of a source position, (y, x), reach through an input axon of a core.
    Synapses((u32, u32), CoreId, u32),
}

/// An axis of a convolution's map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MapAxis {
    /// Vertical.
    Rows,
    /// Horizontal.
    Columns,
}

macro_rules! parts {
    ($($(#[$doc:meta])* $name:ident $printed:literal),* $(,)?) => {
        /// What there is once in a model, a mapping or a run.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum NamedPart {$($(#[$doc])* $name),*}

        impl fmt::Display for NamedPart {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self { $(Self::$name => $printed),* })
            }
        }
    };
}

parts! {
    /// The pipeline of a model.
    Pipeline "pipeline",
    /// Integer widths of the neurons.
    NeuronFormat "neuron format",
    /// All that the host writes.
    HostInputs "host inputs",
    /// What drives the program.
    Workload "workload",
    /// A workload that generates.
    Generation "workload generation",
    /// The compiled program.
    Program "program",
    /// Sites of the cores.
    Placement "placement",
    /// Orders of irregular populations in a partition file.
    Orders "orders",
    /// Kernels that a partition cuts.
    KernelParts "kernel_parts",
    /// A hypergraph as a whole.
    Hypergraph "hypergraph",
    /// A run of a program.
    Run "run",
    /// Limits of a hypergraph's blocks.
    Limits "limits",
    /// A generated image.
    Image "image",
    /// The report of a run.
    Report "report.json",
    /// Standard output of the command.
    StandardOutput "standard output",
}

impl Subject {
    /// An argument without its value.
    pub fn argument(name: impl Into<String>) -> Self {
        Self::Argument { name: name.into(), value: None }
    }

    /// An argument with what was given for it.
    pub fn value(name: impl Into<String>, value: impl fmt::Display) -> Self {
        Self::Argument { name: name.into(), value: Some(value.to_string()) }
    }

    /// A layer by its names.
    pub fn layer(network: impl Into<String>, layer: impl Into<String>) -> Self {
        Self::Layer { network: network.into(), layer: layer.into() }
    }

    /// A target by its name.
    pub fn target(name: impl Into<String>) -> Self {
        Self::Target { target: name.into(), layers: Vec::new() }
    }

    /// What kind of thing it is, in a word for programs.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Argument { .. } => "argument",
            Self::Elsewhere(place) => place.subject().kind(),
            Self::Field(_) | Self::Tensor(_) | Self::Key(_) | Self::Part(_) => "other",
            _ => "entity",
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File => Ok(()),
            Self::Argument { name, value: None } => f.write_str(name),
            Self::Argument { name, value: Some(value) } => write!(f, "{name} {value}"),
            Self::Field(text) | Self::Key(text) => f.write_str(text),
            Self::Tensor(name) => write!(f, "tensor {name}"),
            Self::WeightFile(handle) => write!(f, "weight file {handle}"),
            Self::Model(name) => write!(f, "model {name}"),
            Self::Program(model) => write!(f, "program of model {model}"),
            Self::Network(name) => write!(f, "network {name}"),
            Self::Layer { network, layer } => write!(f, "layer {network}.{layer}"),
            Self::Target { target, layers } if layers.is_empty() => write!(f, "target {target}"),
            Self::Target { target, layers } => write!(f, "target {target}: {}", layers.join(", ")),
            Self::IrNetwork(id, None) => write!(f, "{id}"),
            Self::IrNetwork(id, Some(name)) => write!(f, "{id} \"{name}\""),
            Self::Population(id, name) => write!(f, "{id} \"{name}\""),
            Self::Order(id) => write!(f, "order of {id}"),
            Self::HostInput(id) => write!(f, "host input of {id}"),
            Self::Readout(id) => write!(f, "readout of {id}"),
            Self::Projection(id) => write!(f, "{id}"),
            Self::ProjectionAxis(id, MapAxis::Rows) => write!(f, "{id} rows"),
            Self::ProjectionAxis(id, MapAxis::Columns) => write!(f, "{id} columns"),
            Self::Core(id, part) => write!(f, "{id}{part}"),
            Self::CoreOfFile(number) => write!(f, "core {number}"),
            Self::Router(number) => write!(f, "router {number}"),
            Self::RouterAt { column, row } => write!(f, "router at column {column}, row {row}"),
            Self::Vertex(number) => write!(f, "vertex {number}"),
            Self::Net(number) => write!(f, "net {number}"),
            Self::Part(part) => part.fmt(f),
            Self::Elsewhere(place) => place.fmt(f),
        }
    }
}

/// What follows the core's number.
impl fmt::Display for CorePart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole => Ok(()),
            Self::Layers(names) => write!(f, " with {}", names.join(", ")),
            Self::List(number) => write!(f, " list {number}"),
            Self::Axon(number) => write!(f, " axon {number}"),
            Self::Route(core, axon) => write!(f, " route to {core} axon {axon}"),
            Self::Position(y, x) => write!(f, " position ({y}, {x})"),
            Self::Synapses((y, x), core, axon) => write!(f, " position ({y}, {x}) to {core} axon {axon}"),
        }
    }
}

impl From<CoreId> for Subject {
    fn from(core: CoreId) -> Self {
        Self::Core(core, CorePart::Whole)
    }
}
