#!/usr/bin/env python3
"""NIR files for `benches/vs_nir.sh`, written by the package `nir` (PyPI) or shipped by the crate `nir-rs`, with what
`nir_step.py` makes of them.

Usage: nir_nets.py FOLDER FIXTURES     Writes FOLDER/NAME/ for each case: net.nir, inputs.npy (float64 [1, t, ...], or [1, ...]
of a constant input), golden.safetensors (spikes of each firing layer and the read-out, as `snnc verify --golden` takes
them), options (of the command line, one a line) and about (dialect, nodes and spikes, for the table). Of a file that
the package refuses there is no golden.safetensors. FIXTURES holds the crate's files.
"""
import shutil
import sys
from pathlib import Path

import h5py
import nir
import numpy as np
from safetensors.numpy import save_file

from nir_step import DEFAULTS, Rules, flat, run

DT = 1e-4
# Dialects with a timestep of their own; the others are given it.
OWN_STEP = {"snntorch": 1e-4, "spikingjelly": 1e-4, "lava": 1e-4, "norse": 1e-3, "nengo": 1e-3}


def numbers(rng, *shape, low=-1.0, high=1.0):
    """Random numbers with few digits, so that sums of them are exact."""
    return np.round(rng.uniform(low, high, shape) * 64) / 64


class Case:
    """One file: a graph, how it is read, and what it is fed. `edit` changes the file, `path` is one that exists."""

    def __init__(self, name, graph, dialect="exact", dt=DT, late=(), steps=40, rate=0.4, readout=None, constant=False,
                 edit=None, compression="gzip", read_back=False, path=None, **rules):
        self.name, self.graph, self.dialect, self.late, self.path = name, graph, dialect, late, path
        self.edit, self.compression, self.read_back, self.readout = edit, compression, read_back, readout
        self.rules = Rules(dialect, 1.0 if dialect == "sinabs" else dt, **rules)
        rng = np.random.default_rng(sum(map(ord, name)))
        shape = next(n for n in flat(graph)[0].values() if isinstance(n, nir.Input)).input_type["input"]
        if constant:
            self.fed = numbers(rng, *shape, low=0)
            self.x = np.repeat(self.fed[None], steps, 0)
        else:
            self.fed = self.x = (rng.random((steps, *shape)) < rate).astype(np.float64)
        self.options = ["--dialect", dialect, "--timesteps", str(steps)]
        if dialect != "sinabs" and OWN_STEP.get(dialect) != dt:
            self.options += ["--nir-dt", repr(dt)]
        if "reset" in rules:
            self.options += ["--reset", rules["reset"]]
        if "strict" in rules:
            self.options += ["--compare", "above" if rules["strict"] else "at"]
        self.options += ["--readout", readout] if readout else []
        self.options += ["--constant-input"] if constant else []

    def save(self, path):
        """The file as the package writes it, then as `edit` changes it."""
        nodes, edges = flat(self.graph)
        outputs = run(self.graph, self.x[:1], self.rules, self.late)
        for name, node in nodes.items():
            # The package cannot write a shape that it does not know.
            shape = next((outputs[a].shape[1:] for a, b in edges if b == name), None)
            if isinstance(node, (nir.Conv1d, nir.Conv2d)):
                node.input_shape = shape[1] if isinstance(node, nir.Conv1d) else shape[1:]
            if isinstance(node, nir.Flatten):
                node.input_type = {"input": np.array(shape)}
        # HDF5 does not pack single numbers.
        single = any(isinstance(v, np.ndarray) and v.ndim == 0 for node in nodes.values() for v in vars(node).values())
        nir.write(path, self.graph, compression=None if single else self.compression)
        if self.edit:
            with h5py.File(path, "r+") as file:
                self.edit(file)
        if self.read_back:
            self.graph = nir.read(path, type_check=False)

    def write(self, folder):
        folder = folder / self.name
        folder.mkdir(parents=True, exist_ok=True)
        if self.path:
            shutil.copy(self.path, folder / "net.nir")
        else:
            self.save(folder / "net.nir")
        nodes, edges = flat(self.graph)
        outputs = run(self.graph, self.x, self.rules, self.late)
        golden = {}
        for name, node in nodes.items():
            if hasattr(node, "v_threshold") or isinstance(node, nir.Threshold):
                spikes = outputs[name].reshape(len(self.x), -1) > 0
                layer = name[1:] if name[0] == "_" and name[1].isdigit() else name
                golden[f"0.spikes.{layer}"] = np.packbits(spikes, axis=1, bitorder="little")
        fired = sum(int(np.unpackbits(value).sum()) for value in golden.values())
        assert fired > 0 or not golden, f"{self.name}: nothing fires"
        end = next(n for n, m in nodes.items() if isinstance(m, nir.Output) and "." not in n)
        source = nodes[next(a for a, b in edges if b == end)]
        quiet = hasattr(source, "r") and not hasattr(source, "v_threshold")
        how, series = self.readout or ("last" if quiet else "sum"), outputs[end]
        # Lines are maps of one row.
        series = series[:, :, None] if series.ndim == 3 else series
        golden["0.readout"] = {"sum": series.sum(0), "mean": series.mean(0), "last": series[-1]}[how].astype(np.float64)
        save_file({key: np.ascontiguousarray(value) for key, value in golden.items()}, folder / "golden.safetensors")
        np.save(folder / "inputs.npy", self.fed[None])
        (folder / "options").write_text("\n".join(self.options))
        kinds = sorted({type(n).__name__ for n in nodes.values()} - {"Input", "Output"})
        (folder / "about").write_text(f"{self.dialect}\t{', '.join(kinds)}\t{fired}")


