//! What stands beside an exported hypergraph, read by a checker that knows the files alone: it says which partitions
//! are legal as the verifier does, which builds the cores.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::{Command, Output};

use serde::Deserialize;

/// As docs/partitioning.md describes the file.
#[derive(Deserialize)]
struct Limits {
    format: String,
    cores: usize,
    run_max: Option<u64>,
    nets: Vec<(Option<usize>, bool, u64, usize)>,
    resources: Vec<Resource>,
}

#[derive(Deserialize)]
struct Resource {
    name: String,
    most: u64,
    counted: Counted,
    vertices: Vec<u64>,
    covers: Vec<(u64, Vec<usize>)>,
    received: Option<Cost>,
    sent: Option<Cost>,
    neurons: Neurons,
}

#[derive(Deserialize, PartialEq, Debug)]
enum Counted {
    Exactly,
    AtLeast(#[allow(dead_code, reason = "a sentence for readers")] String),
    About(#[allow(dead_code, reason = "a sentence for readers")] String),
}

#[derive(Deserialize, Clone, Copy)]
enum Cost {
    Neurons(u64),
    Runs,
    RunsOf(u64),
}

#[derive(Deserialize, Clone, Copy)]
enum Neurons {
    One,
    EachDestination(u64),
    EachInputAxons(u64),
}

/// A problem as its files say it.
struct Problem {
    limits: Limits,
    /// The vertices that each net reaches.
    reached: Vec<Vec<usize>>,
}

impl Problem {
    fn read(folder: &Path) -> Self {
        let text = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
        let limits: Limits = ron::from_str(&text("net.limits.ron")).unwrap();
        assert_eq!(limits.format, "snnc.limits/1");
        let hypergraph = text("net.hgr");
        let mut lines = hypergraph.lines().map(|line| line.split(' ').map(|w| w.parse::<usize>().unwrap()));
        let header: Vec<usize> = lines.next().unwrap().collect();
        assert_eq!(header[0], limits.nets.len());
        let reached = limits.nets.iter().map(|&(sender, itself, ..)| {
            let pins = lines.next().unwrap().skip(1).map(|pin| pin - 1);
            pins.filter(|&pin| itself || Some(pin) != sender).collect()
        });
        let reached = reached.collect();
        let table = text("net.vertices.csv");
        assert_eq!(table.lines().count(), header[1] + 1);
        Self { limits, reached }
    }

    /// Nets that go together from one block: runs of neighbours of a line.
    fn runs(&self, blocks: &[usize]) -> Vec<Vec<usize>> {
        let mut lines: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (net, &(.., line)) in self.limits.nets.iter().enumerate() {
            lines.entry(line).or_default().push(net);
        }
        let home = |net: usize| self.limits.nets[net].0.map(|sender| blocks[sender]);
        let mut runs: Vec<Vec<usize>> = Vec::new();
        for nets in lines.into_values() {
            for (i, &net) in nets.iter().enumerate() {
                match runs.last_mut() {
                    Some(run) if i > 0 && home(run[0]) == home(net) => run.push(net),
                    _ => runs.push(vec![net]),
                }
            }
        }
        runs
    }

    fn neurons(&self, run: &[usize]) -> u64 {
        run.iter().map(|&net| self.limits.nets[net].2).sum()
    }

    /// The limits that some block exceeds, with what it uses.
    fn exceeded(&self, blocks: &[usize]) -> BTreeMap<String, u64> {
        let count = blocks.iter().max().unwrap() + 1;
        let runs = self.runs(blocks);
        let mut uses: Vec<BTreeMap<&str, u64>> = vec![BTreeMap::new(); count];
        let to = |net: usize| self.reached[net].iter().map(|&v| blocks[v]).collect::<BTreeSet<usize>>();
        for resource in &self.limits.resources {
            let mut used = vec![0; count];
            let mut destinations = vec![0; blocks.len()];
            for (net, &(sender, ..)) in self.limits.nets.iter().enumerate() {
                if let Some(sender) = sender {
                    destinations[sender] += to(net).len() as u64;
                }
            }
            for (v, &weight) in resource.vertices.iter().enumerate() {
                used[blocks[v]] += match resource.neurons {
                    Neurons::EachDestination(each) => weight * (each * destinations[v]).max(1),
                    _ => weight,
                };
            }
            for (cost, members) in &resource.covers {
                let held: BTreeSet<usize> = members.iter().map(|&v| blocks[v]).collect();
                held.into_iter().for_each(|block| used[block] += cost);
            }
            for run in &runs {
                let at: BTreeSet<usize> = run.iter().flat_map(|&net| to(net)).collect();
                let home = self.limits.nets[run[0]].0.map(|sender| blocks[sender]);
                for &block in &at {
                    let here: Vec<usize> =
                        run.iter().copied().filter(|&net| to(net).contains(&block)).collect();
                    // A port is cut where axons tell no more neurons apart.
                    let port = self.limits.run_max.filter(|_| home.is_none());
                    let pieces = port.map_or(1, |most| self.neurons(&here).div_ceil(most));
                    let cost = |cost: Cost| match cost {
                        Cost::Neurons(each) => each * self.neurons(&here),
                        Cost::Runs => pieces,
                        Cost::RunsOf(most) => self.neurons(&here).div_ceil(most),
                    };
                    used[block] += resource.received.map_or(0, cost);
                    if let Some(home) = home {
                        used[home] += resource.sent.map_or(0, cost);
                    }
                }
            }
            (0..count).for_each(|block| *uses[block].entry(&resource.name).or_default() = used[block]);
        }
        let mut exceeded = BTreeMap::new();
        for used in &mut uses {
            for resource in &self.limits.resources {
                if let Neurons::EachInputAxons(offered) = resource.neurons {
                    let times = used["input axons"].div_ceil(offered).max(1).next_power_of_two();
                    *used.get_mut(&resource.name[..]).unwrap() *= times;
                }
                if used[&resource.name[..]] > resource.most {
                    exceeded.insert(resource.name.clone(), used[&resource.name[..]]);
                }
            }
        }
        if let Some(most) = self.limits.run_max {
            let wide = runs.iter().filter(|run| self.limits.nets[run[0]].0.is_some());
            let wide = wide.filter(|run| run.iter().any(|&net| !self.reached[net].is_empty()));
            if let Some(widest) = wide.map(|run| self.neurons(run)).max().filter(|&widest| widest > most) {
                exceeded.insert("atoms on an axon".into(), widest);
            }
        }
        if count > self.limits.cores {
            exceeded.insert("cores".into(), count as u64);
        }
        exceeded
    }

    fn exact(&self) -> bool {
        self.limits.resources.iter().all(|resource| resource.counted == Counted::Exactly)
    }
}

fn snnc(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_snnc")).current_dir(folder).args(arguments).output().unwrap()
}

fn run(folder: &Path, arguments: &[&str]) -> String {
    let output = snnc(folder, arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Numbers that look random.
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % n
    }
}

/// Partitions of `vertices` into more and more blocks: in order, dealt out, and at random.
fn partitions(vertices: usize, random: &mut Random) -> Vec<Vec<usize>> {
    let mut all = Vec::new();
    for count in [1, 3, 8, 21].into_iter().filter(|&count| count <= vertices) {
        all.push((0..vertices).map(|v| v * count / vertices).collect());
        all.push((0..vertices).map(|v| v % count).collect());
        // The first ones name every block.
        all.push((0..vertices).map(|v| if v < count { v } else { random.below(count) }).collect());
    }
    all
}

/// What the checker and the verifier say of many partitions of a network on a target: (legal, illegal, exact).
fn compare(model: &Path, network: &str, group: &str, target: &[&str]) -> (usize, usize, bool) {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let model = model.to_str().unwrap();
    let named = ["--network", network, "--group", group];
    run(folder, &[&["export", model, "--to", "hgr", "-o", "net.hgr"], &named[..], target].concat());
    let problem = Problem::read(folder);
    let vertices = std::fs::read_to_string(folder.join("net.vertices.csv")).unwrap().lines().count() - 1;
    let (mut legal, mut illegal) = (0, 0);
    for blocks in partitions(vertices, &mut Random(7)) {
        let lines: String = blocks.iter().map(|block| format!("{block}\n")).collect();
        std::fs::write(folder.join("net.part"), lines).unwrap();
        let read = ["--partition", "net.part", "--partition-network", network, "--group", group];
        let fast = ["--effort", "fast", "--objective", "cores"];
        let output = snnc(folder, &[&["compile", model], &read[..], &fast, target].concat());
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let (found, verified) = (problem.exceeded(&blocks), output.status.success());
        assert!(verified || said.contains("E0022"), "refused for what its cores use: {said}");
        if problem.exact() {
            assert_eq!(found.is_empty(), verified, "{network} {target:?} {found:?}\n{said}");
            let listed = |(limit, used): (&String, &u64)| said.contains(&format!("uses {used} {limit}"));
            assert!(found.iter().all(listed) || said.contains(" more"), "{found:?}\n{said}");
        }
        // What is counted at least is beyond the limit in any case.
        let least = problem.limits.resources.iter().filter(|r| !matches!(r.counted, Counted::About(_)));
        assert!(!verified || least.into_iter().all(|r| !found.contains_key(&r.name)), "{found:?}");
        (legal, illegal) = (legal + usize::from(verified), illegal + usize::from(!verified));
    }
    (legal, illegal, problem.exact())
}

/// The example with an irregular network and a classifier of convolutions.
fn fed() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/feed-forward/model.ron")
}

/// Cores so small that some partitions fit and others do not, by one limit or another.
const SMALL: [&str; 4] =
    ["core.neurons=60", "core.input_axons=80", "core.output_axons=100", "core.synapse_memory_bits=20000"];

#[test]
fn a_checker_of_the_files_says_what_the_verifier_says() {
    let (mut legal, mut illegal) = (0, 0);
    let mut hold = |network: &str, group: &str, target: &str, set: &[&str]| {
        let set: Vec<&str> = set.iter().flat_map(|set| ["--set", set]).collect();
        let (kept, broken, exact) =
            compare(&fed(), network, group, &[&["--target", target], &set[..]].concat());
        assert!(exact, "{network} on {target}");
        (legal, illegal) = (legal + kept, illegal + broken);
    };
    for set in SMALL {
        hold("irregular", "1", "loihi-like", &[set]);
    }
    // Neurons that are merged where the input axons ask for it, nothing stored once, an axon for each neuron.
    for (network, group) in [("irregular", "1"), ("classifier", "1"), ("classifier", "3")] {
        hold(network, group, "paicore-like", &[]);
        hold(network, group, "paicore-like", &["core.neurons=200", "core.input_axons=60"]);
    }
    // A neuron for each destination, and axons for each bit of a weight.
    hold("irregular", "1", "truenorth-like", &["core.input_axons=2000", "core.neurons=2000"]);
    assert!(legal > 20 && illegal > 20, "{legal} legal, {illegal} not");
}

#[test]
fn where_kernels_are_shared_the_files_count_at_least() {
    let (mut legal, mut illegal) = (0, 0);
    for (target, network) in
        [("loihi2-like", "classifier"), ("loihi-like", "classifier"), ("spinnaker2-like", "irregular")]
    {
        for set in SMALL {
            let (kept, broken, exact) = compare(&fed(), network, "4", &["--target", target, "--set", set]);
            assert!(!exact, "{network} on {target}");
            (legal, illegal) = (legal + kept, illegal + broken);
        }
    }
    assert!(legal > 10 && illegal > 10, "{legal} legal, {illegal} not");
}

/// Built-in targets whose cores take parts of layers.
fn targets_with_tiles() -> Vec<&'static str> {
    let tiles = |name: &&str| snnc::targets::registry::load(name).unwrap().layer_cores.is_none();
    snnc::targets::registry::names().filter(tiles).collect()
}

