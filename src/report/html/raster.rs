//! Which neurons of each layer fire when, of the first image or sample: a part of `spikes.npz` that a page can hold.
//!
//! Of each layer a few neurons are picked that lie evenly among all, and the timesteps end where the page would become
//! too long. Both are said beside the picture.

use std::path::Path;

use serde::Serialize;
use snnc_targets::Diagnostic;

use crate::report::Report;
use crate::samples::array_file::{Array, ArrayFile};
use crate::samples::spikes;

/// Most neurons of a layer.
const NEURONS: usize = 32;
/// The fraction of the golden ratio, in units of 2^-64.
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;
/// Most timesteps.
const TIMESTEPS: usize = 1000;
/// Most spikes of all layers together.
const SPIKES: usize = 12_000;

/// Spikes of the first image or sample.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Raster {
    /// Timesteps of the longest layer's window.
    pub timesteps: usize,
    /// Timesteps that are here.
    pub shown: usize,
    /// In the model's order.
    pub layers: Vec<RasterLayer>,
}

/// Spikes of a layer, whose timesteps count from the beginning of its window.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RasterLayer {
    /// `network.layer`.
    pub name: String,
    /// Its neurons.
    pub neurons: usize,
    /// Those that are here: places in the order `[c, h, w]`.
    pub picked: Vec<usize>,
    /// Timestep and index into `picked`, in order.
    pub spikes: Vec<[u32; 2]>,
}

impl Raster {
    /// Of a folder; nothing where it has no spikes.
    ///
    /// # Errors
    /// An archive that is there and cannot be read, or is not of this run.
    pub fn read(folder: &Path, report: &Report) -> Result<Option<Self>, Diagnostic> {
        let path = folder.join(spikes::FILE);
        if !path.exists() {
            return Ok(None);
        }
        let mut file = ArrayFile::open(&path)?;
        let keys = file.keys();
        let (mut layers, mut timesteps) = (Vec::new(), 0);
        for layer in report.layers.iter().filter(|layer| keys.contains(&layer.name)) {
            let neurons = usize::try_from(layer.neurons).unwrap_or(usize::MAX);
            let mut array = file.member(&layer.name)?;
            let shape = PackedShape::of(&array, neurons)?;
            timesteps = timesteps.max(shape.steps);
            layers.push(RasterLayer::read(layer.name.clone(), &mut array, &shape)?);
        }
        Ok(Some(Self::cut(layers, timesteps)))
    }

    /// As many timesteps as the page holds.
    fn cut(mut layers: Vec<RasterLayer>, timesteps: usize) -> Self {
        let mut at: Vec<u32> =
            layers.iter().flat_map(|layer| layer.spikes.iter().map(|spike| spike[0])).collect();
        at.sort_unstable();
        let end = at.get(SPIKES).map_or(TIMESTEPS, |&step| step as usize);
        let shown = timesteps.min(TIMESTEPS).min(end.max(1));
        layers.iter_mut().for_each(|layer| layer.spikes.retain(|spike| (spike[0] as usize) < shown));
        Self { timesteps, shown, layers }
    }
}

/// Sides of an array of packed spikes.
struct PackedShape {
    samples: usize,
    steps: usize,
    /// Bytes of a timestep.
    bytes: usize,
    /// Neurons along the last axis, and bytes that hold them.
    row: usize,
    row_bytes: usize,
    neurons: usize,
}

impl PackedShape {
    fn of(array: &Array<'_>, neurons: usize) -> Result<Self, Diagnostic> {
        let wrong = || array.bad(format!("expected uint8 [n, t, c, h, w / 8] of {neurons} neurons"));
        let (samples, steps, rows, row_bytes) = match array.header.shape[..] {
            [samples, steps, row_bytes] => (samples, steps, 1, row_bytes),
            [samples, steps, channels, height, row_bytes] => {
                (samples, steps, channels.saturating_mul(height), row_bytes)
            }
            _ => return Err(wrong()),
        };
        let row = neurons / rows.max(1);
        let whole = array.header.descr == "|u1" && rows > 0 && row.checked_mul(rows) == Some(neurons);
        if !whole || row.div_ceil(8) != row_bytes {
            return Err(wrong());
        }
        Ok(Self { samples, steps, bytes: rows.saturating_mul(row_bytes), row, row_bytes, neurons })
    }

