//! Neurons, expanded synapses and the mapping as SANA-FE's network file.
//!
//! Synapses are read from the cores' memories by the routes, as a packet finds them. A potential is a membrane / 64.

use std::fmt::Write;

use snnc_compiler::ir::program::{AxonDestination, Core, Program};
use snnc_compiler::ir::spiking::{Bias, HostInput, NeuronModel, Population};
use snnc_compiler::ir::{CoreId, NetworkId, PopulationId};
use snnc_simulator::execute::host_input;
use snnc_targets::{Code, Diagnostic, Subject};

use super::EDGES_MAX;

/// Membrane units of a unit of SANA-FE's potential.
const UNIT: f64 = 64.0;

/// The network file, and its size.
pub(super) struct Described {
    pub text: String,
    pub edges: u64,
    pub neurons: u64,
    /// Most input neurons of a core.
    pub inputs: usize,
}

pub(super) fn describe(
    program: &Program,
    network: NetworkId,
    input: Option<&[f64]>,
    notes: &mut Vec<String>,
) -> Result<Described, Diagnostic> {
    let model = &program.model;
    let edges = edges(program, network)?;
    let (mut text, mut mapping) = (String::new(), String::new());
    let _ = write!(text, "network:\n  name: {}\n  groups:\n", word(&model.networks[network].name));
    let (mut neurons, mut inputs) = (0, 0);
    for (id, population) in model.populations_of(network) {
        let _ = writeln!(text, "    - name: {}\n      neurons:", group(id, population));
        neurons += population.shape.len() as u64;
        if population.dynamics.is_port() {
            inputs = population.shape.len();
            input_neurons(&mut text, population, given(program, network, input, population.window.steps)?);
        } else {
            let biases = biases(program, network, (id, population), input)?;
            spiking_neurons(&mut text, program, (id, population), &biases)?;
        }
    }
    text += "  edges:\n";
    text += &edges.text;
    text += "mappings:\n";
    for (core, content) in program.cores.iter() {
        place(&mut mapping, program, network, core, content);
    }
    text += &mapping;
    noted(program, network, notes);
    Ok(Described { text, edges: edges.count, neurons, inputs })
}

/// What SANA-FE does otherwise with this network.
fn noted(program: &Program, network: NetworkId, notes: &mut Vec<String>) {
    let populations = || program.model.populations_of(network).map(|(_, p)| p);
    let last = populations().map(|p| p.window.end()).max().unwrap_or(0);
    let partial = populations().filter(|p| p.window.start > 0 || p.window.end() < last);
    let names: Vec<&str> = partial.filter(|p| !p.dynamics.is_port()).map(|p| p.name.as_str()).collect();
    if !names.is_empty() {
        notes.push(format!(
            "SANA-FE updates all neurons in all {last} timesteps; here {} run in a part of them",
            names.join(", ")
        ));
    }
    if populations().any(|p| p.dynamics.is_port()) {
        notes.push("SANA-FE charges the making of packets for spikes from outside too".into());
    }
    notes.push(
        "SANA-FE sends one message a spike and core, whatever the projections, and knows no overflow".into(),
    );
}

/// The synapses as edges.
struct Edges {
    text: String,
    count: u64,
}

fn edges(program: &Program, network: NetworkId) -> Result<Edges, Diagnostic> {
    let model = &program.model;
    let slices = || {
        let all = program.cores.values().flat_map(|core| &core.slices);
        all.filter(|placed| model.populations[placed.slice.population].network == network)
    };
    let mut edges = Edges { text: String::new(), count: 0 };
    for placed in slices() {
        let slice = &placed.slice;
        let population = &model.populations[slice.population];
        for position in 0..slice.positions() {
            let (y, x) = slice.coordinates(position);
            for to in placed.routes(position) {
                let delay = program.cores[to.core].axons[to.axon as usize].delay;
                if delay != 1 {
                    let message = format!("its spikes act after {delay} timesteps, SANA-FE's after one");
                    return Err(refused(program, slice.population, message));
                }
                for atom in 0..slice.atoms() {
                    let channel = (slice.channels.start + atom) as usize;
                    let own = population.outside(population.shape.at(channel, y as usize, x as usize));
                    let source = format!("{}.{own}", group(slice.population, population));
                    edges.of_packet(program, *to, atom, &source)?;
                }
            }
        }
    }
    Ok(edges)
}

