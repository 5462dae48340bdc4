//! One negative test for each rule about crossbars, copies, merged dendrites, layer cores and leaks; every built-in
//! target passes, names the source of each constant, and survives its own serialisation.

use snnc_targets::schema::{
    InputAxonKind, KernelSharing, OutputAxonKind, Reset, RoutingScheme, WeightStorage, ZeroWeights,
};
use snnc_targets::{Code, Subject, Target, registry};

/// Breaks one rule of a built-in target and demands that the check names the field.
fn refuses(name: &str, field: &str, breaks: impl FnOnce(&mut Target)) {
    let mut target = registry::load(name).unwrap();
    breaks(&mut target);
    let error = target.check("t.ron").expect_err(field);
    assert!(error.codes().iter().all(|&code| code == Code::TargetInvalid));
    assert!(
        error.0.iter().any(|d| *d.place.subject() == Subject::Field(field.into())),
        "expected {field} in {error}"
    );
}

#[test]
fn all_eight_are_there_and_read_back() {
    let names: Vec<_> = registry::names().collect();
    assert_eq!(
        names,
        [
            "loihi-like",
            "loihi-like-sanafe",
            "loihi2-like",
            "truenorth-like",
            "spinnaker2-like",
            "speck-like",
            "paicore-like",
            "darwin3-like"
        ]
    );
    for name in names {
        let target = registry::load(name).unwrap();
        let text = ron::to_string(&target).unwrap();
        assert_eq!(registry::parse(&text, name).unwrap(), target);
        for (constant, value) in target.energy_constants() {
            assert!(value.1.text().len() > 4, "{name}: {constant} has no source");
        }
    }
}

#[test]
fn crossbars() {
    refuses("truenorth-like", "axons.input", |t| t.axons.input.0 = InputAxonKind::BitPlanes { planes: 3 });
    refuses("truenorth-like", "synapses.kernel_sharing", |t| {
        t.synapses.kernel_sharing.0 = KernelSharing::Ideal
    });
    refuses("truenorth-like", "core.output_axons", |t| t.core.output_axons.0 = 257);
    refuses("truenorth-like", "timing", |t| t.timing.synaptic_operation.interval_ns.0 = 1.0);
    refuses("truenorth-like", "network", |t| t.network = registry::load("loihi-like").unwrap().network);
    refuses("truenorth-like", "topology.routing", |t| {
        t.topology.routing.0 = RoutingScheme::Multicast { table_entries: None };
    });
    refuses("loihi-like", "timing", |t| t.axons.output.0 = OutputAxonKind::NeuronCopies);
}

/// A format without zeros needs an index for each weight, and neither crossbars nor whole kernels in words are one.
#[test]
fn zeros_that_are_skipped() {
    fn skipped(target: &mut Target) {
        target.synapses.zero_weights.0 = ZeroWeights::Skipped;
        target.synapses.index_bits.0 = 8;
    }
    refuses("truenorth-like", "synapses.zero_weights", skipped);
    refuses("speck-like", "synapses.zero_weights", skipped);
    refuses("loihi-like", "synapses.index_bits", |t| t.synapses.zero_weights.0 = ZeroWeights::Skipped);
    let mut target = registry::load("loihi-like").unwrap();
    skipped(&mut target);
    target.check("t.ron").unwrap();
}

#[test]
fn merged_dendrites() {
    refuses("paicore-like", "core.fan_in_merge", |t| t.core.fan_in_merge.as_mut().unwrap().0 = 48);
    refuses("paicore-like", "axons.input", |t| t.axons.input.0 = InputAxonKind::Population);
    let core = registry::load("paicore-like").unwrap().core;
    assert_eq!([0, 1152, 1153, 2304, 2305, 73_728].map(|n| core.merged(n)), [1, 1, 2, 2, 4, 64]);
    assert_eq!(core.input_axons_max(), 73_728);
    assert_eq!(registry::load("loihi-like").unwrap().core.merged(1 << 20), 1);
}

#[test]
fn layer_cores() {
    let layers = |t: &mut Target, change: fn(&mut snnc_targets::layer_cores::LayerCores)| {
        change(t.layer_cores.as_mut().unwrap());
    };
    refuses("speck-like", "layer_cores.cores", |t| layers(t, |l| l.cores.0.truncate(8)));
    refuses("speck-like", "layer_cores.cores", |t| layers(t, |l| l.cores.0[7].kernel_words = 0));
    refuses("speck-like", "layer_cores.channels_max", |t| layers(t, |l| l.channels_max.0 = 0));
    refuses("speck-like", "layer_cores.kernel_max", |t| layers(t, |l| l.kernel_max.0 = 0));
    refuses("speck-like", "layer_cores.strides", |t| layers(t, |l| l.strides.0.clear()));
    refuses("speck-like", "layer_cores.destinations_max", |t| layers(t, |l| l.destinations_max.0 = 0));
    refuses("speck-like", "core.neurons", |t| t.core.neurons.0 = 1024);
    refuses("speck-like", "core.synapse_memory_bits", |t| t.core.synapse_memory_bits.0 = 1024);
    refuses("speck-like", "synapses.kernel_sharing", |t| {
        t.synapses.kernel_sharing.0 = KernelSharing::PerVariant
    });
    refuses("speck-like", "axons", |t| t.axons.input.0 = InputAxonKind::Discrete);
    refuses("speck-like", "topology.chips_max", |t| t.topology.chips_max.0 = 2);
}

