//! The integration tests of the simulator, as one program: a file for each subject.

mod common;
mod crossbar;
mod cycle_time;
mod estimate;
mod host_fed;
mod layer_times;
mod loihi_emulator;
mod mapping_independence;
mod metamorphic;
mod multicast;
mod multicast_time;
mod packets;
mod recorded;
mod simulated_ends;
mod skipped_zeros;
