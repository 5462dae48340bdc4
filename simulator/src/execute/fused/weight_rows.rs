//! Synapses of fused slices from the receiving side: for each position, which weight rows a spike elsewhere brings.
//!
//! A source position that reaches a target position does so through a tap: one weight row for each of its channels.
//! Equal taps share rows, so a convolution's kernel is stored once however many positions it joins. The sums of a
//! position are then those of the rows of all spikes in its taps, and can stay in registers
//! ([`super::super::kernels::gather`]).

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::ops::Range;

use rayon::prelude::*;
use snnc_compiler::ir::program::{Program, WeightMemory};
use snnc_compiler::ir::{PopulationId, Shape};

use super::position_order::PositionOrder;
use super::slice_view::{SharedView, UnitConnection, WeightBlock};
use super::{FusedMember, memory};
use crate::counts::SliceTable;
use crate::execute::kernels::LANES;
use crate::execute::kernels::gather::WeightLine;

/// Pairs of positions beyond which fused slices get no rows: irregular networks, where no rows would be shared.
const PAIRS_MAX: usize = 1 << 20;
/// Bytes of rows that are never too many.
const BYTES_FREE: usize = 1 << 22;
/// Bytes of rows for each weight: beyond that, lines are mostly padding.
const BYTES_A_WEIGHT: usize = 8;
/// Bytes of a block's rows of which those of firing channels stay in the second-level cache.
const BLOCK_BYTES: usize = 1300 << 10;

/// Spikes of a population with one delay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stream {
    /// The population that fires.
    pub population: PopulationId,
    /// Timesteps from spike to integration.
    pub delay: u32,
}

/// Consecutive source positions in sight of a target position, whose rows follow each other as their neurons do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TapRun {
    /// Index into the streams.
    pub stream: u32,
    /// First position of the source population, row-major.
    pub first: u32,
    /// One past the last position.
    pub end: u32,
    /// Row of a neuron less its bit in a timestep's spikes, modulo 2^32.
    pub base: u32,
}

/// Consecutive lines of the fused slices, with rows of their own: what one task works on.
#[derive(Debug)]
pub struct LineBlock {
    /// First line.
    pub first: usize,
    /// Lines of a row: 1, 2, 3, 4 or 8. The last block's may go beyond the fused slices'.
    pub lines: usize,
    /// Rows, line after line.
    pub rows: Vec<WeightLine>,
}

/// What a spike costs in units of the fused slices, for channels of a stream that are alike.
#[derive(Debug)]
pub struct SpikeOperations {
    /// Index into the streams.
    pub stream: usize,
    /// Channels; none if all are alike.
    pub channels: Option<Vec<bool>>,
    /// Units by source position.
    pub units: Vec<u64>,
}

/// The receiving side of fused slices.
#[derive(Debug)]
pub struct WeightRows {
    /// Sources.
    pub streams: Vec<Stream>,
    /// Taps of position p: `taps[starts[p]..starts[p + 1]]`.
    pub starts: Vec<usize>,
    /// Ordered by target position.
    pub taps: Vec<TapRun>,
    /// Weights.
    pub blocks: Vec<LineBlock>,
    /// Synaptic operations of its sources' spikes.
    pub demands: Vec<SpikeOperations>,
    /// Pairs of a source neuron and a position that it reaches, once for each tap.
    pairs: u64,
}

/// Consecutive channels of a source position and where their rows are in the members' memories.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct ChannelRows {
    /// Which of the positions that lie together it reaches.
    together: u32,
    channel: u32,
    channels: u32,
    block: u32,
    /// Row of its first channel, and rows from one channel to the next.
    row: u32,
    stride: u32,
}

impl ChannelRows {
    /// Whether `other` goes on where this ends.
    fn joins(&self, other: &Self) -> bool {
        (other.together, other.block, other.stride) == (self.together, self.block, self.stride)
            && other.channel == self.channel + self.channels
            && other.row == self.row + self.channels * self.stride
    }
}

/// A piece between two positions.
#[derive(Debug, Clone, Copy)]
struct PositionPair {
    /// The target position, or all that lie together with it.
    target: u32,
    /// Index into the streams.
    stream: u32,
    position: u32,
    piece: ChannelRows,
}