impl Edges {
    /// The synapses that a packet of an atom meets at an axon.
    fn of_packet(
        &mut self,
        program: &Program,
        to: AxonDestination,
        atom: u32,
        source: &str,
    ) -> Result<(), Diagnostic> {
        let core = &program.cores[to.core];
        let axon = &core.axons[to.axon as usize];
        for entry in core.entries(axon) {
            let list = &core.lists[entry.list as usize];
            let (row, behind) = list.row(axon.first_atom + atom);
            for run in &list.runs {
                self.count += u64::from(run.len);
                if self.count > EDGES_MAX {
                    let message =
                        format!("more than {EDGES_MAX} synapses, each an edge of about 750 bytes in SANA-FE");
                    return Err(Diagnostic::new(
                        Code::Unsupported,
                        Subject::Program(program.model.name.clone()),
                        message,
                    )
                    .hint("export a smaller network"));
                }
                for i in 0..run.len {
                    let weight = core.weights.at((row + run.weight + i) as usize);
                    if weight == 0 && program.target.skips_zeros() {
                        continue;
                    }
                    let (group, target, shift) = local(program, core, entry.target + behind + run.target + i);
                    let weight = f64::from(weight) * f64::from(1u32 << shift) / UNIT;
                    let _ = writeln!(self.text, "    - {source} -> {group}.{target}: [weight: {weight}]");
                }
            }
        }
        Ok(())
    }
}

/// Group, number and input shift of a core's neuron.
fn local(program: &Program, core: &Core, neuron: u32) -> (String, usize, u32) {
    let after = core.slices.partition_point(|placed| placed.first_neuron <= neuron);
    let placed = &core.slices[after - 1];
    let (inner, atoms) = (neuron - placed.first_neuron, placed.slice.atoms());
    let (y, x) = placed.slice.coordinates(inner / atoms);
    let channel = (placed.slice.channels.start + inner % atoms) as usize;
    let population = &program.model.populations[placed.slice.population];
    let own = population.outside(population.shape.at(channel, y as usize, x as usize));
    (group(placed.slice.population, population), own, population.input_shift)
}

/// Where the neurons of a core are, in the order in which it updates them. Tiles count down the columns.
fn place(text: &mut String, program: &Program, network: NetworkId, core: CoreId, content: &Core) {
    let topology = program.topology();
    let site = program.sites[core];
    let tile = topology.tile_of(site);
    let place = format!("{}.{}", tile.x * topology.height() + tile.y, site.0 % topology.cores_per_tile);
    for placed in &content.slices {
        let population = &program.model.populations[placed.slice.population];
        if population.network != network {
            continue;
        }
        for inner in 0..placed.slice.neurons() {
            let (name, own, _) = local(program, content, placed.first_neuron + inner);
            let soma =
                if population.dynamics.is_port() { format!("inputs[{own}]") } else { "neurons".into() };
            let _ = writeln!(text, "  - {name}.{own}: [core: {place}, soma: \"{soma}\"]");
        }
    }
}

fn input_neurons(text: &mut String, population: &Population, spikes: &[f64]) {
    for neuron in 0..population.shape.len() {
        let own = spikes.iter().skip(neuron).step_by(population.shape.len());
        let own: Vec<&str> = own.map(|&value| if value == 1.0 { "1" } else { "0" }).collect();
        let _ = writeln!(text, "        - {neuron}: [log_spikes: true, spikes: [{}]]", own.join(", "));
    }
}

