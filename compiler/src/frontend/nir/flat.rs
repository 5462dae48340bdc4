//! One graph without subgraphs, and what shape the signals in it have.
//!
//! A subgraph dissolves into its nodes, named `OUTER.INNER`; its own Input and Output become nodes that pass
//! signals on. Shapes are NIR's (no batch, no time). They are known from parameters, or follow from the input; each
//! edge is then held against both ends, which is the type check of the package `nir`. A shape of no axes is that of
//! one number, `[1]`.

use std::collections::{HashMap, VecDeque};

use snnc_targets::{Code, Diagnostic, Diagnostics};

use super::node::{NirFile, NirGraph, NirNode, place};
use super::node_shapes::{fits, flattened, follows, given, takes};

/// Most nodes of all subgraphs together.
const NODES_MAX: usize = 4096;
/// Most edges.
const EDGES_MAX: usize = 1 << 16;

/// What stands at a place of a flat graph.
#[derive(Debug, Clone)]
#[expect(clippy::large_enum_variant, reason = "nearly all nodes are of the large kind")]
pub enum FlatNode {
    /// A node of the file, never a graph.
    Node(NirNode),
    /// Input or Output of a subgraph, of this shape.
    Pass(Vec<usize>),
}

/// Nodes and edges without subgraphs.
#[derive(Debug)]
pub struct Flat<'f> {
    /// The file, for diagnostics.
    pub file: &'f NirFile,
    /// Names and nodes.
    pub nodes: Vec<(String, FlatNode)>,
    /// (source, target).
    pub edges: Vec<(usize, usize)>,
    /// Where signals enter.
    pub input: usize,
    /// Where they leave.
    pub output: usize,
}

impl<'f> Flat<'f> {
    /// Dissolves the subgraphs of a file.
    ///
    /// # Errors
    /// [`Code::ModelInvalid`] for graphs without an end, [`Code::FeatureMissing`] for several.
    pub fn new(file: &'f NirFile) -> Result<Self, Diagnostics> {
        let mut flat = Self { file, nodes: Vec::new(), edges: Vec::new(), input: 0, output: 0 };
        flat.add(&file.graph, "")?;
        flat.input = flat.end("Input", true)?;
        flat.output = flat.end("Output", false)?;
        flat.check_ends()?;
        Ok(flat)
    }

    fn problem(&self, code: Code, node: &str, message: String) -> Diagnostic {
        Diagnostic::new(code, place(&self.file.path, node), message)
    }

    /// Adds a graph; what feeds its Input, and what its Output gives.
    fn add(&mut self, graph: &NirGraph, prefix: &str) -> Result<HashMap<String, (usize, usize)>, Diagnostic> {
        // By name: where its input enters, and where its output leaves.
        let mut ends: HashMap<String, (usize, usize)> = HashMap::new();
        for (name, node) in &graph.nodes {
            let full = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
            if self.nodes.len() >= NODES_MAX {
                let message = format!("over {NODES_MAX} nodes");
                return Err(self.problem(Code::ModelInvalid, &full, message));
            }
            let end = match node {
                NirNode::Graph(inner) => self.subgraph(inner, &full)?,
                NirNode::Input(shape) | NirNode::Output(shape) if !prefix.is_empty() => {
                    self.nodes.push((full, FlatNode::Pass(shape.clone())));
                    (self.nodes.len() - 1, self.nodes.len() - 1)
                }
                node => {
                    self.nodes.push((full, FlatNode::Node(node.clone())));
                    (self.nodes.len() - 1, self.nodes.len() - 1)
                }
            };
            ends.insert(name.clone(), end);
        }
        if self.edges.len() + graph.edges.len() > EDGES_MAX {
            return Err(self.problem(Code::ModelInvalid, prefix, format!("over {EDGES_MAX} edges")));
        }
        for (source, target) in &graph.edges {
            self.edges.push((ends[source].1, ends[target].0));
        }
        Ok(ends)
    }

