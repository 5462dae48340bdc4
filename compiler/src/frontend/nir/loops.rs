//! Where spikes come back: the edges of a graph that act one timestep late.
//!
//! NIR's time is continuous, so that a loop needs no delay there. In timesteps a spike that comes back acts in the
//! next one: this is what the frameworks do. The delay stands right behind the neurons, before the weights, since a
//! recurrent bias acts in every step. Which of the edges of a loop come back follows from the order in which a
//! signal from the Input reaches the neurons: edges that lead to neurons at or before their source do. Loops
//! through a Delay node of a step or more have their delay already.

use std::collections::HashSet;

use petgraph::algo::tarjan_scc;
use petgraph::graphmap::DiGraphMap;
use snnc_targets::{Code, Diagnostic};

use super::flat::{Flat, FlatNode};
use super::node::{NirNode, place};

/// What a node is to a loop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LoopRole {
    /// It keeps a state.
    Neuron,
    /// It delays.
    Delay,
    /// It passes signals on within the timestep.
    Passing,
}

/// The edges (source, target) that get a delay of one timestep; `delays` says which nodes delay by a step or more.
///
/// # Errors
/// [`Code::FeatureMissing`] where an edge would have to be late for one loop and not for another.
pub fn late_edges(flat: &Flat<'_>, delays: &[bool]) -> Result<HashSet<(usize, usize)>, Diagnostic> {
    let readers = flat.readers();
    let mut graph: DiGraphMap<usize, ()> = DiGraphMap::new();
    for node in 0..flat.nodes.len() {
        graph.add_node(node);
    }
    for &(source, target) in &flat.edges {
        graph.add_edge(source, target, ());
    }
    let mut loop_of = vec![None; flat.nodes.len()];
    for (number, members) in tarjan_scc(&graph).into_iter().enumerate() {
        if members.len() > 1 || graph.contains_edge(members[0], members[0]) {
            members.into_iter().for_each(|node| loop_of[node] = Some(number));
        }
    }
    let roles = (0..flat.nodes.len()).map(|node| role(flat, node, delays)).collect();
    let order = order(&readers, flat.input);
    let mut search =
        LoopSearch { flat, readers, loop_of, roles, order, late: HashSet::new(), direct: HashSet::new() };
    for neuron in 0..flat.nodes.len() {
        if search.roles[neuron] == LoopRole::Neuron && search.loop_of[neuron].is_some() {
            search.place(neuron, neuron, &mut HashSet::new())?;
        }
    }
    Ok(search.late)
}

fn role(flat: &Flat<'_>, node: usize, delays: &[bool]) -> LoopRole {
    match &flat.nodes[node].1 {
        _ if delays[node] => LoopRole::Delay,
        FlatNode::Node(NirNode::Neuron(_) | NirNode::Threshold(_)) => LoopRole::Neuron,
        _ => LoopRole::Passing,
    }
}

/// The place of every node in a reverse postorder from the input.
fn order(readers: &[Vec<usize>], input: usize) -> Vec<usize> {
    let (mut seen, mut postorder) = (vec![false; readers.len()], Vec::new());
    // Nodes under way, with the number of their readers that were visited.
    let mut stack = vec![(input, 0)];
    seen[input] = true;
    while let Some((node, next)) = stack.last_mut() {
        match readers[*node].get(*next) {
            Some(&reader) => {
                *next += 1;
                if !std::mem::replace(&mut seen[reader], true) {
                    stack.push((reader, 0));
                }
            }
            None => {
                postorder.push(*node);
                stack.pop();
            }
        }
    }
    let mut order = vec![usize::MAX; readers.len()];
    postorder.into_iter().rev().enumerate().for_each(|(place, node)| order[node] = place);
    order
}

struct LoopSearch<'a, 'f> {
    flat: &'a Flat<'f>,
    readers: Vec<Vec<usize>>,
    loop_of: Vec<Option<usize>>,
    roles: Vec<LoopRole>,
    order: Vec<usize>,
    late: HashSet<(usize, usize)>,
    /// Edges that must not be late.
    direct: HashSet<(usize, usize)>,
}

impl LoopSearch<'_, '_> {
    /// Decides on the edges of `from`, through which the spikes of `neuron` go.
    fn place(&mut self, neuron: usize, from: usize, seen: &mut HashSet<usize>) -> Result<(), Diagnostic> {
        let mut waiting = vec![from];
        while let Some(from) = waiting.pop() {
            if !seen.insert(from) {
                continue;
            }
            for reader in self.readers[from].clone() {
                if self.loop_of[reader] != self.loop_of[neuron] {
                    continue;
                }
                let (back, ahead) = self.reached(neuron, reader);
                let edge = (from, reader);
                match (back, ahead) {
                    (true, true) => {
                        self.direct.insert(edge);
                        waiting.push(reader);
                    }
                    (true, false) => drop(self.late.insert(edge)),
                    (false, _) => drop(self.direct.insert(edge)),
                }
                if self.late.contains(&edge) && self.direct.contains(&edge) {
                    let [a, b] = [edge.0, edge.1].map(|node| &self.flat.nodes[node].0);
                    let message = format!(
                        "the edge `{a}` -> `{b}` comes back in one loop and leads ahead in another, so it is not \
                         clear which spikes act a timestep late"
                    );
                    return Err(Diagnostic::new(
                        Code::FeatureMissing,
                        place(&self.flat.file.path, b),
                        message,
                    )
                    .hint("put a Delay of one timestep into each loop"));
                }
            }
        }
        Ok(())
    }

    /// Whether a signal that enters `node` reaches neurons at or before `neuron`, and neurons behind it, without going
    /// through others or through a delay.
    fn reached(&self, neuron: usize, node: usize) -> (bool, bool) {
        let (mut back, mut ahead) = (false, false);
        let (mut waiting, mut seen) = (vec![node], HashSet::new());
        while let Some(node) = waiting.pop() {
            if self.loop_of[node] != self.loop_of[neuron] || !seen.insert(node) {
                continue;
            }
            match self.roles[node] {
                LoopRole::Neuron if self.order[node] <= self.order[neuron] => back = true,
                LoopRole::Neuron | LoopRole::Delay => ahead = true,
                LoopRole::Passing => waiting.extend(&self.readers[node]),
            }
        }
        (back, ahead)
    }
}
