//! `snnc place`: placement alone, of anybody's partition.

use std::fmt;
use std::process::ExitCode;
use std::time::Instant;

use serde::Serialize;
use snnc_compiler::mapping::flows;
use snnc_compiler::mapping::place::{HopCosts, PlaceOptions, arrange};
use snnc_compiler::mapping::report::hops_bound;
use snnc_compiler::mapping::traffic::Traffic;
use snnc_targets::{Code, Diagnostic, Diagnostics, Interconnect, Site, Topology, input};

use super::{json, print};
use crate::cli::arguments::PlaceArgs;

/// What a placement costs.
#[derive(Debug, Serialize)]
struct Placed {
    cores: usize,
    /// Between different cores.
    packets: u64,
    packets_x_hops: u64,
    /// No placement on this mesh has fewer.
    bound: u64,
    /// Of the search.
    seconds: f64,
    /// `[column, row, core of the tile]` of each core.
    sites: Vec<[u32; 3]>,
}

impl fmt::Display for Placed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} cores, {} packets between them", self.cores, self.packets)?;
        let mean = self.packets_x_hops as f64 / self.packets.max(1) as f64;
        writeln!(f, "packets x hops  {} ({mean:.2} hops a packet)", self.packets_x_hops)?;
        writeln!(f, "at least        {}", self.bound)?;
        writeln!(f, "placed in {:.3} s", self.seconds)
    }
}

/// Sides of a mesh and cores on a tile that the search is made for.
fn check_mesh(args: &PlaceArgs) -> Result<(), Diagnostic> {
    for (name, value, most) in [
        ("columns", args.columns, 4096),
        ("rows", args.rows, 4096),
        ("cores-per-tile", args.cores_per_tile, 256),
    ] {
        if !(1..=most).contains(&value) {
            let message = format!("expected 1 to {most}");
            return Err(Diagnostic::new(Code::Argument, format!("--{name} {value}"), message)
                .hint("the mesh has columns x rows tiles"));
        }
    }
    Ok(())
}

pub fn run(args: &PlaceArgs) -> Result<ExitCode, Diagnostics> {
    check_mesh(args)?;
    let place = args.flows.display().to_string();
    let text = input::GRAPH.read_text(&args.flows)?;
    let (cores, traffic) = flows::parse(&text, &place)?;
    let topology = Topology {
        mesh_columns: args.columns,
        mesh_rows: args.rows,
        cores_per_tile: args.cores_per_tile,
        chip_columns: 1,
        chips: 1,
        interconnect: Interconnect::MeshXy,
    };
    let sites = u64::from(args.columns) * u64::from(args.rows) * u64::from(args.cores_per_tile);
    if cores as u64 > sites || sites > 1 << 24 {
        let message = format!("{cores} cores on a mesh of {sites}; at most 2^24");
        let problem = Diagnostic::new(Code::DoesNotFit, &place, message).hint("choose --columns and --rows");
        return Err(problem.into());
    }
    let start = Instant::now();
    let options = PlaceOptions { seed: args.seed, effort: args.effort };
    let sites = arrange(cores, &traffic, &topology, HopCosts::UNIT, options);
    let seconds = start.elapsed().as_secs_f64();
    let placed = evaluated(&traffic, &topology, &sites, seconds);
    print(&if args.json { json(&placed) } else { placed.to_string() });
    Ok(ExitCode::SUCCESS)
}

/// Counts hops anew, by distances.
fn evaluated(traffic: &Traffic, topology: &Topology, sites: &[Site], seconds: f64) -> Placed {
    let hops = |from: usize, to: usize| u64::from(topology.distance(sites[from], sites[to]));
    let flows = traffic.flows.iter();
    let place = |&site: &Site| {
        let tile = topology.tile_of(site);
        [tile.x, tile.y, site.0 % topology.cores_per_tile]
    };
    Placed {
        cores: sites.len(),
        packets: traffic.flows.values().sum(),
        packets_x_hops: flows.map(|(&(from, to), n)| n * hops(from.0 as usize, to.0 as usize)).sum(),
        bound: hops_bound(traffic, topology),
        seconds,
        sites: sites.iter().map(place).collect(),
    }
}
