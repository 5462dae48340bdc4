//! What rounding made of each layer, as a person reads it.

use snnc_compiler::ir::spiking::Ties;
use snnc_compiler::passes::quantise::LayerQuantisation;
use snnc_targets::text_table::{TextTable, left, name_and_figures};

/// A table of the layers' integers, weights of `width` bits at most. Starts with an empty line.
pub fn print(layers: &[LayerQuantisation], width: u32) -> String {
    let figures = ["bits, min", "bits, mean", "exponent", "thresholds", "distinct", "bias exp.", "became 0"];
    let columns = name_and_figures(format!("{width}-bit weights"), figures).chain([left("comparison")]);
    let mut table = TextTable::new(2, columns);
    layers.iter().for_each(|layer| table.row(cells(layer)));
    format!("\n{table}")
}

fn cells(layer: &LayerQuantisation) -> [String; 9] {
    let shown = |value: Option<String>| value.unwrap_or_else(|| "-".into());
    [
        layer.name.clone(),
        shown(layer.weight_bits_min.map(|bits| bits.to_string())),
        shown(layer.weight_bits_mean.map(|bits| format!("{bits:.2}"))),
        shown(layer.weight_bits_min.map(|_| layer.weight_exponent.to_string())),
        shown(layer.thresholds.map(|(least, most)| format!("{least}..{most}"))),
        shown(layer.thresholds.map(|_| layer.threshold_profiles.to_string())),
        shown(layer.bias_exponent_max.map(|exponent| exponent.to_string())),
        shown(layer.weight_bits_min.map(|_| layer.zeroed.to_string())),
        layer.ties.map_or("read-out", Ties::describe).to_owned(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_layer_lacks_is_a_dash() {
        let layer = LayerQuantisation {
            name: "net.out".into(),
            weight_bits_min: Some(7),
            weight_bits_mean: Some(7.5),
            weight_exponent: -6,
            thresholds: None,
            threshold_profiles: 0,
            bias_exponent_max: None,
            ties: None,
            weights: 9,
            zeroed: 4,
        };
        let text = print(&[layer], 8);
        // The second block of the columns begins with the name again.
        let rows = text.lines().filter(|line| line.contains("net.out"));
        let words: Vec<&str> =
            rows.flat_map(|row| row.split_whitespace().filter(|&word| word != "net.out")).collect();
        assert_eq!(words, ["7", "7.50", "-6", "-", "-", "-", "4", "read-out"]);
    }
}
