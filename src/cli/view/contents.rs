//! What a program holds, as rows: layers, cores with their place, and limits.

use snnc_compiler::ir::CoreId;
use snnc_compiler::ir::program::Program;
use snnc_compiler::ir::program::usage::{CoreUsage, Limit};
use snnc_compiler::mapping::report::{LimitUse, limits};

/// A program as rows.
#[derive(Debug)]
pub struct Contents {
    /// Name of the model.
    pub model: String,
    /// Name of the target.
    pub target: String,
    /// Columns and rows of tiles of all chips.
    pub tiles: (u32, u32),
    /// Chips present.
    pub chips: u32,
    /// Cores of a tile.
    pub cores_per_tile: u32,
    /// Layers in the model's order.
    pub layers: Vec<LayerRow>,
    /// Cores that hold neurons.
    pub cores: Vec<CoreRow>,
    /// Use of each limit over the cores.
    pub limits: Vec<LimitUse>,
}

/// A layer.
#[derive(Debug)]
pub struct LayerRow {
    /// `network.layer`.
    pub name: String,
    /// Its neurons.
    pub neurons: u64,
    /// Cores that hold some of them.
    pub cores: usize,
}

/// A core.
#[derive(Debug)]
pub struct CoreRow {
    /// Its number.
    pub core: CoreId,
    /// Its chip.
    pub chip: u32,
    /// Column and row of its tile.
    pub tile: (u32, u32),
    /// Its number within the tile.
    pub slot: u32,
    /// Parts of layers: an index into [`Contents::layers`], and the neurons.
    pub parts: Vec<(usize, u64)>,
    /// Use of each limit, in the order of [`Limit::ALL`], and what a core has of it.
    pub used: Vec<(u64, Option<u64>)>,
}

impl Contents {
    /// Of a program.
    pub fn of(program: &Program) -> Self {
        let topology = program.topology();
        let cores: Vec<CoreRow> = program.chip_cores().map(|(id, _)| core(program, id)).collect();
        let held =
            |layer: usize| cores.iter().filter(|core| core.parts.iter().any(|part| part.0 == layer)).count();
        let populations = program.model.populations.iter().enumerate();
        let layers = populations.map(|(layer, (id, population))| LayerRow {
            name: program.model.layer_name(id),
            neurons: population.shape.len() as u64,
            cores: held(layer),
        });
        let layers = layers.collect();
        let uses: Vec<CoreUsage> = program.chip_cores().map(|(id, _)| program.core_use(id)).collect();
        Self {
            model: program.model.name.clone(),
            target: program.target.name.clone(),
            tiles: (topology.width(), topology.height()),
            chips: topology.chips,
            cores_per_tile: topology.cores_per_tile,
            layers,
            cores,
            limits: limits(&uses, &program.target),
        }
    }

    /// Cores along a side of a tile.
    pub fn across(&self) -> u32 {
        (1..).find(|side| side * side >= self.cores_per_tile).unwrap_or(1)
    }
}

fn core(program: &Program, id: CoreId) -> CoreRow {
    let topology = program.topology();
    let site = program.sites[id];
    let tile = topology.tile_of(site);
    let slices = program.cores[id].slices.iter();
    let usage = program.core_use(id);
    CoreRow {
        core: id,
        chip: topology.chip_of(site),
        tile: (tile.x, tile.y),
        slot: site.0 % topology.cores_per_tile,
        parts: slices
            .map(|placed| (placed.slice.population.0 as usize, placed.slice.neurons().into()))
            .collect(),
        used: Limit::ALL.map(|limit| (usage.get(limit), limit.of(&program.target))).into(),
    }
}
