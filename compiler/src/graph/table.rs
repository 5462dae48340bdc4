//! The layer graph for people: one line a layer with its inputs and shape.

use std::fmt::Write;

use snnc_targets::Diagnostics;

use super::Graph;

impl Graph {
    /// Layers in order: name, operation, inputs, output shape.
    ///
    /// # Errors
    /// Those of shape inference.
    pub fn table(&self) -> Result<String, Diagnostics> {
        let shapes = self.shapes()?;
        let mut text = format!("network {} ({} timesteps)\n", self.name, self.timesteps);
        for node in self.order()? {
            let layer = &self.net[node];
            let inputs: Vec<_> = self.inputs(node).into_iter().map(|n| self.net[n].name.as_str()).collect();
            let shape = shapes[node].to_string();
            let _ = writeln!(
                text,
                "  {:<14} {:<16} {:>16}  <- {}",
                layer.name,
                layer.op.name(),
                shape,
                inputs.join(", ")
            );
        }
        Ok(text)
    }
}
