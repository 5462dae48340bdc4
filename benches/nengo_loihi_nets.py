#!/usr/bin/env python3
"""Random integer networks on nengo-loihi's emulator (PyPI), with all that it made of them, for `cargo bench --bench nengo_loihi`.

Usage: nengo_loihi_nets.py FOLDER NETS STEPS     Writes FOLDER/netNNN.safetensors (keys as in simulator/tests/data/README.md)
and prints the emulator's seconds.
"""
import sys
import time
import warnings
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

warnings.filterwarnings("ignore")
from nengo_loihi.block import Axon, LoihiBlock, Synapse  # noqa: E402
from nengo_loihi.builder import Model  # noqa: E402
from nengo_loihi.builder.discretize import discretize_model  # noqa: E402
from nengo_loihi.emulator import EmulatorInterface  # noqa: E402
from nengo_loihi.probe import LoihiProbe  # noqa: E402

# Neurons of a block whose voltages are kept.
TRACED = 8


def block(rng, n):
    """Neurons with random decays, thresholds, biases, refractory steps and floor."""
    made = LoihiBlock(n)
    neurons = made.compartment
    neurons.configure_lif(tau_rc=rng.choice([0.005, 0.02, 0.1]), tau_ref=0.001 * rng.integers(0, 4), vth=1)
    neurons.configure_filter(rng.choice([0.0, 0.002, 0.005, 0.02]))
    neurons.bias[:] = rng.uniform(-0.5, 2.5, n)
    neurons.vmin = rng.choice([0, 0, -1, -4])
    return made


def join(rng, source, target):
    """Random weights from a block to another, or to itself."""
    n, m = source.n_neurons, target.n_neurons
    weights = rng.normal(0, rng.choice([0.02, 0.2, 1]), (n, m)) * (rng.random((n, m)) < rng.choice([0.1, 0.5, 1]))
    synapse = Synapse(n)
    synapse.set_weights(weights)
    target.add_synapse(synapse)
    axon = Axon(n)
    axon.target, axon.compartment_map = synapse, np.arange(n)
    source.add_axon(axon)
    return synapse


def network(seed, steps):
    """Runs one network; its integers and recordings, and the emulator's seconds."""
    rng = np.random.default_rng(seed)
    blocks = [block(rng, int(rng.integers(5, 121))) for _ in range(rng.integers(1, 4))]
    ends = [(s, t) for s in range(len(blocks)) for t in range(len(blocks))]
    chain = [(i, i + 1) for i in range(len(blocks) - 1)] or [(0, 0)]
    edges = {e: join(rng, blocks[e[0]], blocks[e[1]]) for e in ends if e in chain or rng.random() < 0.4}
    model = Model()
    for made in blocks:
        model.add_block(made)
    discretize_model(model)
    probes = [(LoihiProbe(target=b, key="spiked"), LoihiProbe(target=b, key="voltage")) for b in blocks]
    for probe in (probe for pair in probes for probe in pair):
        model.add_probe(probe)
    tensors = {}
    for i, made in enumerate(blocks):
        c = made.compartment
        for key in ("decay_u", "decay_v", "vth", "refract_delay"):
            values = np.asarray(getattr(c, key), dtype=np.int32)
            assert (values == values[0]).all(), key
            tensors[f"{i}.{key}"] = values[:1]
        # Discretising can give an exponent that membranes of 23 bits and sign do not have.
        c.vmin = max(c.vmin, 1 - (1 << 23))
        tensors[f"{i}.vmin"] = np.array([c.vmin], dtype=np.int32)
        tensors[f"{i}.vmax"] = np.array([c.vmax], dtype=np.int32)
        tensors[f"{i}.bias"] = np.asarray(c.bias, dtype=np.int32)
    for (s, t), synapse in edges.items():
        weights = np.zeros((blocks[s].n_neurons, blocks[t].n_neurons), dtype=np.int64)
        for i in range(blocks[s].n_neurons):
            own, indices = synapse.axon_weights_indices(i, atom=0)
            weights[i, indices] = own
        assert (weights % 64 == 0).all() and (abs(weights) < 1 << 21).all()
        tensors[f"{s}-{t}.weights"] = (weights // 64).astype(np.int16)
    with EmulatorInterface(model, seed=0) as emulator:
        start = time.perf_counter()
        emulator.run_steps(steps)
        seconds = time.perf_counter() - start
        for i, (spiked, voltage) in enumerate(probes):
            fired = np.asarray(emulator.collect_probe_output(spiked)) > 0
            tensors[f"{i}.spiked"] = np.packbits(fired, axis=1, bitorder="little")
            tensors[f"{i}.voltage"] = np.asarray(emulator.collect_probe_output(voltage))[:, :TRACED].astype(np.int32)
    return {key: np.ascontiguousarray(value) for key, value in tensors.items()}, seconds


def main():
    folder, nets, steps = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    folder.mkdir(parents=True, exist_ok=True)
    spent, spikes = 0.0, 0
    for seed in range(nets):
        tensors, seconds = network(seed, steps)
        spent += seconds
        spikes += sum(int(np.unpackbits(value).sum()) for key, value in tensors.items() if key.endswith("spiked"))
        save_file(tensors, folder / f"net{seed:03}.safetensors")
    print(f"emulator: {nets} networks, {steps} timesteps, {spikes} spikes, {spent:.3f} s")


main()
