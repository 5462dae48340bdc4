//! What a block may hold, and what a given partition puts into its blocks.

use snnc_targets::{Code, Diagnostic, NamedPart, Subject};

use super::graph::{BlockId, Hypergraph};

/// The most a block may hold; the same for all blocks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// One a scalar resource.
    pub scalars: Vec<u64>,
    /// One a shared resource: the summed cost of the items that some vertex of the block uses.
    pub shared: Vec<u64>,
}

impl Limits {
    /// Scalar limits alone.
    pub fn scalar(limit: u64) -> Self {
        Self { scalars: vec![limit], shared: Vec::new() }
    }

    /// That every vertex fits an empty block, and that there is a limit for everything.
    ///
    /// # Errors
    /// [`Code::HypergraphInvalid`], [`Code::DoesNotFit`].
    pub fn check(&self, graph: &Hypergraph) -> Result<(), Diagnostic> {
        if self.scalars.len() != graph.resources || self.shared.len() != graph.shared.len() {
            let message = format!(
                "{} and {} limits for {} scalar resources and {} shared ones",
                self.scalars.len(),
                self.shared.len(),
                graph.resources,
                graph.shared.len()
            );
            return Err(Diagnostic::new(Code::HypergraphInvalid, NamedPart::Limits, message));
        }
        for vertex in graph.incidence.all_vertices() {
            let weights = graph.weight(vertex).iter().zip(&self.scalars);
            let shared = graph.shared.iter().zip(&self.shared).map(|(resource, limit)| {
                let items = resource.items.nets_of(vertex).iter();
                (items.map(|item| resource.costs[item.0 as usize]).sum::<u64>(), *limit)
            });
            for (used, most) in weights.map(|(w, l)| (*w, *l)).chain(shared) {
                if used > most {
                    let message = format!("one vertex needs {used} of a resource, a block has {most}");
                    return Err(Diagnostic::new(
                        Code::DoesNotFit,
                        Subject::Vertex(vertex.0 as usize),
                        message,
                    )
                    .hint("raise the limit, or make smaller vertices"));
                }
            }
        }
        Ok(())
    }

    /// Fewest blocks that the limits could need, at least 1: scalar resources fill all blocks, and each item of a
    /// shared resource is in one block or more.
    pub fn blocks_at_least(&self, graph: &Hypergraph) -> usize {
        let totals = (0..graph.resources)
            .map(|r| graph.vertex_weights.iter().skip(r).step_by(graph.resources).sum::<u64>());
        let needed = totals.zip(&self.scalars).map(|(total, &limit)| total.div_ceil(limit.max(1)));
        let covered = graph.shared.iter().zip(&self.shared).map(|(resource, &limit)| {
            let used = resource.items.all_nets().filter(|&item| !resource.items.pins_of(item).is_empty());
            used.map(|item| resource.costs[item.0 as usize]).sum::<u64>().div_ceil(limit.max(1))
        });
        needed.chain(covered).max().unwrap_or(1).max(1) as usize
    }

    /// Loads of all blocks from scratch, `[block, scalar resources then shared ones]`.
    pub fn loads(graph: &Hypergraph, blocks: &[BlockId], count: usize) -> Vec<u64> {
        let width = graph.resources + graph.shared.len();
        let mut loads = vec![0; count * width];
        for vertex in graph.incidence.all_vertices() {
            let first = blocks[vertex.0 as usize].0 as usize * width;
            for (load, weight) in loads[first..].iter_mut().zip(graph.weight(vertex)) {
                *load += weight;
            }
        }
        for (c, resource) in graph.shared.iter().enumerate() {
            for item in resource.items.all_nets() {
                let mut touched: Vec<_> =
                    resource.items.pins_of(item).iter().map(|pin| blocks[pin.0 as usize]).collect();
                touched.sort_unstable();
                touched.dedup();
                for block in touched {
                    loads[block.0 as usize * width + graph.resources + c] += resource.costs[item.0 as usize];
                }
            }
        }
        loads
    }

    /// Limits in the order of [`Limits::loads`].
    pub fn all(&self) -> Vec<u64> {
        self.scalars.iter().chain(&self.shared).copied().collect()
    }
}