#[test]
fn leaks_and_spikes() {
    refuses("loihi-like", "neuron.decay_bits", |t| t.neuron.decay_bits.0 = 17);
    refuses("loihi-like-sanafe", "timing.neuron_spike.latency_ns", |t| {
        t.timing.neuron_spike.as_mut().unwrap().latency_ns.0 = -1.0;
    });
    let sanafe = registry::load("loihi-like-sanafe").unwrap().timing();
    assert_eq!((sanafe.neuron_spike.latency_ps, sanafe.neuron_spike.interval_ps), (30_000, 30_000));
    assert_eq!(
        [1, 2, 3, 4, 28, 29, 128].map(|tiles| sanafe.barrier_ps(tiles) / 100_000),
        [6, 10, 10, 14, 14, 18, 18]
    );
    // A file that says nothing of timesteps has them.
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/loihi-like.ron")).unwrap();
    let silent: String =
        text.lines().filter(|line| !line.contains("timesteps:")).map(|l| format!("{l}\n")).collect();
    assert_ne!(silent, text);
    assert!(registry::parse(&silent, "t.ron").unwrap().neuron.timesteps.get());
}

#[test]
fn thresholds_and_currents_of_loihi() {
    refuses("loihi-like", "neuron.threshold_max", |t| t.neuron.threshold_max.as_mut().unwrap().0 = 63);
    refuses("loihi-like", "neuron.threshold_max", |t| t.neuron.threshold_max.as_mut().unwrap().0 = 1 << 31);
    refuses("loihi-like", "neuron.refractory_max", |t| t.neuron.refractory_max.as_mut().unwrap().0 = 0);
    refuses("loihi-like", "neuron.floor_exponent_max", |t| {
        t.neuron.floor_exponent_max.as_mut().unwrap().0 = 31
    });
    refuses("loihi-like", "neuron.synaptic_current.decay_offset", |t| {
        t.neuron.synaptic_current.as_mut().unwrap().decay_offset.0 = 4097;
    });
    refuses("loihi-like", "neuron.synaptic_current.bits", |t| {
        t.neuron.synaptic_current.as_mut().unwrap().bits.0 = 32;
    });
    refuses("loihi-like", "neuron.resets", |t| t.neuron.resets.0.clear());
    refuses("loihi-like", "neuron.resets", |t| t.neuron.resets.0 = vec![Reset::Zero, Reset::Zero]);
    let neuron = registry::load("loihi-like").unwrap().neuron;
    // A mantissa of 17 bits and a shift of 6 reach exactly as far.
    assert_eq!(neuron.threshold_max.unwrap().0, ((1 << 17) - 1) << 6);
    // Sum and bias cannot leave the current's 23 bits and sign.
    let bias = ((1i64 << (neuron.bias_mantissa_bits.0 - 1)) - 1) << neuron.bias_exponent_max.0;
    assert!((1 << (neuron.accumulator_bits.0 - 1)) + bias < 1 << (neuron.state_bits.0 - 1));
}

#[test]
fn narrower_weights_take_what_the_storage_says() {
    let target = registry::load("truenorth-like").unwrap();
    let planes = |bits| target.for_weight_bits(bits).axons.planes();
    assert_eq!([1, 2, 3, 4, 8].map(planes), [2, 2, 3, 4, 4]);
    let bits = |name: &str, bits| registry::load(name).unwrap().for_weight_bits(bits).synapses.weight_bits.0;
    assert_eq!([1, 3, 8, 9].map(|w| bits("loihi-like", w)), [1, 3, 8, 8]);
    assert_eq!([1, 3, 5, 9].map(|w| bits("paicore-like", w)), [1, 4, 8, 8]);
    assert_eq!([1, 3, 16].map(|w| bits("spinnaker2-like", w)), [16; 3]);
    // 512 dendrites, one a bit.
    let paicore = registry::load("paicore-like").unwrap();
    let neurons = |w| paicore.for_weight_bits(w).core.neurons.0;
    assert_eq!([1, 2, 3, 4, 5, 8].map(neurons), [512, 256, 128, 128, 64, 64]);
    for target in registry::names().map(|name| registry::load(name).unwrap()) {
        for bits in 1..=target.synapses.weight_bits.0 {
            let narrow = target.for_weight_bits(bits);
            narrow.check("t.ron").unwrap();
            assert_eq!(narrow.for_weight_bits(bits), narrow, "{} at {bits} bits", target.name);
        }
        assert_eq!(target.for_weight_bits(target.synapses.weight_bits.0), target);
    }
    refuses("paicore-like", "synapses.weight_bits", |t| t.synapses.weight_bits.0 = 6);
    refuses("speck-like", "synapses.weight_storage", |t| {
        t.synapses.weight_storage.0 = WeightStorage::AnyWidth
    });
    refuses("truenorth-like", "synapses.weight_storage", |t| {
        t.synapses.weight_storage.0 = WeightStorage::Fixed;
    });
}
