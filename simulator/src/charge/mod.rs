//! Charge: from events and time to energy, in a ledger that adds up exactly. Third of the three layers; it changes
//! neither a count nor a time.
//!
//! A [`Meter`] turns each pass into entries of a [`MeterRecord`]: what happened ([`TallyByIteration`]) and what it cost
//! ([`Ledger`], integers of attojoules by iteration, slice and component). Several items make a [`RunRecord`].
//!
//! A record keeps three ledgers: at the constants' values, and at the ends of the ranges that the target gives them.
//!
//! Invariant, of each ledger: sum over cores = sum over layers = sum over iterations = sum over components = total, to
//! the last attojoule, and of the first also = sum over the target's constants ([`Charged`]). Without a time
//! ([`crate::time::Fidelity::None`]) static energy is not charged.

mod breakdown;
mod charged;
mod crossbar_expansion;
mod energy_model;
mod ledger;
mod meter;
mod paper;
mod prices;
mod run;
mod static_power;
mod tally;
mod timesteps;

pub use breakdown::EnergyBreakdown;
pub use charged::Charged;
pub use crossbar_expansion::CrossbarExpansion;
pub use ledger::Ledger;
pub use meter::{Meter, MeterRecord, OtherTime};
pub use paper::{ACCUMULATE_J, MULTIPLY_ACCUMULATE_J, PaperFigure, host_macs};
pub use prices::Prices;
pub use run::{ItemSummary, RunRecord};
pub use static_power::{StaticSplit, present};
pub use tally::{IterationTally, SliceTally, TallyByIteration, TimeTally};
pub use timesteps::{CoreStep, LocatedSlowPacket, TimedStep, Timesteps};
