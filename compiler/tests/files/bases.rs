//! The texts that test files edit, in one layout: a field or an element a line, elements numbered, deeper values
//! inline. Names of structs are left out, as they may be in any RON file.
//!
//! Spiking IRs are written by people; programs are what the compiler builds of them and of a partition. `BLESS=1`
//! writes both anew.

use std::path::{Path, PathBuf};

use libtest_mimic::{Failed, Trial};
use serde::Serialize;
use snnc_compiler::driver;
use snnc_compiler::ir::program::Program;
use snnc_compiler::ir::spiking::SpikingIr;
use snnc_compiler::mapping::Placement;
use snnc_compiler::mapping::interchange::MappingFile;
use snnc_compiler::mapping::interchange::partition::PartitionFile;
use snnc_targets::{Site, registry};

use crate::{ROOT, compare};

/// The spiking IRs of the folder `networks`.
const NETWORKS: [&str; 6] = ["small", "lines", "port", "loop", "groups", "layers"];
/// Programs, and the spiking IR that each is built of by the partition of its name.
const PROGRAMS: [(&str, &str); 5] =
    [("small", "small"), ("lines", "lines"), ("port", "port"), ("groups", "groups"), ("split", "small")];

/// A test for each text.
pub fn trials() -> Vec<Trial> {
    let networks =
        NETWORKS.map(|name| Trial::test(format!("networks/{name}.spiking"), move || spiking(name).map(drop)));
    let programs = PROGRAMS.map(|(name, network)| {
        Trial::test(format!("networks/{name}.program"), move || program(name, network))
    });
    networks.into_iter().chain(programs).collect()
}

fn path(name: &str, extension: &str) -> PathBuf {
    Path::new(ROOT).join("networks").join(format!("{name}.{extension}"))
}

/// A spiking IR, which passes its verifier and comes back from its text.
fn spiking(name: &str) -> Result<SpikingIr, Failed> {
    let text = std::fs::read_to_string(path(name, "spiking"))?;
    let ir = SpikingIr::from_text(&text, name)?;
    ir.verify()?;
    assert_eq!(SpikingIr::from_text(&ir.to_text(), name)?, ir);
    compare(&path(name, "spiking"), &layout(&ir.to_text(), &ir)?)?;
    Ok(ir)
}

/// A program: the cores of its partition on the first sites.
fn program(name: &str, network: &str) -> Result<(), Failed> {
    let ir = spiking(network)?;
    let file = path(name, "partition");
    let partition = PartitionFile::from_text(&std::fs::read_to_string(&file)?, name)?.resolve(&ir)?;
    let sites = (0..partition.cores.len() as u32).map(Site).collect();
    let program = driver::assemble(&ir, &registry::load("loihi-like")?, &partition, |_| {
        Ok(Placement { chips: 1, sites })
    })?;
    assert_eq!(Program::from_text(&program.to_text(), name)?, program);
    compare(&path(name, "program"), &layout(&program.to_text(), &program)?)
}

/// A value in the layout of this module, below the comments of `text`.
pub fn layout<T: Serialize>(text: &str, value: &T) -> Result<String, String> {
    let comments = text.lines().take_while(|line| line.starts_with("//"));
    let header: String = comments.map(|line| format!("{line}\n")).collect();
    let style = ron::ser::PrettyConfig::new().depth_limit(4).enumerate_arrays(true).indentor("  ");
    let body = ron::ser::to_string_pretty(value, style).map_err(|error| error.to_string())?;
    Ok(header + &body + "\n")
}