/// What became of our own answer for the cores of a target.
enum Answer {
    /// The target holds the network in no way.
    NoMapping,
    /// The partitioner found none.
    Refused,
    /// Legal when it was read back, with so many blocks.
    Legal(usize),
}

fn read_back(network: &str, group: &str, target: &[&str]) -> Answer {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let (model, named) = (fed(), ["--network", network, "--group", group]);
    let model = model.to_str().unwrap();
    let fast = ["--effort", "fast", "--objective", "cores"];
    if !snnc(folder, &[&["compile", model][..], &fast, target].concat()).status.success() {
        return Answer::NoMapping;
    }
    run(folder, &[&["export", model, "--to", "hgr", "-o", "net.hgr"], &named[..], target].concat());
    let partition =
        ["partition", "net.hgr", "--limits", "net.limits.ron", "--effort", "fast", "-o", "net.part"];
    let output = snnc(folder, &partition);
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains("E0013"), "{said}");
        return Answer::Refused;
    }
    let text = std::fs::read_to_string(folder.join("net.part")).unwrap();
    let blocks: Vec<usize> = text.lines().map(|block| block.parse().unwrap()).collect();
    assert_eq!(Problem::read(folder).exceeded(&blocks), BTreeMap::new(), "{network} {target:?}");
    let read = ["--partition", "net.part", "--partition-network", network, "--group", group];
    run(folder, &[&["compile", model], &read[..], &fast, target].concat());
    Answer::Legal(blocks.into_iter().collect::<BTreeSet<usize>>().len())
}

