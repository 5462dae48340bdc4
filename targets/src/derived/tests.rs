//! Bases and overrides, and what they get wrong.

use super::*;
use crate::Provenance;

fn set(text: &str) -> Override {
    Override::of_option("--set", text).unwrap()
}

#[test]
fn overrides_change_their_field_alone() {
    let plain = registry::load("loihi-like").unwrap();
    let changes = [
        set("core.neurons=2^9"),
        set("core.threshold_profiles=8"),
        set("topology.routing=Multicast(table_entries: Some(64))"),
        set("network.flits_per_packet=2"),
        set("timing.hop_chip.latency_ns=10"),
        set("energy.hop_east_west_pj=1.5"),
    ];
    let target = registry::load_with("loihi-like", &changes).unwrap();
    let mut expected = plain.clone();
    let said = |text: &str| Provenance::Assumed(format!("--set {text}"));
    expected.name = target.name.clone();
    expected.core.neurons = crate::Sourced(512, said("core.neurons=2^9"));
    expected.core.threshold_profiles = Some(crate::Sourced(8, said("core.threshold_profiles=8")));
    let routing = crate::schema::RoutingScheme::Multicast { table_entries: Some(64) };
    expected.topology.routing =
        crate::Sourced(routing, said("topology.routing=Multicast(table_entries: Some(64))"));
    expected.network.as_mut().unwrap().flits_per_packet =
        crate::Sourced(2, said("network.flits_per_packet=2"));
    expected.timing.hop_chip.latency_ns = crate::Sourced(10.0, said("timing.hop_chip.latency_ns=10"));
    // A range of another value.
    expected.timing.ranges.retain(|range| range.constant != "hop_chip.latency_ns");
    expected.energy.hop_east_west_pj = crate::Sourced(1.5, said("energy.hop_east_west_pj=1.5"));
    assert_eq!(target, expected);
    assert_eq!(
        registry::load_with("loihi-like", &changes[..1]).unwrap().name,
        "loihi-like[core.neurons=512]"
    );
    assert_eq!(registry::load_with("loihi-like", &[set("name=\"mine\"")]).unwrap().name, "mine");
    let none = registry::load_with("loihi-like", &[set("network=None")]).unwrap();
    assert!(none.network.is_none());
}

#[test]
fn the_range_of_another_value_goes_and_given_ranges_join() {
    let plain = registry::load("loihi-like").unwrap();
    let other = registry::load_with("loihi-like", &[set("energy.synaptic_operation_pj=5")]).unwrap();
    assert!(plain.energy_range("synaptic_operation_pj").is_some());
    assert!(other.energy_range("synaptic_operation_pj").is_none());
    assert_eq!(other.energy.ranges.len() + 1, plain.energy.ranges.len());
    let last = plain.energy.ranges.last().unwrap().constant.clone();
    let other = registry::load_with("loihi-like", &[set(&format!("energy.{last}=1"))]).unwrap();
    assert_eq!(other.energy.ranges, plain.energy.ranges[..plain.energy.ranges.len() - 1]);
    let range = "energy.ranges=[(constant: \"hop_chip_pj\", low: 1.0, high: 900.0, source: Assumed(\"x\"))]";
    let other = registry::load_with("loihi-like", &[set(range)]).unwrap();
    assert_eq!(other.energy.ranges.len(), plain.energy.ranges.len());
    assert_eq!(other.energy_range("hop_chip_pj").unwrap().high, 900.0);
}

#[test]
fn what_a_base_does_not_say_takes_a_bare_value() {
    let set = |text: &str| registry::load_with("loihi-like", &[set(text)]).unwrap();
    let joined = set("topology.interconnect=MeshYx").topology.interconnect.unwrap();
    let said = Provenance::Assumed("--set topology.interconnect=MeshYx".into());
    assert_eq!(joined, crate::Sourced(crate::Interconnect::MeshYx, said));
    let given = set("topology.interconnect=(MeshYx, Published(\"a book\"))").topology.interconnect.unwrap();
    assert_eq!(given, crate::Sourced(crate::Interconnect::MeshYx, Provenance::Published("a book".into())));
    assert_eq!(set("energy.static_uw_per_core_in_use=3").energy.static_uw_per_core_in_use.unwrap().0, 3.0);
    assert_eq!(set("energy.static_uw_per_core_in_use=None").energy.static_uw_per_core_in_use, None);
    assert_eq!(
        set("network.allocation=Staged").network.unwrap().allocation(),
        crate::schema::RouterAllocation::Staged
    );
}

