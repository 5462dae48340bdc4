//! What a run leaves behind: report.json, the energy report in text, images and tokens.
//!
//! Last in the flow: [`build`] turns a program and a [`snnc_simulator::charge::RunRecord`] into a [`Report`], plain
//! data that [`json`] and [`text`] write. [`images`] and [`npy`] write what was generated. Nothing here measures or
//! changes a number; every file is written to a temporary name and renamed.

pub mod build;
mod constants;
pub mod data;
#[cfg(test)]
mod fixture;
pub mod images;
pub mod json;
pub mod memory;
pub mod npy;
pub mod quantisation;
pub mod text;
pub mod timing;
mod units;

pub use build::ReportInput;
pub use data::Report;