    /// Adds a graph within; where its input enters and its output leaves.
    fn subgraph(&mut self, graph: &NirGraph, name: &str) -> Result<(usize, usize), Diagnostic> {
        let ends = self.add(graph, name)?;
        let only = |input: bool| {
            let kind = if input { "Input" } else { "Output" };
            let mut found = graph.nodes.iter().filter(|(_, node)| node.kind() == kind);
            match (found.next(), found.next()) {
                (Some((end, _)), None) => Ok(if input { ends[end].0 } else { ends[end].1 }),
                (None, _) => {
                    let message = format!("the subgraph has no {kind} node");
                    Err(self
                        .problem(Code::ModelInvalid, name, message)
                        .hint("a graph begins in an Input and ends in an Output"))
                }
                (Some(_), Some(_)) => {
                    let message = format!("the subgraph has several {kind} nodes, expected one");
                    Err(self.problem(Code::FeatureMissing, name, message).hint("dissolve it into its nodes"))
                }
            }
        };
        Ok((only(true)?, only(false)?))
    }

    /// The Input or the Output of the whole; where there is none, the one node that nothing feeds, or reads.
    fn end(&mut self, kind: &str, input: bool) -> Result<usize, Diagnostic> {
        let is = |node: &FlatNode| matches!(node, FlatNode::Node(node) if node.kind() == kind);
        let found: Vec<usize> = (0..self.nodes.len()).filter(|&n| is(&self.nodes[n].1)).collect();
        match found[..] {
            [only] => return Ok(only),
            [first, second, ..] => {
                let (a, b) = (&self.nodes[first].0, &self.nodes[second].0);
                let message =
                    format!("the graph has several {kind} nodes, such as `{a}` and `{b}`, expected one");
                return Err(self
                    .problem(Code::FeatureMissing, a, message)
                    .hint("a network has one input and one output here: split the graph"));
            }
            [] => {}
        }
        let bare: Vec<usize> = (0..self.nodes.len())
            .filter(|&n| !self.edges.iter().any(|&(source, target)| n == if input { target } else { source }))
            .collect();
        let [node] = bare[..] else {
            let message = format!("the graph has no {kind} node");
            return Err(self
                .problem(Code::ModelInvalid, "", message)
                .hint("add one, so that it is clear where signals enter and leave"));
        };
        let name = if input { "input" } else { "output" };
        let name = (0..).map(|n| if n == 0 { name.to_owned() } else { format!("{name}_{n}") });
        let name =
            { name }.find(|name| !self.nodes.iter().any(|(other, _)| other == name)).unwrap_or_default();
        let new = self.nodes.len();
        self.nodes.push((name, FlatNode::Pass(Vec::new())));
        self.edges.push(if input { (new, node) } else { (node, new) });
        Ok(new)
    }

    /// Every node is fed, and every node leads somewhere.
    fn check_ends(&self) -> Result<(), Diagnostics> {
        let mut problems = Diagnostics::default();
        for (n, (name, _)) in self.nodes.iter().enumerate() {
            let message = if n != self.input && !self.edges.iter().any(|&(_, target)| target == n) {
                "no edge leads to this node, so nothing feeds it"
            } else if n != self.output && !self.edges.iter().any(|&(source, _)| source == n) {
                "no edge leaves this node, and it is not the Output"
            } else {
                continue;
            };
            problems.push(
                self.problem(Code::ModelInvalid, name, message.into())
                    .hint("remove the node, or add the edge that is missing"),
            );
        }
        problems.into_result(())
    }

    /// Nodes that feed a node, ascending.
    pub fn sources(&self, node: usize) -> Vec<usize> {
        let mut sources: Vec<usize> =
            self.edges.iter().filter(|&&(_, target)| target == node).map(|&(source, _)| source).collect();
        sources.sort_unstable();
        sources
    }

    /// Nodes that a node feeds, by node.
    pub fn readers(&self) -> Vec<Vec<usize>> {
        let mut readers = vec![Vec::new(); self.nodes.len()];
        self.edges.iter().for_each(|&(source, target)| readers[source].push(target));
        readers
    }

