//! How unevenly cores are busy: the sum over the timesteps of the busiest core, smoothed.
//!
//! A norm of high order stands for the maximum: of ps a core, (sum over the cores of ps^16)^(1/16). It is at least the
//! maximum, and falls when any of the busiest cores is relieved.

use super::super::work::CoreLoad;

/// The sixteenth power.
fn power(x: f64) -> f64 {
    let x = x * x;
    let x = x * x;
    let x = x * x;
    x * x
}

/// The sixteenth root.
fn root(x: f64) -> f64 {
    x.max(0.0).sqrt().sqrt().sqrt().sqrt()
}

/// The norm by timestep, of times in units that keep powers in range.
#[derive(Debug, Clone)]
pub struct Pressure {
    unit: f64,
    sums: Vec<f64>,
    /// Powers of each core, `[core][step]`.
    powers: Vec<Vec<f64>>,
}

impl Pressure {
    /// Of cores with these loads.
    pub fn new(loads: &[CoreLoad], steps: usize) -> Self {
        let most = |load: &CoreLoad| (0..steps).map(|i| load.busiest(i)).fold(0.0f32, f32::max);
        let unit = f64::from(loads.iter().map(most).fold(0.0, f32::max)).max(1e-9);
        let mut pressure = Self { unit, sums: vec![0.0; steps], powers: Vec::new() };
        pressure.powers = loads.iter().map(|load| pressure.powers_of(load)).collect();
        for powers in &pressure.powers {
            pressure.sums.iter_mut().zip(powers).for_each(|(sum, power)| *sum += power);
        }
        pressure
    }

    fn powers_of(&self, load: &CoreLoad) -> Vec<f64> {
        (0..self.sums.len()).map(|i| power(f64::from(load.busiest(i)) / self.unit)).collect()
    }

    /// How much the norm rises if some cores do this instead of what they do.
    pub fn change(&self, changes: &[(usize, &CoreLoad)]) -> f64 {
        let mut change = 0.0;
        for (i, &sum) in self.sums.iter().enumerate() {
            let mut new = sum;
            for &(core, load) in changes {
                new += power(f64::from(load.busiest(i)) / self.unit) - self.powers[core][i];
            }
            change += root(new) - root(sum);
        }
        change * self.unit
    }

    /// Enters that a core does this.
    pub fn set(&mut self, core: usize, load: &CoreLoad) {
        let new = self.powers_of(load);
        for (i, power) in new.iter().enumerate() {
            // Never below the largest term, whatever rounding left.
            self.sums[i] = (self.sums[i] + power - self.powers[core][i]).max(*power);
        }
        self.powers[core] = new;
    }

    /// Cores by how much of the norm falls with them, most first.
    pub fn hottest(&self) -> Vec<usize> {
        let shares = self.powers.iter().map(|powers| {
            let share = |(power, sum): (&f64, &f64)| if *sum > 0.0 { power / sum * root(*sum) } else { 0.0 };
            powers.iter().zip(&self.sums).map(share).sum::<f64>()
        });
        let shares: Vec<f64> = shares.collect();
        let mut cores: Vec<usize> = (0..shares.len()).collect();
        cores.sort_by(|&a, &b| shares[b].total_cmp(&shares[a]).then(a.cmp(&b)));
        cores
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(ps: &[f32]) -> CoreLoad {
        let mut load = CoreLoad::default();
        load.add(0, ps, 1.0);
        load
    }

    #[test]
    fn the_norm_is_near_the_maximum_and_follows_changes() {
        let loads = [load(&[8.0, 0.0]), load(&[2.0, 6.0]), load(&[1.0, 1.0])];
        let mut pressure = Pressure::new(&loads, 2);
        assert_eq!(pressure.hottest(), [0, 1, 2]);
        let relieved = load(&[4.0, 0.0]);
        let change = pressure.change(&[(0, &relieved)]);
        assert!((change + 4.0).abs() < 0.01, "{change}");
        pressure.set(0, &relieved);
        assert_eq!(pressure.hottest()[0], 1);
        assert!(pressure.change(&[(0, &load(&[4.0, 0.0]))]).abs() < 1e-9);
    }
}