#[test]
fn our_own_answer_is_legal_when_it_is_read_back() {
    let (mut held, mut blocks, mut refused) = (BTreeSet::new(), 0, 0);
    let (small, few) = (["--set", "core.neurons=80"], ["--set", "core.input_axons=100"]);
    // Without these, no core of truenorth-like holds a neuron of this model.
    let large = ["--set", "core.neurons=2000", "--set", "core.input_axons=2000"];
    for name in targets_with_tiles() {
        for (network, group) in [("irregular", "1"), ("classifier", "1"), ("classifier", "4")] {
            let sets: &[&[&str]] = if name == "truenorth-like" { &[&large] } else { &[&[], &small, &few] };
            for set in sets {
                match read_back(network, group, &[&["--target", name], *set].concat()) {
                    Answer::NoMapping => {}
                    Answer::Refused => refused += 1,
                    Answer::Legal(used) => {
                        held.insert(name);
                        blocks += used;
                    }
                }
            }
        }
    }
    assert_eq!(held, targets_with_tiles().into_iter().collect::<BTreeSet<_>>());
    assert!(blocks > 100 && refused < 10, "{blocks} blocks, {refused} refused");
}

#[test]
fn limits_of_another_hypergraph_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let model = fed();
    let export = |network: &str, to: &str| {
        run(folder, &["export", model.to_str().unwrap(), "--to", "hgr", "-o", to, "--network", network]);
    };
    export("irregular", "a.hgr");
    export("classifier", "b.hgr");
    let refused = |arguments: &[&str]| {
        let output = snnc(folder, arguments);
        assert!(!output.status.success());
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    let said = refused(&["partition", "a.hgr", "--limits", "b.limits.ron"]);
    assert!(said.contains("E0022") && said.contains("nets, the hypergraph has"), "{said}");
    let said = refused(&["partition", "a.hgr", "--limits", "a.limits.ron", "--blocks", "1", "--limit", "3"]);
    assert!(said.contains("--limit"), "{said}");
}