def graph(nodes, *edges):
    """Without the package's own check, which takes kernels for square and channel groups for one."""
    names = list(nodes)
    chain = edges or tuple(zip(names, names[1:]))
    return nir.NIRGraph(nodes=nodes, edges=list(chain), type_check=False)


def of(*shape):
    return nir.Input(input_type={"input": np.array(shape)})


def out(*shape):
    return nir.Output(output_type={"output": np.array(shape)})


def lif(shape, theta=0.5, tau=4 * DT, r=1.0, v_leak=0.0, v_reset=0.0):
    full = lambda v: np.broadcast_to(np.asarray(v, np.float64), shape).copy()
    return nir.LIF(tau=full(tau), r=full(r), v_leak=full(v_leak), v_threshold=full(theta), v_reset=full(v_reset))


def fire(shape, theta=1.0, r=1 / DT):
    full = lambda v: np.broadcast_to(np.asarray(v, np.float64), shape).copy()
    return nir.IF(r=full(r), v_threshold=full(theta), v_reset=full(0.0))


def batch_counted(file):
    """The first axis to join is 1 where the batch counts as one."""
    file["node/nodes/flatten/start_dim"][()] = 1
    del file["node/nodes/flatten/input_type"]


def layer_nodes(rng):
    """Every kind of node that keeps no state, both axes of whatever has two."""
    c = lambda *s: numbers(rng, *s)
    conv2d = lambda w, stride, padding, dilation, groups, shape=None: nir.Conv2d(
        input_shape=shape, weight=w, stride=stride, padding=padding, dilation=dilation, groups=groups, bias=c(len(w)))
    conv1d = lambda w, stride, padding, dilation, groups: nir.Conv1d(
        input_shape=None, weight=w, stride=stride, padding=padding, dilation=dilation, groups=groups, bias=c(len(w)))
    yield Case("conv2d_rectangles", graph({
        "input": of(2, 7, 9), "conv": conv2d(c(4, 2, 3, 2), (2, 1), (1, 0), (1, 2), 1, (7, 9)), "a": fire((4, 4, 7)),
        "same": conv2d(c(4, 4, 3, 5), 1, "same", 1, 1), "b": fire((4, 4, 7)), "output": out(4, 4, 7)}))
    yield Case("conv2d_same_even", graph({
        "input": of(1, 5, 6), "conv": conv2d(c(2, 1, 2, 4), 1, "same", 1, 1), "a": fire((2, 5, 6)), "output": out(2, 5, 6)}))
    yield Case("conv2d_same_dilated", graph({
        "input": of(1, 8, 9), "conv": conv2d(c(2, 1, 3, 2), (1, 1), "same", (2, 3), 1), "a": fire((2, 8, 9)),
        "output": out(2, 8, 9)}))
    yield Case("conv2d_valid", graph({
        "input": of(1, 5, 6), "conv": conv2d(c(2, 1, 2, 3), (1, 2), "valid", 1, 1), "a": fire((2, 4, 2)),
        "output": out(2, 4, 2)}))
    yield Case("conv2d_groups", graph({
        "input": of(4, 5, 4), "grouped": conv2d(c(6, 2, 2, 3), 1, (1, 1), 1, 2), "a": fire((6, 6, 4)),
        "depthwise": conv2d(c(6, 1, 3, 1), 1, (0, 0), 1, 6), "b": fire((6, 4, 4)), "output": out(6, 4, 4)}))
    yield Case("conv1d", graph({
        "input": of(4, 17), "strided": conv1d(c(6, 2, 4), 2, 1, 2, 2), "a": fire((6, 7)),
        "same": conv1d(c(3, 6, 5), 1, "same", 1, 1), "b": fire((3, 7)), "valid": conv1d(c(2, 3, 2), 1, "valid", 3, 1),
        "d": fire((2, 4)), "output": out(2, 4)}))
    pair = lambda a, b: np.array((a, b))
    yield Case("pools", graph({
        "input": of(2, 8, 9), "sum": nir.SumPool2d(pair(2, 3), pair(2, 3), pair(0, 0)), "a": fire((2, 4, 3)),
        "avg": nir.AvgPool2d(pair(2, 1), pair(1, 1), pair(1, 0)), "b": fire((2, 5, 3), 0.75), "output": out(2, 5, 3)}))
    yield Case("pools_scalar", graph({
        "input": of(2, 8, 8), "sum": nir.SumPool2d(np.array(2), np.array(2), np.array(0)), "a": fire((2, 4, 4), 2.0),
        "avg": nir.AvgPool2d(np.array(3), np.array(1), np.array(1)), "b": fire((2, 4, 4), 0.5), "output": out(2, 4, 4)}))
    yield Case("flatten_some", graph({
        "input": of(2, 3, 4), "flatten": nir.Flatten({"input": np.array((2, 3, 4))}, 0, 1), "a": fire((6, 4)),
        "rest": nir.Flatten({"input": None}, 0, -1), "fc": nir.Affine(c(3, 24), c(3)), "b": fire((3,)), "output": out(3)}))
    yield Case("flatten_with_batch", graph({
        "input": of(2, 3, 4), "flatten": nir.Flatten({"input": None}, 0, -1), "fc": nir.Affine(c(3, 24), c(3)), "a": fire((3,)),
        "output": out(3)}), edit=batch_counted)
    yield Case("scale_threshold_delay", graph({
        "input": of(6), "scale": nir.Scale(np.array([1, -0.5, 2, 0.25, 1.5, -1])), "fc": nir.Linear(c(5, 6)),
        "z": nir.Threshold(numbers(rng, 5, low=0)), "late": nir.Delay(np.full(5, 3 * DT)), "fc2": nir.Affine(c(4, 5), c(4)),
        "a": fire((4,)), "output": out(4)}))
    yield Case("sum_of_edges", graph(
        {"input": of(4), "fc": nir.Linear(c(4, 4)), "a": fire((4,)), "skip": nir.Linear(c(4, 4)), "b": fire((4,)),
         "output": out(4)},
        ("input", "fc"), ("fc", "a"), ("a", "skip"), ("skip", "b"), ("a", "b"), ("b", "output")))


