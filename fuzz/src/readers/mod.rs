//! The readers: for each its seeds, how they are damaged, and what is done with what it accepts.
//!
//! `read` gives what it was told of, for those who look for inputs that lead to new answers. It must not panic,
//! whatever
//! the input.

mod arrays;
mod models;
mod networks;
mod nir;
mod numbers;
mod pages;
mod programs;
mod samples;
mod texts;
mod weights;

use snnc_targets::{Diagnostic, Diagnostics};

use crate::mutate;
use crate::random::Random;

/// A reader under test.
#[derive(Clone, Copy)]
pub struct Reader {
    /// Name on the command line.
    pub name: &'static str,
    /// Inputs to begin with; all but the damaged ones are accepted.
    pub seeds: fn() -> Vec<Vec<u8>>,
    /// Damages an input, perhaps with a part of another.
    pub damage: fn(&mut Random, &mut Vec<u8>, &[u8]),
    /// Reads, and uses what was read.
    pub read: fn(&[u8]) -> Answer,
}

/// What a reader said; `Ok` if it accepted the input.
pub type Answer = Result<(), String>;

/// All readers.
pub const ALL: &[Reader] = &[
    Reader { name: "snnx", seeds: programs::seeds, damage: programs::damage, read: programs::read },
    Reader {
        name: "program-text",
        seeds: programs::text_seeds,
        damage: mutate::text,
        read: programs::read_text,
    },
    Reader { name: "spiking-text", seeds: networks::seeds, damage: mutate::text, read: networks::read },
    Reader { name: "target", seeds: models::target_seeds, damage: mutate::text, read: models::read_target },
    Reader { name: "model", seeds: models::seeds, damage: mutate::text, read: models::read },
    Reader { name: "nir", seeds: nir::seeds, damage: mutate::bytes, read: nir::read },
    Reader { name: "safetensors", seeds: weights::seeds, damage: mutate::bytes, read: weights::read },
    Reader { name: "pth", seeds: weights::pth_seeds, damage: mutate::bytes, read: weights::read_pth },
    Reader {
        name: "golden",
        seeds: weights::golden_seeds,
        damage: mutate::bytes,
        read: weights::read_golden,
    },
    Reader { name: "npy", seeds: arrays::npy_seeds, damage: mutate::bytes, read: arrays::read_npy },
    Reader { name: "npz", seeds: arrays::npz_seeds, damage: mutate::bytes, read: arrays::read_npz },
    Reader { name: "png", seeds: arrays::png_seeds, damage: mutate::bytes, read: arrays::read_png },
    Reader { name: "events", seeds: samples::event_seeds, damage: mutate::text, read: samples::read_events },
    Reader {
        name: "events-npz",
        seeds: samples::archive_seeds,
        damage: mutate::bytes,
        read: samples::read_events,
    },
    Reader { name: "trains", seeds: samples::train_seeds, damage: mutate::bytes, read: samples::read_trains },
    Reader { name: "report", seeds: texts::report_seeds, damage: mutate::text, read: texts::read_report },
    Reader { name: "page", seeds: pages::seeds, damage: mutate::text, read: pages::read },
    Reader {
        name: "partition",
        seeds: texts::partition_seeds,
        damage: mutate::text,
        read: texts::read_partition,
    },
    Reader {
        name: "placement",
        seeds: texts::placement_seeds,
        damage: mutate::text,
        read: texts::read_placement,
    },
    Reader { name: "hgr", seeds: texts::hgr_seeds, damage: mutate::text, read: texts::read_hgr },
    Reader { name: "blocks", seeds: texts::blocks_seeds, damage: mutate::text, read: texts::read_blocks },
    Reader { name: "flows", seeds: texts::flows_seeds, damage: mutate::text, read: texts::read_flows },
];

/// The message of a problem, in which numbers are all alike.
pub fn told(problem: &Diagnostic) -> String {
    let mut text = format!("{} ", problem.code);
    let mut digits = false;
    for c in problem.message.chars().take(100) {
        match c.is_ascii_digit() {
            true if digits => (),
            true => text.push('0'),
            false => text.push(c),
        }
        digits = c.is_ascii_digit();
    }
    text
}

/// The same of the first of several.
pub fn all_told(problems: &Diagnostics) -> String {
    problems.0.first().map(told).unwrap_or_default()
}
