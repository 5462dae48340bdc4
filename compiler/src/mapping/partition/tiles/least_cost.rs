//! The dynamic program over the channels of a layer: which widths of which choices make all channels at least cost.
//!
//! A width is a number of channels; a choice has those after which it would need another slice, and takes what is left
//! at the end of the layer in any number. Cost of the first c channels is found from c = 0 on, by adding one width
//! more. Most widths cannot be part of a solution: a bound from below on what the other channels cost (no channel is
//! cheaper than the cheapest of any width) and one from above (all channels by one choice) leave those out. What is
//! found is what trying all would find, also among equals: the first choice, then the narrowest width.

/// Sums of so many costs of one sign differ from the true ones by far less than this part.
const ROUNDING: f64 = 1e-9;

/// Cost of the first channels, and the (choice, width) that ends them.
#[derive(Debug, Clone, Copy)]
struct Prefix {
    cost: f64,
    choice: usize,
    width: usize,
}

impl Prefix {
    const UNKNOWN: Self = Self { cost: f64::INFINITY, choice: usize::MAX, width: 0 };

    fn improve(&mut self, cost: f64, choice: usize, width: usize) {
        let first = cost == self.cost && (choice, width) < (self.choice, self.width);
        if cost < self.cost || first {
            *self = Self { cost, choice, width };
        }
    }
}

/// A width of a choice, and what it costs beyond the least that so many channels can cost.
struct Step {
    excess: f64,
    cost: f64,
    choice: usize,
    width: usize,
}

/// The choices and widths of least cost that together have all channels, as (choice, channels), each choice once.
///
/// `costs[choice][w]` is the cost of w channels, at least 0; `widths[choice]` ascends to the number of channels.
pub fn least_cost(costs: &[Vec<f64>], widths: &[Vec<u32>], channels: u32) -> Vec<(usize, u32)> {
    let channels = channels as usize;
    let each = |own: &Vec<f64>| {
        let each = own.iter().enumerate().skip(1).map(|(width, cost)| cost / width as f64);
        each.fold(f64::INFINITY, f64::min)
    };
    let least = costs.iter().map(each).fold(f64::INFINITY, f64::min);
    let alone = costs.iter().map(|own| own[channels]).fold(f64::INFINITY, f64::min);
    let slack = alone - least * channels as f64 + alone * ROUNDING;
    // Comparisons that are not of numbers leave nothing out.
    let beyond = |excess: f64| excess > slack;
    let mut best = vec![Prefix::UNKNOWN; channels + 1];
    best[0].cost = 0.0;
    let mut steps: Vec<Step> = Vec::new();
    for (choice, (costs, widths)) in costs.iter().zip(widths).enumerate() {
        for (width, &cost) in costs.iter().enumerate().skip(1) {
            if !beyond(cost - least * width as f64) {
                best[width].improve(cost, choice, width);
            }
        }
        for width in widths.iter().map(|&width| width as usize).filter(|&width| width < channels) {
            let excess = costs[width] - least * width as f64;
            if !beyond(excess) {
                steps.push(Step { excess, cost: costs[width], choice, width });
            }
        }
    }
    steps.sort_by(|a, b| a.excess.total_cmp(&b.excess));
    for start in 1..channels {
        let cost = best[start].cost;
        let excess = cost - least * start as f64;
        for step in &steps {
            if beyond(excess + step.excess) {
                break;
            }
            if let Some(end) = best.get_mut(start + step.width) {
                end.improve(cost + step.cost, step.choice, step.width);
            }
        }
    }
    let mut groups: Vec<(usize, u32)> = Vec::new();
    let mut end = channels;
    while end > 0 {
        let Prefix { choice, width, .. } = best[end];
        match groups.iter_mut().find(|(other, _)| *other == choice) {
            // A grid that is chosen twice makes one group: its slices are cut where cores end, not where groups do.
            Some((_, sum)) => *sum += width as u32,
            None => groups.push((choice, width as u32)),
        }
        end -= width;
    }
    groups.sort_unstable();
    groups
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::SplitMix64;

    /// All widths of all choices, for every number of channels.
    fn by_trying_all(costs: &[Vec<f64>], widths: &[Vec<u32>], channels: usize) -> (f64, Vec<(usize, u32)>) {
        let mut best = vec![(0.0, 0, 0); channels + 1];
        for c in 1..=channels {
            best[c].0 = f64::INFINITY;
            for (choice, costs) in costs.iter().enumerate() {
                for &width in &widths[choice] {
                    let width = (width as usize).min(c);
                    let total = best[c - width].0 + costs[width];
                    if total < best[c].0 {
                        best[c] = (total, choice, width);
                    }
                }
            }
        }
        let mut groups = std::collections::BTreeMap::new();
        let mut c = channels;
        while c > 0 {
            *groups.entry(best[c].1).or_insert(0) += best[c].2 as u32;
            c -= best[c].2;
        }
        (best[channels].0, groups.into_iter().collect())
    }

    #[test]
    fn what_is_left_out_changes_nothing() {
        let mut random = SplitMix64::new(3);
        let mut mixed = 0;
        for round in 0..300 {
            let channels = 1 + random.below(60);
            let choices = 1 + random.below(6);
            let whole_numbers = round % 2 == 0;
            let mut costs = Vec::new();
            let mut widths = Vec::new();
            for _ in 0..choices {
                // Slices of so many channels; with whole numbers many solutions cost the same.
                let most = 1 + random.below(12);
                let (slice, share) = match whole_numbers {
                    true => (random.below(3) as f64, random.below(3) as f64),
                    false => (random.unit(), random.unit() * 0.2),
                };
                let cost = |w: usize| w.div_ceil(most) as f64 * slice + w as f64 * share;
                costs.push((0..=channels).map(cost).collect::<Vec<f64>>());
                let mut own: Vec<u32> = (1..=channels / most).map(|i| (i * most) as u32).collect();
                own.extend((own.last() != Some(&(channels as u32))).then_some(channels as u32));
                widths.push(own);
            }
            let (_, expected) = by_trying_all(&costs, &widths, channels);
            assert_eq!(least_cost(&costs, &widths, channels as u32), expected, "round {round}");
            mixed += usize::from(expected.len() > 1);
        }
        assert!(mixed >= 20, "only {mixed} solutions mix choices");
    }
}