    /// Byte of a timestep and bit of it that are a neuron's.
    fn bit(&self, neuron: usize) -> (usize, u8) {
        let (row, place) = (neuron / self.row, neuron % self.row);
        (row * self.row_bytes + place / 8, 0x80 >> (place % 8))
    }
}

impl RasterLayer {
    fn read(name: String, array: &mut Array<'_>, shape: &PackedShape) -> Result<Self, Diagnostic> {
        let picked = pick(shape.neurons);
        let bits: Vec<(usize, u8)> = picked.iter().map(|&neuron| shape.bit(neuron)).collect();
        let all = shape.samples.saturating_mul(shape.steps).saturating_mul(shape.bytes);
        let steps = if shape.samples > 0 { shape.steps.min(TIMESTEPS) } else { 0 };
        let (mut at, mut next, mut spikes) = (0, 0, Vec::new());
        array.each(
            (all, steps.saturating_mul(shape.bytes)),
            |bytes| bytes[0],
            |byte| {
                let (step, place) = (at / shape.bytes, at % shape.bytes);
                if place == 0 {
                    next = 0;
                }
                while bits.get(next).is_some_and(|bit| bit.0 == place) {
                    if byte & bits[next].1 != 0 {
                        spikes.push([step as u32, next as u32]);
                    }
                    next += 1;
                }
                at += 1;
                Ok(())
            },
        )?;
        Ok(Self { name, neurons: shape.neurons, picked, spikes })
    }
}

/// A few of some neurons, ascending: multiples of the golden ratio, which lie evenly, but at no distance of their own,
/// so that they do not all stand at one place of their channels.
fn pick(neurons: usize) -> Vec<usize> {
    if neurons <= NEURONS {
        return (0..neurons).collect();
    }
    let place = |i: u64| ((u128::from(i.wrapping_mul(GOLDEN)) * neurons as u128) >> 64) as usize;
    let mut picked: Vec<usize> = (1..=NEURONS as u64).map(place).collect();
    picked.sort_unstable();
    picked.dedup();
    picked
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_are_where_numpy_packs_them() {
        // np.packbits(x, axis=-1) of [c, h, w] = [2, 3, 10]: two bytes a row.
        let shape = PackedShape { samples: 1, steps: 1, bytes: 12, row: 10, row_bytes: 2, neurons: 60 };
        assert_eq!(
            [0, 7, 8, 9, 10, 59].map(|neuron| shape.bit(neuron)),
            [(0, 0x80), (0, 0x01), (1, 0x80), (1, 0x40), (2, 0x80), (11, 0x40),]
        );
    }

    #[test]
    fn few_neurons_are_all_picked_and_many_evenly() {
        assert_eq!(pick(5), [0, 1, 2, 3, 4]);
        // Channels of 14 x 14: every quarter of the layer is seen, and not at one place of the maps.
        let picked = pick(6272);
        assert_eq!(picked.len(), NEURONS);
        let quarters: Vec<usize> =
            (0..4).map(|q| picked.iter().filter(|n| **n / 1568 == q).count()).collect();
        assert!(quarters.iter().all(|n| (7..=9).contains(n)), "{quarters:?}");
        let places: std::collections::BTreeSet<usize> = picked.iter().map(|neuron| neuron % 196).collect();
        assert!(places.len() > 24, "{places:?}");
    }

    #[test]
    fn long_rasters_end_before_they_are_too_long() {
        let spikes = (0..2000u32).flat_map(|step| (0..10).map(move |row| [step, row])).collect();
        let layer = RasterLayer { name: "a".into(), neurons: 10, picked: (0..10).collect(), spikes };
        let raster = Raster::cut(vec![layer.clone(), layer], 2000);
        assert_eq!((raster.timesteps, raster.shown), (2000, SPIKES / 20));
        assert_eq!(raster.layers.iter().map(|layer| layer.spikes.len()).sum::<usize>(), SPIKES);
    }
}
