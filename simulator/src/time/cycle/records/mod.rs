//! What a simulated timestep leaves behind: latencies of its packets, the slowest of them, and, where a [`Watcher`]
//! wants it, every packet and unit one by one.
//!
//! [`PacketObserver`] is how the cores report what happens. It is a type parameter, so a run without a watcher has no
//! code for it. Nothing here decides when anything happens.

mod latency;
mod observer;
mod slowest;
mod step_record;

pub use latency::{CLASSES, Latencies};
pub use observer::{DeliveredPacket, InjectedPacket, PacketObserver, Unit, UnitWork};
pub use slowest::{KEPT, SlowPacket, Slowest, keep as keep_slowest};
pub use step_record::{LinkWork, StepDetail, StepPlace, StepRecord, StepRecorder, Watcher};
