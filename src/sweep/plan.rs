//! The points of a sweep in their order, with all that they have in common: the model, the targets, what is run.
//!
//! The order is that of nested loops: targets outermost, then variants, the fields of `set`, weights, objectives,
//! partitioners, efforts, and numbers of images or samples. A target that a point's fields make contradictory is that
//! point's failure; a field that no target has is refused before anything runs.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use snnc_compiler::driver::CompileOptions;
use snnc_compiler::graph::Op;
use snnc_compiler::mapping::effort::Effort;
use snnc_compiler::mapping::partition::search::{Method, Objective, SearchOptions};
use snnc_compiler::mapping::place::PlaceOptions;
use snnc_targets::derived::Override;
use snnc_targets::file_kind::FileKind;
use snnc_targets::{Code, Diagnostic, Diagnostics, Source, Subject, Target, registry};

use super::digests::{inputs_digest, model_digest, targets_digest, values_digest};
use super::file::SweepFile;
use super::folder::{SCHEMA, SweepManifest};
use crate::float_driver::interpreter;
use crate::model::Model;
use crate::samples::input::SampleShape;
use crate::samples::{self, SampleChoice};
use crate::session::{ITEMS_MAX, check_count};
use crate::shard::Shard;

/// Most points of a sweep.
pub const POINTS_MAX: usize = 1 << 20;
/// Images of a point where the file does not say.
const IMAGES: u64 = 1;

/// A target as some points have it.
#[derive(Debug)]
pub(super) struct ChangedTarget {
    /// Name of the target, or its path as given.
    name: String,
    /// With the overrides, or what they make wrong.
    pub(super) target: Result<Target, Diagnostics>,
    /// What it has in the fields that are varied, as written.
    values: Vec<Option<String>>,
}

/// A point: places in the lists of the file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Choice {
    pub(super) target: usize,
    pub(super) weights: Option<u32>,
    objective: Objective,
    method: Method,
    effort: Effort,
    /// Images or samples; all samples if there is no number.
    pub(super) items: Option<u64>,
}

/// What makes a point different from others, as data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PointParameters {
    /// Name of the target without the fields that were changed; the path of a target that cannot be read.
    pub target: String,
    /// Values of the fields that are varied, in the order of [`SweepManifest::fields`]; absent where the target lacks
    /// the field.
    pub values: Vec<Option<String>>,
    /// Bits of a weight.
    pub weight_bits: Option<u32>,
    /// What the partition makes small.
    pub objective: String,
    /// How networks are cut.
    pub partitioner: String,
    /// How hard the mapping searches.
    pub effort: String,
    /// Images or samples asked for; absent for all samples of the file.
    pub items: Option<u64>,
}

/// What a sweep is given in memory, instead of the files that its [`SweepFile`] would name.
#[derive(Debug, Clone)]
pub struct GivenInputs {
    /// The model, with the samples that its rounding and its mapping look at.
    pub model: Model,
    /// Texts of targets by their names.
    pub targets: Vec<(String, Arc<Source>)>,
    /// Samples of the network that is fed, `[n, c, h, w]` or spikes `[n, t, c, h, w]`.
    pub samples: Option<Vec<f64>>,
    /// Their classes.
    pub labels: Option<Vec<usize>>,
}

/// Samples and their classes that are in memory.
#[derive(Debug)]
pub(super) struct GivenSamples {
    pub(super) values: Option<Vec<f64>>,
    pub(super) labels: Option<Vec<usize>>,
}

/// A sweep that is ready to be carried out.
#[derive(Debug)]
pub struct Plan {
    pub(super) file: SweepFile,
    pub(super) model: Model,
    /// Samples and their classes that are in memory; else the file names theirs.
    pub(super) given: Option<GivenSamples>,
    pub(super) targets: Vec<ChangedTarget>,
    pub(super) points: Vec<Choice>,
    manifest: SweepManifest,
}

impl Plan {
    /// Reads the model, and lists and checks the points.
    ///
    /// # Errors
    /// What is wrong with the model; [`Code::SweepInvalid`] for options that would change nothing, fields that no
    /// target has, and more than [`POINTS_MAX`] points.
    pub fn new(file: SweepFile) -> Result<Self, Diagnostics> {
        let mut model = load(&file)?;
        check_options(&file, &model, (file.input.is_some(), file.labels.is_some()))?;
        if let Some(input) = &file.calibrate_input {
            let loaded = model.loaded();
            let network =
                samples::graph(loaded, ("calibrate_network", file.calibrate_network.as_deref()))?.to_owned();
            let shape = SampleShape::of(&interpreter(loaded, &network)?);
            model = model.with_calibration(&network, samples::input::samples(input, shape, None)?)?;
        }
        let fed = SampleChoice { path: file.input.as_deref(), dt: file.dt, ..SampleChoice::default() };
        if let Some((network, values)) =
            samples::for_mapping(model.loaded(), ("network", file.network.as_deref()), fed)
        {
            model = model.with_activity(&network, values);
        }
        let targets = file.targets.iter().map(|name| Ok((name.clone(), source(name)?)));
        let targets = targets.collect::<Result<Vec<_>, Diagnostics>>()?;
        let digests = (Some(model_digest(&file)?), inputs_digest(&file)?);
        Self::with(file, model, &targets, digests)
    }