impl WeightRows {
    /// Rows of fused slices whose lists hold whole positions; none if they would take too much memory.
    pub fn new(
        program: &Program,
        table: &SliceTable,
        shared: &SharedView,
        members: &[FusedMember],
        (lanes, order): (usize, &PositionOrder),
    ) -> Option<Self> {
        let streams = streams(program, table, shared);
        let pairs = pairs(program, table, shared, (&streams, order))?;
        let mut rows = Packing { program, next: 0, known: BTreeMap::new() };
        let ordered = ordered(&pairs);
        let target = |pair: u32| pairs[pair as usize].target;
        let mut targets: Vec<&[u32]> = ordered.chunk_by(|&a, &b| target(a) == target(b)).collect();
        // Rows are numbered as they are met. A position that sees the whole kernel meets all in order, so that those of
        // its neighbours, and of positions at an edge, follow each other as well.
        targets.sort_by_key(|of_target| std::cmp::Reverse(of_target.len()));
        let mut of_target: Vec<Vec<TapRun>> = vec![Vec::new(); order.locals.len() / order.together];
        for own in targets {
            of_target[target(own[0]) as usize] = rows.taps(&streams, &pairs, own)?;
        }
        let (mut starts, mut taps) = (vec![0], Vec::new());
        for own in of_target {
            taps.extend(own);
            starts.push(taps.len());
        }
        let lines = (lanes * order.together).div_ceil(LANES);
        let weights = shared.blocks.iter().map(|block| (block.atoms * block.taps) as usize).sum::<usize>();
        if rows.next as usize * lines * LANES > BYTES_FREE.max(BYTES_A_WEIGHT * weights * lanes) {
            return None;
        }
        let demands = demands(program, &streams, &pairs);
        let blocks = rows.blocks(table, members, lines, lanes);
        let pairs = pairs.iter().map(|pair| u64::from(pair.piece.channels)).sum();
        Some(Self { streams, starts, taps, blocks, demands, pairs })
    }

    /// Synapses of one of its lanes.
    pub fn synapses(&self) -> u64 {
        self.pairs
    }
}

/// What the connections bring, ascending.
fn streams(program: &Program, table: &SliceTable, shared: &SharedView) -> Vec<Stream> {
    let of = |connection| stream(program, table, connection);
    let mut streams: Vec<Stream> = shared.connections.iter().map(of).collect();
    streams.sort_unstable();
    streams.dedup();
    streams
}

fn stream(program: &Program, table: &SliceTable, connection: &UnitConnection) -> Stream {
    let population = table.slice(program, connection.source).slice.population;
    Stream { population, delay: connection.delay }
}

/// All pieces between two positions, in the order of the connections; none if there are too many, or if a list joins
/// some source channels alone: a row for each of the others would hold zeros.
fn pairs(
    program: &Program,
    table: &SliceTable,
    shared: &SharedView,
    (streams, order): (&[Stream], &PositionOrder),
) -> Option<Vec<PositionPair>> {
    let (mut pairs, places, together) = (Vec::new(), order.places(), order.together as u32);
    for connection in &shared.connections {
        let slice = &table.slice(program, connection.source).slice;
        let Shape { channels, width, .. } = program.model.populations[slice.population].shape;
        let width = width as u32;
        let own = stream(program, table, connection);
        let stream = streams.partition_point(|&other| other < own) as u32;
        for (local, axon) in connection.axons.iter().enumerate() {
            let Some(axon) = axon else { continue };
            let (y, x) = slice.coordinates(local as u32);
            let list = &shared.lists[axon.list];
            let WeightBlock { atoms, taps: stride } = shared.blocks[list.block];
            if atoms as usize != channels || list.shift > 0 {
                return None;
            }
            for run in &list.runs {
                pairs.extend((0..run.len).map(|i| {
                    let place = places[(axon.target + run.target + i) as usize];
                    PositionPair {
                        target: place / together,
                        stream,
                        position: y * width + x,
                        piece: ChannelRows {
                            together: place % together,
                            channel: slice.channels.start,
                            channels: slice.atoms(),
                            block: list.block as u32,
                            row: axon.first_atom * stride + run.weight + i,
                            stride,
                        },
                    }
                }));
            }
            if pairs.len() > PAIRS_MAX {
                return None;
            }
        }
    }
    Some(pairs)
}