def recurrent(rng):
    """Graphs within graphs, and loops."""
    c = lambda *s: numbers(rng, *s)
    inner = lambda neuron, n: graph(
        {"input": of(n), "lif": neuron, "w_rec": nir.Affine(c(n, n), c(n) / 4), "output": out(n)},
        ("input", "lif"), ("lif", "w_rec"), ("w_rec", "lif"), ("lif", "output"))
    cuba = lambda n: nir.CubaLIF(
        tau_syn=np.full(n, 2 * DT), tau_mem=np.full(n, 3 * DT), r=np.full(n, 3.0), v_leak=np.zeros(n), w_in=np.full(n, 2.0),
        v_threshold=np.ones(n), v_reset=np.zeros(n))
    for name, neuron, dialect in [("lif", lambda n: lif((n,), 0.25), "exact"), ("cuba", cuba, "snntorch")]:
        yield Case(f"recurrent_{name}", graph({
            "input": of(5), "fc": nir.Affine(c(7, 5), c(7)), "lif1": inner(neuron(7), 7), "fc2": nir.Linear(c(3, 7)),
            "lif2": neuron(3), "output": out(3)}), dialect, late=[("lif1.lif", "lif1.w_rec")])
    yield Case("self_loops", graph(
        {"input": of(4), "fc": nir.Linear(c(6, 4)), "a": fire((6,), 1.5), "b": lif((6,), 0.25), "output": out(6)},
        ("input", "fc"), ("fc", "a"), ("a", "a"), ("a", "b"), ("b", "b"), ("b", "output")), late=[("a", "a"), ("b", "b")])
    yield Case("feedback", graph(
        {"input": of(4), "fc": nir.Linear(c(6, 4)), "a": fire((6,), 1.5), "fc2": nir.Linear(c(5, 6)), "b": lif((5,), 0.25),
         "back": nir.Linear(c(6, 5)), "output": out(5)},
        ("input", "fc"), ("fc", "a"), ("a", "fc2"), ("fc2", "b"), ("b", "back"), ("back", "a"), ("b", "output")),
        late=[("b", "back")])
    deep = graph({"input": of(4), "a": fire((4,)), "output": out(4)})
    for _ in range(3):
        deep = graph({"in": of(4), "graph": deep, "out": out(4)})
    yield Case("nested", graph({"input": of(3), "fc": nir.Affine(c(4, 3), c(4)), "deep": deep, "output": out(4)}))
    yield Case("delayed_loop", graph(
        {"input": of(4), "fc": nir.Linear(c(4, 4)), "a": fire((4,)), "back": nir.Linear(c(4, 4)),
         "late": nir.Delay(np.full(4, 2 * DT)), "output": out(4)},
        ("input", "fc"), ("fc", "a"), ("a", "late"), ("late", "back"), ("back", "a"), ("a", "output")),
        late=[("a", "late")])


