//! Placement alone: cores of anybody's partition on a mesh, by the packets between them.

use std::fmt;
use std::path::Path;
use std::time::Instant;

use serde::Serialize;
use snnc_compiler::mapping::flows;
use snnc_compiler::mapping::place::{HopCosts, PlaceOptions, arrange_observed};
use snnc_compiler::mapping::report::hops_bound;
use snnc_compiler::mapping::traffic::CoreTraffic;
use snnc_targets::{Code, Diagnostic, Diagnostics, Site, Subject, Topology, input};

use crate::progress::{CompilerProgress, Progress};

/// Tiles of a mesh, and cores on each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlacementMesh {
    /// Tiles in a row.
    pub columns: u32,
    /// Rows of tiles.
    pub rows: u32,
    /// Cores on a tile.
    pub cores_per_tile: u32,
}

/// What a placement costs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PlacementResult {
    /// Cores.
    pub cores: usize,
    /// Between different cores.
    pub packets: u64,
    /// Packets times the hops of their way.
    pub packets_x_hops: u64,
    /// No placement on this mesh has fewer.
    pub bound: u64,
    /// Of the search.
    pub seconds: f64,
    /// `[column, row, core of the tile]` of each core.
    pub sites: Vec<[u32; 3]>,
}

impl fmt::Display for PlacementResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} cores, {} packets between them", self.cores, self.packets)?;
        let mean = self.packets_x_hops as f64 / self.packets.max(1) as f64;
        writeln!(f, "packets x hops  {} ({mean:.2} hops a packet)", self.packets_x_hops)?;
        writeln!(f, "at least        {}", self.bound)?;
        writeln!(f, "placed in {:.3} s", self.seconds)
    }
}

impl PlacementMesh {
    /// Sides of a mesh and cores on a tile that the search is made for.
    fn check(&self) -> Result<(), Diagnostic> {
        for (name, value, most) in [
            ("columns", self.columns, 4096),
            ("rows", self.rows, 4096),
            ("cores-per-tile", self.cores_per_tile, 256),
        ] {
            if !(1..=most).contains(&value) {
                let message = format!("expected 1 to {most}");
                return Err(Diagnostic::new(
                    Code::Argument,
                    Subject::value(format!("--{name}"), value),
                    message,
                )
                .hint("the mesh has columns x rows tiles"));
            }
        }
        Ok(())
    }

    fn topology(&self) -> Topology {
        Topology {
            mesh_columns: self.columns,
            mesh_rows: self.rows,
            cores_per_tile: self.cores_per_tile,
            chip_columns: 1,
            chips: 1,
            interconnect: snnc_targets::Interconnect::MeshXy,
            input_port: None,
        }
    }
}

/// Places the cores of a file of flows (a line "source destination packets" each) on a mesh. Steps of the progress are
/// moves of the search.
///
/// # Errors
/// What is wrong with mesh or file; [`Code::DoesNotFit`] for more cores than the mesh has.
pub fn place(
    flows: &Path,
    mesh: PlacementMesh,
    options: PlaceOptions,
    progress: &dyn Progress,
) -> Result<PlacementResult, Diagnostics> {
    mesh.check()?;
    let (cores, traffic) = flows::parse(&input::GRAPH.read_text(flows)?, &flows.display().to_string())?;
    place_traffic(cores, &traffic, mesh, options, progress).map_err(|mut problem| {
        if problem.code == Code::DoesNotFit {
            problem.place = flows.into();
        }
        problem.into()
    })
}

/// Places cores on a mesh by the traffic between them. Steps of the progress are moves of the search.
///
/// # Errors
/// [`Code::Argument`] for a mesh that is none; [`Code::DoesNotFit`] for more cores than the mesh has.
pub fn place_traffic(
    cores: usize,
    traffic: &CoreTraffic,
    mesh: PlacementMesh,
    options: PlaceOptions,
    progress: &dyn Progress,
) -> Result<PlacementResult, Diagnostic> {
    mesh.check()?;
    let topology = mesh.topology();
    let sites = u64::from(mesh.columns) * u64::from(mesh.rows) * u64::from(mesh.cores_per_tile);
    if cores as u64 > sites || sites > 1 << 24 {
        let message = format!("{cores} cores on a mesh of {sites}; at most 2^24");
        return Err(Diagnostic::new(Code::DoesNotFit, Subject::argument("flows"), message)
            .hint("choose --columns and --rows"));
    }
    let start = Instant::now();
    progress.stage("placing", "moves");
    let observer = CompilerProgress::new(progress);
    let sites = arrange_observed(cores, traffic, &topology, HopCosts::UNIT, options, &observer);
    let seconds = start.elapsed().as_secs_f64();
    Ok(evaluated(traffic, &topology, &sites, seconds))
}

/// Counts hops anew, by distances.
fn evaluated(traffic: &CoreTraffic, topology: &Topology, sites: &[Site], seconds: f64) -> PlacementResult {
    let hops = |from: usize, to: usize| u64::from(topology.distance(sites[from], sites[to]));
    let flows = traffic.flows.iter();
    let place = |&site: &Site| {
        let tile = topology.tile_of(site);
        [tile.x, tile.y, site.0 % topology.cores_per_tile]
    };
    PlacementResult {
        cores: sites.len(),
        packets: traffic.flows.values().sum(),
        packets_x_hops: flows.map(|(&(from, to), n)| n * hops(from.0 as usize, to.0 as usize)).sum(),
        bound: hops_bound(traffic, topology),
        seconds,
        sites: sites.iter().map(place).collect(),
    }
}
