#!/usr/bin/env python3
"""SANA-FE (PyPI, GPL-3: only run, never copied) on networks that `snnc export --to sana-fe` wrote, beside what snnc made of them.

Usage: sana_fe_peer.py FOLDER     (FOLDER/NAME.json of snnc and FOLDER/NAME/{arch,network}.yaml). Exits with 1 if spikes of any
timestep, packets or hops differ, or energy by more than 1e-9 of it.
"""
import json
import sys
import time
from pathlib import Path

import sanafe

# The last, SANA-FE's own simulator of the mesh, takes about 1,000 times as long as the others.
MODELS = ["simple", "detailed", "cycle"]


def run(folder, model, steps, traced):
    arch = sanafe.load_arch(str(folder / "arch.yaml"))
    chip = sanafe.SpikingChip(arch)
    chip.load(sanafe.load_net(str(folder / "network.yaml"), arch))
    start = time.perf_counter()
    traces = {"spike_trace": True, "perf_trace": True} if traced else {}
    result = chip.sim(steps, timing_model=model, **traces)
    return result, time.perf_counter() - start


def compare(own, folder):
    """Whether both agree; prints a line for each quantity."""
    steps = own["steps"]
    result, _ = run(folder, "detailed", steps, True)
    spikes = [len(step) for step in result["spike_trace"]]
    energy = result["energy"]["total"]
    error = abs(energy - own["energy_j"]) / own["energy_j"]
    hops = sum(result["perf_trace"]["hops"])
    rows = [
        ("spikes", sum(own["spikes_by_step"]), sum(spikes), own["spikes_by_step"] == spikes),
        ("packets", own["packets"], result["packets_sent"], own["packets"] == result["packets_sent"]),
        ("hops", own["hops"], hops, own["hops"] == hops),
        ("energy, uJ", f"{own['energy_j'] * 1e6:.6f}", f"{energy * 1e6:.6f}", error < 1e-9),
    ]
    print(f"{own['name']}: {own['cores']} cores, {steps} timesteps, {own['synaptic_operations']} synaptic operations")
    for name, ours, theirs, same in rows:
        print(f"  {name:12} {ours!s:>14} {theirs!s:>14}  {'same' if same else 'DIFFERS'}")
    print(f"  energy differs by {error:.1e} of it")
    return all(row[3] for row in rows)


def times(own, folder):
    """Simulated time a timestep and wall time of both."""
    print(f"  {'snnc cycle':16} {own['time_s'] / own['steps'] * 1e6:9.3f} us a timestep, {own['wall_s']:8.4f} s")
    for model in MODELS:
        result, wall = run(folder, model, own["steps"], False)
        spent = result["sim_time"] / own["steps"] * 1e6
        print(f"  {'SANA-FE ' + model:16} {spent:9.3f} us a timestep, {wall:8.4f} s")


def main():
    folder, good = Path(sys.argv[1]), True
    for report in sorted(folder.glob("*.json")):
        own = json.loads(report.read_text())
        good &= compare(own, folder / own["name"])
        times(own, folder / own["name"])
    sys.exit(not good)


main()
