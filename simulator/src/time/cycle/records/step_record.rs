//! A simulated timestep packet by packet, recorded where a [`Watcher`] wants it.

use snnc_compiler::ir::NetworkId;
use snnc_targets::Diagnostic;

use super::observer::{DeliveredPacket, InjectedPacket, PacketObserver, UnitWork};
use crate::time::cycle::mesh::Crossing;

/// Which timestep.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct StepPlace {
    /// Image, from 0.
    pub image: u64,
    /// Pass within the image, from 0.
    pub iteration: usize,
    /// Timestep within the pass, from 0.
    pub step: usize,
    /// The network of the pass.
    pub network: NetworkId,
}

/// How much of a timestep is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepDetail {
    /// Packets.
    Packets,
    /// Packets, and what each unit and link did when.
    Work,
}

/// Wants to see simulated timesteps packet by packet. They come in order of image, pass and timestep.
pub trait Watcher: Send {
    /// Whether it wants a timestep that is going to be simulated, with its packets and hops.
    ///
    /// # Errors
    /// If that is more than it can take; the run ends.
    fn wants(&mut self, at: StepPlace, packets: u64, hops: u64) -> Result<Option<StepDetail>, Diagnostic>;

    /// A timestep that it wanted.
    ///
    /// # Errors
    /// If it cannot be kept; the run ends.
    fn recorded(&mut self, at: StepPlace, step: &StepRecord) -> Result<(), Diagnostic>;
}

/// A flit on a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LinkWork {
    /// Number of its packet.
    pub number: u32,
    /// Router that it leaves.
    pub router: u32,
    /// Direction, as [`snnc_targets::Link::direction`].
    pub direction: u32,
    /// Cycle in which it leaves.
    pub from: u64,
    /// Cycle from which the link takes the next flit.
    pub until: u64,
}

/// One simulated timestep; times in cycles from its beginning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepRecord {
    /// One cycle, ps.
    pub clock_ps: u64,
    /// Until everything has drained, ps.
    pub time_ps: u64,
    /// The barrier after that, ps.
    pub barrier_ps: u64,
    /// Packets by number, in the order in which their places in the local buffers were given.
    pub made: Vec<InjectedPacket>,
    /// Their arrivals.
    pub arrived: Vec<DeliveredPacket>,
    /// Units at work; empty for [`StepDetail::Packets`].
    pub work: Vec<UnitWork>,
    /// Links at work; empty for [`StepDetail::Packets`].
    pub crossed: Vec<LinkWork>,
}

/// Makes a [`StepRecord`].
#[derive(Debug)]
pub struct StepRecorder {
    pub recorded: StepRecord,
    detail: StepDetail,
}

impl StepRecorder {
    pub fn new(detail: StepDetail, clock_ps: u64) -> Self {
        let (made, arrived, work, crossed) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Self {
            recorded: StepRecord { clock_ps, time_ps: 0, barrier_ps: 0, made, arrived, work, crossed },
            detail,
        }
    }
}

impl PacketObserver for &mut StepRecorder {
    fn made(&mut self, packet: &InjectedPacket) -> u32 {
        self.recorded.made.push(*packet);
        self.recorded.made.len() as u32 - 1
    }

    fn slice(&self, number: u32) -> u32 {
        self.recorded.made[number as usize].slice
    }

    fn arrived(&mut self, packet: impl FnOnce() -> DeliveredPacket) {
        self.recorded.arrived.push(packet());
    }

    fn worked(&mut self, work: impl FnOnce() -> UnitWork) {
        if self.detail == StepDetail::Work {
            self.recorded.work.push(work());
        }
    }

    fn crossed(&mut self, crossing: impl FnOnce() -> (u32, Crossing)) {
        if self.detail == StepDetail::Work {
            let (number, Crossing { router, port, at, free, .. }) = crossing();
            let (router, direction) = (router as u32, port as u32);
            self.recorded.crossed.push(LinkWork { number, router, direction, from: at, until: free });
        }
    }
}