/// The pairs by target, stream and position: sorted by each in turn, the last first, which keeps the order of the
/// others.
fn ordered(pairs: &[PositionPair]) -> Vec<u32> {
    let mut order: Vec<u32> = (0..pairs.len() as u32).collect();
    for key in [
        |pair: &PositionPair| pair.position,
        |pair: &PositionPair| pair.stream,
        |pair: &PositionPair| pair.target,
    ] {
        let most = pairs.iter().map(key).max().unwrap_or(0) as usize;
        let mut places = vec![0u32; most + 2];
        pairs.iter().for_each(|pair| places[key(pair) as usize + 1] += 1);
        (0..=most).for_each(|value| places[value + 1] += places[value]);
        let mut next = vec![0; order.len()];
        for pair in order {
            let place = &mut places[key(&pairs[pair as usize]) as usize];
            next[*place as usize] = pair;
            *place += 1;
        }
        order = next;
    }
    order
}

/// Channels once each, joined where their rows go on; a second projection between the same positions is a second layer.
fn layers(pieces: Vec<ChannelRows>) -> Vec<Vec<ChannelRows>> {
    let mut layers: Vec<Vec<ChannelRows>> = Vec::new();
    for piece in pieces {
        let free = |layer: &Vec<ChannelRows>| {
            layer.last().is_none_or(|last| {
                (last.together, last.channel + last.channels) <= (piece.together, piece.channel)
            })
        };
        let found = layers.iter().position(free).unwrap_or_else(|| {
            layers.push(Vec::new());
            layers.len() - 1
        });
        let layer = &mut layers[found];
        match layer.last_mut() {
            Some(last) if last.joins(&piece) => last.channels += piece.channels,
            _ => layer.push(piece),
        }
    }
    layers
}

/// Units of every spike.
fn demands(program: &Program, streams: &[Stream], pairs: &[PositionPair]) -> Vec<SpikeOperations> {
    let shapes: Vec<Shape> =
        streams.iter().map(|stream| program.model.populations[stream.population].shape).collect();
    // By stream, `[channel][position]`: units more than the channel before has.
    let mut steps: Vec<Vec<i64>> =
        shapes.iter().map(|shape| vec![0; (shape.channels + 1) * shape.positions()]).collect();
    for PositionPair { stream, position, piece, .. } in pairs {
        let (steps, positions) = (&mut steps[*stream as usize], shapes[*stream as usize].positions());
        let at = |channel: u32| channel as usize * positions + *position as usize;
        steps[at(piece.channel)] += 1;
        steps[at(piece.channel + piece.channels)] -= 1;
    }
    let mut demands = Vec::new();
    for (stream, (shape, steps)) in shapes.iter().zip(steps).enumerate() {
        let mut units = vec![0i64; shape.positions()];
        let mut alike: BTreeMap<Vec<u64>, Vec<bool>> = BTreeMap::new();
        for (channel, steps) in steps.chunks_exact(shape.positions().max(1)).take(shape.channels).enumerate()
        {
            units.iter_mut().zip(steps).for_each(|(units, step)| *units += step);
            if units.iter().any(|&units| units != 0) {
                let units = units.iter().map(|units| units.unsigned_abs()).collect();
                alike.entry(units).or_insert_with(|| vec![false; shape.channels])[channel] = true;
            }
        }
        demands.extend(alike.into_iter().map(|(units, channels)| {
            let channels = (!channels.iter().all(|&flag| flag)).then_some(channels);
            SpikeOperations { stream, channels, units }
        }));
    }
    demands
}

/// Rows in the making.
struct Packing<'p> {
    program: &'p Program,
    next: u32,
    /// First row by channels; each has a row for every channel of its population.
    known: BTreeMap<(PopulationId, Vec<ChannelRows>), u32>,
}

/// Runs of taps to which the next position is looked for: projections that lie side by side.
const RUNS_OPEN: usize = 4;

