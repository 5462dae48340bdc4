//! Dividing cores between two halves of a region: Fiduccia-Mattheyses passes on packets x distance of the halves, with
//! a pull of each core towards its partners elsewhere.

use std::collections::BinaryHeap;

use super::board::WeightedPoint;
use super::graph::PlacementGraph;

/// What is to be divided.
pub struct Halves<'a> {
    /// Packets between all cores.
    pub graph: &'a PlacementGraph,
    /// The region's cores.
    pub cores: &'a [u32],
    /// Index in `cores` of each core of the region; `None` elsewhere.
    pub local: &'a [Option<u32>],
    /// Weighted coordinates of all cores, as far as they are known.
    pub points: &'a [WeightedPoint],
    /// Middle of each half.
    pub middles: [WeightedPoint; 2],
    /// Cores that each half can hold; together at least all.
    pub room: [usize; 2],
}

/// Passes over all cores at most; each goes back to the cheapest division that it met.
const PASSES: usize = 12;

/// Whether each core goes to the second half: the cheapest of several starts, after improvement.
pub fn halve(task: &Halves) -> Vec<bool> {
    let pulls: Vec<i64> = task.cores.iter().map(|&core| pull(task, core)).collect();
    let starts = [in_order(task), by_pull(task, &pulls), by_growth(task, &pulls)];
    let improved = starts.into_iter().map(|start| {
        let mut division = Division::new(task, &pulls, start);
        let mut passes = 0;
        while passes < PASSES && division.pass() {
            passes += 1;
        }
        division
    });
    // `min_by_key` keeps the first of equals.
    improved.min_by_key(|division| division.cost).map_or_else(Vec::new, |division| division.second)
}

/// Cost of the core's outside flows in the second half less that in the first.
fn pull(task: &Halves, core: u32) -> i64 {
    let outside = task.graph.of(core as usize).iter().filter(|edge| task.local[edge.0 as usize].is_none());
    let [first, second] = task.middles;
    outside
        .map(|&(other, packets)| {
            let at = task.points[other as usize];
            packets * (second.to(at) - first.to(at))
        })
        .sum()
}

/// Cores of the first half, in proportion to the room.
fn share(task: &Halves) -> usize {
    let (n, [first, second]) = (task.cores.len(), task.room);
    (n * first / (first + second).max(1)).clamp(n.saturating_sub(second), first.min(n))
}

/// A start: the first cores go to the first half.
fn in_order(task: &Halves) -> Vec<bool> {
    let first = share(task);
    (0..task.cores.len()).map(|i| i >= first).collect()
}

/// A start: the cores that are pulled most to the first half go there.
fn by_pull(task: &Halves, pulls: &[i64]) -> Vec<bool> {
    let mut order: Vec<usize> = (0..pulls.len()).collect();
    order.sort_by_key(|&i| (std::cmp::Reverse(pulls[i]), i));
    let mut second = vec![true; pulls.len()];
    order[..share(task)].iter().for_each(|&i| second[i] = false);
    second
}

/// A start: the first half grows from the core that is pulled most to it, each time by the core with most packets to
/// those already taken.
fn by_growth(task: &Halves, pulls: &[i64]) -> Vec<bool> {
    let distance = task.middles[0].to(task.middles[1]).max(1);
    let mut gains: Vec<i64> = pulls.to_vec();
    let mut heap: BinaryHeap<(i64, std::cmp::Reverse<usize>)> =
        gains.iter().enumerate().map(|(i, &gain)| (gain, std::cmp::Reverse(i))).collect();
    let mut second = vec![true; pulls.len()];
    let mut left = share(task);
    while left > 0 {
        let Some((gain, std::cmp::Reverse(i))) = heap.pop() else { break };
        if !second[i] || gain != gains[i] {
            continue;
        }
        second[i] = false;
        left -= 1;
        for &(other, packets) in task.graph.of(task.cores[i] as usize) {
            if let Some(j) = task.local[other as usize] {
                gains[j as usize] += packets * distance;
                heap.push((gains[j as usize], std::cmp::Reverse(j as usize)));
            }
        }
    }
    second
}

/// A division under improvement.
struct Division<'a> {
    task: &'a Halves<'a>,
    distance: i64,
    second: Vec<bool>,
    /// Cost saved if the core changes halves.
    gains: Vec<i64>,
    counts: [usize; 2],
    /// Cost of the division, up to a constant.
    cost: i64,
}

impl<'a> Division<'a> {
    fn new(task: &'a Halves<'a>, pulls: &[i64], second: Vec<bool>) -> Self {
        let distance = task.middles[0].to(task.middles[1]);
        let mut division =
            Self { task, distance, gains: vec![0; second.len()], counts: [0; 2], cost: 0, second };
        for (i, &pull) in pulls.iter().enumerate() {
            let side = division.second[i];
            division.counts[usize::from(side)] += 1;
            let inner: i64 = division
                .partners(i)
                .map(|(j, packets)| if division.second[j] == side { -packets } else { packets })
                .sum();
            division.gains[i] = inner * distance + if side { pull } else { -pull };
            let cut: i64 =
                division.partners(i).map(|(j, p)| if division.second[j] != side { p } else { 0 }).sum();
            // Each cut pair is seen from both sides: in halves, so twice the pull keeps the scale.
            division.cost += cut * distance + if side { 2 * pull } else { 0 };
        }
        division
    }

