//! How many pins each net has in each block: dense where that is small, else the touched blocks alone.
//!
//! Both forms give the same numbers; only `each` may differ in its order, so no result may depend on it.

use crate::mapping::hypergraph::graph::{BlockId, Incidence, NetId};

/// Cells up to which the dense form is taken: 4 MiB, what a cache holds.
const DENSE_CELLS: usize = 1 << 21;

/// Whether the dense form suits a problem.
pub fn dense_suits(incidence: &Incidence, blocks: usize) -> bool {
    incidence.nets().saturating_mul(blocks) <= DENSE_CELLS && incidence.largest_net() <= u16::MAX as usize
}

/// Pins by net and block.
pub trait PinCounts: Send {
    /// All zero.
    fn new(incidence: &Incidence, blocks: usize) -> Self;
    /// Pins of `net` in `block`.
    fn get(&self, net: NetId, block: BlockId) -> u32;
    /// One more; the new number.
    fn add(&mut self, net: NetId, block: BlockId) -> u32;
    /// One fewer; the new number. There is at least one.
    fn take(&mut self, net: NetId, block: BlockId) -> u32;
    /// Every block that the net touches, in any order, with its pins there.
    fn each(&self, net: NetId, visit: impl FnMut(BlockId, u32));
}

/// `[net, block]`.
pub struct DensePinCounts {
    blocks: usize,
    cells: Vec<u16>,
}

impl PinCounts for DensePinCounts {
    fn new(incidence: &Incidence, blocks: usize) -> Self {
        Self { blocks, cells: vec![0; incidence.nets() * blocks] }
    }

    #[inline]
    fn get(&self, net: NetId, block: BlockId) -> u32 {
        u32::from(self.cells[net.0 as usize * self.blocks + block.0 as usize])
    }

    #[inline]
    fn add(&mut self, net: NetId, block: BlockId) -> u32 {
        let cell = &mut self.cells[net.0 as usize * self.blocks + block.0 as usize];
        *cell += 1;
        u32::from(*cell)
    }

    #[inline]
    fn take(&mut self, net: NetId, block: BlockId) -> u32 {
        let cell = &mut self.cells[net.0 as usize * self.blocks + block.0 as usize];
        *cell -= 1;
        u32::from(*cell)
    }

    #[inline]
    fn each(&self, net: NetId, mut visit: impl FnMut(BlockId, u32)) {
        let row = &self.cells[net.0 as usize * self.blocks..][..self.blocks];
        for (block, &count) in row.iter().enumerate() {
            if count > 0 {
                visit(BlockId(block as u32), u32::from(count));
            }
        }
    }
}

/// Of each net the touched blocks only: memory in proportion to pins.
pub struct SparsePinCounts {
    /// By net: where its slots begin, and how many are used; side by side, because both are needed at once.
    rows: Vec<(usize, u32)>,
    slots: Vec<(BlockId, u32)>,
}

impl SparsePinCounts {
    fn row(&self, net: NetId) -> &[(BlockId, u32)] {
        let (first, used) = self.rows[net.0 as usize];
        &self.slots[first..first + used as usize]
    }

    fn find(&self, net: NetId, block: BlockId) -> Option<usize> {
        self.row(net).iter().position(|slot| slot.0 == block)
    }
}

impl PinCounts for SparsePinCounts {
    fn new(incidence: &Incidence, blocks: usize) -> Self {
        let mut rows = Vec::with_capacity(incidence.nets());
        let mut total = 0;
        for net in incidence.all_nets() {
            rows.push((total, 0));
            total += incidence.pins_of(net).len().min(blocks);
        }
        Self { rows, slots: vec![(BlockId(0), 0); total] }
    }

    #[inline]
    fn get(&self, net: NetId, block: BlockId) -> u32 {
        self.find(net, block).map_or(0, |at| self.row(net)[at].1)
    }

    #[inline]
    fn add(&mut self, net: NetId, block: BlockId) -> u32 {
        let first = self.rows[net.0 as usize].0;
        if let Some(at) = self.find(net, block) {
            let slot = &mut self.slots[first + at];
            slot.1 += 1;
            return slot.1;
        }
        let used = &mut self.rows[net.0 as usize].1;
        // `PartitionState::shift` takes before it adds, so that a net never touches more blocks than it has pins.
        self.slots[first + *used as usize] = (block, 1);
        *used += 1;
        1
    }

    #[inline]
    fn take(&mut self, net: NetId, block: BlockId) -> u32 {
        let first = self.rows[net.0 as usize].0;
        let at = self.find(net, block).expect("invariant: a pin is taken from a block that the net touches");
        let slot = &mut self.slots[first + at];
        slot.1 -= 1;
        if slot.1 > 0 {
            return slot.1;
        }
        let used = &mut self.rows[net.0 as usize].1;
        *used -= 1;
        self.slots.swap(first + at, first + *used as usize);
        0
    }

    #[inline]
    fn each(&self, net: NetId, mut visit: impl FnMut(BlockId, u32)) {
        self.row(net).iter().for_each(|slot| visit(slot.0, slot.1));
    }
}
