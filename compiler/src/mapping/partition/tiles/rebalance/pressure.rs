//! How unevenly cores are busy: the sum over the timesteps of the busiest core, smoothed.
//!
//! A norm of high order stands for the maximum: of ps a core, (sum over the cores of ps^32)^(1/32). It is at least the
//! maximum, and falls when any of the busiest cores is relieved.

use super::super::work::CoreLoad;

/// The 32nd power.
fn power(x: f64) -> f64 {
    let x = x * x;
    let x = x * x;
    let x = x * x;
    let x = x * x;
    x * x
}

/// The 32nd root.
fn root(x: f64) -> f64 {
    x.max(0.0).sqrt().sqrt().sqrt().sqrt().sqrt()
}

/// The norm by timestep, of times in units that keep powers in range.
#[derive(Debug, Clone)]
pub struct Pressure {
    unit: f64,
    sums: Vec<f64>,
    roots: Vec<f64>,
    /// Powers of each core, `[core][step]`.
    powers: Vec<Vec<f64>>,
}

impl Pressure {
    /// Of cores with these loads.
    pub fn new(loads: &[CoreLoad], steps: usize) -> Self {
        let most = |load: &CoreLoad| (0..steps).map(|i| load.busiest(i)).fold(0.0f32, f32::max);
        let unit = f64::from(loads.iter().map(most).fold(0.0, f32::max)).max(1e-9);
        let mut pressure = Self { unit, sums: vec![0.0; steps], roots: Vec::new(), powers: Vec::new() };
        pressure.powers = loads.iter().map(|load| pressure.powers_of(load)).collect();
        for powers in &pressure.powers {
            pressure.sums.iter_mut().zip(powers).for_each(|(sum, power)| *sum += power);
        }
        pressure.roots = pressure.sums.iter().map(|&sum| root(sum)).collect();
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
            if new != sum {
                change += root(new) - self.roots[i];
            }
        }
        change * self.unit
    }

    /// Enters that a core does this.
    pub fn set(&mut self, core: usize, load: &CoreLoad) {
        let new = self.powers_of(load);
        for (i, power) in new.iter().enumerate() {
            // Never below the largest term, whatever rounding left.
            if *power != self.powers[core][i] {
                self.sums[i] = (self.sums[i] + power - self.powers[core][i]).max(*power);
                self.roots[i] = root(self.sums[i]);
            }
        }
        self.powers[core] = new;
    }

    /// Timesteps.
    pub fn steps(&self) -> usize {
        self.sums.len()
    }

    /// The norm, in ps.
    pub fn total(&self) -> f64 {
        self.roots.iter().sum::<f64>() * self.unit
    }

    /// The busiest core of a timestep, which is drawn by how long timesteps last; `draw` is in 0..1.
    pub fn busiest(&self, draw: f64) -> usize {
        let mut left = draw * self.roots.iter().sum::<f64>();
        let step = self.roots.iter().position(|&root| {
            left -= root;
            left < 0.0
        });
        let step = step.unwrap_or(self.roots.len().saturating_sub(1));
        let power = |core: &usize| self.powers[*core].get(step).copied().unwrap_or(0.0);
        // The first of equals.
        (0..self.powers.len()).rev().max_by(|a, b| power(a).total_cmp(&power(b))).unwrap_or(0)
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
        assert_eq!([pressure.busiest(0.0), pressure.busiest(0.99)], [0, 1]);
        let relieved = load(&[4.0, 0.0]);
        let change = pressure.change(&[(0, &relieved)]);
        assert!((change + 4.0).abs() < 0.01, "{change}");
        pressure.set(0, &relieved);
        assert!((pressure.total() - 10.0).abs() < 0.01, "{}", pressure.total());
        assert!(pressure.change(&[(0, &load(&[4.0, 0.0]))]).abs() < 1e-9);
    }
}
