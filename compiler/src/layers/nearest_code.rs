//! `[width, h, w]` to `[1, h, w]`: row number of the nearest table row (squared L2, first on ties); the host finds it.

use serde::{Deserialize, Serialize};

use super::flow::table_sides;
use super::{Evaluation, LayerFault, LayerKind, Resolver, SignalKind, SignalType, Spec, TensorRef};
use crate::ir::Shape;
use crate::reference::{Map, Signal};
use crate::weights::Tensor;

/// A table of codes.
#[derive(Debug, Clone, PartialEq)]
pub struct NearestCode {
    /// `[rows, width]`.
    pub table: Tensor,
}

impl LayerKind for NearestCode {
    fn name(&self) -> &'static str {
        "NearestCode"
    }

    fn output(&self, inputs: &[SignalType], _: usize) -> Result<SignalType, LayerFault> {
        let input = inputs[0];
        let (_, width) = table_sides(&self.table)?;
        if input.kind != SignalKind::Final {
            let message = format!("NearestCode reads a signal that is {}, a read-out expected", input.kind);
            return Err(LayerFault::shape(message));
        }
        if input.shape.channels != width {
            let message = format!(
                "NearestCode reads {}, {width} channels expected: the width of its table",
                input.shape
            );
            return Err(LayerFault::shape(message));
        }
        Ok(input.shaped(Shape { channels: 1, ..input.shape }))
    }

    fn evaluate(&self, inputs: &[&Signal], _: &Evaluation<'_>) -> Result<Signal, LayerFault> {
        Ok(Signal::Final(self.nearest(inputs[0].only())))
    }
}

impl NearestCode {
    fn nearest(&self, input: &Map) -> Map {
        let (rows, width) = (self.table.shape[0], self.table.shape[1]);
        let shape = input.shape();
        let distance = |row: usize, position: usize| -> f64 {
            let code = |c: usize| self.table.data.get(row * width + c);
            (0..width).map(|c| (input.channel(c)[position] - code(c)).powi(2)).sum()
        };
        let nearest = |position: usize| {
            let all = (0..rows).map(|row| (row, distance(row, position)));
            all.fold((0, f64::INFINITY), |best, next| if next.1 < best.1 { next } else { best }).0
        };
        let data = (0..shape.positions()).map(|position| nearest(position) as f64).collect();
        Map::new(Shape { channels: 1, ..shape }, data)
    }
}

/// Table `[rows, width]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NearestCodeSpec {
    /// `[rows, width]`.
    pub table: TensorRef,
}

impl Spec for NearestCodeSpec {
    type Layer = NearestCode;

    fn layer(&self, file: &mut Resolver<'_>) -> Option<NearestCode> {
        Some(NearestCode { table: file.table(&self.table)? })
    }
}
