//! `part.json`: of which whole a folder is a part. Two parts belong together if all but their number agrees.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};
use snnc_compiler::ir::NetworkId;
use snnc_simulator::time::Fidelity;
use snnc_targets::input::InputKind;
use snnc_targets::{Code, Diagnostic, output};

use crate::report::data::MappingFigures;
use crate::report::json;
use crate::samples::EventSummary;
use crate::samples::membranes::MembraneChoice;
use crate::shard::Shard;

/// Name of the file.
pub const FILE: &str = "part.json";
/// Schema of this version.
const SCHEMA: &str = "snnc.part/1";
/// A label takes a line of about ten bytes, and a run has at most 2^20 samples.
const KIND: InputKind = InputKind { what: "a record of a part", longest: 64 << 20 };

/// What a folder is a part of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PartManifest {
    /// Always `snnc.part/1`.
    pub schema: String,
    /// Version of snnc.
    pub snnc: String,
    /// Which part.
    pub shard: Shard,
    /// Name of the model.
    pub model: String,
    /// Name of the target.
    pub target: String,
    /// BLAKE3 of the program, hexadecimal.
    pub program: String,
    /// Samples or images of the whole.
    pub items: u64,
    /// What is done with them.
    pub work: Work,
    /// What the part took; differs from part to part.
    pub spent: Spent,
}

/// What is done with the items.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(clippy::large_enum_variant, reason = "there is one of them a folder")]
pub enum Work {
    /// `snnc run` or `snnc simulate` of samples.
    Run(RunWork),
    /// `snnc verify` of samples.
    VerifySamples {
        /// BLAKE3 of the model file and its weights, hexadecimal.
        reference: String,
        /// What is fed.
        fed: FedSamples,
    },
    /// `snnc verify` of images.
    VerifyImages {
        /// BLAKE3 of the model file and its weights, hexadecimal.
        reference: String,
        /// Seed of the common random numbers.
        seed: u64,
        /// Passes recorded for the rounding.
        calibration_passes: u64,
    },
}

/// The samples of a whole.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FedSamples {
    /// BLAKE3 of the samples as the network takes them, and of their labels, hexadecimal.
    pub blake3: String,
    /// The network that is fed.
    pub network: NetworkId,
    /// Classes of the samples.
    pub labels: Option<Vec<usize>>,
    /// What became of the events of an event list.
    pub events: Option<EventSummary>,
}

/// How samples are run, and what is written of them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunWork {
    /// What is fed.
    pub fed: FedSamples,
    /// Options of the command that results depend on, by name.
    pub options: BTreeMap<String, String>,
    /// How time is modelled.
    pub fidelity: Fidelity,
    /// Whether constants are moved to the ends of their ranges.
    pub sensitivity: bool,
    /// Whether spikes are written.
    pub spikes: bool,
    /// Layers whose membranes are written.
    pub membranes: Option<MembraneChoice>,
    /// What compiling found out beside; none for a program that was read from a file.
    pub figures: Option<MappingFigures>,
    /// What was decided on the way from the model file to the program.
    pub remarks: Vec<String>,
}

/// Time and memory of a process. Results do not depend on them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spent {
    /// Wall-clock seconds of compiling.
    pub compile_s: f64,
    /// Wall-clock seconds of the run.
    pub wall_s: f64,
    /// Peak memory in bytes, 0 where unknown.
    pub peak_memory_bytes: u64,
}

impl PartManifest {
    /// A part of the work with a program.
    pub(super) fn new(program: &crate::Program, shard: Shard, items: u64, work: Work) -> Self {
        let mapped = program.mapped();
        Self {
            schema: SCHEMA.into(),
            snnc: env!("CARGO_PKG_VERSION").into(),
            shard,
            model: mapped.model.name.clone(),
            target: mapped.target.name.clone(),
            program: program.fingerprint(),
            items,
            work,
            spent: Spent::default(),
        }
    }

