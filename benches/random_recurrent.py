"""Writes a random recurrent network of LIF neurons with drawn input: model.ron, synapses.safetensors, and net.npz for a peer.

    random_recurrent.py OUT [--neurons 10000] [--connectivity 0.1] [--timesteps 1000] [--rate 130] [--drive 0.3]

A timestep is 1 ms. Each neuron has a source of its own: Poisson spikes of `--rate` Hz that each add `--drive` to the
membrane. Membranes decay with 20 ms and fire at 1, neurons rest for 2 steps after a spike. Four neurons in five excite
with weight `--weight`, the others inhibit with five times that. Spikes between neurons take 1 ms. No neuron feeds itself;
the spikes of the first 100 are counted as a read-out.
Needs NumPy.
"""
import argparse
import json
import math
import struct
from pathlib import Path

import numpy as np

TAU_MS, REFRACTORY, INHIBITION = 20.0, 2, 5.0


def synapses(neurons, connectivity, weight, seed):
    """Source, target and weight of each synapse, ascending by source, then target."""
    draw = np.random.default_rng(seed)
    sources, targets = [], []
    for source in range(neurons):
        joined = np.flatnonzero(draw.random(neurons, dtype=np.float32) < connectivity)
        joined = joined[joined != source]
        sources.append(np.full(joined.size, source, np.uint32))
        targets.append(joined.astype(np.uint32))
    sources, targets = np.concatenate(sources), np.concatenate(targets)
    inhibits = sources >= neurons * 4 // 5
    return sources, targets, np.where(inhibits, -INHIBITION * weight, weight).astype(np.float32)


def write_safetensors(path, tensors):
    kinds = {np.dtype(np.float32): "F32", np.dtype(np.uint32): "I32"}
    header, offset = {}, 0
    for name, values in tensors.items():
        header[name] = {
            "dtype": kinds[values.dtype],
            "shape": list(values.shape),
            "data_offsets": [offset, offset + values.nbytes],
        }
        offset += values.nbytes
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for values in tensors.values():
            values.tofile(file)


MODEL = """(
  format: "snnc.model/1",
  name: "random-recurrent",
  weights: {{"w": "synapses.safetensors"}},
  networks: {{
    "net": (
      timesteps: {timesteps},
      layers: [
        (name: "outside", op: Input(shape: (1, 1, {neurons}), source: Poisson(rate: Hz({rate:.6}, 0.001), seed: 1))),
        (name: "drive", from: ["outside"], op: Sparse(sources: ("w", "own"), targets: ("w", "own"), weights: ("w", "drive"), outputs: {neurons})),
        (name: "late", from: ["cells"], op: Delay(steps: 1, shape: (1, 1, {neurons}))),
        (name: "back", from: ["late"], op: Sparse(sources: ("w", "sources"), targets: ("w", "targets"), weights: ("w", "weights"), outputs: {neurons})),
        (name: "sum", from: ["drive", "back"], op: Add),
        (name: "cells", from: ["sum"], op: Lif(tau: {tau!r}, threshold: 1.0, decay_input: false, refractory: {refractory})),
        (name: "watched", from: ["cells"], op: Sparse(sources: ("w", "watched"), targets: ("w", "watched"), weights: ("w", "ones"), outputs: {watched})),
        (name: "counts", from: ["watched"], op: SumOverTime),
      ],
    ),
  }},
)
"""

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--neurons", type=int, default=10_000)
    parser.add_argument("--connectivity", type=float, default=0.1)
    parser.add_argument("--timesteps", type=int, default=1000)
    parser.add_argument("--rate", type=float, default=130.0, help="of each source, in Hz")
    parser.add_argument("--drive", type=float, default=0.3, help="what a source's spike adds to the membrane")
    parser.add_argument("--weight", type=float, default=0.005)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    sources, targets, weights = synapses(args.neurons, args.connectivity, args.weight, args.seed)
    own = np.arange(args.neurons, dtype=np.uint32)
    watched = min(args.neurons, 100)
    tensors = {
        "sources": sources,
        "targets": targets,
        "weights": weights,
        "own": own,
        "drive": np.full(args.neurons, args.drive, np.float32),
        "watched": own[:watched],
        "ones": np.ones(watched, np.float32),
    }
    write_safetensors(args.out / "synapses.safetensors", tensors)
    np.savez(args.out / "net.npz", sources=sources, targets=targets, weights=weights)
    # Lif subtracts v / tau in a step; this is the tau with which the factor of a step is exp(-1 ms / TAU).
    tau = 1 / (1 - math.exp(-1 / TAU_MS))
    text = MODEL.format(
        timesteps=args.timesteps, neurons=args.neurons, rate=args.rate, tau=tau, refractory=REFRACTORY, watched=watched
    )
    (args.out / "model.ron").write_text(text)
    facts = {
        "neurons": args.neurons,
        "synapses": int(sources.size),
        "timesteps": args.timesteps,
        "rate_hz": args.rate,
        "drive": args.drive,
        "tau_ms": TAU_MS,
        "refractory": REFRACTORY,
    }
    (args.out / "net.json").write_text(json.dumps(facts))
    print(json.dumps(facts))
