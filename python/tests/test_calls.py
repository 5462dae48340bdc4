"""Each thing that the command line can, from Python: the same figures, and those that follow from a definition."""

import json
import pickle
import re

import numpy as np
import pytest
import snnc
from test_package import command

RUN_DEPENDENT = ("compile_s", "wall_s", "peak_memory_bytes")


@pytest.fixture(scope="module")
def folder(examples):
    """The convolutional classifier."""
    return examples / "digits-cnn"


@pytest.fixture(scope="module")
def digits(folder):
    """Its model, samples and labels."""
    return snnc.load(folder / "model.ron"), np.load(folder / "inputs.npy"), np.load(folder / "labels.npy")


@pytest.fixture(scope="module")
def program(digits):
    """It on its default chip, mapped for the samples that are run."""
    return snnc.compile(digits[0], "loihi-like", effort="fast", feeds=digits[1][:4])


def test_a_saved_run_is_the_folder_of_the_command(folder, digits, program, tmp_path):
    _, x, y = digits
    result = program.run(x[:6], y[:6], spikes=True, membranes=["2"], sensitivity=True)
    result.save(tmp_path / "own", page=True)
    options = ["--effort", "fast", "--input", folder / "inputs.npy", "--labels", folder / "labels.npy", "--samples", 6]
    options += ["--spikes", "--membranes", "2", "--sensitivity", "--html", "--out", tmp_path / "out"]
    ran = command("run", folder / "model.ron", *options)
    assert ran.returncode == 0, ran.stderr
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert {path.name for path in (tmp_path / "own").iterdir()} == names
    for name in names - {"report.json", "report.html", "manifest.json"}:
        assert (tmp_path / "own" / name).read_bytes() == (tmp_path / "out" / name).read_bytes(), name
    both = [json.loads((tmp_path / side / "report.json").read_text()) for side in ("own", "out")]
    for report in both:
        report.pop("options", None)
        for group in (report["mapping"], report["totals"]):
            for name in RUN_DEPENDENT:
                group.pop(name, None)
    assert both[0] == both[1]
    rows = result.sensitivity
    assert len(rows) == len(both[1]["sensitivity"]) > 3
    assert (rows["energy_low_j"] <= result.energy_j).all() and (rows["energy_high_j"] >= result.energy_j).all()
    assert json.loads(json.dumps(dict(snnc.report(tmp_path / "own")))) == json.loads(json.dumps(dict(result.report)))
    assert "energy" in str(snnc.report(tmp_path / "out"))
    with pytest.raises(ValueError, match="sensitivity=True"):
        program.run(x[:1]).sensitivity
    with pytest.raises(snnc.SnncError, match="needs a time"):
        program.run(x[:1], sensitivity=True, timing="none")
    # Simulated, queues and latencies move as well.
    simulated = program.run(x[:1], sensitivity=True, timing="cycle:1/8").sensitivity
    assert len(simulated) > len(rows) and "network.axon_in_queue_packets" in list(simulated["constant"])
    copied = pickle.loads(pickle.dumps(result))
    with pytest.raises(snnc.SnncError, match="save the one that the run gave"):
        copied.save(tmp_path / "copy")


def test_packets_are_rows(program, digits, tmp_path):
    x = digits[1]
    result = program.run(x[:2], timing="cycle", trace=True)
    packets, totals = result.packets, result.report["totals"]
    assert len(packets) == totals["packets"] and packets["hops"].sum() == totals["hops"]
    assert (packets["latency_ps"] == packets["delivered_ps"] - packets["injected_ps"]).all()
    assert (packets["latency_ps"] > 0).all() and set(packets["image"]) == {0, 1}
    # Deliveries of a layer's spikes: each spike goes to every core that reads it.
    fired = program.run(x[:2], spikes=True).spikes
    for name in set(packets["source_layer"]):
        of_layer = packets.where(packets["source_layer"] == name)
        spiking = fired[name].reshape(2, fired[name].shape[1], -1)
        assert spiking[of_layer["image"], of_layer["timestep"] % spiking.shape[1], of_layer["source_neuron"]].any()
    few = program.run(
        x[:2],
        timing="cycle",
        trace=snnc.Trace(file=tmp_path / "p.parquet", events=tmp_path / "e.json", items=1, timesteps=range(1, 3)),
    )
    chosen = (packets["image"] == 1) & np.isin(packets["timestep"], [1, 2])
    assert len(few.packets) == chosen.sum() > 0
    assert (few.packets["delivered_ps"] == packets["delivered_ps"][chosen]).all()
    assert (tmp_path / "p.parquet").read_bytes()[:4] == b"PAR1"
    assert json.loads((tmp_path / "e.json").read_text())
    assert pickle.loads(pickle.dumps(few)).packets["hops"].tolist() == few.packets["hops"].tolist()
    for wrong, message in (
        ({"trace": True}, "cycle-accurate"),
        ({"trace": snnc.Trace(items=2), "timing": "cycle"}, "--trace-images"),
        ({"trace": snnc.Trace(table=False, items=1), "timing": "cycle"}, "no trace to choose from"),
    ):
        with pytest.raises(snnc.SnncError, match=message):
            program.run(x[:2], **wrong)
    with pytest.raises(ValueError, match="trace=True"):
        program.run(x[:1]).packets


