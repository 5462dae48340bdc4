//! The scale of a channel's weights: integers per trained unit, at which rounding and clipping together cost least.
//!
//! A larger scale makes rounding steps smaller and clips the largest weights. Candidates are fractions of full scale,
//! powers of two (short binary fractions stay exact), and scales that make the largest weight whole (equal weights
//! stay exact). A small channel is searched at every narrower width first, and what was found there is a candidate
//! again, doubled: a wider integer holds all that a narrower one does, so more bits never cost more.

/// Full scale in parts of the largest weight; the first of equals wins.
const CLIPS: [f64; 10] = [1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.25, 0.2];
/// Most weights of a channel that is searched at every width: in larger ones errors are an average, which no single
/// scale changes much.
pub const SMALL: usize = 512;
/// Scales that make the largest weight whole, tried at each width.
const WHOLE: usize = 4;
/// Most scales up to full scale that are all tried: thresholds of few bits.
const FEW: f64 = 64.0;
/// A candidate is taken if it costs less than this part of the best.
const LESS: f64 = 1.0 - 1e-9;

/// Which scales a channel may have.
pub struct Scales {
    /// Largest |weight|, above 0.
    pub largest: f64,
    /// Largest scale.
    pub limit: f64,
    /// What scales are multiples of, if they are not free.
    pub unit: Option<f64>,
}

impl Scales {
    /// The largest legal scale up to `scale`; multiples of the unit that is one (an integer threshold), up to noise.
    fn legal(&self, scale: f64) -> Option<f64> {
        let scale = scale.min(self.limit);
        let legal = self.unit.map_or(scale, |unit| (scale / unit * (1.0 + 1e-12)).floor() * unit);
        (legal > 0.0).then_some(legal)
    }

    /// The largest power of two, in units, at which nothing is clipped.
    fn binary(&self, most: f64) -> f64 {
        let unit = self.unit.unwrap_or(1.0);
        let top = (most / self.largest).min(self.limit) / unit;
        top.log2().floor().exp2() * unit
    }

    /// Every scale near full scale, where there are few.
    fn few(&self, most: f64) -> Vec<f64> {
        let Some(unit) = self.unit else { return Vec::new() };
        let full = most / self.largest / unit;
        let last = if full <= FEW { (full * 1.25).ceil() as u32 } else { 0 };
        (1..=last).rev().map(|units| f64::from(units) * unit).collect()
    }

    /// Scales at which the largest weight is a whole number, the largest first.
    fn whole(&self, most: f64) -> Vec<f64> {
        let Some(unit) = self.unit else { return Vec::new() };
        let fits = |integer: f64| {
            let units = integer / self.largest / unit;
            let near = (units - units.round()).abs() <= units * 1e-7 && units.round() >= 1.0;
            near.then(|| units.round() * unit)
        };
        let half = (most / 2.0).ceil() as u32;
        (half..=most as u32).rev().filter_map(|integer| fits(f64::from(integer))).take(WHOLE).collect()
    }
}

/// The best scale for weights of `bits` bits; `cost(scale, most, best)` may say infinity instead of what is not below
/// `best`. None if no scale is legal.
pub fn best(
    scales: &Scales,
    bits: u32,
    small: bool,
    cost: impl Fn(f64, f64, f64) -> f64,
) -> Option<(f64, f64)> {
    let mut found: Option<(f64, f64)> = None;
    let bits = bits.max(2);
    for width in if small { 2..=bits } else { bits..=bits } {
        let half = f64::from(1u32 << (width - 1));
        let most = half - 1.0;
        let full = (2..=width).map(|bits| f64::from(1u32 << (bits - 1))).map(|half| half / (half - 1.0));
        let clips = full.rev().chain(CLIPS).map(|clip| half / (scales.largest * clip));
        let narrower = found.into_iter().flat_map(|(scale, _)| [2.0 * scale, scale]);
        let candidates = [scales.binary(most)]
            .into_iter()
            .chain(scales.whole(most))
            .chain(clips)
            .chain(scales.few(most))
            .chain(narrower);
        let mut best: Option<(f64, f64)> = None;
        for scale in candidates.filter_map(|scale| scales.legal(scale)) {
            let least = best.map_or(f64::INFINITY, |(_, least)| least);
            let costs = cost(scale, most, least * LESS);
            if best.is_none() || costs < least * LESS {
                best = Some((scale, costs));
            }
        }
        found = best;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::fan::{ScaledChannel, SummedWeights};
    use super::super::objective::SourceActivity;
    use super::*;

    fn channel(weights: Vec<f64>) -> ScaledChannel {
        let fan = SummedWeights { weights: weights.into(), ..SummedWeights::default() };
        ScaledChannel { fans: vec![fan], ..ScaledChannel::default() }
    }

    /// Least cost at each width from 2 to 12 bits, in squares of the largest weight.
    fn costs(channel: &ScaledChannel, unit: Option<f64>) -> Vec<f64> {
        let largest = channel.largest();
        let scales = Scales { largest, limit: f64::INFINITY, unit };
        let cost =
            |scale: f64, most: f64, least: f64| SourceActivity::Assumed.cost(channel, scale, most, least);
        (2..=12).map(|bits| best(&scales, bits, true, cost).unwrap().1 / largest.powi(2)).collect()
    }

    #[test]
    fn more_bits_never_cost_more() {
        let mut state = 3u64;
        let mut draw = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 40) as f64 / (1u64 << 24) as f64
        };
        let beside = |small: f64, n: usize| std::iter::repeat_n(small, n).chain([1.0]).collect::<Vec<_>>();
        let mut channels = vec![beside(0.003, 300), beside(-0.003, 300), beside(0.02, 40), vec![0.3; 50]];
        for round in 0..40 {
            let n = 2 + round * 7 % 90;
            channels.push((0..n).map(|_| (draw() - 0.5) * draw().powi(round % 5)).collect());
        }
        for weights in channels {
            let channel = channel(weights);
            for unit in [None, Some(1.0 / channel.largest() / 16.0)] {
                let costs = costs(&channel, unit);
                assert!(costs.is_sorted_by(|a, b| *b <= a * (1.0 + 1e-6) + 1e-15), "{channel:?} {costs:?}");
            }
        }
    }

    #[test]
    fn short_fractions_and_equal_weights_are_exact() {
        let at = |weights: Vec<f64>, unit| costs(&channel(weights), unit)[6];
        assert_eq!(at(vec![0.25, -0.5, 0.75, 1.0], None), 0.0);
        assert_eq!(at(vec![0.25, -0.5, 0.75, 1.0], Some(1.0)), 0.0);
        assert!(at(vec![0.3; 50], Some(1.0)) < 1e-12);
        assert!(at(vec![0.3, 0.123], Some(1.0)) > 1e-12);
    }
}
