//! Sampling of timesteps: which ones are simulated, and what follows for the others.
//!
//! Of each N consecutive timesteps of an image one is simulated, drawn by a counter-based generator: as systematic
//! as every N-th one, but with no period that could fall in with that of the passes. The draws of an image are its own
//! and those of the run's seed, so runs of other seeds are independent trials. The estimate is the analytic time of all
//! timesteps plus N times what the simulated ones took longer than their analytic time. It is unbiased and never below
//! the analytic bound.

use serde::{Deserialize, Serialize};

use crate::philox::philox4x32_10;

/// Tells these draws from others of the same seed.
const STREAM: [u32; 2] = [0x7A3D, 0x15];

/// Whether timestep `index` (counted over the whole image) of an image of a run is simulated, one of `every`.
pub fn chosen(every: u32, seed: u64, image: u64, index: u64) -> bool {
    let every = u64::from(every.max(1));
    let block = index / every;
    let counter = [block as u32, (block >> 32) as u32, image as u32, (image >> 32) as u32];
    let key = [seed as u32 ^ STREAM[0], (seed >> 32) as u32 ^ STREAM[1]];
    let draw = philox4x32_10(counter, key);
    (u64::from(draw[0]) * every) >> 32 == index % every
}

/// What sampling saw; sums over images add up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sampled {
    /// Timesteps in all.
    pub timesteps: u64,
    /// Timesteps that were simulated.
    pub simulated: u64,
    /// Sum over the simulated ones of cycle time - analytic time, ps.
    pub excess_ps: u128,
    /// Sum of its squares, ps^2.
    pub excess_squared: u128,
}

impl Sampled {
    /// Enters a timestep; `excess_ps` if it was simulated.
    pub fn add(&mut self, excess_ps: Option<u64>) {
        self.timesteps += 1;
        if let Some(excess) = excess_ps {
            self.simulated += 1;
            self.excess_ps += u128::from(excess);
            self.excess_squared = self.excess_squared.saturating_add(u128::from(excess) * u128::from(excess));
        }
    }

    /// Half of the 95 % interval of the estimated time, ps: the standard error of a total with the correction for a
    /// finite population, times Student's t for as many degrees of freedom as there are samples, less one (Cochran,
    /// Sampling Techniques, 1977, sections 2.8 and 2.9). 0 if everything was simulated; none with fewer than two
    /// samples.
    pub fn half_width_ps(&self) -> Option<f64> {
        let (n, all) = (self.simulated as f64, self.timesteps as f64);
        if self.simulated == self.timesteps {
            return Some(0.0);
        }
        if self.simulated < 2 {
            return None;
        }
        let sum = self.excess_ps as f64;
        let variance = (self.excess_squared as f64 - sum * sum / n).max(0.0) / (n - 1.0);
        Some(student_t(self.simulated - 1) * all * (variance / n * (1.0 - n / all)).sqrt())
    }
}

/// The 0.975 quantile of Student's t with `freedom` degrees of freedom, 1 at least: tabled up to 8, from there the
/// expansion in the normal quantile (Abramowitz and Stegun 1964, 26.7.5), which is within 0.001 of it.
fn student_t(freedom: u64) -> f64 {
    const FEW: [f64; 8] = [12.7062, 4.3027, 3.1824, 2.7764, 2.5706, 2.4469, 2.3646, 2.3060];
    if let Some(&t) = FEW.get(freedom.saturating_sub(1) as usize) {
        return t;
    }
    const Z: f64 = 1.959_964;
    let (f, z2) = (freedom as f64, Z * Z);
    let first = Z * (z2 + 1.0) / 4.0;
    let second = Z * ((5.0 * z2 + 16.0) * z2 + 3.0) / 96.0;
    let third = Z * (((3.0 * z2 + 19.0) * z2 + 17.0) * z2 - 15.0) / 384.0;
    Z + (first + (second + third / f) / f) / f
}

impl std::ops::AddAssign for Sampled {
    fn add_assign(&mut self, other: Self) {
        self.timesteps += other.timesteps;
        self.simulated += other.simulated;
        self.excess_ps += other.excess_ps;
        self.excess_squared = self.excess_squared.saturating_add(other.excess_squared);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_of_each_n_is_chosen() {
        for every in [1, 2, 16, 21] {
            let n = u64::from(every);
            for block in 0..50 {
                let indices = block * n..(block + 1) * n;
                assert_eq!(indices.filter(|&i| chosen(every, 1, 3, i)).count(), 1);
            }
        }
        let places = |seed, image| (0..160).filter(|&i| chosen(16, seed, image, i)).collect::<Vec<_>>();
        assert_ne!(places(1, 0), places(1, 1));
        assert_ne!(places(1, 0), places(2, 0));
        assert_ne!(places(1, 0), places(1 + (1 << 32), 0));
    }

    #[test]
    fn quantiles_are_those_of_tables() {
        // Two-sided 5 % points of Student's t as printed (Pearson and Hartley 1966, table 12).
        for (freedom, printed) in [
            (1, 12.706),
            (2, 4.303),
            (4, 2.776),
            (5, 2.571),
            (8, 2.306),
            (10, 2.228),
            (30, 2.042),
            (120, 1.980),
        ] {
            let t = student_t(freedom);
            assert!((t - printed).abs() < 0.0015, "{freedom}: {t}");
        }
        assert!((student_t(1_000_000) - 1.959_966).abs() < 1e-5);
    }

    #[test]
    fn the_interval_closes_when_everything_is_simulated() {
        let mut all = Sampled::default();
        (0..10).for_each(|i| all.add(Some(i)));
        assert_eq!(all.half_width_ps(), Some(0.0));
        let mut one = Sampled::default();
        one.add(Some(3));
        one.add(None);
        assert_eq!(one.half_width_ps(), None);
    }
}
