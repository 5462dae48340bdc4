//! The layer graph for people: one line a layer with its inputs and shape.

use snnc_targets::Diagnostics;
use snnc_targets::numbers::counted;
use snnc_targets::text_table::{TextTable, left, right};

use super::Graph;

impl Graph {
    /// Layers in order: name, operation, inputs, output shape.
    ///
    /// # Errors
    /// Those of shape inference.
    pub fn table(&self) -> Result<String, Diagnostics> {
        let shapes = self.shapes()?;
        let mut layers = TextTable::new(2, [left(""), left(""), right(""), left("")]);
        for node in self.order()? {
            let layer = &self.net[node];
            let inputs: Vec<_> = self.inputs(node).into_iter().map(|n| self.net[n].name.as_str()).collect();
            let (operation, shape) = (layer.op.name().to_owned(), shapes[node].to_string());
            layers.row([layer.name.clone(), operation, shape, format!("<- {}", inputs.join(", "))]);
        }
        Ok(format!("network {} ({})\n{layers}", self.name, counted(self.timesteps as u64, "timestep")))
    }
}
