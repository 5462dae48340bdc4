//! hMETIS hypergraph files (.hgr) and files of block numbers: what other partitioners read and write.
//!
//! `nets vertices [fmt]`, then a line a net, then with vertex weights a line a vertex. fmt 1: a net's line begins
//! with its weight; 10: vertex weights, as many on each line as resources; 11: both. Vertices count from 1, `%`
//! begins a comment line. (hMETIS 1.5.3 manual, section 4.1; several weights a vertex as PaToH and KaHyPar write
//! them.) Memory is in proportion to the file, whatever its header claims. Covers have no place in the format.

use std::fmt::Write;
use std::str::SplitAsciiWhitespace;

use snnc_targets::{Code, Diagnostic, Place};

use super::graph::{BlockId, Hypergraph, Incidence, VertexId};

/// Vertices that a header may claim beyond the bytes of its file.
const VERTICES_FREE: usize = 1 << 16;

/// Lines that are neither empty nor comments, with their numbers from 1.
struct HgrLines<'a> {
    name: &'a str,
    lines: std::iter::Enumerate<std::str::Lines<'a>>,
    /// The last line given out.
    number: usize,
}

impl<'a> HgrLines<'a> {
    fn new(text: &'a str, name: &'a str) -> Self {
        Self { name, lines: text.lines().enumerate(), number: 0 }
    }

    fn next_full(&mut self) -> Option<SplitAsciiWhitespace<'a>> {
        let (number, line) = self.lines.find(|(_, line)| !skipped(line))?;
        self.number = number + 1;
        Some(line.split_ascii_whitespace())
    }

    fn expect(&mut self, what: impl Fn() -> String) -> Result<SplitAsciiWhitespace<'a>, Diagnostic> {
        let missing = |s: &Self| s.error(format!("the file ends, expected {}", what()));
        self.next_full().ok_or_else(|| missing(self))
    }

    fn error(&self, message: String) -> Diagnostic {
        Diagnostic::new(Code::HypergraphInvalid, Place::line(self.name, self.number, None), message)
    }

    fn number<T: std::str::FromStr>(&self, word: &str) -> Result<T, Diagnostic> {
        word.parse().map_err(|_| self.error(format!("found `{}`, expected a whole number", shown(word))))
    }
}

fn skipped(line: &str) -> bool {
    let line = line.trim_ascii_start();
    line.is_empty() || line.starts_with('%')
}

/// The first 40 characters of a word: a word of a file may be of any length.
fn shown(word: &str) -> String {
    word.chars().take(40).collect()
}

struct HgrHeader {
    nets: usize,
    vertices: usize,
    net_weights: bool,
    vertex_weights: bool,
}

impl HgrHeader {
    fn parse(lines: &mut HgrLines<'_>, bytes: usize) -> Result<Self, Diagnostic> {
        let words: Vec<_> = lines.expect(|| "the header `nets vertices [fmt]`".into())?.take(4).collect();
        if !(2..=3).contains(&words.len()) {
            return Err(lines.error("expected the header `nets vertices [fmt]`".into()));
        }
        let (net_weights, vertex_weights) = match words.get(2).copied() {
            None | Some("0" | "00") => (false, false),
            Some("1" | "01") => (true, false),
            Some("10") => (false, true),
            Some("11") => (true, true),
            Some(word) => {
                return Err(lines.error(format!("fmt is `{}`, expected 0, 1, 10 or 11", shown(word))));
            }
        };
        let (nets, vertices) = (lines.number(words[0])?, lines.number(words[1])?);
        if nets > bytes || vertices > bytes.saturating_add(VERTICES_FREE).min(u32::MAX as usize) {
            let message = format!("{nets} nets and {vertices} vertices cannot be in a file of {bytes} bytes");
            return Err(lines.error(message));
        }
        Ok(Self { nets, vertices, net_weights, vertex_weights })
    }
}

/// Reads a hypergraph; `name` stands in error messages.
///
/// # Errors
/// [`Code::HypergraphInvalid`] with the line.
pub fn parse(text: &str, name: &str) -> Result<Hypergraph, Diagnostic> {
    let mut lines = HgrLines::new(text, name);
    let header = HgrHeader::parse(&mut lines, text.len())?;
    let (incidence, net_weights) = parse_nets(&mut lines, &header)?;
    let (vertex_weights, resources) = parse_weights(&mut lines, &header)?;
    if lines.next_full().is_some() {
        return Err(lines.error("more lines than the header says".into()));
    }
    Hypergraph::new(incidence, net_weights, vertex_weights, resources, Vec::new())
        .map_err(|problem| Diagnostic { place: Place::file(name), ..problem })
}

fn parse_nets(lines: &mut HgrLines<'_>, header: &HgrHeader) -> Result<(Incidence, Vec<u64>), Diagnostic> {
    let (mut starts, mut pins, mut weights) = (vec![0], Vec::new(), Vec::new());
    for net in 0..header.nets {
        let mut words = lines.expect(|| format!("net {} of {}", net + 1, header.nets))?;
        weights.push(match header.net_weights {
            true => lines.number(words.next().unwrap_or_default())?,
            false => 1,
        });
        for word in words {
            let pin: usize = lines.number(word)?;
            if pin == 0 || pin > header.vertices {
                return Err(lines.error(format!("pin {pin}, expected 1 to {}", header.vertices)));
            }
            pins.push(VertexId(pin as u32 - 1));
        }
        starts.push(pins.len());
    }
    Ok((Incidence::new(header.vertices, &starts, pins)?, weights))
}