impl Packing<'_> {
    /// The taps of a target position, of its pairs in order; none if there are too many rows to number.
    fn taps(&mut self, streams: &[Stream], pairs: &[PositionPair], own: &[u32]) -> Option<Vec<TapRun>> {
        let mut taps: Vec<TapRun> = Vec::new();
        let between = |pair: u32| (pairs[pair as usize].stream, pairs[pair as usize].position);
        for same in own.chunk_by(|&a, &b| between(a) == between(b)) {
            let (stream, position) = between(same[0]);
            let population = streams[stream as usize].population;
            let channels = self.program.model.populations[population].shape.channels as u32;
            let mut pieces: Vec<ChannelRows> = same.iter().map(|&pair| pairs[pair as usize].piece).collect();
            pieces.sort_unstable();
            for pieces in layers(pieces) {
                let row = self.base(streams[stream as usize], pieces)?;
                let base = row.wrapping_sub(position.wrapping_mul(channels));
                let goes_on = |run: &&mut TapRun| (run.stream, run.end, run.base) == (stream, position, base);
                match taps.iter_mut().rev().take(RUNS_OPEN).find(goes_on) {
                    Some(run) => run.end += 1,
                    None => taps.push(TapRun { stream, first: position, end: position + 1, base }),
                }
            }
        }
        Some(taps)
    }

    /// First row of a tap; none if there are too many to number.
    fn base(&mut self, stream: Stream, pieces: Vec<ChannelRows>) -> Option<u32> {
        let channels = self.program.model.populations[stream.population].shape.channels as u32;
        match self.known.entry((stream.population, pieces)) {
            Entry::Occupied(known) => Some(*known.get()),
            Entry::Vacant(new) => {
                let base = self.next;
                self.next = base.checked_add(channels)?;
                Some(*new.insert(base))
            }
        }
    }

    /// Copies the members' weights, lanes side by side, `each` of a position.
    fn blocks(
        self,
        table: &SliceTable,
        members: &[FusedMember],
        lines: usize,
        each: usize,
    ) -> Vec<LineBlock> {
        let wide = block_lines(lines, self.next as usize);
        let block = |index| {
            let first = index * wide;
            let lanes = first * LANES..(first + wide) * LANES;
            let mut start = 0;
            let mut shares = Vec::new();
            for member in members {
                let own = start..start + member.unit as usize;
                start = own.end;
                let part = own.start.max(lanes.start)..own.end.min(lanes.end);
                if !part.is_empty() {
                    let weights = memory(self.program, table, member);
                    let skipped = part.start - own.start;
                    let lanes = part.start - lanes.start..part.end - lanes.start;
                    shares.push(MemberLanes { member, weights, skipped, lanes });
                }
            }
            LineBlock { first, lines: wide, rows: self.rows(&shares, wide, each) }
        };
        (0..lines.div_ceil(wide)).into_par_iter().map(block).collect()
    }

    /// Rows of `wide` lines; `each` lanes of a position, if several lie together. Fused slices with weights of more
    /// than 8 bits have none.
    fn rows(&self, shares: &[MemberLanes], wide: usize, each: usize) -> Vec<WeightLine> {
        let mut rows = vec![WeightLine::ZERO; self.next as usize * wide];
        let mut lanes = Vec::new();
        for ((population, pieces), &base) in &self.known {
            let channels = self.program.model.populations[*population].shape.channels;
            lanes.clear();
            lanes.resize(channels * wide, [0; LANES]);
            for piece in pieces {
                let first = piece.together as usize * each;
                for i in 0..piece.channels {
                    let to = (piece.channel + i) as usize * wide;
                    let lanes = lanes[to..to + wide].as_flattened_mut();
                    for MemberLanes { member, weights, skipped, lanes: own } in shares {
                        let row =
                            member.bases[piece.block as usize] + (piece.row + i * piece.stride) * member.unit;
                        let from = row as usize + skipped;
                        let to = &mut lanes[first + own.start..first + own.end];
                        weights.slice(from..from + own.len()).copy_to(to);
                    }
                }
            }
            let rows = rows[base as usize * wide..].iter_mut().zip(&lanes);
            rows.for_each(|(row, lanes)| *row = WeightLine::new(lanes));
        }
        rows
    }
}

/// A member's part in a block: the block's lanes that it fills, and how many of its own come before them in each row. A
/// slice that the host alone feeds has no row, and its core's memory may be shorter than one.
struct MemberLanes<'p> {
    member: &'p FusedMember,
    weights: &'p WeightMemory,
    skipped: usize,
    lanes: Range<usize>,
}

/// Lines of a block: few blocks, so that a position's rows are listed few times, with few lines beyond the fused
/// slices', and rows that stay in the cache.
fn block_lines(lines: usize, rows: usize) -> usize {
    let fits =
        |wide: usize| wide == 1 || (lines >= wide && rows * wide * size_of::<WeightLine>() <= BLOCK_BYTES);
    // Listing a position's rows takes about as long as summing them in one line.
    let cost = |wide: usize| lines.div_ceil(wide) * (wide + 1);
    [8, 4, 3, 2, 1].into_iter().filter(|&wide| fits(wide)).min_by_key(|&wide| cost(wide)).unwrap_or(1)
}
