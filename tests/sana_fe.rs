//! Mapped networks as SANA-FE's files: every synapse of the spiking IR is an edge with its weight, every neuron is
//! described and placed once; what cannot be said is refused by name.
//!
//! That SANA-FE makes the same of them is in `benches/vs_sana_fe.sh`.

#![cfg(unix)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::common::process::{fails, ok, snnc};
use snnc::sana_fe::{SanaFe, describe};
use snnc::{CompileOptions, Model, Program};
use snnc_compiler::ir::spiking::{Connectivity, Projection, SpikingIr};
use snnc_compiler::ir::{NetworkId, PopulationId};

const MODEL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/feed-forward/model.ron");

/// Population and neuron.
type EdgeEnd = (u32, usize);

fn compiled() -> Program {
    let target = snnc::target("loihi-like-sanafe").unwrap();
    Model::load(MODEL).unwrap().compile(&target, &CompileOptions::default()).unwrap()
}

/// Source, target and weight of every synapse of a projection, `[c, h, w]`.
fn synapses(ir: &SpikingIr, projection: &Projection) -> Vec<(usize, usize, i16)> {
    let [from, to] = [projection.source, projection.target].map(|id| ir.model.populations[id].shape);
    let conv = match &projection.connectivity {
        Connectivity::Sparse(sparse) => {
            let row = |source: usize| sparse.row(source).map(move |(target, w)| (source, target as usize, w));
            return (0..from.len()).flat_map(row).collect();
        }
        Connectivity::Conv(conv) => conv,
    };
    let mut all = Vec::new();
    for source in 0..from.len() {
        let (c, position) = (source / from.positions(), source % from.positions());
        for (ky, kx) in (0..conv.kernel.height).flat_map(|ky| (0..conv.kernel.width).map(move |kx| (ky, kx)))
        {
            let y = conv.map.rows.target(position / from.width, ky);
            let x = conv.map.cols.target(position % from.width, kx);
            let (Some(y), Some(x)) = (y, x) else { continue };
            let targets = conv.kernel.channels.targets_of(c).zip(conv.kernel.row(c, ky, kx));
            all.extend(targets.map(|(o, &weight)| (source, to.at(o, y, x), weight)));
        }
    }
    all
}

/// `pID_name.neuron`, without the name.
fn neuron(text: &str) -> (u32, usize) {
    let (group, own) = text.trim().split_once('.').unwrap();
    (group[1..].split('_').next().unwrap().parse().unwrap(), own.parse().unwrap())
}

/// Lines of a section of the network file.
fn section<'t>(described: &'t SanaFe, from: &str, to: &str) -> Vec<&'t str> {
    let text = &described.network;
    let text = &text[text.find(from).unwrap() + from.len()..];
    text[..text.find(to).unwrap_or(text.len())].lines().filter(|line| line.contains(": [")).collect()
}

#[test]
fn edges_are_the_synapses_of_the_spiking_ir_and_neurons_are_placed_once() {
    let program = compiled();
    let ir = program.spiking().unwrap();
    for (network, input) in [(NetworkId(0), vec![0.25; 144]), (NetworkId(1), vec![-0.5; 64])] {
        let described = describe(program.mapped(), network, Some(&input)).unwrap();
        let mut expected: BTreeMap<(EdgeEnd, EdgeEnd), f64> = BTreeMap::new();
        for projection in ir.projections.values() {
            let (source, target) = (&ir.model.populations[projection.source], projection.target);
            if source.network == network {
                let unit = f64::from(1u32 << ir.model.populations[target].input_shift) / 64.0;
                for (from, to, weight) in synapses(ir, projection) {
                    expected.insert(((projection.source.0, from), (target.0, to)), f64::from(weight) * unit);
                }
            }
        }
        let edge = |line: &&str| {
            let (ends, weight) =
                line.trim_start_matches(" ").trim_start_matches("- ").split_once(": [weight: ").unwrap();
            let (from, to) = ends.split_once(" -> ").unwrap();
            ((neuron(from), neuron(to)), weight.trim_end_matches(']').parse().unwrap())
        };
        let edges: Vec<_> = section(&described, "edges:", "mappings:").iter().map(edge).collect();
        assert_eq!((edges.len() as u64, edges.len()), (described.edges, expected.len()));
        assert!(edges.len() > 1_000);
        assert_eq!(edges.into_iter().collect::<BTreeMap<_, f64>>(), expected);

        let placed = section(&described, "mappings:", "\n\n");
        let neurons: BTreeSet<_> = placed
            .iter()
            .map(|line| neuron(line.trim().trim_start_matches("- ").split(':').next().unwrap()))
            .collect();
        let all = ir.model.populations_of(network);
        let all: BTreeSet<_> = all.flat_map(|(id, p)| (0..p.shape.len()).map(move |i| (id.0, i))).collect();
        assert_eq!((placed.len(), &neurons), (all.len(), &all));
        assert_eq!(described.neurons, all.len() as u64);
        let text = described.notes.join("\n");
        assert!(text.contains("run in a part of them"), "{text}");
    }
}

