//! The one way to a layer graph, for model files, importers and tests alike.
//!
//! Place in the flow: between whoever knows layers by name and the [`Graph`]. Layers are added one by one; shapes are
//! inferred as far as their inputs are known, so that a frontend can ask for them ([`Builder::shape`]). A layer may
//! read one that is added later.
//! Invariants of what [`Builder::finish`] gives: names are printable and stand once, inputs exist, every layer has as
//! many as its kind reads, all maps fit, one layer is the input, and the one layer that nothing reads is a read-out or
//! computed from read-outs. [`Builder::fragment`] gives the same without the last. Refused, all problems in one go and
//! each where it stands: whatever breaks these. Maps are told about only where names and inputs are right.

use std::collections::HashMap;

use snnc_targets::near::near;
use snnc_targets::{Code, Diagnostic, Diagnostics, Place, Subject, names};

use super::{Graph, Layer, Op, SignalKind};
use crate::ir::Shape;
use crate::layers::{Arity, Input, LayerFault, SignalType};

/// Most timesteps of a pass.
const TIMESTEPS_MAX: usize = 1 << 22;
/// Problems after which no further layer is looked at.
const PROBLEMS_MAX: usize = 100;

/// A part of what was said about a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NetworkPart {
    /// Timesteps of the network.
    Timesteps,
    /// Name of the layer with that number.
    Name(usize),
    /// Inputs of the layer with that number.
    Inputs(usize),
    /// An input of it, by port.
    Input(usize, usize),
}

/// Where the parts of a network stand, for who reads it from a file.
pub trait PartPlaces {
    /// `subject`, which names a layer or the network, at a part of it.
    fn place(&self, subject: Subject, part: NetworkPart) -> Place;
}

/// A network that was made in memory.
struct InMemory;

impl PartPlaces for InMemory {
    fn place(&self, subject: Subject, _: NetworkPart) -> Place {
        subject.into()
    }
}

/// A layer graph in the making.
pub struct Builder<'a> {
    graph: Graph,
    drafts: Vec<Draft>,
    /// First layer of each name.
    positions: HashMap<String, usize>,
    places: Box<dyn PartPlaces + 'a>,
}

/// A layer as it was added.
struct Draft {
    name: String,
    from: Vec<String>,
    arity: Arity,
    /// None if what is wrong with it was told elsewhere.
    op: Option<Op>,
    /// Its output, if that of its inputs was known when it was added, or it says its shape itself.
    flow: Option<Result<SignalType, LayerFault>>,
    /// Whether its output follows from its inputs.
    inferred: bool,
}

impl<'a> Builder<'a> {
    /// A network without layers, of so many timesteps.
    pub fn new(name: impl Into<String>, timesteps: usize) -> Self {
        let graph = Graph { name: name.into(), timesteps, net: Default::default() };
        Self { graph, drafts: Vec::new(), positions: HashMap::new(), places: Box::new(InMemory) }
    }

    /// A network of layers `l0`, `l1`, ..., each with the numbers of the layers that it reads.
    pub fn numbered<'n>(
        name: impl Into<String>,
        timesteps: usize,
        layers: impl IntoIterator<Item = (Op, &'n [usize])>,
    ) -> Self {
        let mut builder = Self::new(name, timesteps);
        for (i, (op, from)) in layers.into_iter().enumerate() {
            let from: Vec<String> = from.iter().map(|number| format!("l{number}")).collect();
            builder.layer(&format!("l{i}"), &from, op);
        }
        builder
    }

    /// A network of layers `l0`, `l1`, ..., each of which reads the one before.
    pub fn chain(name: impl Into<String>, timesteps: usize, layers: impl IntoIterator<Item = Op>) -> Self {
        let mut builder = Self::new(name, timesteps);
        for (i, op) in layers.into_iter().enumerate() {
            builder.then(&format!("l{i}"), op);
        }
        builder
    }

    /// Says where the parts of the network stand in a file.
    #[must_use]
    pub fn placed(mut self, places: impl PartPlaces + 'a) -> Self {
        self.places = Box::new(places);
        self
    }

    /// Adds the network's input.
    pub fn input(&mut self, name: &str, shape: Shape) -> &mut Self {
        self.layer(name, &[] as &[&str], Input::constant(shape))
    }

