//! Numbers for people: SI prefixes, thousands separators, shares.

pub use snnc_targets::numbers::{count, counted};

/// Four significant digits with an SI prefix: `12.35 mJ`.
pub fn si(value: f64, unit: &str) -> String {
    const PREFIXES: [&str; 11] = ["a", "f", "p", "n", "u", "m", "", "k", "M", "G", "T"];
    if value == 0.0 || !value.is_finite() {
        return format!("{value} {unit}");
    }
    let mut power = 6;
    let mut scaled = value;
    while scaled.abs() >= 999.95 && power + 1 < PREFIXES.len() {
        (scaled, power) = (scaled / 1000.0, power + 1);
    }
    while scaled.abs() < 0.99995 && power > 0 {
        (scaled, power) = (scaled * 1000.0, power - 1);
    }
    let decimals = match scaled.abs() {
        a if a < 9.9995 => 3,
        a if a < 99.995 => 2,
        _ => 1,
    };
    format!("{scaled:.decimals$} {}{unit}", PREFIXES[power])
}

/// Like [`si`] of physical units; places of queues (`16 packets`) and factors (`5.31 x`) as they are.
pub fn constant(value: f64, unit: &str) -> String {
    if ["x", "flits", "spikes", "packets"].contains(&unit) {
        format!("{value} {unit}")
    } else {
        si(value, unit)
    }
}

/// Memory of the simulation, in one unit everywhere: `1,234.5 MiB`.
pub fn mebibytes(bytes: u64) -> String {
    let tenths = (bytes as f64 * 10.0 / f64::from(1 << 20)).round() as u64;
    format!("{}.{} MiB", count(tenths / 10), tenths % 10)
}

/// `12.3 %`; 0 of nothing.
pub fn share(part: f64, whole: f64) -> String {
    format!("{:.1} %", if whole > 0.0 { 100.0 * part / whole } else { 0.0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_and_digits() {
        let cases = [
            (0.0, "0 J"),
            (1.0, "1.000 J"),
            (0.012345, "12.35 mJ"),
            (999.96, "1.000 kJ"),
            (23.6e-12, "23.60 pJ"),
            (0.99999, "1.000 J"),
            (1.04e2, "104.0 J"),
            (5e-22, "0.001 aJ"),
            (2e17, "200000.0 TJ"),
        ];
        cases.into_iter().for_each(|(value, text)| assert_eq!(si(value, "J"), text));
    }

    #[test]
    fn memory_and_shares() {
        assert_eq!([mebibytes(0), mebibytes(1_300_000_000)], ["0.0 MiB", "1,239.8 MiB"]);
        assert_eq!([share(1.0, 8.0), share(0.0, 0.0)], ["12.5 %", "0.0 %"]);
    }
}