#[test]
fn thresholds_and_biases_are_those_of_the_integers() {
    let program = compiled();
    let model = &program.mapped().model;
    let input: Vec<f64> = (0..64).map(|i| i as f64 / 64.0).collect();
    let described = describe(program.mapped(), NetworkId(1), Some(&input)).unwrap();
    let (id, first) = model.populations_of(NetworkId(1)).next().unwrap();
    let host = model.inputs.iter().find(|host| host.population == id).unwrap();
    // The first layer is a 1 x 1 convolution: its current is weight x + bias.
    let current = host.current(&input);
    let lines = section(&described, "groups:", &format!("- name: p{}_", id.0 + 1));
    assert_eq!(lines.len(), first.shape.len());
    for (line, current) in lines.iter().zip(current) {
        let number = |key: &str| -> f64 {
            let text = &line[line.find(key).unwrap() + key.len()..];
            text[..text.find([',', '}']).unwrap()].trim().parse().unwrap()
        };
        assert_eq!(number("threshold:"), f64::from(first.dynamics.thresholds()[0]));
        assert_eq!(number("leak_decay:"), 1.0);
        // Rounded to the grid of biases, of which a bias of 13 bits is off by half a unit in the last place.
        let exact = current * host.scale[0] / 64.0;
        assert!((number("bias:") - exact).abs() <= exact.abs() / 4096.0 + 1.0 / 64.0, "{line}: {exact}");
    }
    let no_input = describe(program.mapped(), NetworkId(1), None).unwrap_err();
    assert!(no_input.to_string().contains("--input"), "{no_input}");
}

#[test]
fn the_command_writes_a_folder_and_refuses_what_sana_fe_cannot_hold() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name).into_os_string().into_string().unwrap();
    let (program, out) = (file("m.snnx"), file("out"));
    ok(&mut snnc(["compile", MODEL, "--target", "loihi-like-sanafe", "-o", &program]));
    let values: Vec<u8> = (0..64).flat_map(|i| (i as f32 / 64.0).to_le_bytes()).collect();
    let header = "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 1, 1, 64), }";
    let mut npy = [b"\x93NUMPY\x01\x00".as_slice(), &118u16.to_le_bytes(), header.as_bytes()].concat();
    npy.resize(127, b' ');
    npy.push(b'\n');
    std::fs::write(folder.path().join("x.npy"), [npy, values].concat()).unwrap();
    let export = ["export", &program, "--to", "sana-fe", "--network", "irregular", "-o", &out];
    fails(&mut snnc(export), "E0021", "--input");
    let input = file("x.npy");
    let said = ok(snnc(export).args(["--input", &input]));
    let said = String::from_utf8(said.stdout).unwrap();
    assert!(said.contains("edges, 1") && said.contains("note: SANA-FE"), "{said}");
    let chip = std::fs::read_to_string(Path::new(&out).join("arch.yaml")).unwrap();
    for line in [
        "width: 8",
        "energy_message_out: 111e-12",
        "energy_update_neuron: 21.6e-12",
        "model: leaky_integrate_fire",
    ] {
        assert!(chip.contains(line), "{chip}");
    }
    fails(snnc(export).args(["--input", &input, "--sample", "1"]), "E0021", "--sample");
    fails(snnc(export).args(["--input", &input, "--weights", "4"]), "E0021", "--weights");
    fails(&mut snnc(["export", MODEL, "--to", "sana-fe", "-o", &out]), "E0021", "compiled program");
    fails(
        &mut snnc(["export", MODEL, "--to", "hgr", "--input", &input, "-o", &file("x.hgr")]),
        "E0021",
        "--input",
    );
    let unlike = file("u.snnx");
    ok(&mut snnc(["compile", MODEL, "--target", "spinnaker2-like", "-o", &unlike]));
    fails(
        snnc(["export", &unlike, "--to", "sana-fe", "--network", "irregular", "-o", &out])
            .args(["--input", &input]),
        "E0011",
        "spinnaker2-like",
    );
}

/// Kept so that a population's number in a group's name is the one of the IR.
#[test]
fn groups_are_named_after_populations() {
    let program = compiled();
    let described = describe(program.mapped(), NetworkId(0), Some(&[0.0; 144])).unwrap();
    let named = |(id, p): (PopulationId, &snnc_compiler::ir::spiking::Population)| {
        format!("- name: p{}_{}", id.0, p.name.replace('.', "_"))
    };
    for name in program.mapped().model.populations_of(NetworkId(0)).map(named) {
        assert!(described.network.contains(&name), "{name}");
    }
}
