//! Notes at the end of a report: what its numbers rest on and what they leave out.

use snnc_simulator::time::Fidelity;
use snnc_targets::EnergyEvent;

use super::ReportInput;
use super::data::EnergyConstant;

/// What a reader should know about the numbers.
pub(super) fn notes(input: &ReportInput, constants: &[EnergyConstant]) -> Vec<String> {
    let mut notes = vec![assumed_note(constants)];
    notes.extend(range_note(input, constants));
    notes.extend(input.program.target.operating_point.as_ref().map(ToString::to_string));
    notes.extend(repeated_note(input));
    notes.extend(packets_note(input));
    notes.push(match input.run.total.fidelity {
        Fidelity::None => "time was not modelled, so static energy is not charged".into(),
        Fidelity::Analytic => {
            "time is a bottleneck formula, a lower bound; static energy follows from it and covers every chip \
             present and all its cores, whether used or not"
                .into()
        }
        Fidelity::Cycle { every: 1 } => {
            "every packet of every timestep was simulated; static energy follows from that time and covers every \
             chip present, whether used or not"
                .into()
        }
        Fidelity::Cycle { every } => format!(
            "one timestep of {every} was simulated, the others were estimated; the times of {} and {}s scatter more \
             than the total",
            if input.generates() { "iterations" } else { "passes" },
            if input.generates() { "image" } else { "sample" }
        ),
    });
    let o = input.overflows();
    if (o.accumulator, o.state, o.bias) != (0, 0, 0) {
        notes.push(format!(
            "values left their width: {} input sums, {} membranes, {} biases",
            o.accumulator, o.state, o.bias
        ));
    }
    notes
}

/// How much of the energy rests on assumed energy constants.
fn assumed_note(constants: &[EnergyConstant]) -> String {
    let sum = |c: &dyn Fn(&EnergyConstant) -> bool| {
        constants.iter().filter(|k| c(k)).map(|k| k.energy_j).sum::<f64>()
    };
    let (assumed, all) = (sum(&|k| k.provenance == "assumed"), sum(&|_| true));
    let share = if all > 0.0 { 100.0 * assumed / all } else { 0.0 };
    format!("{share:.1} % of the energy rests on assumed energy constants")
}

/// What a chip does beyond what its network asks for, where it repeats work; no note elsewhere.
fn repeated_note(input: &ReportInput) -> Option<String> {
    if !input.program.target.axons.repeats_work() {
        return None;
    }
    let charged = |event| super::units::count(input.run.total.charged.events(event) as u64);
    let network = input.run.total.tally.total().total().events;
    let updates = network[EnergyEvent::NeuronUpdateActive] + network[EnergyEvent::NeuronUpdateInactive];
    let asked = |count| super::units::count(count);
    Some(format!(
        "the chip repeats work for copies of neurons and bits of weights, and energy is charged for that: {} synaptic \
         events for {} synaptic operations of the network, {} updates that find a neuron active and {} that do not for \
         {} updates, {} host writes for {}",
        charged(EnergyEvent::SynapticOperation),
        asked(network[EnergyEvent::SynapticOperation]),
        charged(EnergyEvent::NeuronUpdateActive),
        charged(EnergyEvent::NeuronUpdateInactive),
        asked(updates),
        charged(EnergyEvent::HostWrite),
        asked(network[EnergyEvent::HostWrite])
    ))
}

/// How many packets go to cores that the same spike is sent to already, and what they cost; no note where none does.
fn packets_note(input: &ReportInput) -> Option<String> {
    let packets = super::mapped::packets_of_spikes(input.program);
    let times = packets.sent as f64 / packets.neurons_and_cores.max(1) as f64;
    (packets.sent > packets.neurons_and_cores).then(|| {
        let energy = &input.program.target.energy;
        let free = energy.axon_in_pj.0 + energy.axon_out_pj.0 == 0.0;
        let price = if free { "; making and decoding them costs no energy on this target" } else { "" };
        format!(
            "a spike is sent to a core once for each input axon, so again for another projection or part of a cut \
             kernel: {times:.2} times as many packets as pairs of neuron and core{price}"
        )
    })
}

/// What the ends of the total mean.
fn range_note(input: &ReportInput, constants: &[EnergyConstant]) -> Option<String> {
    let ranged = constants.iter().filter(|k| k.range.is_some()).count();
    let times = match input.meter.other_times() {
        [] => "",
        _ => ", and static power drawn for the times at the same ends",
    };
    (ranged > 0).then(|| {
        format!(
            "the energy range has all {ranged} constants that have a range at their lowest, or all at their highest \
             value{times}"
        )
    })
}