fn parse_weights(lines: &mut HgrLines<'_>, header: &HgrHeader) -> Result<(Vec<u64>, usize), Diagnostic> {
    if !header.vertex_weights {
        return Ok((vec![1; header.vertices], 1));
    }
    let (mut weights, mut resources) = (Vec::new(), 1);
    for vertex in 0..header.vertices {
        let words = lines.expect(|| format!("the weight of vertex {} of {}", vertex + 1, header.vertices))?;
        let before = weights.len();
        for word in words {
            weights.push(lines.number(word)?);
        }
        let found = weights.len() - before;
        if vertex == 0 {
            resources = found;
        }
        if found != resources {
            return Err(
                lines.error(format!("{found} weights, expected {resources} as on the first vertex's line"))
            );
        }
    }
    Ok((weights, resources))
}

/// The text of a hypergraph, with both kinds of weights.
pub fn write(graph: &Hypergraph) -> String {
    let incidence = &graph.incidence;
    let mut text = format!("{} {} 11\n", incidence.nets(), incidence.vertices());
    let put = |text: &mut String, number: u64| {
        if !text.ends_with('\n') {
            text.push(' ');
        }
        write!(text, "{number}").expect("invariant: a string takes what is written");
    };
    for net in incidence.all_nets() {
        put(&mut text, graph.net_weight(net));
        incidence.pins_of(net).iter().for_each(|pin| put(&mut text, u64::from(pin.0) + 1));
        text.push('\n');
    }
    for vertex in incidence.all_vertices() {
        graph.weight(vertex).iter().for_each(|&weight| put(&mut text, weight));
        text.push('\n');
    }
    text
}

/// Reads a file of block numbers, one a vertex, counting from 0.
///
/// # Errors
/// [`Code::HypergraphInvalid`] with the line: not one number a vertex, or one of `count` or more.
pub fn parse_blocks(
    text: &str,
    name: &str,
    vertices: usize,
    count: usize,
) -> Result<Vec<BlockId>, Diagnostic> {
    let mut lines = HgrLines::new(text, name);
    let mut blocks = Vec::new();
    while let Some(mut words) = lines.next_full() {
        let block: u32 = lines.number(words.next().unwrap_or_default())?;
        if words.next().is_some() || block as usize >= count || blocks.len() == vertices {
            let message = format!("expected one block number below {count} on each of {vertices} lines");
            return Err(lines.error(message));
        }
        blocks.push(BlockId(block));
    }
    if blocks.len() != vertices {
        return Err(lines.error(format!("{} blocks, expected {vertices}, one a vertex", blocks.len())));
    }
    Ok(blocks)
}

/// The text of a file of block numbers.
pub fn write_blocks(blocks: &[BlockId]) -> String {
    blocks.iter().map(|block| format!("{}\n", block.0)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mapping::hypergraph::testing::random_graph;

    #[test]
    fn what_is_written_is_read_back() {
        for seed in 0..20 {
            let graph = random_graph(seed, 30, 20, 1 + seed as usize % 3);
            assert_eq!(parse(&write(&graph), "test").unwrap(), graph);
        }
        let blocks = [BlockId(2), BlockId(0), BlockId(1)];
        assert_eq!(parse_blocks(&write_blocks(&blocks), "test", 3, 3).unwrap(), blocks);
    }

    #[test]
    fn weights_and_comments_may_be_left_out() {
        let graph = parse("% a comment\n2 3\n1 2\n\n% another\n3 2 2\n", "test").unwrap();
        assert_eq!((graph.vertices(), graph.incidence.pins()), (3, 4));
        assert_eq!((graph.net_weights, graph.vertex_weights), (vec![1, 1], vec![1, 1, 1]));
    }

    #[test]
    fn hostile_files_are_refused_with_their_line() {
        let cases = [
            ("", 0, "the file ends"),
            ("2\n", 1, "header"),
            ("1 2 7\n1 2\n", 1, "fmt is `7`"),
            ("99999999999 2\n", 1, "cannot be in a file"),
            ("1 4000000000\n1 2\n", 1, "cannot be in a file"),
            ("-1 2\n", 1, "whole number"),
            ("1 2\n1 3\n", 2, "pin 3, expected 1 to 2"),
            ("1 2\n0\n", 2, "pin 0"),
            ("2 2\n1 2\n", 2, "expected net 2 of 2"),
            ("1 2 1\n18446744073709551616 1\n", 2, "whole number"),
            ("1 2 10\n1 2\n5 5\n5\n", 4, "1 weights, expected 2"),
            ("1 2 10\n1 2\n5\n", 3, "weight of vertex 2"),
            ("1 2\n1 2\n1 2\n", 3, "more lines"),
        ];
        for (text, line, message) in cases {
            let error = parse(text, "f.hgr").unwrap_err();
            assert_eq!(error.code, Code::HypergraphInvalid);
            assert_eq!(error.place, Place::line("f.hgr", line, None), "{text:?}");
            assert!(error.message.contains(message), "{text:?}: {}", error.message);
        }
        let heavy = format!("2 2 1\n{0} 1 2\n{0} 1 2\n", u64::MAX / 2);
        assert!(parse(&heavy, "f.hgr").unwrap_err().message.contains("overflow"));
        for text in ["0\n1\n", "0\n1\n2\n0\n", "0\n1\n9\n", "0 1\n1\n2\n", "0\nx\n1\n"] {
            assert!(parse_blocks(text, "f.part", 3, 3).is_err(), "{text:?}");
        }
    }
}