def dialects(rng):
    """Every kind of neuron in every dialect, with numbers of each neuron's own."""
    for dialect in DEFAULTS:
        dt = OWN_STEP.get(dialect, DT)
        unit = 1.0 if dialect == "sinabs" else dt
        n, between = 9, lambda low, high: rng.uniform(low, high, 9)
        tau, syn = between(2, 12) * unit, between(1.5, 6) * unit
        zero = np.zeros(n)
        reset = between(-0.2, 0.1)
        whole = 1.0 if dialect in ("snntorch", "norse", "sinabs") else 1 / dt
        fc = lambda: nir.Affine(rng.normal(0.3, 1, (n, n)), rng.normal(0, 0.1, n))
        theta = lambda: between(0.2, 0.8)
        neurons = {
            "if": nir.IF(r=between(0.5, 1.5) * whole, v_threshold=theta(), v_reset=reset),
            "lif": nir.LIF(tau=tau, r=between(0.5, 2), v_leak=between(-0.1, 0.1), v_threshold=theta(), v_reset=reset),
            "cuba": nir.CubaLIF(tau_syn=syn, tau_mem=tau, r=between(0.5, 2), v_leak=between(-0.1, 0.1), w_in=between(0.5, 2),
                                v_threshold=theta(), v_reset=reset),
        }
        nodes = {"input": of(n)}
        for name, neuron in neurons.items():
            nodes |= {f"fc_{name}": fc(), name: neuron}
        yield Case(f"{dialect}_firing", graph(nodes | {"output": out(n)}), dialect, dt)
        quiet = {
            "i": nir.I(r=between(0.5, 1.5) * whole / 8), "li": nir.LI(tau=tau, r=between(0.5, 2), v_leak=between(-0.1, 0.1)),
            "cubali": nir.CubaLI(tau_syn=syn, tau_mem=tau, r=between(0.5, 2), v_leak=zero, w_in=between(0.5, 2)),
        }
        nodes = {"input": of(n)}
        for name, neuron in quiet.items():
            nodes |= {f"fc_{name}": fc(), name: neuron}
        yield Case(f"{dialect}_quiet", graph(nodes | {"output": out(n)}), dialect, dt, steps=20)


def plain(rng):
    """Neurons as chips have them in every dialect: numbers of all alike, no leak and no reset to anything but 0."""
    for dialect in DEFAULTS:
        dt = OWN_STEP.get(dialect, DT)
        unit, whole = 1.0 if dialect == "sinabs" else dt, 1.0 if dialect in ("snntorch", "norse", "sinabs") else 1 / dt
        full = lambda value: np.full(9, float(value))
        fc = lambda: nir.Affine(rng.normal(0.3, 1, (9, 9)), rng.normal(0, 0.1, 9))
        yield Case(f"{dialect}_plain", graph({
            "input": of(9), "fc_if": fc(), "if": nir.IF(r=full(whole), v_threshold=full(1.5), v_reset=full(0)),
            "fc_lif": fc(), "lif": nir.LIF(tau=full(4 * unit), r=full(2), v_leak=full(0), v_threshold=full(0.5), v_reset=full(0)),
            "fc_cuba": fc(), "cuba": nir.CubaLIF(tau_syn=full(2 * unit), tau_mem=full(5 * unit), r=full(2), v_leak=full(0),
                                                 w_in=full(1), v_threshold=full(0.5), v_reset=full(0)),
            "output": out(9)}), dialect, dt)


