//! Random meshes and packets for property tests: a failing case shrinks to few routers and few packets.

use std::ops::RangeInclusive;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use snnc_targets::Interconnect;
use snnc_targets::schema::RouterAllocation;
use snnc_targets::topology::Routing;

use super::plain::{ForkedPacket, PlannedPacket};
use super::{MeshLink, MeshSpec};

/// When a sink takes its next packet: from the packet's number and the cycle in which the packet before it left.
pub(super) type Accept = fn(usize, u64) -> u64;

/// A bounded number of cases, which are the same in every run.
pub(super) fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases,
        rng_seed: RngSeed::Fixed(31),
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

/// A link up to `slow` times as slow as the fastest ones.
fn link(slow: u64) -> impl Strategy<Value = MeshLink> {
    let fields = (1..=7 * slow, 1..=3 * slow, 1..=4_u64, 1..=5_u16);
    fields.prop_map(|(latency, interval, credit, buffer_flits)| MeshLink {
        latency,
        interval,
        credit,
        buffer_flits,
    })
}

/// Meshes of up to 5 x 5 routers with up to 4 cores each: chips, virtual channels, latencies and intervals.
pub(super) fn mesh(
    interconnect: impl Strategy<Value = Interconnect>,
    flits: RangeInclusive<u32>,
) -> impl Strategy<Value = MeshSpec> {
    let sizes = (1..=5_u32, 1..=5_u32, 2..=3_u32, 2..=3_u32, 1..=4_u32, 1..=3_u32);
    let packets = (prop_oneof![Just(1), flits], 0..=3_u64, 1..=2_u64);
    let links = (link(1), link(1), link(40), link(1), link(2));
    (interconnect, sizes, packets, links).prop_map(|(interconnect, sizes, packets, links)| {
        let (columns, rows, chip_columns, chip_rows, locals, virtual_channels) = sizes;
        let (flits_per_packet, router_latency, read_interval) = packets;
        let (east_west, north_south, chip, injection, delivery) = links;
        MeshSpec {
            columns,
            rows,
            interconnect,
            allocation: RouterAllocation::Joint,
            chip_columns,
            chip_rows,
            locals,
            virtual_channels: virtual_channels.max(interconnect.channel_classes()),
            flits_per_packet,
            router_latency,
            read_interval,
            east_west,
            north_south,
            chip,
            injection,
            delivery,
        }
    })
}

/// Every interconnect, and packets of up to 4 flits.
pub(super) fn any_mesh() -> impl Strategy<Value = MeshSpec> {
    use Interconnect::{MeshXy, MeshYx, TorusXy};
    mesh(prop_oneof![2 => Just(MeshXy), 1 => Just(MeshYx), 1 => Just(TorusXy)], 1..=4)
}

/// Every interconnect and packets of up to 4 flits, allocated in two stages.
pub(super) fn staged_mesh() -> impl Strategy<Value = MeshSpec> {
    any_mesh().prop_map(|spec| MeshSpec { allocation: RouterAllocation::Staged, ..spec }.at_least_one())
}

/// Meshes that go X first, and packets of one flit.
pub(super) fn one_flit_mesh() -> impl Strategy<Value = MeshSpec> {
    mesh(Just(Interconnect::MeshXy), 1..=1)
}

/// Few or many packets within so many cycles, ordered by time.
pub(super) fn packets(spec: &MeshSpec, cycles: u64) -> impl Strategy<Value = Vec<PlannedPacket>> + use<> {
    let ports = spec.routers() * spec.locals as usize;
    let packet = (0..ports, 0..ports, 0..cycles).prop_map(|(from, to, at)| PlannedPacket { from, to, at });
    let all = prop_oneof![vec(packet.clone(), 1..=10), vec(packet.clone(), 1..=100), vec(packet, 1..=800)];
    all.prop_map(|mut packets| {
        packets.sort_by_key(|packet| packet.at);
        packets
    })
}

/// A mesh with packets for it.
pub(super) fn loaded(
    mesh: impl Strategy<Value = MeshSpec>,
) -> impl Strategy<Value = (MeshSpec, Vec<PlannedPacket>)> {
    mesh.prop_flat_map(|spec| {
        let packets = packets(&spec, 60);
        (Just(spec), packets)
    })
}

/// Packets to up to 9 ports each, and now and then to most ports of the mesh, ordered by time.
pub(super) fn forked_packets(
    spec: &MeshSpec,
    most: usize,
) -> impl Strategy<Value = Vec<ForkedPacket>> + use<> {
    let ports = spec.routers() * spec.locals as usize;
    let ends = prop_oneof![15 => vec(0..ports, 1..=9), 1 => vec(0..ports, 4 * ports)];
    let ends = ends.prop_map(|mut ends| {
        ends.sort_unstable();
        ends.dedup();
        ends
    });
    let packet = (0..ports, ends, 0..40_u64).prop_map(|(from, to, at)| ForkedPacket { from, to, at });
    vec(packet, 1..=most).prop_map(|mut packets| {
        packets.sort_by_key(|packet| packet.at);
        packets
    })
}

/// Sinks that are ready at once, or that take longer for some packets.
pub(super) fn sinks() -> impl Strategy<Value = Accept> {
    let at_once: Accept = |_, left| left;
    let slower: Accept = |packet, left| left + packet as u64 % 9;
    prop_oneof![Just(at_once), Just(slower)]
}
