//! What rounding made of each layer, as a person reads it.

use snnc_compiler::ir::spiking::Ties;
use snnc_compiler::passes::quantise::LayerQuantisation;

/// A table of the layers' integers, weights of `width` bits at most. Starts with an empty line.
pub fn print(layers: &[LayerQuantisation], width: u32) -> String {
    let header = format!(
        "\n  {:<16} {:>10} {:>11} {:>9} {:>16} {:>9} {:>9} {:>9}  {}\n",
        format!("{width}-bit weights"),
        "bits, min",
        "bits, mean",
        "exponent",
        "thresholds",
        "distinct",
        "bias exp.",
        "became 0",
        "comparison"
    );
    layers.iter().map(line).fold(header, |text, line| text + &line)
}

fn line(layer: &LayerQuantisation) -> String {
    let shown = |value: Option<String>| value.unwrap_or_else(|| "-".into());
    let line = format!(
        "  {:<16} {:>10} {:>11} {:>9} {:>16} {:>9} {:>9} {:>9}  {}",
        layer.name,
        shown(layer.weight_bits_min.map(|bits| bits.to_string())),
        shown(layer.weight_bits_mean.map(|bits| format!("{bits:.2}"))),
        shown(layer.weight_bits_min.map(|_| layer.weight_exponent.to_string())),
        shown(layer.thresholds.map(|(least, most)| format!("{least}..{most}"))),
        shown(layer.thresholds.map(|_| layer.threshold_profiles.to_string())),
        shown(layer.bias_exponent_max.map(|exponent| exponent.to_string())),
        shown(layer.weight_bits_min.map(|_| format!("{}", layer.zeroed))),
        layer.ties.map_or("read-out", Ties::describe)
    );
    line.trim_end().to_owned() + "\n"
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
        let words: Vec<&str> = text.lines().nth(2).unwrap().split_whitespace().collect();
        assert_eq!(words, ["net.out", "7", "7.50", "-6", "-", "-", "-", "4", "read-out"]);
    }
}
