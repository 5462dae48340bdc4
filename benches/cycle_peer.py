#!/usr/bin/env python3
"""SANA-FE (PyPI, GPL-3: only run, never copied) on the network of `cargo bench --bench cycle`: its Loihi, 8 cores with 256
neurons that send and 256 that receive, fan-out 500 over all 8 cores, weights 0, every tenth neuron fires in each timestep.

Usage: cycle_peer.py MODEL STEPS     (MODEL: detailed or cycle). Prints one line of JSON.
"""
import json
import resource
import sys
import time

import sanafe

CORES, SIZE, FAN_OUT = 8, 256, 500


def main():
    model, steps = sys.argv[1], int(sys.argv[2])
    arch = sanafe.load_loihi()
    net = sanafe.Network()
    hardware = dict(soma_hw_name="loihi_lif", default_synapse_hw_name="loihi_conv_synapse",
                    default_dendrite_hw_name="loihi_dendrites")
    senders, receivers = [], []
    cores = arch.cores()
    for c in range(CORES):
        for groups, name in ((senders, "a"), (receivers, "b")):
            group = net.create_neuron_group(f"{name}{c}", SIZE, {"threshold": 1.0, "leak_decay": 1.0}, **hardware)
            groups.append(group)
    # Mapping order is the order of updates in a core: those that send first, as on our side.
    for c in range(CORES):
        for groups in (senders, receivers):
            for i in range(SIZE):
                if groups is senders and (c * SIZE + i) % 10 == 0:
                    groups[c][i].set_attributes(model_attributes={"bias": 2.0})
                groups[c][i].map_to_core(cores[c])
    synapses = 0
    for c in range(CORES):
        for d in range(CORES):
            share = FAN_OUT // CORES + (1 if d < FAN_OUT % CORES else 0)
            pairs = [(i, (c * SIZE + i + 4 * k) % SIZE) for i in range(SIZE) for k in range(share)]
            senders[c].connect_neurons_sparse(receivers[d], {"weight": [0.0] * len(pairs)}, pairs)
            synapses += len(pairs)
    chip = sanafe.SpikingChip(arch)
    chip.load(net)
    start, cpu = time.perf_counter(), time.process_time()
    result = chip.sim(steps, timing_model=model)
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    print(json.dumps({
        "model": model, "steps": steps, "synapses": synapses, "spikes": result["spikes"],
        "packets": result.get("packets_sent", result.get("packets")), "sim_time_s": result["sim_time"],
        "wall_s": seconds, "cpu_s": cpu, "keys": sorted(k for k in result if not k.endswith("trace")),
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }))


main()
