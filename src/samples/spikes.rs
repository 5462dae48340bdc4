//! Spikes of passes as bits, as `np.packbits(x, axis=-1)` packs them: the first of eight in the most significant bit,
//! every row filled up with zeros to whole bytes.

use std::path::Path;

use serde::{Deserialize, Serialize};
use snnc_compiler::ir::spiking::SpikingModel;
use snnc_compiler::ir::{NetworkId, PopulationId};
use snnc_simulator::execute::{Chip, PassOutcome};
use snnc_targets::Diagnostic;

use crate::npz::{NpzArray, NpzElement, NpzWriter};

/// Name of the archive in a folder of results.
pub const FILE: &str = "spikes.npz";

/// Spikes of one pass.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackedSpikes {
    /// The network that ran.
    pub network: NetworkId,
    /// Its firing layers in order: `[t, c, h, w]`, of a vector `[t, c]`, packed along the last axis.
    pub layers: Vec<Vec<u8>>,
}

impl PackedSpikes {
    /// Of what a chip did in a pass.
    pub fn of(chip: &Chip, outcome: &PassOutcome) -> Self {
        let (model, network) = (&chip.program.model, outcome.counts.network);
        let layer = |population| pack(&chip.spikes(outcome, population), row(model, population));
        Self { network, layers: firing(model, network).map(layer).collect() }
    }
}

/// What the spikes of a firing layer are called, and their shape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpikeLayer {
    /// `NETWORK.LAYER`, as in report.json.
    pub name: String,
    /// `[t, c, h, w]`, of a vector `[t, c]`.
    pub shape: Vec<usize>,
}

impl SpikeLayer {
    /// The layers of [`PackedSpikes::layers`], in the same order.
    pub fn of(model: &SpikingModel, network: NetworkId) -> impl Iterator<Item = Self> {
        firing(model, network).map(move |id| {
            let population = &model.populations[id];
            let mut shape = vec![population.window.steps as usize, population.shape.channels];
            if population.shape.positions() > 1 {
                shape.extend([population.shape.height, population.shape.width]);
            }
            Self { name: format!("{}.{}", model.networks[network].name, population.name), shape }
        })
    }

    /// The shape in bytes of eight spikes each.
    pub fn packed(&self) -> Vec<usize> {
        let mut sides = self.shape.clone();
        if let Some(row) = sides.last_mut() {
            *row = row.div_ceil(8);
        }
        sides
    }
}

/// `spikes.npz` of samples or images in the making: a key a firing layer, named as in report.json. Passes of a network
/// in an item lie one after the other in its timesteps; where an item has fewer of them, zeros follow.
#[derive(Debug)]
pub struct SpikeArchive {
    writer: NpzWriter,
    /// Networks that are written, and their firing layers.
    networks: Vec<(NetworkId, usize)>,
    /// The item under way.
    item: u64,
}

impl SpikeArchive {
    /// Begins the archive of `items` items of some networks, with the most passes of each in an item.
    ///
    /// # Errors
    /// [`snnc_targets::Code::OutputFailed`].
    pub fn create(
        path: &Path,
        model: &SpikingModel,
        networks: &[(NetworkId, u64)],
        items: u64,
    ) -> Result<Self, Diagnostic> {
        let arrays = networks.iter().flat_map(|&(network, passes)| {
            SpikeLayer::of(model, network).map(move |layer| {
                let mut sides = layer.packed();
                sides[0] = sides[0].saturating_mul(usize::try_from(passes).unwrap_or(usize::MAX));
                NpzArray { key: layer.name, element: NpzElement::Byte, sides }
            })
        });
        let writer = NpzWriter::create(path, items, arrays)?;
        let layers = |&(network, _): &(NetworkId, u64)| (network, firing(model, network).count());
        Ok(Self { writer, networks: networks.iter().map(layers).collect(), item: 0 })
    }

    /// Appends passes of an item, or parts of them; items come in order. Passes of other networks are left out.
    ///
    /// # Errors
    /// [`snnc_targets::Code::OutputFailed`].
    pub fn append(&mut self, item: u64, passes: &[PackedSpikes]) -> Result<(), Diagnostic> {
        if item != self.item {
            self.writer.complete();
            self.item = item;
        }
        for pass in passes.iter().filter(|pass| self.networks.iter().any(|(id, _)| *id == pass.network)) {
            let own = |&(network, layers): &(NetworkId, usize)| match network == pass.network {
                true => pass.layers.clone(),
                false => vec![Vec::new(); layers],
            };
            let arrays: Vec<Vec<u8>> = self.networks.iter().flat_map(own).collect();
            self.writer.append(&arrays)?;
        }
        Ok(())
    }

    /// Gives the file its name.
    ///
    /// # Errors
    /// [`snnc_targets::Code::OutputFailed`].
    pub fn finish(mut self) -> Result<(), Diagnostic> {
        self.writer.complete();
        self.writer.finish()
    }
}

/// The firing populations of a network.
fn firing(model: &SpikingModel, network: NetworkId) -> impl Iterator<Item = PopulationId> {
    model.populations_of(network).filter(|(_, population)| population.dynamics.fires()).map(|(id, _)| id)
}

/// Neurons along the last axis; a vector lies along its channels.
fn row(model: &SpikingModel, population: PopulationId) -> usize {
    let shape = model.populations[population].shape;
    if shape.positions() == 1 { shape.channels } else { shape.width }
}

/// Timesteps of flags as bits, rows of `row` flags.
fn pack(steps: &[Vec<bool>], row: usize) -> Vec<u8> {
    let byte = |flags: &[bool]| {
        flags.iter().enumerate().fold(0, |byte, (i, &fired)| byte | u8::from(fired) << (7 - i))
    };
    steps.iter().flat_map(|step| step.chunks(row)).flat_map(|row| row.chunks(8).map(byte)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_are_those_of_numpy() {
        // np.packbits(np.array([[1,0,0,0,0,0,0,1,1,0],[0,1,0,0,0,0,0,0,0,1]]), axis=-1)
        let flags = |bits: &[u8]| bits.iter().map(|&bit| bit == 1).collect::<Vec<bool>>();
        let step = flags(&[1, 0, 0, 0, 0, 0, 0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1]);
        assert_eq!(pack(std::slice::from_ref(&step), 10), [0x81, 0x80, 0x40, 0x40]);
        // Rows of two, each a byte.
        assert_eq!(pack(&[flags(&[1, 0, 0, 1, 1, 1])], 2), [0x80, 0x40, 0xc0]);
        assert_eq!(pack(&[step.clone(), step], 20).len(), 6);
    }
}