    /// Neighbours inside the region.
    fn partners(&self, i: usize) -> impl Iterator<Item = (usize, i64)> + use<'a> {
        let task = self.task;
        let edges = task.graph.of(task.cores[i] as usize).iter();
        edges.filter_map(|&(other, packets)| Some((task.local[other as usize]? as usize, packets)))
    }

    /// Moves a core; its partners' gains follow.
    fn flip(&mut self, i: usize) {
        let side = usize::from(self.second[i]);
        self.counts[side] -= 1;
        self.counts[1 - side] += 1;
        self.cost -= 2 * self.gains[i];
        self.gains[i] = -self.gains[i];
        self.second[i] = !self.second[i];
        let partners = self.partners(i);
        for (j, packets) in partners {
            let change = 2 * packets * self.distance;
            self.gains[j] += if self.second[j] == self.second[i] { -change } else { change };
        }
    }

    /// Cores by which a half is over its room.
    fn excess(&self) -> usize {
        (0..2).map(|side| self.counts[side].saturating_sub(self.task.room[side])).sum()
    }

    /// Moves every core once, best first, halves overfull by a few on the way; then goes back to the cheapest legal
    /// division. Whether that was an improvement.
    fn pass(&mut self) -> bool {
        let slack = 1 + self.task.cores.len() / 64;
        let mut heaps: [BinaryHeap<(i64, std::cmp::Reverse<usize>)>; 2] = Default::default();
        for (i, &gain) in self.gains.iter().enumerate() {
            heaps[usize::from(self.second[i])].push((gain, std::cmp::Reverse(i)));
        }
        let mut locked = vec![false; self.gains.len()];
        let mut moves = Vec::new();
        let (start, mut best, mut best_len) = (self.cost, self.cost, 0);
        while let Some(i) = self.next(&mut heaps, &locked, slack) {
            locked[i] = true;
            self.flip(i);
            moves.push(i);
            for (j, _) in self.partners(i).filter(|&(j, _)| !locked[j]) {
                heaps[usize::from(self.second[j])].push((self.gains[j], std::cmp::Reverse(j)));
            }
            if self.cost < best && self.excess() == 0 {
                (best, best_len) = (self.cost, moves.len());
            }
            if moves.len() - best_len > 50 + self.gains.len() / 8 {
                break;
            }
        }
        moves[best_len..].iter().rev().for_each(|&i| self.flip(i));
        best < start
    }

    /// The unlocked core of highest gain whose move leaves its new half at most `slack` over its room.
    fn next(
        &self,
        heaps: &mut [BinaryHeap<(i64, std::cmp::Reverse<usize>)>; 2],
        locked: &[bool],
        slack: usize,
    ) -> Option<usize> {
        let mut found: [Option<(i64, std::cmp::Reverse<usize>)>; 2] = [None; 2];
        for (side, heap) in heaps.iter_mut().enumerate() {
            while let Some(&(gain, std::cmp::Reverse(i))) = heap.peek() {
                if !locked[i] && gain == self.gains[i] && usize::from(self.second[i]) == side {
                    break;
                }
                heap.pop();
            }
            if self.counts[1 - side] < self.task.room[1 - side] + slack {
                found[side] = heap.peek().copied();
            }
        }
        let side = usize::from(found[1] > found[0]);
        heaps[side].pop().filter(|_| found[side].is_some()).map(|(_, std::cmp::Reverse(i))| i)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ir::CoreId;
    use crate::mapping::traffic::CoreTraffic;
    use crate::random::SplitMix64;

    fn random_traffic(cores: u32, flows: u32, seed: u64) -> CoreTraffic {
        let mut random = SplitMix64::new(seed);
        let mut traffic = CoreTraffic::default();
        for _ in 0..flows {
            let (a, b) = (random.below_u32(cores), random.below_u32(cores));
            if a != b {
                traffic.flows.insert((CoreId(a), CoreId(b)), u64::from(random.below_u32(50)) + 1);
            }
        }
        traffic
    }

    /// Cost from scratch: cut packets x distance, and pulls of the second half.
    fn plain(task: &Halves, pulls: &[i64], second: &[bool]) -> i64 {
        let mut cost = 0;
        for (i, &core) in task.cores.iter().enumerate() {
            for &(other, packets) in task.graph.of(core as usize) {
                if let Some(j) = task.local[other as usize]
                    && second[i]
                    && !second[j as usize]
                {
                    cost += 2 * packets * task.middles[0].to(task.middles[1]);
                }
            }
            cost += if second[i] { 2 * pulls[i] } else { 0 };
        }
        cost
    }

    #[test]
    fn costs_follow_moves_and_passes_never_lose_nor_overfill() {
        for seed in 0..30 {
            let graph = PlacementGraph::new(24, &random_traffic(24, 80, seed));
            let cores: Vec<u32> = (0..16).collect();
            let local: Vec<Option<u32>> = (0..24).map(|i| (i < 16).then_some(i)).collect();
            let points: Vec<WeightedPoint> = (0..24).map(|i| WeightedPoint { x: i * 3, y: i % 5 }).collect();
            let middles = [WeightedPoint { x: 3, y: 2 }, WeightedPoint { x: 9, y: 2 }];
            let task = Halves {
                graph: &graph,
                cores: &cores,
                local: &local,
                points: &points,
                middles,
                room: [7, 10],
            };
            let pulls: Vec<i64> = cores.iter().map(|&core| pull(&task, core)).collect();
            let mut division = Division::new(&task, &pulls, in_order(&task));
            let start = division.cost;
            assert_eq!(start, plain(&task, &pulls, &division.second));
            while division.pass() {
                assert_eq!(division.cost, plain(&task, &pulls, &division.second));
            }
            assert!(division.cost <= start && division.excess() == 0, "seed {seed}");
            assert_eq!(division.counts[1], division.second.iter().filter(|&&s| s).count());
            assert!(plain(&task, &pulls, &halve(&task)) <= division.cost);
        }
    }
}