#[test]
fn ranges_of_time_join_as_those_of_energy_do() {
    let plain = registry::load("loihi-like").unwrap();
    let names = |target: &Target| -> Vec<String> {
        target.timing.ranges.iter().map(|range| range.constant.clone()).collect()
    };
    assert!(names(&plain).contains(&"synaptic_operation".into()));
    let faster = "timing.synaptic_operation.interval_ns=(1.0, Assumed(\"x\"))";
    let other = registry::load_with("loihi-like", &[set(faster)]).unwrap();
    assert_eq!(names(&other), names(&plain)[1..]);
    // Its latency has a range of its own.
    let slower = "timing.hop_chip.latency_ns=(500.0, Assumed(\"x\"))";
    let other = registry::load_with("loihi-like", &[set(slower)]).unwrap();
    let left = |name: &String| name != "hop_chip.latency_ns";
    assert_eq!(names(&other), names(&plain).into_iter().filter(left).collect::<Vec<_>>());
    assert!(names(&other).contains(&"hop_chip".into()));
    // So have depths, within the network.
    let depths = |target: &Target| -> Vec<String> {
        target.network.as_ref().unwrap().ranges.iter().map(|range| range.constant.clone()).collect()
    };
    let other = registry::load_with("loihi-like", &[set("network.buffer_flits=200")]).unwrap();
    let left = depths(&plain).into_iter().filter(|name| name != "buffer_flits");
    assert_eq!(depths(&other), left.collect::<Vec<_>>());
    let range = "network.ranges=[(constant: \"buffer_flits\", low: 1, high: 24, source: Assumed(\"x\"))]";
    let other = registry::load_with("loihi-like", &[set(range)]).unwrap();
    assert_eq!(depths(&other).len(), depths(&plain).len());
    assert_eq!(other.network.unwrap().ranges[0].high, 24.0);
    let range =
        "timing.ranges=[(constant: \"synaptic_operation\", low: 1.0, high: 9.0, source: Assumed(\"x\"))]";
    let other = registry::load_with("loihi-like", &[set(range)]).unwrap();
    assert_eq!((other.timing.ranges.len(), other.timing.ranges[0].high), (plain.timing.ranges.len(), 9.0));
    // One operation a clock of 3.003 ns.
    let given = registry::load_with("darwin3-like", &[set(range)]).unwrap();
    assert_eq!(names(&given), ["synaptic_operation"]);
    let above = range.replace("low: 1.0", "low: 4.0");
    let refused = registry::load_with("darwin3-like", &[set(&above)]).unwrap_err();
    assert!(refused.to_string().contains("timing.ranges: synaptic_operation"), "{refused}");
}

#[test]
fn what_overrides_get_wrong_is_told_of_them() {
    for (text, code, place) in [
        ("core.neurons=0", Code::TargetInvalid, "--set:1:14: core.neurons"),
        ("core.neuron=5", Code::RonSyntax, "--set:1:6"),
        ("cor.neurons=5", Code::RonSyntax, "--set:1:1"),
        ("core.neurons=many", Code::RonSyntax, "--set:1:14"),
        ("energy.hop_chip_pj=-2", Code::TargetInvalid, "--set:1:20: energy.hop_chip_pj"),
    ] {
        let error = registry::load_with("loihi-like", &[set(text)]).unwrap_err();
        assert_eq!((error.0[0].code, error.0[0].place.to_string().as_str()), (code, place), "{error}");
    }
    for (text, code) in [
        ("core.neurons", Code::Argument),
        ("=5", Code::Argument),
        ("core..neurons=5", Code::Argument),
        ("core.neurons=(", Code::RonSyntax),
        ("core.neurons=5) (", Code::RonSyntax),
    ] {
        assert_eq!(Override::of_option("--set", text).unwrap_err().code, code, "{text}");
    }
}

#[test]
fn a_target_starts_from_another() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let half = "(format: \"snnc.target/1\", base: \"loihi-like\", name: \"half\",\n \
                core: (synapse_memory_bits: (2^19, Assumed(\"half\"))))";
    let half = write("half.ron", half);
    let more = write(
        "more.ron",
        "(base: \"half.ron\", name: \"more\", description: \"two\",\n topology: \
         (cores_per_tile: (8, Assumed(\"twice\"))))",
    );
    let (plain, found) = (registry::load("loihi-like").unwrap(), registry::load(&more).unwrap());
    let mut expected = plain;
    expected.name = "more".into();
    expected.description = "two".into();
    expected.core.synapse_memory_bits = crate::Sourced(1 << 19, Provenance::Assumed("half".into()));
    expected.topology.cores_per_tile = crate::Sourced(8, Provenance::Assumed("twice".into()));
    assert_eq!(found, expected);
    let found = registry::load(&half).unwrap();
    assert!(found.description.contains("loihi-like"), "{}", found.description);
    assert_eq!(registry::files_of(&more), [PathBuf::from(&more), PathBuf::from(&half)]);

    let told = |name: &str, text: &str| {
        let error = registry::load(&write(name, text)).unwrap_err();
        let place = error.0[0].place.to_string();
        (error.codes(), place.rsplit('/').next().unwrap().to_owned())
    };
    let (codes, place) =
        told("a.ron", "(base: \"half.ron\", name: \"a\",\n core: (neurons: (0, Assumed(\"x\"))))");
    assert_eq!((codes, place.as_str()), (vec![Code::TargetInvalid], "a.ron:2:19: core.neurons"));
    let (codes, place) = told("a.ron", "(base: \"half.ron\", name: \"a\",\n core: (neurons: 7))");
    assert_eq!((codes, place.as_str()), (vec![Code::RonSyntax], "a.ron:2:18"));
    let (codes, place) = told("a.ron", "(base: \"half.ron\", name: \"a\", cores: ())");
    assert_eq!((codes, place.as_str()), (vec![Code::RonSyntax], "a.ron:1:31"));
    // A fault of the base is told of the base.
    write("half.ron", "(base: \"loihi-like\", name: \"half\", core: (neurons: (1, Asumed(\"x\"))))");
    let (codes, place) = told("a.ron", "(base: \"half.ron\", name: \"a\")");
    assert_eq!((codes, place.as_str()), (vec![Code::RonSyntax], "half.ron:1:56"));
    for (text, code) in [
        ("(base: \"half.ron\")", Code::TargetInvalid),
        ("(base: 5, name: \"a\")", Code::TargetInvalid),
        ("(base: \"a.ron\", name: \"a\")", Code::TargetInvalid),
        ("(base: \"none.ron\", name: \"a\")", Code::FileUnreadable),
        ("(base: \"loihi\", name: \"a\")", Code::TargetUnknown),
    ] {
        assert_eq!(told("a.ron", text).0, [code], "{text}");
    }
}
