//! How unevenly cores are busy: the sum over the timesteps of the busiest core, smoothed.
//!
//! A norm of high order stands for the maximum: of ps a core, (sum over the cores of ps^32)^(1/32). It is at least
//! the maximum, and falls when any of the busiest cores is relieved. Times of a timestep are in units of its busiest
//! core, so that single precision holds the powers. All is in flat arrays whose timesteps are filled up to whole
//! lanes: a change is tried out for some million pairs of cores.

use std::ops::Range;

use super::super::work::{TileWork, UNITS};

/// Timesteps that are looked at together.
const LANES: usize = 8;
/// The busiest core in the units of its timestep. Powers of what is four times as busy are no longer finite, so that
/// no such move is made.
const TOP: f32 = 4.0;
/// What is less busy counts as this much, whose power is still a normal number.
const BOTTOM: f32 = 0.0703125;

/// The 32nd power.
fn power(x: f32) -> f32 {
    let x = x.max(BOTTOM);
    let x = x * x;
    let x = x * x;
    let x = x * x;
    let x = x * x;
    x * x
}

/// The 32nd root.
fn root(x: f32) -> f32 {
    x.sqrt().sqrt().sqrt().sqrt().sqrt()
}

/// Work of a tile with timesteps filled up to whole lanes.
#[derive(Debug, Clone, Default)]
pub struct LaneWork {
    /// Of one channel, `[unit][step]`; empty where a unit does nothing.
    channel: [Vec<f32>; UNITS],
    /// Of a slice, whatever its channels; empty if that is nothing.
    slice: Vec<f32>,
    /// The unit that does what a slice asks for.
    slice_unit: usize,
    /// The timesteps in which it does something, in whole lanes.
    steps: Range<usize>,
}

impl LaneWork {
    /// Of a tile.
    pub fn new(work: &TileWork) -> Self {
        let lanes = |own: &[f32]| {
            let mut lanes = own.to_vec();
            lanes.resize(own.len().next_multiple_of(LANES), 0.0);
            if lanes.iter().all(|&ps| ps == 0.0) { Vec::new() } else { lanes }
        };
        let channel = [0, 1, 2].map(|unit| lanes(&work.channel[unit]));
        let slice = lanes(&work.slice_axon_in);
        let all = || channel.iter().chain([&slice]).flat_map(|own| own.iter().enumerate());
        let busy = || all().filter(|&(_, &ps)| ps != 0.0).map(|(step, _)| step);
        let steps = match (busy().min(), busy().max()) {
            (Some(first), Some(last)) => first / LANES * LANES..(last + 1).next_multiple_of(LANES),
            _ => 0..0,
        };
        Self { channel, slice, slice_unit: work.decoding_unit, steps }
    }
}

/// So many channels of a tile more or fewer, and slices.
#[derive(Debug, Clone, Copy)]
pub struct WorkChange<'a> {
    /// The tile.
    pub work: &'a LaneWork,
    /// Channels.
    pub channels: f32,
    /// Slices.
    pub slices: f32,
}

impl<'a> WorkChange<'a> {
    /// From `has` channels on a core to `now`.
    pub fn between(work: &'a LaneWork, has: u32, now: u32) -> Self {
        let slices = f32::from(u8::from(now > 0)) - f32::from(u8::from(has > 0));
        Self { work, channels: now as f32 - has as f32, slices }
    }
}

/// What a core would do.
#[derive(Debug, Clone, Default)]
struct Tried {
    core: usize,
    /// `[unit][step]`.
    loads: Vec<f32>,
    powers: Vec<f32>,
}

/// The norm by timestep.
#[derive(Debug, Clone)]
pub struct Pressure {
    steps: usize,
    cores: usize,
    /// ps, `[core][unit][step]`.
    loads: Vec<f32>,
    /// `[core][step]`.
    powers: Vec<f32>,
    /// Powers in all cores together.
    sums: Vec<f32>,
    roots: Vec<f32>,
    /// ps of a unit of each timestep, and units of a ps (0 if nothing is done in it).
    unit: Vec<f32>,
    per_ps: Vec<f32>,
    tried: [Tried; 2],
    /// The timesteps that were tried.
    tried_steps: Range<usize>,
}