def test_runs_stand_side_by_side(digits, program, tmp_path):
    model, x, y = digits
    narrow = snnc.compile(model, weights=4, effort="fast")
    wide, few = program.run(x[:3], y[:3]), narrow.run(x[:3], y[:3])
    compared = snnc.compare({"8 bits": wide, "4 bits": few.report})
    assert compared["runs"] == ["8 bits", "4 bits"]
    row = next(row for row in compared.table if (row["section"], row["name"]) == ("Energy", "total"))
    assert (row["8 bits"], row["4 bits"]) == (wide.energy_j, few.energy_j)
    assert row["4 bits / 8 bits"] == pytest.approx(few.energy_j / wide.energy_j)
    wide.save(tmp_path / "a")
    few.save(tmp_path / "b")
    told = command("compare", tmp_path / "a", tmp_path / "b", "--json")
    sections = json.loads(told.stdout)["sections"]
    assert snnc.compare(tmp_path / "a", tmp_path / "b")["sections"] == sections
    page = wide.page()
    assert page.startswith("<!DOCTYPE html>") and "digits" in page
    both = snnc.page({"wide": wide, "few": few})
    assert "wide" in both and "few" in both and len(both) > len(page) / 2
    assert snnc.page(tmp_path / "a").startswith("<!DOCTYPE html>")
    with pytest.raises(snnc.SnncError, match="2 to 8"):
        snnc.compare(wide)
    for shown in (compared, wide):
        assert "<table" in shown._repr_html_()


def test_a_sweep_in_memory_is_that_of_a_file(folder, digits, tmp_path):
    model, x, y = digits
    (tmp_path / "s.ron").write_text(f"""(
        format: "snnc.sweep/1", model: "{folder / "model.ron"}", input: "{folder / "inputs.npy"}",
        labels: "{folder / "labels.npy"}", samples: 2, weights: [8, 4], verify: true, efforts: "fast",
        set: {{"core.neurons": [1024, 512, 0]}},
    )""")
    swept = snnc.sweep(
        model, x, y, samples=2, weights=[8, 4], verify=True, efforts="fast", set={"core.neurons": [1024, 512, 0]}
    )
    ran = command("sweep", tmp_path / "s.ron", "--out", tmp_path / "whole")
    assert ran.returncode == 0, ran.stderr

    def anywhere(text):
        """A table without the files in which fields were wrong."""
        return re.sub(r",[^,\n]*: core.neurons,", ",core.neurons,", text)

    assert anywhere(swept.csv()) == anywhere((tmp_path / "whole" / "sweep.csv").read_text())
    table = swept.table
    assert len(swept) == len(table) == 6 and len(swept.failed) == 2
    assert set(swept.failed["core.neurons"]) == {0} and set(swept.failed["error_code"]) == {"E0003"}
    # The front by its definition.
    done = [row for row in table if row["status"] == "done"]
    kinds = ("energy_j", "time_s", "cores_used")
    made = {row["point"]: [row[k] for k in kinds] + [1 - row["accuracy"], 1 - row["float_agreement"]] for row in done}

    def beats(a, b):
        return all(p <= q for p, q in zip(a, b)) and a != b

    front = [point for point, one in made.items() if not any(beats(other, one) for other in made.values())]
    assert swept.front["point"].tolist() == front and (table["on_front"] == True).sum() == len(front)  # noqa: E712
    point = next(row for row in done if (row["weight_bits"], row["core.neurons"]) == (4, 512))
    target = snnc.target("loihi-like", set={"core.neurons": 512})
    alone = snnc.compile(model, target, weights=4, effort="fast", feeds=x[:4]).run(x[:2], y[:2])
    assert (point["energy_j"], point["accuracy"]) == (alone.energy_j, alone.accuracy)
    # Parts of a file's sweep, put together, and read back.
    for part in ("1/2", "2/2"):
        one = snnc.sweep_file(tmp_path / "s.ron", tmp_path / part[0], shard=part)
        assert "3 of 6" in repr(one)
        with pytest.raises(snnc.SnncError, match="front is one of all points"):
            one.front
    merged = snnc.merge([tmp_path / "1", tmp_path / "2"], tmp_path / "merged")
    assert merged.csv() == snnc.load_sweep(tmp_path / "merged").csv()
    assert merged.csv() == (tmp_path / "whole" / "sweep.csv").read_text()
    assert swept.page().startswith("<!DOCTYPE html>") and "failed" in str(swept) and "<table" in swept._repr_html_()


