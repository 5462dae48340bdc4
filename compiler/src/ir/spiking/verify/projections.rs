//! Projections: ends that exist, kernels and lists as large as their ends say, weights within their width.

use snnc_targets::{MapAxis, Place, Subject};

use super::{Checker, joins_within, volume};
use crate::ir::spiking::{Connectivity, Convolution, Population, Projection, SpikingModel};
use crate::ir::{AxisMap, ProjectionId};

impl Checker {
    pub(super) fn projection(&mut self, model: &SpikingModel, p: &Projection, id: ProjectionId) {
        let place = &Subject::Projection(id).into();
        let (Some(source), Some(target)) = (model.populations.get(p.source), model.populations.get(p.target))
        else {
            self.need(false, place, || format!("{} or {} does not exist", p.source, p.target));
            return;
        };
        self.need(source.network == target.network, place, || "joins two networks".into());
        self.need(source.dynamics.fires(), place, || format!("source \"{}\" never fires", source.name));
        self.need(!target.dynamics.is_port(), place, || {
            format!("\"{}\" takes spikes from outside only", target.name)
        });
        self.need(p.delay >= 1, place, || "delay must be at least 1".into());
        match &p.connectivity {
            Connectivity::Conv(conv) => self.convolution(source, target, conv, id),
            Connectivity::Sparse(sparse) => {
                for population in [source, target] {
                    let line = population.shape.channels == 1 && population.shape.height == 1;
                    self.need(line, place, || {
                        let (name, shape) = (&population.name, population.shape);
                        format!("a sparse projection joins lines [1, 1, n], \"{name}\" is {shape}")
                    });
                }
                let problem = sparse.problem(source.shape.len(), target.shape.len());
                self.need(problem.is_none(), place, || problem.unwrap_or_default());
            }
        }
        let most = model.neuron.weight_max();
        let fits = p.weights().iter().all(|&w| (-most - 1..=most).contains(&i32::from(w)));
        self.need(fits, place, || format!("a weight is outside {} to {most}", -most - 1));
    }

    fn convolution(
        &mut self,
        source: &Population,
        target: &Population,
        conv: &Convolution,
        id: ProjectionId,
    ) {
        let place = &Subject::Projection(id).into();
        let (k, map) = (&conv.kernel, &conv.map);
        // Channels numbered anew keep their positions.
        let regular = [source, target].iter().all(|p| p.order.is_none() || p.shape.channels > 1);
        self.need(regular, place, || "joins a line of neurons numbered anew by a convolution".into());
        let c = &k.channels;
        let volume = volume(c, k.height, k.width);
        self.need(volume == Some(k.weights.len()), place, || {
            format!(
                "kernel of {} groups [{}, {}, {}, {}] holds {} weights",
                c.groups,
                c.inputs,
                k.height,
                k.width,
                c.outputs,
                k.weights.len()
            )
        });
        let within = joins_within(c, source.shape.channels, target.shape.channels);
        self.need(within, place, || {
            format!(
                "{c:?} joins channels outside the populations', which have {} and {}",
                source.shape.channels, target.shape.channels
            )
        });
        let axis = |axis| Subject::ProjectionAxis(id, axis).into();
        self.axis(&map.rows, k.height, source.shape.height, target.shape.height, &axis(MapAxis::Rows));
        self.axis(&map.cols, k.width, source.shape.width, target.shape.width, &axis(MapAxis::Columns));
    }

    fn axis(&mut self, axis: &AxisMap, kernel: usize, input: usize, output: usize, place: &Place) {
        let ok = axis.kernel == kernel && axis.input == input && axis.output == output;
        self.need(ok, place, || {
            format!("map {axis:?} does not fit kernel {kernel}, source {input}, target {output}")
        });
        let sane = axis.stride >= 1
            && [
                axis.stride,
                axis.padding,
                axis.dilation,
                axis.kernel,
                axis.first_tap,
                axis.input,
                axis.output,
            ]
            .iter()
            .all(|&n| n <= 1 << 16);
        self.need(sane, place, || format!("map {axis:?} is out of range"));
    }
}
