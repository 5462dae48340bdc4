//! The chip as SANA-FE's architecture file: tiles, cores, and an energy and a latency for each unit.

use std::fmt::Write;

use snnc_targets::Target;
use snnc_targets::schema::Between;

/// The architecture, with so many units for input neurons in each core.
pub(super) fn describe(target: &Target, inputs: usize, notes: &mut Vec<String>) -> String {
    let (t, e) = (&target.timing, &target.energy);
    let (columns, rows) = (target.topology.mesh_columns.get(), target.topology.mesh_rows.get());
    let barrier: Vec<String> =
        t.barrier.points_ns.0.iter().map(|(tiles, ns)| format!("{tiles}: {ns}e-9")).collect();
    if t.barrier.between.get() == Between::Linear {
        notes.push(
            "between the points of the barrier's table SANA-FE takes the one below, and no line".into(),
        );
    }
    let (active, inactive) = (&t.neuron_update_active, &t.neuron_update_inactive);
    let spike = t.neuron_spike.as_ref().map_or(0.0, |unit| unit.latency_ns.get());
    let mut text = format!(
        "architecture:\n  name: {}\n  attributes:\n    topology: mesh\n    width: {columns}\n    height: {rows}\n    \
         link_buffer_size: 16\n    sync_model: table\n    latency_sync: {{{}}}\n  tile:\n    \
         - name: tile[0..{}]\n      attributes:\n",
        target.name.replace('-', "_"),
        barrier.join(", "),
        columns * rows - 1
    );
    let hops = [
        ("north", e.hop_north_south_pj.get(), &t.hop_north_south),
        ("east", e.hop_east_west_pj.get(), &t.hop_east_west),
        ("south", e.hop_north_south_pj.get(), &t.hop_north_south),
        ("west", e.hop_east_west_pj.get(), &t.hop_east_west),
    ];
    for (name, energy, time) in hops {
        event(&mut text, 8, &format!("{name}_hop"), energy, time.latency_ns.get());
    }
    let (cores, neurons) = (target.topology.cores_per_tile.get(), target.core.neurons.get());
    let _ = writeln!(text, "      core:\n        - name: core[0..{}]\n          attributes:", cores - 1);
    let _ = writeln!(text, "            buffer_position: soma\n            buffer_inside_unit: false");
    let _ = writeln!(text, "            max_neurons_supported: {neurons}");
    let access = (e.neuron_update_inactive_pj.get(), inactive.latency_ns.get());
    let update = (
        e.neuron_update_active_pj.get() - e.neuron_update_inactive_pj.get(),
        active.latency_ns.get() - inactive.latency_ns.get(),
    );
    // A delivery is charged once a packet, as making one is.
    let sent = e.axon_out_pj.get() + e.tile_delivery_pj.get();
    unit(
        &mut text,
        "axon_in",
        "packets_in",
        None,
        &[("message_in", e.axon_in_pj.get(), t.axon_in.latency_ns.get())],
    );
    unit(
        &mut text,
        "synapse",
        "synapses",
        Some("current_based"),
        &[("process_spike", e.synaptic_operation_pj.get(), t.synaptic_operation.latency_ns.get())],
    );
    unit(&mut text, "dendrite", "dendrites", Some("accumulator"), &[("update", 0.0, 0.0)]);
    unit(
        &mut text,
        "soma",
        "neurons",
        Some("leaky_integrate_fire"),
        &[
            ("access_neuron", access.0, access.1),
            ("update_neuron", update.0, update.1),
            ("spike_out", e.neuron_spike_pj.get(), spike),
        ],
    );
    if inputs > 0 {
        let free = [("access_neuron", 0.0, 0.0), ("update_neuron", 0.0, 0.0), ("spike_out", 0.0, 0.0)];
        let name = format!("inputs[0..{}]", inputs - 1);
        entry(&mut text, &name, Some("input"), &free);
    }
    unit(&mut text, "axon_out", "packets_out", None, &[("message_out", sent, t.axon_out.latency_ns.get())]);
    text
}

/// A kind of unit with its first one.
fn unit(text: &mut String, kind: &str, name: &str, model: Option<&str>, events: &[(&str, f64, f64)]) {
    let _ = writeln!(text, "          {kind}:");
    entry(text, name, model, events);
}

/// A unit: energy in pJ and time in ns of its events.
fn entry(text: &mut String, name: &str, model: Option<&str>, events: &[(&str, f64, f64)]) {
    let _ = writeln!(text, "            - name: {name}\n              attributes:");
    if let Some(model) = model {
        let _ = writeln!(text, "                model: {model}");
    }
    for (name, energy, time) in events {
        event(text, 16, name, *energy, *time);
    }
}

/// Energy in pJ and time in ns of an event, to the attojoule and femtosecond: differences of constants have more
/// digits.
fn event(text: &mut String, indent: usize, name: &str, energy: f64, time: f64) {
    let [energy, time] = [energy, time].map(|value| (value * 1e6).round() / 1e6);
    let _ = writeln!(text, "{:indent$}energy_{name}: {energy}e-12", "");
    let _ = writeln!(text, "{:indent$}latency_{name}: {time}e-9", "");
}