def test_a_sweep_takes_targets_of_its_own_and_says_what_is_wrong(digits):
    model, x, y = digits
    small = snnc.target("loihi-like").replace(core__neurons=600, name="small")
    told = []
    swept = snnc.sweep(
        model,
        x[:2],
        targets=[small, "loihi2-like"],
        variants=[{}, {"core.neurons": 500}],
        efforts="fast",
        progress=lambda done, steps: told.append((done, steps)),
    )
    assert [row["target"] for row in swept.table] == ["small", "small", "loihi2-like", "loihi2-like"]
    assert told[-1] == (4, 4)
    alone = snnc.compile(model, small, effort="fast", feeds=x[:2]).run(x[:2])
    assert swept.table["energy_j"][0] == alone.energy_j
    for wrong, message in (
        ({"set": {"core.neuron": [1]}}, "core"),
        ({"targets": "no-such"}, "no-such"),
        ({"set": {"core.neurons": []}}, "empty list"),
        ({"set": {"core.neurons": [1]}, "variants": [{"core.neurons": 2}]}, "variants"),
        ({"objectives": "beauty"}, "beauty"),
        ({"jobs": 0}, "--jobs"),
        ({"images": 3}, "generates nothing"),
    ):
        with pytest.raises(snnc.SnncError, match=message):
            snnc.sweep(model, x[:2], progress=False, **wrong)
    with pytest.raises(snnc.SnncError, match="needs samples"):
        snnc.sweep(model)
    with pytest.raises(snnc.SnncError, match="3 labels, 2 samples"):
        snnc.sweep(model, x[:2], y[:3])

    def stop(done, steps):
        raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        snnc.sweep(model, x, set={"core.neurons": list(range(400, 900))}, efforts="fast", progress=stop)


def test_objectives_are_those_of_the_command(examples, tmp_path):
    path = examples / "feed-forward" / "model.ron"
    model = snnc.load(path)
    x = np.random.default_rng(2).uniform(-1, 1, (4, 1, 12, 12))
    table = snnc.objectives(model, "loihi-like", front=True)
    front = tmp_path / "front.csv"
    ran = command("fit", path, "--target", "loihi-like", "--objectives", "--pareto", front, "--json")
    told = json.loads(ran.stdout)["targets"][0]
    assert table["rows"] == told["rows"]
    assert [row["objective"] for row in table.table] == [row["objective"] for row in told["rows"]]
    lines = [line.split(",") for line in front.read_text().splitlines()]
    assert table.front.columns == lines[0] and table.front["cores"].tolist() == [int(line[0]) for line in lines[1:]]
    cores = {row["objective"]: row["cores"] for row in table.table}
    assert cores["cores"] == min(cores.values())
    # Recorded samples tell how busy cores are.
    fed = snnc.objectives(model, "loihi-like", feeds=x, feeds_network="classifier")
    assert fed["rows"] != table["rows"]