    /// What a folder says of itself.
    ///
    /// # Errors
    /// [`Code::FileUnreadable`].
    pub(super) fn read(folder: &Path) -> Result<Self, Diagnostic> {
        let path = folder.join(FILE);
        let bytes = KIND.read(&path)?;
        let refused = |why: String| {
            Diagnostic::new(Code::FileUnreadable, &path, format!("this is no record of a part: {why}"))
                .hint("make the part again with this version of snnc")
        };
        let found: Self = serde_json::from_slice(&bytes).map_err(|error| refused(error.to_string()))?;
        if found.schema != SCHEMA {
            return Err(refused(format!("schema {}, expected {SCHEMA}", found.schema)));
        }
        if found.shard.to_string().parse() != Ok(found.shard) {
            return Err(refused(format!("there is no part {}", found.shard)));
        }
        Ok(found)
    }

    /// Writes it.
    ///
    /// # Errors
    /// [`Code::OutputFailed`].
    pub(super) fn write(&self, path: &Path) -> Result<(), Diagnostic> {
        output::write_atomic(path, json::plain(self).as_bytes())
    }

    /// Whether a folder holds this very part, whole and undamaged.
    pub(super) fn is_made(&self, folder: &Path) -> bool {
        let same = |found: Self| found.shard == self.shard && self.differences(&found).is_empty();
        output::check_set(folder).is_ok_and(|whole| whole) && Self::read(folder).is_ok_and(same)
    }

    /// Names of what differs from another part of the same whole.
    pub(super) fn differences(&self, other: &Self) -> Vec<String> {
        let fields = [
            ("version of snnc", self.snnc != other.snnc),
            ("number of parts", self.shard.of != other.shard.of),
            ("model", self.model != other.model),
            ("target", self.target != other.target),
            ("program", self.program != other.program),
            ("number of samples or images", self.items != other.items),
        ];
        let named = fields.into_iter().filter(|(_, differs)| *differs).map(|(name, _)| name.to_owned());
        named.chain(self.work.differences(&other.work)).collect()
    }
}

impl Work {
    fn differences(&self, other: &Self) -> Vec<String> {
        let differing = |fields: &[(&str, bool)]| {
            fields.iter().filter(|(_, differs)| *differs).map(|(name, _)| (*name).to_owned()).collect()
        };
        match (self, other) {
            (Self::Run(a), Self::Run(b)) => a.differences(b),
            (
                Self::VerifySamples { reference, fed },
                Self::VerifySamples { reference: reference_of_other, fed: fed_to_other },
            ) => differing(&[
                ("model file or weights", reference != reference_of_other),
                ("samples or labels", fed != fed_to_other),
            ]),
            (
                Self::VerifyImages { reference, seed, calibration_passes },
                Self::VerifyImages {
                    reference: of_other,
                    seed: other_seed,
                    calibration_passes: other_passes,
                },
            ) => differing(&[
                ("model file or weights", reference != of_other),
                ("--seed", seed != other_seed),
                ("--calibrate", calibration_passes != other_passes),
            ]),
            _ => vec!["command".to_owned()],
        }
    }
}

impl RunWork {
    fn differences(&self, other: &Self) -> Vec<String> {
        let names: std::collections::BTreeSet<&String> =
            self.options.keys().chain(other.options.keys()).collect();
        let mut differs: Vec<String> = names
            .into_iter()
            .filter(|name| self.options.get(*name) != other.options.get(*name))
            .cloned()
            .collect();
        let fields = [
            ("samples or labels", self.fed != other.fed),
            ("timing", self.fidelity != other.fidelity),
            ("sensitivity", self.sensitivity != other.sensitivity),
            ("--spikes", self.spikes != other.spikes),
            ("--membranes", self.membranes != other.membranes),
            ("mapping", self.figures != other.figures || self.remarks != other.remarks),
        ];
        differs.extend(fields.into_iter().filter(|(_, differs)| *differs).map(|(name, _)| name.to_owned()));
        differs
    }
}