impl Pressure {
    /// Of idle cores; `steps` timesteps.
    pub fn new(cores: usize, steps: usize) -> Self {
        let steps = steps.next_multiple_of(LANES);
        let tried = || Tried { core: 0, loads: vec![0.0; UNITS * steps], powers: vec![0.0; steps] };
        Self {
            steps,
            cores,
            loads: vec![0.0; cores * UNITS * steps],
            powers: vec![0.0; cores * steps],
            sums: vec![0.0; steps],
            roots: vec![0.0; steps],
            unit: vec![0.0; steps],
            per_ps: vec![0.0; steps],
            tried: [tried(), tried()],
            tried_steps: 0..0,
        }
    }

    /// Takes all work from the cores.
    pub fn clear(&mut self) {
        self.loads.fill(0.0);
    }

    /// Adds work to a core; the norm follows with [`Pressure::sum`].
    pub fn add(&mut self, core: usize, change: WorkChange) {
        let own = core * UNITS * self.steps..(core + 1) * UNITS * self.steps;
        add(&mut self.loads[own], self.steps, change);
    }

    /// Sums up what cores do.
    pub fn sum(&mut self) {
        self.sums.fill(0.0);
        for step in 0..self.steps {
            let most = (0..self.cores).map(|core| self.busy(core, step)).fold(0.0, f32::max);
            self.unit[step] = most / TOP;
            self.per_ps[step] = if most > 0.0 { TOP / most } else { 0.0 };
        }
        for core in 0..self.cores {
            for step in 0..self.steps {
                let power = power(self.busy(core, step) * self.per_ps[step]);
                self.powers[core * self.steps + step] = power;
                self.sums[step] += power;
            }
        }
        self.roots.iter_mut().zip(&self.sums).for_each(|(of, &sum)| *of = root(sum));
    }

    /// ps of the busiest unit of a core.
    fn busy(&self, core: usize, step: usize) -> f32 {
        let at = |unit: usize| self.loads[(core * UNITS + unit) * self.steps + step];
        at(0).max(at(1)).max(at(2))
    }

    /// How many ps the norm rises if two cores do so much more or less. [`Pressure::accept`] enters it.
    pub fn change(&mut self, changes: [(usize, &[WorkChange]); 2]) -> f32 {
        let all = || changes.iter().flat_map(|(_, own)| own.iter()).map(|one| &one.work.steps);
        let busy = || all().filter(|steps| !steps.is_empty());
        let first = busy().map(|steps| steps.start).min().unwrap_or(0);
        let steps = first..busy().map(|steps| steps.end).max().unwrap_or(first);
        self.tried_steps = steps.clone();
        for (tried, (core, changes)) in self.tried.iter_mut().zip(changes) {
            tried.core = core;
            for unit in 0..UNITS {
                let (to, from) = (unit * self.steps, (core * UNITS + unit) * self.steps);
                let own = &self.loads[from + steps.start..from + steps.end];
                tried.loads[to + steps.start..to + steps.end].copy_from_slice(own);
            }
            for &change in changes {
                add(&mut tried.loads, self.steps, change);
            }
        }
        let mut rises = [0.0; LANES];
        for start in steps.step_by(LANES) {
            self.try_lanes(start, &mut rises);
        }
        rises.iter().sum()
    }

    /// Adds how much the norm rises in the timesteps from `start` on.
    fn try_lanes(&mut self, start: usize, rises: &mut [f32; LANES]) {
        let lanes = start..start + LANES;
        let (per_ps, unit) = (&self.per_ps[lanes.clone()], &self.unit[lanes.clone()]);
        let (sums, roots) = (&self.sums[lanes.clone()], &self.roots[lanes.clone()]);
        let mut rest = [0.0; LANES];
        let mut more = [0.0; LANES];
        rest.copy_from_slice(sums);
        for tried in &mut self.tried {
            let [synapse, neuron, axon_in] = [0, 1, 2]
                .map(|unit| &tried.loads[unit * self.steps + start..unit * self.steps + start + LANES]);
            let old = &self.powers[tried.core * self.steps + start..tried.core * self.steps + start + LANES];
            let new = &mut tried.powers[lanes.clone()];
            for i in 0..LANES {
                new[i] = power(synapse[i].max(neuron[i]).max(axon_in[i]) * per_ps[i]);
                rest[i] -= old[i];
                more[i] += new[i];
            }
        }
        for i in 0..LANES {
            rises[i] += (root(rest[i].max(0.0) + more[i]) - roots[i]) * unit[i];
        }
    }