def test_a_hypergraph_is_cut_and_compiled(folder, digits, program, tmp_path):
    model, x, _ = digits
    graph = model.hypergraph("loihi-like", group=8)
    path = tmp_path / "net.hgr"
    ran = command("export", folder / "model.ron", "--to", "hgr", "--group", 8, "-o", path)
    assert ran.returncode == 0, ran.stderr
    assert path.read_text() == graph.text
    starts, pins = graph.starts, graph.pins
    assert len(graph.vertices) == len(graph.vertex_weights) and starts[-1] == len(pins)
    # A vertex weighs its neurons.
    rows = list(graph.vertices)
    assert graph.vertex_weights[:, 0].tolist() == [row["end_channel"] - row["first_channel"] for row in rows]
    limit = [1024] + [2**40] * (graph.vertex_weights.shape[1] - 1)
    cut = graph.partition(limit, effort="fast")
    blocks = cut.assignment
    nets = [blocks[pins[a:b]] for a, b in zip(starts, starts[1:])]
    cost = sum(int(weight) * (len(set(net.tolist())) - 1) for net, weight in zip(nets, graph.net_weights))
    assert cut["km1"] == cost and cut["blocks"] == len(set(blocks.tolist()))
    loads = np.zeros(cut["blocks"])
    np.add.at(loads, blocks, graph.vertex_weights[:, 0])
    assert loads.max() <= 1024 and cut["block_weight_max"][0] == loads.max()
    told = command("partition", path, "--limit", ",".join(map(str, limit)), "--effort", "fast", "--json")
    assert json.loads(told.stdout)["km1"] == cut["km1"]
    # Layers apart, since a core has few threshold profiles, and few neurons on each, since one has many synapses.
    apart, loaded, layer = [], 0, None
    for row, weight in zip(rows, graph.vertex_weights[:, 0].tolist()):
        most = 40 if row["layer"] == "net.10" else 300
        if row["layer"] != layer or loaded + weight > most:
            apart.append(apart[-1] + 1 if apart else 0)
            loaded, layer = weight, row["layer"]
        else:
            apart.append(apart[-1])
            loaded += weight
    mapped = snnc.compile(model, partition=np.array(apart), group=8)
    assert mapped.cores == apart[-1] + 1
    assert (mapped.run(x[:3]).readout == program.run(x[:3]).readout).all()
    # The partitioner knows nothing of threshold profiles.
    with pytest.raises(snnc.SnncError, match="threshold profiles"):
        snnc.compile(model, partition=cut, group=8)
    for wrong, message in ((blocks[:-1], "vertices"), (blocks / 2, "float64"), (blocks - 1, "block")):
        with pytest.raises(snnc.SnncError, match=message):
            snnc.compile(model, partition=wrong, group=8)
    # Anybody's hypergraph: two triangles that share nothing.
    own = snnc.hypergraph([[0, 1, 2], [3, 4, 5]])
    assert own.partition(3)["km1"] == 0 and snnc.hypergraph(path).text == graph.text
    with pytest.raises(snnc.SnncError, match="vertices"):
        snnc.hypergraph([[0, 7]], vertex_weights=[1, 1])


def test_mappings_are_given_without_files(digits, program):
    model, x, _ = digits
    same = snnc.compile(model, partition=program.mapping.partition, placement=program.mapping.placement, feeds=x[:4])
    assert same.mapping["traffic"] == program.mapping["traffic"]
    assert same.mapping.placement == program.mapping.placement
    for wrong in ({"partition": "no\npartition"}, {"placement": "no\nplacement"}):
        with pytest.raises(snnc.SnncError) as error:
            snnc.compile(model, **wrong)
        assert next(iter(wrong)) in str(error.value)