def settings(rng):
    """Every override, and every read-out."""
    fc = lambda n, m: nir.Affine(numbers(rng, n, m), numbers(rng, n) / 4)
    nodes = lambda: {"input": of(6), "fc": fc(8, 6), "a": fire((8,)), "fc2": fc(5, 8), "b": lif((5,), 0.25, v_reset=-0.125),
                     "output": out(5)}
    for reset in ("hard", "subtract", "none", "hard-next", "subtract-next", "blank-next"):
        for strict in (False, True):
            yield Case(f"reset_{reset}_{'above' if strict else 'at'}", graph(nodes()), "lava", reset=reset, strict=strict)
    yield Case("another_step", graph(nodes()), "norse", dt=2e-4)
    yield Case("constant_input", graph(nodes()), "spikingjelly", constant=True, readout="mean")
    membrane = {"fc3": fc(3, 5), "li": nir.LI(tau=np.full(3, 5 * DT), r=np.full(3, 2.0), v_leak=np.zeros(3))}
    for readout in (None, "sum", "mean", "last"):
        before = dict(list(nodes().items())[:-1])
        yield Case(f"readout_{readout or 'default'}", graph({**before, **membrane, "output": out(3)}), "lava", readout=readout)
    yield Case("readout_of_spikes_last", graph(nodes()), "lava", readout="last")


def layouts(rng):
    """What older versions and other writers leave out or write otherwise."""
    fc = lambda n, m: nir.Affine(numbers(rng, n, m), numbers(rng, n) / 4)
    cuba = lambda n: nir.CubaLIF(tau_syn=np.full(n, 2 * DT), tau_mem=np.full(n, 3 * DT), r=np.full(n, 3.0), v_leak=np.zeros(n),
                                 v_threshold=np.full(n, 0.5), v_reset=np.zeros(n))
    nodes = lambda: {"input": of(6), "_0": fc(8, 6), "_1": lif((8,), 0.25), "_2": fc(5, 8), "_3": cuba(5), "output": out(5)}

    def case(name, edit=None, **other):
        return Case(f"layout_{name}", graph(nodes()), "lava", edit=edit, **other)

    def without(*fields):
        def edit(file):
            for field in fields:
                del file[field]
        return edit

    def instead(path, **values):
        def edit(file):
            for field, value in values.items():
                if field in file[path]:
                    del file[path][field]
                file[path].create_dataset(field, data=value)
        return edit

    def cast(kind):
        def edit(file):
            for node in file["node/nodes"].values():
                for field, data in list(node.items()):
                    if data.dtype.kind == "f":
                        values = data[()]
                        del node[field]
                        node.create_dataset(field, data=values.astype(kind))
        return edit

    def fixed_edges(file):
        edges = file["node/edges"][()]
        del file["node/edges"]
        file["node"].create_dataset("edges", data=np.array([[a, b] for a, b in edges], dtype="S32"))

    def fixed_types(file):
        for node in file["node/nodes"].values():
            kind = node["type"][()]
            del node["type"]
            node.create_dataset("type", data=np.bytes_(kind))

    yield case("plain")
    yield case("unpacked", compression=None)
    yield case("lzf", compression="lzf")
    yield case("gzip_9", compression=9)
    yield case("no_version", without("version"))
    yield case("no_v_reset", without("node/nodes/_1/v_reset", "node/nodes/_3/v_reset"))
    yield case("no_w_in", without("node/nodes/_3/w_in"))
    yield case("no_v_leak", without("node/nodes/_1/v_leak", "node/nodes/_3/v_leak"))
    yield case("scalars", instead("node/nodes/_1", tau=4 * DT, r=1.0, v_leak=0.0, v_threshold=0.25, v_reset=0.0))
    yield case("ones", instead("node/nodes/_1", tau=[4 * DT], r=[1.0], v_leak=[0.0], v_threshold=[0.25], v_reset=[0.0]))
    yield case("some_scalars", instead("node/nodes/_3", tau_syn=2 * DT, w_in=1.0, v_reset=[0.0]))
    yield case("float32", cast("<f4"), read_back=True)
    yield case("float16", cast("<f2"), read_back=True)
    yield case("big_endian", cast(">f8"))
    yield case("fixed_strings", fixed_edges)
    yield case("fixed_types", fixed_types)
    yield case("metadata", lambda file: file["node/nodes/_1"].create_group("metadata").create_dataset("note", data="kept"))
    yield Case("layout_no_shapes", graph({
        "input": of(2, 6, 5), "conv": nir.Conv2d(None, numbers(rng, 3, 2, 3, 2), (1, 1), (0, 0), (1, 1), 1, np.zeros(3)),
        "a": nir.IF(r=np.array(1 / DT), v_threshold=np.array(1.0), v_reset=np.array(0.0)),
        "pool": nir.SumPool2d(np.array((2, 2)), np.array((2, 2)), np.array((0, 0))),
        "flatten": nir.Flatten({"input": None}, 0, -1), "fc": fc(4, 12),
        "b": nir.IF(r=np.array([1 / DT]), v_threshold=np.array([1.0]), v_reset=np.array([0.0])), "output": out(4)}), "lava",
        edit=without("node/nodes/conv/input_shape", "node/nodes/flatten/input_type", "node/nodes/conv/bias"))
    yield case("no_output_shape", without("node/nodes/output/shape"))

    def no_ends(file):
        edges = [e for e in file["node/edges"].asstr()[()].tolist() if "input" not in e and "output" not in e]
        for part in ("node/edges", "node/nodes/input", "node/nodes/output"):
            del file[part]
        file["node"].create_dataset("edges", data=np.array(edges, dtype=object), dtype=h5py.string_dtype())

    yield case("no_ends", no_ends)


