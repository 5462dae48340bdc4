//! A model mapped onto the cores of a target: what a `.snnx` file holds.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use snnc_compiler::ir::program::Program as Mapped;
use snnc_compiler::ir::spike_source;
use snnc_compiler::ir::spiking::SpikingIr;
use snnc_compiler::mapping::estimate::Estimate;
use snnc_compiler::mapping::partition::Rates;
use snnc_compiler::mapping::partition::search::Objective;
use snnc_compiler::mapping::report::MappingReport;
use snnc_simulator::workload::{Generation, Samples};
use snnc_targets::{Code, Diagnostic, Diagnostics, Subject, Target};

use crate::mapping_files::network_named;

/// Where a `.snnx` file has the BLAKE3 of its payload.
const FINGERPRINT: std::ops::Range<usize> = 16..48;

/// A verified program. Cloning shares it.
#[derive(Debug, Clone)]
pub struct Program {
    mapped: Arc<Mapped>,
    compilation: Option<Arc<Compilation>>,
    /// Looked for when they are first asked for.
    warnings: Arc<OnceLock<Vec<Diagnostic>>>,
}

/// What is known of a program that was compiled here and not read from a file.
#[derive(Debug)]
pub struct Compilation {
    /// The network in integers, before it was mapped. Programs for chips with the same rules share it.
    pub ir: Arc<SpikingIr>,
    /// What the mapping was made for.
    pub(crate) made_for: MadeFor,
    /// Measured when it is first asked for.
    pub(crate) report: OnceLock<MappingReport>,
    /// Seconds that reading the model and compiling it took.
    pub seconds: f64,
    /// What was decided about a NIR file that it comes from, and which loops are longer on the chip, in sentences.
    pub remarks: Vec<String>,
}

/// What a mapping was made for, and what it was expected to take.
#[derive(Debug)]
pub(crate) struct MadeFor {
    /// Spikes that users brought; packets of mappings compare where every neuron fires once.
    pub rates: Rates,
    /// With what is not searched for it, in sentences.
    pub objective: (Objective, Vec<String>),
    /// Time and energy of an item.
    pub estimate: Option<Estimate>,
}

impl Program {
    /// Reads a `.snnx` file and verifies it.
    ///
    /// # Errors
    /// [`Code::FileUnreadable`], [`Code::SnnxMalformed`], or what the verifier finds.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, Diagnostics> {
        Ok(Mapped::load(path.as_ref())?.into())
    }

    /// Writes a `.snnx` file, whole or not at all.
    ///
    /// # Errors
    /// [`Code::OutputFailed`].
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), Diagnostic> {
        self.mapped.save(path.as_ref())
    }

    pub(crate) fn compiled(mapped: Mapped, compilation: Compilation) -> Self {
        Self { compilation: Some(Arc::new(compilation)), ..mapped.into() }
    }

    /// The compiler's own form: neurons, synapse memories, axons and routes by core.
    pub fn mapped(&self) -> &Arc<Mapped> {
        &self.mapped
    }

    /// How it was compiled; nothing for one that was read from a file.
    pub fn compilation(&self) -> Option<&Compilation> {
        self.compilation.as_deref()
    }

    /// Cores, use of each limit, traffic, and the bounds of all that; nothing for a program that was read from a file.
    pub fn mapping_report(&self) -> Option<&MappingReport> {
        let Compilation { ir, made_for, report, .. } = self.compilation()?;
        Some(report.get_or_init(|| {
            MappingReport::new(ir, &self.mapped, &made_for.rates)
                .with_estimate(made_for.objective.clone(), made_for.estimate.clone())
        }))
    }

    /// The network in integers that the program was mapped from.
    ///
    /// # Errors
    /// [`Code::Argument`] for a program that was read from a file, which holds none.
    pub fn spiking(&self) -> Result<&SpikingIr, Diagnostic> {
        self.compilation().map(|compilation| &*compilation.ir).ok_or_else(|| {
            let place = Subject::Program(self.mapped.model.name.clone());
            Diagnostic::new(Code::Argument, place, "was read from a file, which holds no unmapped network")
                .hint("compile the model instead")
        })
    }

    /// Whether it generates images by a pipeline; else it is fed samples.
    pub fn generates(&self) -> bool {
        let workload = self.mapped.model.workload.as_ref();
        workload.is_some_and(|workload| workload.kind != spike_source::KIND)
    }

    /// Images by the generation loop of the model: `images` of them, the random stream of each from `seed`.
    ///
    /// # Errors
    /// [`Code::Unsupported`] for a model that generates nothing, [`Code::ProgramInvalid`] for a loop that does
    /// not fit it.
    pub fn generation(&self, seed: u64, images: u64) -> Result<Generation, Diagnostics> {
        Generation::new(&self.mapped.model, seed, images)
    }

    /// Samples for one network, `[n, c, h, w]` row-major: a pass each, its input constant.
    ///
    /// # Errors
    /// [`Code::Argument`] for a network that there is not, or values that are not finite; [`Code::LayerShape`]
    /// for values that are no whole samples; [`Code::Unsupported`] for a network that takes none.
    pub fn samples(&self, network: &str, values: Vec<f64>) -> Result<Samples, Diagnostic> {
        let network = network_named(&self.mapped.model, "network", Some(network))?;
        Samples::new(&self.mapped.model, network, values)
    }

    /// BLAKE3 of the program as a `.snnx` file holds it, hexadecimal.
    pub fn fingerprint(&self) -> String {
        let bytes = self.mapped.to_bytes();
        bytes.get(FINGERPRINT).unwrap_or_default().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The chip that it is made for.
    pub fn target(&self) -> &Target {
        &self.mapped.target
    }

    /// Seconds of compiling; 0 for one that was read from a file.
    pub fn compile_seconds(&self) -> f64 {
        self.compilation().map_or(0.0, |compilation| compilation.seconds)
    }

    /// What may go wrong on some input. Nothing of a program of which other ranks hold a part: what sums may reach
    /// follows from the synapses of all cores.
    pub fn warnings(&self) -> Vec<Diagnostic> {
        self.warnings_found().to_vec()
    }

    /// As [`Program::warnings`].
    pub(crate) fn warnings_found(&self) -> &[Diagnostic] {
        self.warnings.get_or_init(|| match self.compilation() {
            _ if self.mapped.held.is_some() => Vec::new(),
            // It has each kernel once and not once for each core.
            Some(compilation) => compilation.ir.warnings(),
            None => self.mapped.warnings(),
        })
    }
}

impl From<Mapped> for Program {
    fn from(mapped: Mapped) -> Self {
        Arc::new(mapped).into()
    }
}

impl From<Arc<Mapped>> for Program {
    fn from(mapped: Arc<Mapped>) -> Self {
        Self { mapped, compilation: None, warnings: Arc::default() }
    }
}
