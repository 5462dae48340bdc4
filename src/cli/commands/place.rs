//! `snnc place`: placement alone, of anybody's partition.

use std::process::ExitCode;

use snnc_compiler::mapping::place::PlaceOptions;
use snnc_targets::Diagnostics;
use snnc_targets::text_width::folded;

use super::{json_of, print};
use crate::cli::arguments::PlaceArgs;
use crate::cli::progress::Bar;
use crate::research::place::{PlacementMesh, place};

pub fn run(args: &PlaceArgs) -> Result<ExitCode, Diagnostics> {
    let mesh = PlacementMesh { columns: args.columns, rows: args.rows, cores_per_tile: args.cores_per_tile };
    let options = PlaceOptions { seed: args.seed, effort: args.effort };
    let placed = place(&args.flows, mesh, options, &Bar::waiting("placing"))?;
    print(&if args.json { json_of("snnc.placed/1", &placed) } else { folded(&placed.to_string()) });
    Ok(ExitCode::SUCCESS)
}
