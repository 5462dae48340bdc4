//! Which weights meet at each output position in a timestep: the inputs that are not zero, in the reference's order.

use std::ops::Range;

use crate::ir::ConvMap;
use crate::reference::Map;

/// One output position that an input position reaches.
#[derive(Debug, Clone, Copy)]
struct ReachedPosition {
    position: u32,
    tap: u32,
}

/// The output positions that each input position reaches.
#[derive(Debug)]
pub(super) struct ReachedPositions {
    /// By input position: where its entries start; the last entry is their number.
    starts: Vec<u32>,
    reached: Vec<ReachedPosition>,
    /// Output positions.
    outputs: usize,
}

/// The terms of each output position for one channel group.
#[derive(Debug)]
pub(super) struct TermLists {
    /// By output position: where its terms start; the last entry is their number.
    starts: Vec<u32>,
    /// Weight rows.
    rows: Vec<u32>,
    /// Inputs, one a row; none if all are 1.
    values: Option<Vec<f64>>,
}

impl ReachedPositions {
    /// Positions by row and column as `map` joins them.
    pub fn new(map: &ConvMap) -> Self {
        let all = |axis: &crate::ir::AxisMap| -> Vec<Vec<(usize, usize)>> {
            (0..axis.input).map(|i| axis.reach(i, 0..axis.output)).collect()
        };
        let (rows, columns) = (all(&map.rows), all(&map.cols));
        let (mut starts, mut reached) = (vec![0], Vec::new());
        for row in &rows {
            for column in &columns {
                for &(y, ky) in row {
                    reached.extend(column.iter().map(|&(x, kx)| ReachedPosition {
                        position: (y * map.cols.output + x) as u32,
                        tap: (ky * map.cols.kernel + kx) as u32,
                    }));
                }
                starts.push(reached.len() as u32);
            }
        }
        Self { starts, reached, outputs: map.rows.output * map.cols.output }
    }

    fn of(&self, position: usize) -> &[ReachedPosition] {
        &self.reached[self.starts[position] as usize..self.starts[position + 1] as usize]
    }

    /// The terms of the channels `channels` of `map`, whose rows are numbered by channel, then by tap: for each output
    /// position by channel, then by input position.
    pub fn lists(&self, map: &Map, channels: Range<usize>, taps: usize) -> TermLists {
        let positions = map.shape().positions();
        let values = &map.data[channels.start * positions..channels.end * positions];
        let events: Vec<u32> = (0..values.len()).filter(|&i| values[i] != 0.0).map(|i| i as u32).collect();
        let split = |event: u32| (event as usize / positions, event as usize % positions);
        let mut ends = vec![0u32; self.outputs + 1];
        for &event in &events {
            self.of(split(event).1).iter().for_each(|reached| ends[reached.position as usize + 1] += 1);
        }
        for position in 0..self.outputs {
            ends[position + 1] += ends[position];
        }
        let starts = ends.clone();
        let terms = starts[self.outputs] as usize;
        let mut rows = vec![0u32; terms];
        let spikes = events.iter().all(|&event| values[event as usize] == 1.0);
        let mut factors = (!spikes).then(|| vec![0.0; terms]);
        for &event in &events {
            let (channel, position) = split(event);
            for reached in self.of(position) {
                let next = &mut ends[reached.position as usize];
                rows[*next as usize] = (channel * taps) as u32 + reached.tap;
                if let Some(factors) = &mut factors {
                    factors[*next as usize] = values[event as usize];
                }
                *next += 1;
            }
        }
        TermLists { starts, rows, values: factors }
    }
}

impl TermLists {
    /// Weight rows and inputs of an output position; no inputs if all are 1.
    pub fn of(&self, position: usize) -> (&[u32], Option<&[f64]>) {
        let terms = self.starts[position] as usize..self.starts[position + 1] as usize;
        (&self.rows[terms.clone()], self.values.as_ref().map(|values| &values[terms]))
    }
}