    /// A plan of inputs in memory: what `settings` says of files is not looked at.
    ///
    /// # Errors
    /// As [`Plan::new`].
    pub fn given(settings: SweepFile, inputs: GivenInputs) -> Result<Self, Diagnostics> {
        let GivenInputs { model, targets, samples, labels } = inputs;
        check_options(&settings, &model, (samples.is_some(), labels.is_some()))?;
        let digest = samples.as_ref().map(|values| values_digest(values, labels.as_deref()));
        let plan = Self::with(settings, model, &targets, (None, digest))?;
        Ok(Self { given: Some(GivenSamples { values: samples, labels }), ..plan })
    }

    /// Lists the points; `digests` are those of the model and of its inputs.
    fn with(
        file: SweepFile,
        model: Model,
        targets: &[(String, Arc<Source>)],
        (model_blake3, inputs_blake3): (Option<String>, Option<String>),
    ) -> Result<Self, Diagnostics> {
        let fields = file.fields();
        let targets = changed_targets(&file, targets, &fields)?;
        let generates = model.loaded().pipeline.is_some();
        let points = choices(&file, targets.len(), generates)?;
        let parameters = points.iter().map(|choice| parameters(choice, &targets[choice.target])).collect();
        let manifest = SweepManifest {
            schema: SCHEMA.into(),
            snnc: env!("CARGO_PKG_VERSION").into(),
            model: model.name().into(),
            model_blake3,
            inputs_blake3,
            targets_blake3: targets_digest(&targets),
            item: if generates { "image" } else { "sample" }.into(),
            seed: generates.then(|| file.seed.unwrap_or(1)),
            network: file.network.clone(),
            dt: file.dt,
            timing: file.timing.to_string(),
            mapping_seed: file.mapping_seed,
            calibrate: file.calibrate,
            verify: file.verify,
            fields,
            points: parameters,
            shard: None,
        };
        Ok(Self { file, model, given: None, targets, points, manifest })
    }

    /// Number of points.
    pub fn len(&self) -> usize {
        self.points.len()
    }

    /// Whether there are none; there always is one.
    pub fn is_empty(&self) -> bool {
        self.points.is_empty()
    }

    /// What the folder of the sweep, or of a part of it, says of itself.
    pub fn manifest(&self, shard: Option<Shard>) -> SweepManifest {
        SweepManifest { shard, ..self.manifest.clone() }
    }

    /// How a point is compiled.
    pub(super) fn compile_options(&self, choice: &Choice) -> CompileOptions {
        let mut options = CompileOptions {
            search: SearchOptions {
                objective: choice.objective,
                method: choice.method,
                effort: choice.effort,
                ..SearchOptions::default()
            },
            place: PlaceOptions { seed: self.file.mapping_seed, effort: choice.effort },
            ..CompileOptions::default()
        };
        options.lower.weight_bits = choice.weights;
        options.lower.calibration = self.file.calibrate;
        options
    }
}

/// The text of a target that a sweep file names.
fn source(name: &str) -> Result<Arc<Source>, Diagnostics> {
    registry::source(name).map_err(|mut problems| {
        for problem in problems.0.iter_mut().filter(|problem| problem.code == Code::TargetUnknown) {
            problem.place = Subject::Field("targets".into()).into();
        }
        problems
    })
}

/// The model, of a model file or of a NIR file.
fn load(file: &SweepFile) -> Result<Model, Diagnostics> {
    if FileKind::of_file(&file.model) == Some(FileKind::Hdf5) {
        // An event list has its timesteps by `dt`, and no end.
        let samples = file.input.as_deref().filter(|_| file.dt.is_none());
        let fields = file.nir.clone().unwrap_or_default();
        return Model::load_nir(&file.model, &fields.options(samples));
    }
    if file.nir.is_some() {
        let message = "would change nothing: the model is no NIR file; leave it out";
        return Err(Diagnostic::new(Code::SweepInvalid, Subject::Field("nir".into()), message).into());
    }
    Model::load(&file.model)
}