    /// Adds a layer that reads those named, in port order.
    pub fn layer(&mut self, name: &str, from: &[impl AsRef<str>], op: impl Into<Op>) -> &mut Self {
        let op = op.into();
        let inputs: Option<Vec<SignalType>> = from.iter().map(|name| self.flow(name.as_ref())).collect();
        let flow = inputs.map(|inputs| op.output(&inputs, self.graph.timesteps));
        let inferred = flow.is_some();
        // A delay in a loop says what it gives before its input is known, which is checked later.
        let declared = || match &op {
            Op::Delay(delay) if delay.shape.is_some() => Some(delay.declared()),
            _ => None,
        };
        let flow = flow.or_else(declared);
        self.add(name, from, op.arity(), Some(op), (flow, inferred))
    }

    /// Adds a layer that reads the one added before.
    pub fn then(&mut self, name: &str, op: impl Into<Op>) -> &mut Self {
        let from: Vec<String> = self.drafts.last().map(|draft| draft.name.clone()).into_iter().collect();
        self.layer(name, &from, op)
    }

    /// Adds a layer whose operation is wrong, which was told elsewhere: its name and inputs are still checked.
    pub fn unresolved(&mut self, name: &str, from: &[impl AsRef<str>], arity: Arity) -> &mut Self {
        self.add(name, from, arity, None, (None, false))
    }

    fn add(
        &mut self,
        name: &str,
        from: &[impl AsRef<str>],
        arity: Arity,
        op: Option<Op>,
        (flow, inferred): (Option<Result<SignalType, LayerFault>>, bool),
    ) -> &mut Self {
        self.positions.entry(name.to_owned()).or_insert(self.drafts.len());
        let from = from.iter().map(|name| name.as_ref().to_owned()).collect();
        self.drafts.push(Draft { name: name.to_owned(), from, arity, op, flow, inferred });
        self
    }

    fn flow(&self, name: &str) -> Option<SignalType> {
        let draft = &self.drafts[*self.positions.get(name)?];
        draft.flow.as_ref()?.as_ref().ok().copied()
    }

    /// Shape of a layer's output, if it and all before it fit and were added.
    pub fn shape(&self, name: &str) -> Option<Shape> {
        self.flow(name).map(|flow| flow.shape)
    }

    /// The network.
    ///
    /// # Errors
    /// [`Code::GraphInvalid`] for names, inputs and the ending, [`Code::LayerShape`] for maps, [`Code::ModelInvalid`]
    /// for timesteps; empty if all that is wrong was told elsewhere.
    pub fn finish(self) -> Result<Graph, Diagnostics> {
        let graph = self.fragment()?;
        ending(&graph)?;
        Ok(graph)
    }

    /// The network, which may end anywhere.
    ///
    /// # Errors
    /// Those of [`Builder::finish`], but for the ending.
    pub fn fragment(mut self) -> Result<Graph, Diagnostics> {
        let mut problems = self.frame();
        self.check_names(&mut problems);
        let links = self.links(&mut problems);
        problems.into_result(())?;
        if self.drafts.iter().any(|draft| draft.op.is_none()) {
            return Err(Diagnostics::default());
        }
        let known = self.drafts.iter().all(|draft| draft.inferred && matches!(draft.flow, Some(Ok(_))));
        let ops = self.drafts.drain(..).filter_map(|draft| Some(Layer { name: draft.name, op: draft.op? }));
        for layer in ops {
            self.graph.net.add_node(layer);
        }
        for (source, reader, port) in links {
            self.graph.net.add_edge(source.into(), reader.into(), port);
        }
        if !known {
            self.graph.shapes()?;
        }
        Ok(self.graph)
    }

    fn layer_place(&self, layer: usize, part: NetworkPart) -> Place {
        self.places.place(self.graph.place(&self.drafts[layer].name), part)
    }

    /// What is wrong with the network as a whole.
    fn frame(&self) -> Diagnostics {
        let mut problems = Diagnostics::default();
        let (place, timesteps) = (Subject::Network(self.graph.name.clone()), self.graph.timesteps);
        if !(1..=TIMESTEPS_MAX).contains(&timesteps) {
            let message = format!("{timesteps} timesteps, expected 1 to {TIMESTEPS_MAX}");
            let place = self.places.place(place.clone(), NetworkPart::Timesteps);
            problems.push(Diagnostic::new(Code::ModelInvalid, place, message).hint("set `timesteps`"));
        }
        // Only an input reads nothing, so one that did not resolve counts as well.
        let is_input = |draft: &&Draft| draft.arity == Arity::Exactly(0);
        let count = self.drafts.iter().filter(is_input).count();
        if count != 1 {
            let message = format!("the network has {count} Input layers, expected exactly one");
            problems.push(
                Diagnostic::new(Code::GraphInvalid, place, message)
                    .hint("give a network one Input layer that all others follow from"),
            );
        }
        problems
    }

