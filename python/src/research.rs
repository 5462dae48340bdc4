//! The mapper's parts by themselves: hypergraphs (`snnc._native.Hypergraph`), partitioning, placement.

use std::path::PathBuf;
use std::sync::Arc;

use pyo3::prelude::*;
use snnc::compiler::ir::NetworkId;
use snnc::compiler::ir::spiking::SpikingIr;
use snnc::compiler::mapping::flows;
use snnc::compiler::mapping::hypergraph::from_ir::NetworkGraph;
use snnc::compiler::mapping::hypergraph::{self, Blocks, HypergraphOptions, Incidence, VertexId, hgr};
use snnc::compiler::mapping::place::PlaceOptions;
use snnc::research::partition::partition_graph;
use snnc::research::place::{PlacementMesh, place, place_traffic};
use snnc::targets::input;
use snnc::{Diagnostic, Diagnostics};

use crate::compile::effort;
use crate::errors::{argument, raise};
use crate::model::json;
use crate::work;

/// Layer, first channel, channel after the last, row and column of a vertex.
type VertexPlace = (String, u32, u32, u32, u32);

/// A hypergraph; one of a network knows what its vertices are.
#[pyclass(frozen, module = "snnc._native")]
pub struct Hypergraph {
    graph: Arc<hypergraph::Hypergraph>,
    vertices: Vec<VertexPlace>,
}

impl Hypergraph {
    /// That of a network.
    pub fn of_network(ir: &SpikingIr, _: NetworkId, graph: NetworkGraph) -> Self {
        let place = |group: &hypergraph::from_ir::Group| {
            let layer = ir.model.layer_name(group.population);
            (layer, group.channels.start, group.channels.end, group.y, group.x)
        };
        let vertices = graph.groups.iter().map(place).collect();
        Self { graph: Arc::new(graph.graph), vertices }
    }
}

/// Nets one after another: where each begins in the pins, and one more; the pins; weights of nets; weights of vertices
/// row by row, and how many each has.
type Arrays = (Vec<usize>, Vec<u32>, Vec<u64>, Vec<u64>, usize);

#[pymethods]
impl Hypergraph {
    /// Reads a file in hMETIS form.
    #[staticmethod]
    fn load(py: Python<'_>, path: PathBuf) -> PyResult<Self> {
        let graph = work::run(py, None, move |_| {
            Ok(hgr::parse(&input::GRAPH.read_text(&path)?, &path.display().to_string())?)
        })?;
        Ok(Self { graph: Arc::new(graph), vertices: Vec::new() })
    }

    /// Of arrays.
    #[staticmethod]
    fn of_arrays(py: Python<'_>, vertices: usize, arrays: Arrays) -> PyResult<Self> {
        let graph = work::run(py, None, move |_| {
            let (starts, pins, net_weights, vertex_weights, resources) = arrays;
            let rising = starts.windows(2).all(|pair| pair[0] <= pair[1]);
            if starts.first() != Some(&0) || starts.last() != Some(&pins.len()) || !rising {
                let message = format!("expected to rise from 0 to the number of pins, {}", pins.len());
                return Err(argument("starts", message, "net e is pins[starts[e]:starts[e + 1]]").into());
            }
            let pins = pins.into_iter().map(VertexId).collect();
            let incidence = Incidence::new(vertices, &starts, pins)?;
            let shared = Vec::new();
            Ok(hypergraph::Hypergraph::new(incidence, net_weights, vertex_weights, resources, shared)?)
        })?;
        Ok(Self { graph: Arc::new(graph), vertices: Vec::new() })
    }

    /// As arrays.
    fn arrays(&self) -> Arrays {
        let graph = &self.graph;
        let (mut starts, mut pins) = (vec![0], Vec::new());
        for net in graph.incidence.all_nets() {
            pins.extend(graph.incidence.pins_of(net).iter().map(|pin| pin.0));
            starts.push(pins.len());
        }
        (starts, pins, graph.net_weights.clone(), graph.vertex_weights.clone(), graph.resources)
    }

    /// Numbers of vertices, nets and pins.
    fn sizes(&self) -> [usize; 3] {
        [self.graph.vertices(), self.graph.incidence.nets(), self.graph.incidence.pins()]
    }

    /// What the vertices of a network are; empty of another hypergraph.
    fn vertices(&self) -> Vec<VertexPlace> {
        self.vertices.clone()
    }

    /// In hMETIS form.
    fn text(&self) -> String {
        hgr::write(&self.graph)
    }

    /// The block of each vertex, figures as JSON, and text. Without a number of blocks as few as keep the limits.
    fn partition(
        &self,
        py: Python<'_>,
        limits: Vec<u64>,
        blocks: Option<usize>,
        effort: &str,
        seed: u64,
    ) -> PyResult<(Vec<u32>, String, String)> {
        let effort = crate::compile::effort(effort).map_err(|problem| raise(py, problem))?;
        let options = HypergraphOptions { effort, seed };
        let blocks = blocks.map_or(Blocks::Fewest, Blocks::Exactly);
        let graph = Arc::clone(&self.graph);
        let found = work::run(py, None, move |_| partition_graph(&graph, &limits, blocks, options, &()))?;
        let assignment = found.assignment.iter().map(|block| block.0).collect();
        Ok((assignment, json(&found)?, found.to_string()))
    }
}

/// Flows between cores, or the file of them.
#[derive(FromPyObject)]
pub enum Flows {
    /// Source, destination, packets.
    Rows(Vec<(u32, u32, u64)>),
    /// A text file.
    File(PathBuf),
}

/// Places cores by the packets between them on a mesh `(columns, rows, cores of a tile)`: JSON, and text.
#[pyfunction]
pub fn place_cores(
    py: Python<'_>,
    flows: Flows,
    mesh: (u32, u32, u32),
    effort: &str,
    seed: u64,
) -> PyResult<(String, String)> {
    let (columns, rows, cores_per_tile) = mesh;
    let mesh = PlacementMesh { columns, rows, cores_per_tile };
    let effort: Result<_, Diagnostic> = self::effort(effort);
    let options = PlaceOptions { seed, effort: effort.map_err(|problem| raise(py, problem))? };
    let placed = work::run(py, None, move |_| -> Result<_, Diagnostics> {
        match flows {
            Flows::Rows(rows) => {
                let (cores, traffic) = flows::collect(rows)?;
                Ok(place_traffic(cores, &traffic, mesh, options, &())?)
            }
            Flows::File(path) => place(&path, mesh, options, &()),
        }
    })?;
    Ok((json(&placed)?, placed.to_string()))
}
