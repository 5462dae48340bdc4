"""The network of benches/random_recurrent.py in Brian2 with C++ code generation, for benches/vs_brian2.sh to compare.

    brian2_peer.py NET BUILD [--threads 1] [--seconds 1]

NET is the folder that random_recurrent.py wrote; BUILD is a folder for the generated program. Prints one line of JSON:
spikes, synaptic events between the neurons, seconds of the run alone (building and wiring left out), peak memory in
KiB of the generated program.
"""
import argparse
import json
import resource
from pathlib import Path

import brian2 as b
import numpy as np

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("net", type=Path)
parser.add_argument("build", type=Path)
parser.add_argument("--threads", type=int, default=1)
parser.add_argument("--seconds", type=float, default=1.0)
args = parser.parse_args()

facts = json.loads((args.net / "net.json").read_text())
net = np.load(args.net / "net.npz")
b.set_device("cpp_standalone", build_on_run=True, directory=str(args.build))
# Brian2 counts 0 as one thread without OpenMP, which is the fastest single thread.
b.prefs.devices.cpp_standalone.openmp_threads = 0 if args.threads == 1 else args.threads
b.defaultclock.dt = 1 * b.ms
b.seed(1)
tau, refractory = facts["tau_ms"] * b.ms, facts["refractory"] * b.ms
cells = b.NeuronGroup(
    facts["neurons"],
    "dv/dt = -v / tau : 1 (unless refractory)",
    threshold="v >= 1",
    reset="v = 0",
    refractory=refractory,
    method="exact",
)
back = b.Synapses(cells, cells, "w : 1", on_pre="v_post += w", delay=1 * b.ms)
back.connect(i=net["sources"].astype(np.int32), j=net["targets"].astype(np.int32))
back.w = net["weights"]
drive = b.PoissonInput(cells, "v", 1, facts["rate_hz"] * b.Hz, facts["drive"])
spikes = b.SpikeMonitor(cells, record=False)
b.run(args.seconds * b.second)
fan_out = np.bincount(net["sources"], minlength=facts["neurons"])
events = int((np.asarray(spikes.count) * fan_out).sum())
print(
    json.dumps(
        {
            "spikes": int(spikes.num_spikes),
            "events": events,
            "seconds": float(b.device._last_run_time),
            "peak_kib": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss,
        }
    )
)
