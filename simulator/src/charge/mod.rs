//! Charge: from events and time to energy, in a ledger that adds up exactly. Third of the three layers; it changes
//! neither a count nor a time.
//!
//! A [`Meter`] turns each pass into entries of a [`Record`]: what happened ([`Tally`]) and what it cost ([`Ledger`],
//! integers of attojoules by iteration, slice and component). Several images make a [`RunRecord`].
//!
//! A record keeps three ledgers: at the constants' values, and at the ends of the ranges that the target gives them.
//!
//! Invariant, of each ledger: sum over cores = sum over layers = sum over iterations = sum over components = total, to the
//! last attojoule, and of the first also = sum over the target's constants ([`Charged`]). Without a time
//! ([`crate::time::Fidelity::None`]) static energy is not charged.

mod bill;
mod charged;
mod copies;
mod ledger;
mod meter;
mod paper;
mod prices;
mod run;
mod static_power;
mod tally;
mod timesteps;

pub use bill::{Bill, Component};
pub use charged::Charged;
pub use copies::Copies;
pub use ledger::Ledger;
pub use meter::{Meter, Record};
pub use paper::{ACCUMULATE_J, MULTIPLY_ACCUMULATE_J, PaperFigure, host_macs};
pub use prices::Prices;
pub use run::{ImageSummary, RunRecord};
pub use static_power::{StaticSplit, present};
pub use tally::{IterationTally, SliceTally, Tally, TimeTally};
pub use timesteps::{Slow, TimedStep, Timesteps};