# The files that nir-rs ships: how each is read.
BRAILLE = {"dialect": "snntorch", "steps": 24, "late": [("lif1.lif", "lif1.w_rec")]}
FIXTURES = {
    "lif_norse": {"dialect": "norse", "dt": 1e-4, "steps": 400},
    "lif_rockpool": {},
    "two_lif_neurons": {"dialect": "norse", "dt": 1e-3, "steps": 100},
    "braille_noDelay_bias_zero": {**BRAILLE, "reset": "hard"},
    "braille_noDelay_noBias_subtract": {**BRAILLE, "reset": "subtract"},
    "braille_noDelay_bias_zero_subgraph": {},
    "braille_noDelay_noBias_subtract_subgraph": {},
    "cnn_sinabs": {"dialect": "sinabs", "steps": 6, "rate": 0.1},
    "synfire/lifneuron-1.0.0": {"dialect": "norse", "dt": 1e-4, "steps": 400},
    "synfire/ifsynfire-0.1.0": {"dialect": "lava", "dt": 1.0, "late": [("neurons", "recurrent_synapses")], "rate": 0.05},
    "synfire/nmnistcnn-1.0.0": {"dialect": "sinabs", "steps": 6, "rate": 0.1},
    "synfire/brailernn-1.0.1": {**BRAILLE, "reset": "subtract"},
    "synfire/swavelet-1.0.0": {"dialect": "norse", "dt": 1e-3, "steps": 200},
    "huggingface/neurocuda_mlp_mnist": {"dialect": "norse", "reset": "subtract", "strict": False, "dt": 1e-3, "constant": True},
    "huggingface/neurocuda_cnn_nmnist": {"dialect": "norse", "reset": "subtract", "strict": False, "dt": 1e-3, "steps": 6,
                                         "rate": 0.1},
}


def fixtures(folder, source):
    for name, reading in FIXTURES.items():
        path, short = source / f"{name}.nir", "nir-rs_" + name.replace("/", "_")
        try:
            found = nir.read(path)
        except ValueError as why:
            (folder / short).mkdir(parents=True, exist_ok=True)
            shutil.copy(path, folder / short / "net.nir")
            (folder / short / "options").write_text("--dialect\nexact\n--nir-dt\n0.0001\n--timesteps\n4")
            (folder / short / "about").write_text(f"\t{why}\t")
            continue
        Case(short, found, path=path, **reading).write(folder)


def main():
    folder, source = Path(sys.argv[1]), Path(sys.argv[2])
    cases = [case for part in (layer_nodes, recurrent, dialects, plain, settings, layouts)
             for case in part(np.random.default_rng(sum(map(ord, part.__name__))))]
    assert len({case.name for case in cases}) == len(cases)
    for case in cases:
        case.write(folder)
    fixtures(folder, source)
    print(f"{len(cases)} files of the package nir, {len(FIXTURES)} of nir-rs")


main()