def test_cores_are_placed(program, tmp_path):
    flows = program.flows
    assert flows.shape[1] == 3 and (flows[:, 2] > 0).all() and (flows[:, 0] != flows[:, 1]).all()
    side = int(np.ceil(np.sqrt(flows[:, :2].max() + 1)))
    placed = snnc.place(flows, side, side, effort="fast")
    steps = np.abs(placed.sites[flows[:, 0], :2] - placed.sites[flows[:, 1], :2]).sum(axis=1)
    assert placed["packets_x_hops"] == (steps * flows[:, 2]).sum() >= placed["bound"]
    assert placed["packets"] == flows[:, 2].sum()
    assert len({tuple(site) for site in placed.sites.tolist()}) == len(placed.sites)
    path = tmp_path / "flows.txt"
    path.write_text("".join(f"{a} {b} {n}\n" for a, b, n in flows.tolist()))
    told = command("place", path, "--columns", side, "--rows", side, "--effort", "fast", "--json")
    assert json.loads(told.stdout)["sites"] == placed["sites"] == snnc.place(path, side, side, effort="fast")["sites"]
    for wrong in ((flows, 1, 1), (flows, 0, 4), ([[0, 1, -1]], 2, 2), (np.zeros((0, 3), int), 2, 2)):
        with pytest.raises(snnc.SnncError):
            snnc.place(*wrong)


def test_a_network_is_described_for_another_simulator(folder, digits, tmp_path):
    model, x, _ = digits
    program = snnc.compile(model, "loihi-like-sanafe", effort="fast")
    described = program.sana_fe(x[:1])
    program.save(tmp_path / "p.snnx")
    options = ["--to", "sana-fe", "--input", folder / "inputs.npy", "-o", tmp_path / "out"]
    ran = command("export", tmp_path / "p.snnx", *options)
    assert ran.returncode == 0, ran.stderr
    described.save(tmp_path / "own")
    for name, text in (("arch.yaml", described.architecture), ("network.yaml", described.network)):
        assert (tmp_path / "out" / name).read_text() == (tmp_path / "own" / name).read_text() == text
    assert f"{described.edges:,} edges" in " ".join(ran.stdout.split())
    assert f"{described.edges} edges" in repr(described)
    with pytest.raises(snnc.SnncError):
        program.sana_fe()


def test_events_become_spike_trains(examples):
    folder = examples / "bars-events"
    model, x = snnc.load(folder / "model.ron"), np.load(folder / "inputs.npy")[:3]
    n, t, p, y, column = np.nonzero(x)
    # In the middle of timesteps of 4, and each event twice.
    events = model.events(np.r_[t, t] * 4 + 2.0, np.r_[column, column], np.r_[y, y], np.r_[p, p], 4.0, n=np.r_[n, n])
    assert (events.x == x).all() and events.summary["merged"] == len(t) == events.summary["spikes"]
    program = snnc.compile(model, effort="fast")
    run = program.run(events)
    assert (run.readout == program.run(x).readout).all()
    assert run.report["events"] == events.summary and program.verify(events)["events"] == events.summary
    with pytest.raises(snnc.SnncError, match="event 0: x is 16"):
        model.events([0.0], [16], [0], [0], 1.0)
    with pytest.raises(snnc.SnncError, match="one length"):
        model.events([0.0, 1.0], [1], [0], [0], 1.0)


def test_spikes_are_drawn_at_the_rate_of_the_model():
    text = """(
  format: "snnc.model/1", name: "drawn", weights: {"w": "w.safetensors"},
  networks: {"net": (timesteps: 200, layers: [
    (name: "x", op: Input(shape: (4, 1, 1), source: Poisson(rate: PerStep(0.25)))),
    (name: "fc", from: ["x"], op: Linear(weight: ("w", "w"))),
    (name: "lif", from: ["fc"], op: Lif(tau: 2.0, threshold: 0.5, reset: 0.0, decay_input: false)),
    (name: "out", from: ["lif"], op: SumOverTime),
  ])},
)"""
    program = snnc.compile(snnc.model(text, {"w": np.eye(4, dtype=np.float32)}), effort="fast")
    assert not program.generates
    result = program.run(samples=20, seed=3)
    # Every spike passes the threshold alone: its count is binomial.
    assert result.readout.shape == (20, 4)
    assert abs(result.readout.mean() / 200 - 0.25) < 4 * np.sqrt(0.25 * 0.75 / (20 * 4 * 200))
    assert (program.run(samples=20, seed=3).readout == result.readout).all()
    assert (program.run(samples=20, seed=4).readout != result.readout).any()
    assert program.verify(samples=3)["samples"] == 3 and program.run().readout.shape == (1, 4)
    with pytest.raises(snnc.SnncError, match="would change nothing"):
        program.run(np.zeros((2, 4)))
    swept = snnc.sweep(program._model, samples=[2, 3], efforts="fast")
    assert swept.table["samples"].tolist() == [2, 3]