fn spiking_neurons(
    text: &mut String,
    program: &Program,
    (id, population): (PopulationId, &Population),
    biases: &[i32],
) -> Result<(), Diagnostic> {
    let format = &program.model.neuron;
    let soft = match &population.dynamics {
        NeuronModel::Lif { reset, .. } => *reset != Default::default(),
        NeuronModel::Integrator { .. } => false,
        other => return Err(refused(program, id, format!("SANA-FE has no neurons of {}", other.describe()))),
    };
    let whole = f64::from(1u32 << format.decay_bits);
    let leak = (whole - f64::from(population.dynamics.decay())) / whole;
    let reset = if soft { "soft" } else { "hard" };
    for (neuron, &bias) in biases.iter().enumerate() {
        let threshold = population.dynamics.thresholds().get(neuron / population.shape.positions());
        let threshold = threshold.map_or(f64::from(u32::MAX), |&mantissa| {
            let threshold = f64::from(mantissa) * f64::from(1u32 << format.threshold_shift);
            // SANA-FE fires above the threshold only.
            (threshold - f64::from(u8::from(!format.strict))) / UNIT
        });
        if soft && !format.strict {
            let message = "SANA-FE takes off what it compares with, which on this chip is one more".into();
            return Err(refused(program, id, message));
        }
        let bias = f64::from(bias) / UNIT;
        let _ = writeln!(
            text,
            "        - {neuron}: [log_spikes: true, soma: {{threshold: {threshold}, leak_decay: {leak}, bias: {bias}, \
             reset_mode: {reset}}}]"
        );
    }
    Ok(())
}

/// Biases of a population as the outside numbers its neurons.
fn biases(
    program: &Program,
    network: NetworkId,
    (id, population): (PopulationId, &Population),
    input: Option<&[f64]>,
) -> Result<Vec<i32>, Diagnostic> {
    let own: Vec<i32> = match &population.bias {
        Bias::Zero => vec![0; population.shape.len()],
        Bias::Channel(values) => values.iter().flat_map(|&b| vec![b; population.shape.positions()]).collect(),
        Bias::Neuron(values) => values.clone(),
        Bias::Host => {
            let host: Option<&HostInput> = program.model.inputs.iter().find(|host| host.population == id);
            let input = given(program, network, input, 1)?;
            host.map(|host| host_input::biases(&program.model, host, input).0).unwrap_or_default()
        }
    };
    let mut outside = vec![0; own.len()];
    own.into_iter().enumerate().for_each(|(neuron, bias)| outside[population.outside(neuron)] = bias);
    Ok(outside)
}

/// The input, which a network that is fed needs: `steps` times its shape.
fn given<'i>(
    program: &Program,
    network: NetworkId,
    input: Option<&'i [f64]>,
    steps: u32,
) -> Result<&'i [f64], Diagnostic> {
    let model = &program.model;
    let of_host = model.inputs.iter().find(|host| model.populations[host.population].network == network);
    let shape = of_host.map(|host| host.input).or_else(|| Some(model.port_of(network)?.1.shape));
    let wanted = shape.map_or(0, |shape| shape.len() * steps as usize);
    let problem = |message: String| {
        let place = Subject::Network(model.networks[network].name.clone());
        Diagnostic::new(Code::Argument, place, message)
    };
    match input {
        Some(values) if values.len() == wanted => Ok(values),
        Some(values) => Err(problem(format!("an input of {} values, expected {wanted}", values.len()))),
        None => Err(problem("is fed, so its stimulus is needed".into()).hint("give one with --input")),
    }
}

fn refused(program: &Program, population: PopulationId, message: String) -> Diagnostic {
    Diagnostic::new(Code::Unsupported, program.model.layer_place(population), message)
        .hint("`snnc simulate` runs it; SANA-FE cannot")
}

/// A population's name there.
fn group(id: PopulationId, population: &Population) -> String {
    format!("p{}_{}", id.0, word(&population.name))
}

/// A name of letters, digits and underscores.
fn word(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect()
}