/// Refuses options that the model has no use for, or cannot do without; and says whether samples and labels are given.
fn check_options(
    file: &SweepFile,
    model: &Model,
    (samples, labels): (bool, bool),
) -> Result<(), Diagnostics> {
    let mut problems = Diagnostics::default();
    let mut refuse = |field: &str, message: &str| {
        problems.push(Diagnostic::new(Code::SweepInvalid, Subject::Field(field.into()), message));
    };
    let (generates, drawn) = (model.loaded().pipeline.is_some(), draws_all(model));
    let (images, fed) = if generates {
        ("", "would change nothing: the model generates images and takes no samples; leave it out")
    } else {
        ("would change nothing: the model generates nothing; leave it out", "")
    };
    let given = [
        ("images", !file.images.is_empty(), images),
        ("seed", file.seed.is_some(), if drawn { "" } else { images }),
        ("input", samples, fed),
        ("labels", labels, fed),
        ("network", file.network.is_some(), fed),
        ("dt", file.dt.is_some(), fed),
        ("samples", !file.samples.is_empty(), fed),
        ("calibrate_input", file.calibrate_input.is_some(), fed),
    ];
    for (field, _, message) in given.into_iter().filter(|(_, given, message)| *given && !message.is_empty()) {
        refuse(field, message);
    }
    if !generates && !samples && !drawn {
        refuse("input", "the model has no pipeline, so it needs samples: `input: \"samples.npy\"`");
    }
    if file.calibrate_network.is_some() && file.calibrate_input.is_none() {
        refuse("calibrate_network", "would change nothing without `calibrate_input`; leave it out");
    }
    for (field, counts) in [("images", &file.images), ("samples", &file.samples)] {
        for &count in counts {
            if let Err(problem) = check_count(field, count, ITEMS_MAX) {
                refuse(field, &format!("found {count}, {}", problem.message));
            }
        }
    }
    problems.into_result(())
}

/// Whether the inputs of all networks are drawn, so that no samples are needed.
fn draws_all(model: &Model) -> bool {
    let given = |op: &Op| matches!(op, Op::Input(input) if input.source.is_none_or(|source| source.of_input));
    let mut layers = model.loaded().graphs.values().flat_map(|graph| graph.net.node_weights());
    !layers.any(|layer| given(&layer.op))
}

/// Every target with every combination of overrides.
fn changed_targets(
    file: &SweepFile,
    targets: &[(String, Arc<Source>)],
    fields: &[String],
) -> Result<Vec<ChangedTarget>, Diagnostics> {
    let mut all = Vec::new();
    for (name, source) in targets {
        // A target that is wrong as it stands is no point's fault.
        registry::parse_with(source, &[])?;
        for variant in &file.variants {
            let mut combinations = vec![variant.clone()];
            for axis in &file.set {
                let with = |changes: &Vec<Override>, value: &Override| {
                    [&changes[..], std::slice::from_ref(value)].concat()
                };
                combinations = combinations
                    .iter()
                    .flat_map(|c| axis.values.iter().map(|v| with(c, v)).collect::<Vec<_>>())
                    .collect();
                if combinations.len() > POINTS_MAX {
                    return Err(too_many().into());
                }
            }
            all.extend(combinations.iter().map(|changes| changed((name, source), changes, fields)));
        }
    }
    // A slip in the name of a field would fail every point.
    let unread =
        |one: &ChangedTarget| matches!(&one.target, Err(found) if found.codes().contains(&Code::RonSyntax));
    match all.iter().all(unread) {
        true => Err(all.swap_remove(0).target.err().unwrap_or_default()),
        false => Ok(all),
    }
}

fn changed((name, source): (&str, &Arc<Source>), changes: &[Override], fields: &[String]) -> ChangedTarget {
    let (plain, target) = (registry::parse_with(source, &[]), registry::parse_with(source, changes));
    let values = registry::values(source, changes, fields);
    ChangedTarget { name: plain.map_or_else(|_| name.to_owned(), |target| target.name), target, values }
}

fn too_many() -> Diagnostic {
    let message = format!("more than {POINTS_MAX} points");
    Diagnostic::new(Code::SweepInvalid, Subject::Field("set".into()), message)
        .hint("vary fewer fields at a time")
}

/// The points.
fn choices(file: &SweepFile, targets: usize, generates: bool) -> Result<Vec<Choice>, Diagnostic> {
    let items: Vec<Option<u64>> = match (generates, file.images.as_slice(), file.samples.as_slice()) {
        (true, [], _) => vec![Some(IMAGES)],
        (true, images, _) => images.iter().copied().map(Some).collect(),
        (false, _, []) => vec![None],
        (false, _, samples) => samples.iter().copied().map(Some).collect(),
    };
    let counts = [
        targets,
        file.weights.len(),
        file.objectives.len(),
        file.partitioners.len(),
        file.efforts.len(),
        items.len(),
    ];
    if counts.into_iter().fold(1, usize::saturating_mul) > POINTS_MAX {
        return Err(too_many());
    }
    let mut points = Vec::new();
    for target in 0..targets {
        for &weights in &file.weights {
            for &objective in &file.objectives {
                for &method in &file.partitioners {
                    for &effort in &file.efforts {
                        let of = |&items| Choice { target, weights, objective, method, effort, items };
                        points.extend(items.iter().map(of));
                    }
                }
            }
        }
    }
    Ok(points)
}

fn parameters(choice: &Choice, target: &ChangedTarget) -> PointParameters {
    let own = target.target.as_ref().ok().map(|target| target.synapses.weight_bits.get());
    PointParameters {
        target: target.name.clone(),
        values: target.values.clone(),
        weight_bits: choice.weights.or(own),
        objective: choice.objective.name().into(),
        partitioner: match choice.method {
            Method::Auto => "auto".into(),
            Method::Tiles => "tiles".into(),
            Method::Hypergraph { group } => format!("hypergraph:{group}"),
        },
        effort: choice.effort.name().into(),
        items: choice.items,
    }
}
