//! Notes at the end of a report: what its numbers rest on and what they leave out.

use snnc_simulator::time::Fidelity;
use snnc_targets::EnergyEvent;

use super::ReportInput;
use super::data::EnergyConstant;

/// What a reader should know about the numbers.
pub(super) fn notes(input: &ReportInput, constants: &[EnergyConstant]) -> Vec<String> {
    let mut notes = vec![assumed_note(constants)];
    notes.extend(range_note(constants));
    notes.extend(input.program.target.operating_point.as_ref().map(ToString::to_string));
    notes.extend(repeated_note(input));
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
            "one timestep of {every} was simulated, the others were estimated; the times of {} and {}s scatter more than \
             the total",
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

/// What the ends of the total mean.
fn range_note(constants: &[EnergyConstant]) -> Option<String> {
    let ranged = constants.iter().filter(|k| k.range.is_some()).count();
    (ranged > 0).then(|| {
        format!(
            "the energy range has all {ranged} constants that have a range at their lowest, or all at their highest value"
        )
    })
}
