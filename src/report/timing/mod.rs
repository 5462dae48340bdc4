//! What the report says about time: [`data`] is its part of report.json, [`build`] makes it, [`text`] prints it, and
//! [`steps`] writes timesteps.csv, a row a timestep.

pub mod build;
pub mod data;
pub mod steps;
pub mod text;
