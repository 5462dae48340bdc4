//! Records that every workload's cases have: spikes of layers, maps of floats.

use snnc_compiler::ir::Shape;
use snnc_compiler::reference::{Interpreter, Trace};
use snnc_targets::Diagnostic;

use super::file::GoldenFile;
use super::{GoldenRow, compare};

/// A recorded output under its key.
pub(super) struct GoldenValues<T> {
    pub key: String,
    pub values: Vec<T>,
}

/// GoldenValues spikes of a layer.
pub(super) struct RecordedSpikes {
    pub key: String,
    /// Name of the layer within its network.
    pub layer: String,
    /// `[c, h, w]`.
    pub shape: Shape,
    /// `[timesteps][ceil(c h w / 8)]`, least significant bit first.
    pub packed: Vec<u8>,
}

impl GoldenFile {
    /// A record that need not be there.
    pub(super) fn optional<T>(
        &self,
        key: String,
        read: impl Fn(&str) -> Result<Vec<T>, Diagnostic>,
    ) -> Result<Option<GoldenValues<T>>, Diagnostic> {
        let there = self.contains(&key);
        there.then(|| read(&key).map(|values| GoldenValues { key, values })).transpose()
    }

    /// A map `[c, h, w]` that need not be there.
    pub(super) fn map(&self, key: String, shape: Shape) -> Result<Option<GoldenValues<f64>>, Diagnostic> {
        self.optional(key, |key| self.floats(key, &map_shapes(shape)))
    }

    /// All recorded layers of a case.
    pub(super) fn spikes(
        &self,
        case: &str,
        network: &Interpreter<'_>,
    ) -> Result<Vec<RecordedSpikes>, Diagnostic> {
        let prefix = format!("{case}.spikes.");
        let keys = self.keys().filter(|key| key.starts_with(&prefix));
        keys.map(|key| self.layer_spikes(key, &key[prefix.len()..], network)).collect()
    }

    /// One recorded layer; its name may carry the network's: `sdid.conv1`.
    fn layer_spikes(
        &self,
        key: &str,
        recorded: &str,
        network: &Interpreter<'_>,
    ) -> Result<RecordedSpikes, Diagnostic> {
        let short = recorded.rsplit_once('.').map_or(recorded, |(_, short)| short);
        let named = |name| network.spiking_shape(name).map(|shape| (name, shape));
        let Some((layer, shape)) = named(recorded).or_else(|| named(short)) else {
            let network = &network.graph().name;
            return Err(self.invalid(key, format!("`{recorded}` is no spiking layer of network `{network}`")));
        };
        let steps = vec![network.graph().timesteps, shape.len().div_ceil(8)];
        let packed = self.bytes(key, &[steps])?.to_vec();
        Ok(RecordedSpikes { key: key.to_owned(), layer: layer.to_owned(), shape, packed })
    }
}

/// Shapes under which a map may be recorded: `[c, h, w]`, and `[h, w]` where there is one channel.
pub(super) fn map_shapes(shape: Shape) -> Vec<Vec<usize>> {
    let mut shapes = vec![vec![shape.channels, shape.height, shape.width]];
    if shape.channels == 1 {
        shapes.insert(0, vec![shape.height, shape.width]);
    }
    shapes
}

/// Spikes of every recorded layer.
pub(super) fn layers(recorded: &[RecordedSpikes], trace: &Trace) -> Vec<GoldenRow> {
    let row = |layer: &RecordedSpikes| {
        let signal = trace.signal(&layer.layer).expect("cases hold only layers of their network");
        compare::spikes(layer, signal)
    };
    recorded.iter().map(row).collect()
}

/// (height, width).
pub(super) fn size(shape: Shape) -> (usize, usize) {
    (shape.height, shape.width)
}