    /// The shape that every node gives, after all edges were seen to fit.
    ///
    /// # Errors
    /// [`Code::LayerShape`] for edges whose ends differ and for nodes that do not fit their input;
    /// [`Code::ModelInvalid`] where a shape follows from nothing.
    pub fn shapes(&self) -> Result<Vec<Vec<usize>>, Diagnostics> {
        let mut shapes: Vec<Option<Vec<usize>>> = self.nodes.iter().map(|(_, node)| given(node)).collect();
        let readers = self.readers();
        if let (FlatNode::Pass(_), &[reader]) = (&self.nodes[self.input].1, &*readers[self.input]) {
            // A graph without an Input node begins with what its first node takes.
            shapes[self.input] = shapes[self.input].take().or_else(|| takes(&self.nodes[reader].1));
        }
        let mut queue: VecDeque<usize> = (0..self.nodes.len()).filter(|&n| shapes[n].is_some()).collect();
        let mut problems = Diagnostics::default();
        while let Some(source) = queue.pop_front() {
            let Some(input) = shapes[source].clone() else { continue };
            for &target in &readers[source] {
                if shapes[target].is_some() {
                    continue;
                }
                match self.follows(target, &input, &readers[target]) {
                    Ok(shape) => {
                        shapes[target] = Some(shape);
                        queue.push_back(target);
                    }
                    Err(message) => {
                        // Told once, by the edge that came first.
                        shapes[target] = Some(Vec::new());
                        problems.push(self.problem(Code::LayerShape, &self.nodes[target].0, message));
                    }
                }
            }
        }
        problems.into_result(())?;
        self.check_edges(&shapes)?;
        let unknown = (0..shapes.len()).find(|&n| shapes[n].is_none());
        if let Some(node) = unknown {
            let message = "its shape follows from nothing: no parameter and no input says it";
            return Err(self
                .problem(Code::ModelInvalid, &self.nodes[node].0, message.into())
                .hint("give the Input node a shape")
                .into());
        }
        Ok(shapes.into_iter().flatten().collect())
    }

    /// What a node gives for an input of this shape, if it fits.
    fn follows(&self, node: usize, input: &[usize], readers: &[usize]) -> Result<Vec<usize>, String> {
        let literal = follows(&self.nodes[node].1, input);
        let FlatNode::Node(NirNode::Flatten { start, end, .. }) = &self.nodes[node].1 else { return literal };
        // Some exporters leave the axis of the batch in their count: then it is what the readers take, and the literal
        // shape is not.
        let taken = readers.iter().filter_map(|&reader| takes(&self.nodes[reader].1));
        let taken: Vec<_> = taken.filter(|shape| shape.iter().any(|&side| side != 1)).collect();
        let fits = |shape: &Vec<usize>| taken.iter().all(|wanted| wanted == shape);
        let counted = |axis: i64| if axis > 0 { axis - 1 } else { axis };
        match (literal, flattened(input, counted(*start), counted(*end))) {
            (Ok(literal), _) if fits(&literal) => Ok(literal),
            (_, Ok(batch)) if !taken.is_empty() && fits(&batch) => Ok(batch),
            (literal, _) => literal,
        }
    }

    /// Whether a Flatten counts the axis of the batch: the shape that it gives is not the literal one.
    pub fn counts_the_batch(&self, node: usize, shapes: &[Vec<usize>]) -> bool {
        let flatten = matches!(self.nodes[node].1, FlatNode::Node(NirNode::Flatten { .. }));
        let literal = |&source: &usize| follows(&self.nodes[node].1, &shapes[source]);
        flatten
            && self
                .sources(node)
                .first()
                .map(literal)
                .is_some_and(|found| found.as_ref() != Ok(&shapes[node]))
    }

    fn check_edges(&self, shapes: &[Option<Vec<usize>>]) -> Result<(), Diagnostics> {
        let mut problems = Diagnostics::default();
        for &(source, target) in &self.edges {
            let Some(found) = &shapes[source] else { continue };
            let Err(expected) = fits(&self.nodes[target].1, found) else { continue };
            let (a, b) = (&self.nodes[source].0, &self.nodes[target].0);
            let message = format!(
                "the edge `{a}` -> `{b}` does not fit: `{a}` gives {found:?}, `{b}` takes {expected}"
            );
            problems.push(self.problem(Code::LayerShape, b, message).hint(
                "the package `nir` refuses such a graph too (type mismatch); mend it where it was written",
            ));
        }
        problems.into_result(())
    }
}
