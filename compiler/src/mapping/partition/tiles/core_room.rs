//! Which cores have room for neurons: the latest of them, without a look at all.
//!
//! Of thousands of cores nearly all are full, and each tile asks for those that are not; asking every core made the
//! search quadratic.

/// Cores of a group whose least use is known.
const GROUP: usize = 64;

/// Neurons in use by core, and the least of each group of cores.
pub struct CoreRoom {
    used: Vec<u64>,
    least: Vec<u64>,
}

impl CoreRoom {
    /// Of cores that use so many neurons.
    pub fn new(used: impl Iterator<Item = u64>) -> Self {
        let used: Vec<u64> = used.collect();
        let least = used.chunks(GROUP).map(least).collect();
        Self { used, least }
    }

    /// A core uses so many neurons now; it may be a new one, behind the last.
    pub fn set(&mut self, core: usize, used: u64) {
        if core == self.used.len() {
            self.used.push(used);
            self.least.resize(self.used.len().div_ceil(GROUP), used);
        }
        self.used[core] = used;
        let group = core / GROUP;
        let own = group * GROUP..self.used.len().min((group + 1) * GROUP);
        self.least[group] = least(&self.used[own]);
    }

    /// Cores that use at most so many neurons, the latest first.
    pub fn latest_within(&self, most: u64) -> impl Iterator<Item = usize> {
        let groups = (0..self.least.len()).rev().filter(move |&group| self.least[group] <= most);
        let cores = groups.flat_map(|group| (group * GROUP..self.used.len().min((group + 1) * GROUP)).rev());
        cores.filter(move |&core| self.used[core] <= most)
    }
}

fn least(used: &[u64]) -> u64 {
    used.iter().copied().min().unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::SplitMix64;

    /// Beside a search through all cores.
    #[test]
    fn the_latest_cores_with_room_are_found() {
        let mut random = SplitMix64::new(7);
        let mut used: Vec<u64> = (0..150).map(|_| random.below(100) as u64).collect();
        let mut room = CoreRoom::new(used.iter().copied());
        for round in 0..400 {
            let value = random.below(100) as u64;
            let core = if round % 3 == 0 { used.len() } else { random.below(used.len()) };
            if core == used.len() {
                used.push(0);
            }
            used[core] = value;
            room.set(core, value);
            let most = random.below(100) as u64;
            let all: Vec<usize> = (0..used.len()).rev().filter(|&core| used[core] <= most).collect();
            assert_eq!(room.latest_within(most).collect::<Vec<_>>(), all);
        }
    }
}
