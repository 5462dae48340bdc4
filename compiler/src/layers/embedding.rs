//! Row lookup: `[1, h, w]` of row numbers to `[width, h, w]`. The host does it before a pass.

use serde::{Deserialize, Serialize};

use super::current::{Current, CurrentSource};
use super::flow::table_sides;
use super::{
    Evaluation, LayerFault, LayerKind, LoweringRefusal, LoweringSite, Resolver, SignalKind, SignalType, Spec,
    TensorRef,
};
use crate::ir::Shape;
use crate::ir::spiking::HostStage;
use crate::reference::{Map, Signal};
use crate::weights::Tensor;

/// A table of rows.
#[derive(Debug, Clone, PartialEq)]
pub struct Embedding {
    /// `[rows, width]`.
    pub table: Tensor,
}

impl LayerKind for Embedding {
    fn name(&self) -> &'static str {
        "Embedding"
    }

    fn output(&self, inputs: &[SignalType], _: usize) -> Result<SignalType, LayerFault> {
        let input = inputs[0];
        let (_, width) = table_sides(&self.table)?;
        if input.kind != SignalKind::Constant {
            let message =
                format!("Embedding reads a signal that is {}, one constant over time expected", input.kind);
            return Err(LayerFault::shape(message));
        }
        if input.shape.channels != 1 {
            let message = format!("Embedding reads {}, one channel of row numbers expected", input.shape);
            return Err(LayerFault::shape(message));
        }
        Ok(input.shaped(Shape { channels: width, ..input.shape }))
    }

    fn evaluate(&self, inputs: &[&Signal], _: &Evaluation<'_>) -> Result<Signal, LayerFault> {
        self.look_up(inputs[0].only()).map(Signal::Constant).map_err(LayerFault::argument)
    }

    fn current(&self, mut inputs: Vec<Current>, site: &LoweringSite<'_>) -> Result<Current, LoweringRefusal> {
        match inputs.remove(0).feed {
            CurrentSource::Host(mut path) => {
                let (rows, width) = (self.table.shape[0], self.table.shape[1]);
                path.stages.push(HostStage::Embedding { rows, width, table: self.table.data.to_vec() });
                Ok(Current::host(site.shape, path))
            }
            CurrentSource::Spikes(_) => {
                Err(LoweringRefusal::here("Embedding looks rows up before a pass, not of spikes"))
            }
        }
    }
}

impl Embedding {
    /// The rows that a map of row numbers names; says which number is not a row.
    fn look_up(&self, input: &Map) -> Result<Map, String> {
        let (rows, width) = (self.table.shape[0], self.table.shape[1]);
        let shape = Shape { channels: width, ..input.shape() };
        let mut output = Map::filled(shape, 0.0);
        for (position, &row) in input.data.iter().enumerate() {
            if !(row >= 0.0 && row < rows as f64 && row.fract() == 0.0) {
                return Err(format!("row {row} is asked for, a row number from 0 to {} expected", rows - 1));
            }
            for c in 0..width {
                output.data[c * shape.positions() + position] = self.table.data.get(row as usize * width + c);
            }
        }
        Ok(output)
    }
}

/// `Embedding(table: [rows, width])`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EmbeddingSpec {
    /// `[rows, width]`.
    pub table: TensorRef,
}

impl Spec for EmbeddingSpec {
    type Layer = Embedding;

    fn layer(&self, file: &mut Resolver<'_>) -> Option<Embedding> {
        Some(Embedding { table: file.table(&self.table)? })
    }
}