def test_targets_take_values_before_they_are_read():
    half = snnc.target("loihi-like", set={"core.neurons": 512, "scaling.supply_v": 0.6})
    other = snnc.target("loihi-like", set={"core.neurons": "2^9", "scaling.supply_v": "0.6"})
    assert half["core.neurons"] == other["core.neurons"] == 512

    def plain(fields):
        """Values without their sources and the name."""
        if isinstance(fields, dict):
            return {name: plain(value) for name, value in fields.items() if name not in ("name", "source")}
        if isinstance(fields, list) and len(fields) == 2 and isinstance(fields[1], dict) and "Assumed" in fields[1]:
            return fields[0]
        return [plain(one) for one in fields] if isinstance(fields, list) else fields

    assert plain(half.to_dict()) == plain(other.to_dict())
    # A lower supply is there before anything is read: energies follow it, which a field that is replaced does not do.
    base = snnc.target("loihi-like", set={"core.neurons": 512})
    assert plain(half.to_dict()["energy"]) != plain(base.to_dict()["energy"])
    told = json.loads(command("targets", "show", "loihi-like", "--set", "core.neurons=512", "--json").stdout)
    assert plain(told)["core"] == plain(base.to_dict())["core"]
    with pytest.raises(snnc.SnncError, match="core.neuron"):
        snnc.target("loihi-like", set={"core.neuron": 1})
    with pytest.raises(snnc.SnncError, match="replace"):
        snnc.target(half, set={"core.neurons": 1})


def test_models_are_imported_as_the_command_does(examples, folder, tmp_path):
    files = examples.parent / "tests" / "data" / "nir"
    named = {"dialect": "spikingjelly", "constant_input": True, "timesteps": 4, "readout": "mean"}
    remarks = snnc.import_nir(files / "digits_cnn.nir", tmp_path / "own", **named)
    assert remarks == snnc.load(files / "digits_cnn.nir", **named).remarks
    options = ["--dialect", "spikingjelly", "--constant-input", "--timesteps", 4, "--readout", "mean"]
    ran = command("import", files / "digits_cnn.nir", *options, "-o", tmp_path / "out")
    assert ran.returncode == 0, ran.stderr
    for name in ("model.ron", "weights.safetensors"):
        assert (tmp_path / "own" / name).read_bytes() == (tmp_path / "out" / name).read_bytes()
    x = np.load(folder / "inputs.npy")[:5]
    held = [path for path in folder.iterdir() if path.suffix in (".pth", ".safetensors")]
    weights = next(path for path in held if "golden" not in path.name)
    path, left_over = snnc.import_state_dict(weights, folder / "model.ron", tmp_path / "filled")
    assert left_over == []
    again, own = snnc.load(path), snnc.load(folder / "model.ron")
    assert (again.reference(x).readout == own.reference(x).readout).all()
    told = json.loads(command("passes", "--json").stdout)["passes"]
    assert list(snnc.passes()) == told


def test_sets_of_images_are_made_in_parts(examples, tmp_path):
    model = snnc.load(examples / "spiking-diffusion-mnist" / "model.ron")
    program = snnc.compile(model, effort="fast", objective="cores")
    for part in ("1/2", "2/2"):
        program.generate_to(tmp_path / part[0], 3, seed=5, shard=part)
    assert snnc.merge([tmp_path / "1", tmp_path / "2"], tmp_path / "all") == 3
    images = program.generate(3, seed=5, timing="none")
    assert (np.load(tmp_path / "all" / "images.npy").reshape(images.shape) == np.asarray(images)).all()
    images.save(tmp_path / "run")
    assert (np.load(tmp_path / "run" / "tokens.npy") == images.tokens).all() and images.report["seed"] == 5
    compared = program.verify(images=1, seed=5)
    # Float, chip on its tokens, chip running freely.
    assert compared.pictures.shape[:2] == (1, 1) and compared.pictures.shape[3] == 3 * 28
    assert (compared.pictures[0, :, :28, -28:] == np.asarray(images)[0]).all()
    with pytest.raises(snnc.SnncError, match="1/4"):
        program.generate_to(tmp_path / "x", 1, shard="5/4")
