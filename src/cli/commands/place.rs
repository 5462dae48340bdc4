//! `snnc place`: placement alone, of anybody's partition.

use std::process::ExitCode;

use snnc_compiler::mapping::place::PlaceOptions;
use snnc_targets::Diagnostics;

use super::{json_of, print};
use crate::cli::arguments::PlaceArgs;
use crate::research::place::{PlacementMesh, place};

pub fn run(args: &PlaceArgs) -> Result<ExitCode, Diagnostics> {
    let mesh = PlacementMesh { columns: args.columns, rows: args.rows, cores_per_tile: args.cores_per_tile };
    let placed = place(&args.flows, mesh, PlaceOptions { seed: args.seed, effort: args.effort })?;
    print(&if args.json { json_of("snnc.placed/1", &placed) } else { placed.to_string() });
    Ok(ExitCode::SUCCESS)
}