    /// Enters what was tried last.
    pub fn accept(&mut self) {
        let steps = self.tried_steps.clone();
        for tried in &self.tried {
            for unit in 0..UNITS {
                let (from, to) = (unit * self.steps, (tried.core * UNITS + unit) * self.steps);
                self.loads[to + steps.start..to + steps.end]
                    .copy_from_slice(&tried.loads[from + steps.start..from + steps.end]);
            }
            let old = &mut self.powers[tried.core * self.steps..(tried.core + 1) * self.steps];
            for step in steps.clone() {
                self.sums[step] = (self.sums[step] - old[step]).max(0.0) + tried.powers[step];
                old[step] = tried.powers[step];
            }
        }
        for step in steps {
            self.roots[step] = root(self.sums[step]);
        }
    }

    /// The norm, in ps.
    pub fn total(&self) -> f32 {
        self.roots.iter().zip(&self.unit).map(|(root, unit)| root * unit).sum()
    }

    /// The sum over the timesteps of the busiest core, in ps.
    pub fn busiest_ps(&self) -> f64 {
        let step = |step| (0..self.cores).map(|core| self.busy(core, step)).fold(0.0, f32::max);
        (0..self.steps).map(|i| f64::from(step(i))).sum()
    }

    /// The busiest core of a timestep, which is drawn by how long timesteps last; `draw` is in 0..1.
    pub fn busiest(&self, draw: f64) -> usize {
        let mut left = draw as f32 * self.total();
        let step = self.roots.iter().zip(&self.unit).position(|(root, unit)| {
            left -= root * unit;
            left < 0.0
        });
        let step = step.unwrap_or(0);
        let mut found = (0, 0.0);
        for core in 0..self.cores {
            let power = self.powers[core * self.steps + step];
            // The first of equals.
            if power > found.1 {
                found = (core, power);
            }
        }
        found.0
    }
}

/// Adds work to the loads of a core, `[unit][step]`.
fn add(loads: &mut [f32], steps: usize, WorkChange { work, channels, slices }: WorkChange) {
    let mut add = |unit: usize, each: &[f32], times: f32| {
        if each.is_empty() || times == 0.0 {
            return;
        }
        let lanes = work.steps.clone();
        let own = &mut loads[unit * steps + lanes.start..unit * steps + lanes.end];
        own.iter_mut().zip(&each[lanes]).for_each(|(sum, each)| *sum += each * times);
    };
    for (unit, each) in work.channel.iter().enumerate() {
        add(unit, each, channels);
    }
    add(work.slice_unit, &work.slice, slices);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn work(ps: &[f32]) -> LaneWork {
        let none = || vec![0.0; ps.len()];
        LaneWork::new(&TileWork {
            channel: [ps.to_vec(), none(), none()],
            slice_axon_in: none(),
            decoding_unit: 2,
            steps: 0..ps.len(),
        })
    }

    fn change(work: &LaneWork, channels: f32) -> WorkChange<'_> {
        WorkChange { work, channels, slices: 0.0 }
    }

    #[test]
    fn the_norm_is_near_the_maximum_and_follows_changes() {
        let tiles = [work(&[8.0, 0.0]), work(&[2.0, 6.0]), work(&[1.0, 1.0])];
        let mut pressure = Pressure::new(3, 2);
        for (core, tile) in tiles.iter().enumerate() {
            pressure.add(core, change(tile, 1.0));
        }
        pressure.sum();
        assert_eq!([pressure.busiest(0.0), pressure.busiest(0.99)], [0, 1]);
        assert_eq!(pressure.busiest_ps(), 14.0);
        let half = [change(&tiles[0], -0.5)];
        let rise = pressure.change([(0, &half), (2, &[])]);
        assert!((rise + 4.0).abs() < 0.01, "{rise}");
        pressure.accept();
        assert!((pressure.total() - 10.0).abs() < 0.01, "{}", pressure.total());
        assert!(pressure.change([(0, &[]), (2, &[])]).abs() < 1e-6);
        // What was kept up to date is what is summed up anew.
        let kept = pressure.total();
        pressure.sum();
        assert!((pressure.total() - kept).abs() < 1e-3, "{kept} and {}", pressure.total());
    }

    #[test]
    fn a_slice_is_work_of_the_unit_that_decodes() {
        let mut tile = TileWork { decoding_unit: 0, slice_axon_in: vec![3.0; 9], ..TileWork::default() };
        tile.channel = [vec![1.0; 9], vec![0.5; 9], vec![0.0; 9]];
        let tile = LaneWork::new(&tile);
        let mut pressure = Pressure::new(2, 9);
        pressure.add(0, WorkChange { work: &tile, channels: 2.0, slices: 1.0 });
        pressure.sum();
        assert_eq!(pressure.busiest_ps(), 45.0);
    }
}