    fn check_names(&self, problems: &mut Diagnostics) {
        for (index, draft) in self.drafts.iter().enumerate() {
            let here = || self.layer_place(index, NetworkPart::Name(index));
            let first = self.positions[&draft.name];
            if let Some(fault) = names::fault(&draft.name) {
                let message = format!("the name of the layer {fault}");
                problems.push(
                    Diagnostic::new(Code::GraphInvalid, here(), message)
                        .hint("give every layer a name of its own that reports can print"),
                );
            } else if first != index {
                problems.push(
                    Diagnostic::new(Code::GraphInvalid, here(), "two layers have this name")
                        .related(self.layer_place(index, NetworkPart::Name(first)), "the first of that name")
                        .hint("rename one of them and the `from` of its readers"),
                );
            }
        }
    }

    /// (source, reader, port) of every edge; reports unknown names and wrong numbers of inputs.
    fn links(&self, problems: &mut Diagnostics) -> Vec<(u32, u32, usize)> {
        let names: Vec<&str> = self.drafts.iter().map(|draft| draft.name.as_str()).collect();
        let mut links = Vec::new();
        for (reader, draft) in self.drafts.iter().enumerate() {
            if problems.0.len() >= PROBLEMS_MAX {
                break;
            }
            if !draft.arity.admits(draft.from.len()) {
                let (count, expected) = (draft.from.len(), draft.arity);
                let message = format!("the layer has {count} inputs, expected {expected}");
                let place = self.layer_place(reader, NetworkPart::Inputs(reader));
                problems.push(
                    Diagnostic::new(Code::GraphInvalid, place, message)
                        .hint("`from` lists the layers that are read, in port order"),
                );
            }
            for (port, from) in draft.from.iter().enumerate() {
                match self.positions.get(from) {
                    Some(&source) => links.push((source as u32, reader as u32, port)),
                    None => {
                        let place = self.layer_place(reader, NetworkPart::Input(reader, port));
                        problems.push(dangling(place, from, &names));
                    }
                }
            }
        }
        links
    }
}

fn dangling(place: Place, from: &str, names: &[&str]) -> Diagnostic {
    let message = format!("reads from `{from}`, but no layer of the network has that name");
    let found = Diagnostic::new(Code::GraphInvalid, place, message);
    match near(from, names) {
        Some(near) => found.hint(format!("near names: {near}")),
        None => found.hint("layers read only from layers of their own network"),
    }
}

/// The network ends in one read-out: the layer that nothing reads.
fn ending(graph: &Graph) -> Result<(), Diagnostics> {
    let outputs = graph.outputs();
    let place = |node: &petgraph::graph::NodeIndex| graph.place(&graph.net[*node].name);
    let [first, others @ ..] = outputs.as_slice() else { return Ok(()) };
    if !others.is_empty() {
        let names: Vec<String> = outputs.iter().map(|&node| format!("`{}`", graph.net[node].name)).collect();
        let message = format!(
            "nothing reads {}: a network has one output, this one has {}",
            names.join(", "),
            outputs.len()
        );
        let mut problem = Diagnostic::new(Code::GraphInvalid, place(first), message)
            .hint("remove what is not needed, join the layers by a Concat, or make two networks of it");
        for other in others {
            problem = problem.related(place(other), "nothing reads this either");
        }
        return Err(problem.into());
    }
    let kind = graph.shapes()?.kind(*first);
    if kind == SignalKind::Final {
        return Ok(());
    }
    let name = &graph.net[*first].name;
    let message =
        format!("the network ends in `{name}`, whose output is {kind}, expected a read-out at the end");
    let layer = format!("(name: \"out\", from: [{name:?}], op: MeanOverTime)");
    Err(Diagnostic::new(Code::GraphInvalid, place(first), message)
        .hint(format!("add a layer that reads it: {layer}, or a WeightedSum"))
        .into())
}
