#!/usr/bin/env python3
"""Tables for benches/cycle.sh. `mesh` and `packets` read measurements on standard input; `example` runs the command given."""
import json
import re
import resource
import subprocess
import sys
import time

# BookSim 2, recorded (100,000 cycles): mean latency, router-cycles/s, link flit-hops/s.
BOOKSIM = {
    "0.001": (26.990, 8.6e6, 46e3),
    "0.05": (27.088, 2.2e6, 589e3),
    "0.15": (27.538, 0.89e6, 699e3),
    "0.3": (29.793, 0.46e6, 721e3),
}


def mesh():
    measured = re.compile(r"(\w+), rate ([\d.]+): ([\d.]+) M router-cycles/s, ([\d.]+) M flit-hops/s, mean latency ([\d.]+)")
    rows = []
    for line in sys.stdin:
        if found := measured.search(line):
            rows.append((found[1], found[2], float(found[3]) * 1e6, float(found[4]) * 1e6, float(found[5])))
        elif line.startswith("|") or not line.strip():
            print(line.rstrip())
    if not rows:
        sys.exit("no figures")
    print(f"{'router':>7} {'rate':>6} {'latency':>8} {'BookSim':>8} {'differs':>8} {'M router-cycles/s':>18} {'x BookSim':>9} "
          f"{'M flit-hops/s':>14} {'x BookSim':>9}")
    for router, rate, fast, carried, ours in rows:
        mean, cycles, hops = BOOKSIM[rate]
        print(f"{router:>7} {rate:>6} {ours:8.3f} {mean:8.3f} {100 * (ours / mean - 1):+7.1f}% {fast / 1e6:18.1f} "
              f"{fast / cycles:9.0f} {carried / 1e6:14.2f} {carried / hops:9.0f}")
    print("BookSim 2: recorded on a machine of this kind, not run here")


def packets():
    rows = [json.loads(line) for line in sys.stdin if line.startswith("{")]
    ours = rows[0]
    print(f"{'simulator':<20} {'threads':>7} {'packets/step':>12} {'wall ms/step':>12} {'cpu ms/step':>11} "
          f"{'packets/s (wall)':>16} {'(cpu)':>11} {'snnc is':>9} {'simulated us/step':>17}")
    for row in rows:
        steps = row["steps"]
        name = row["model"] if "snnc" in row["model"] else f"SANA-FE {row['model']}"
        cpu = f"{1e3 * row['cpu_s'] / steps:11.3f}"
        rate = row["packets"] / row["wall_s"]
        ratio = (ours["packets"] / ours["wall_s"]) / rate
        print(f"{name:<20} {row.get('threads', ''):>7} {row['packets'] / steps:12.0f} {1e3 * row['wall_s'] / steps:12.4f} "
              f"{cpu} {rate:16,.0f} {row['packets'] / row['cpu_s']:11,.0f} {ratio:8.1f}x {1e6 * row['sim_time_s'] / steps:17.3f}")
    print("snnc is: packets per second of wall clock on one thread, against this row")
    counts = {row["packets"] / row["steps"] for row in rows}
    print("packets per timestep agree" if len(counts) == 1 else f"packets per timestep DIFFER: {sorted(counts)}")


def example(command):
    def run(*options):
        start, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
        report = json.loads(subprocess.run([*command, *options], check=True, capture_output=True).stdout)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        wall = time.perf_counter() - start
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        totals = report["totals"]
        print(f"{' '.join(options):<40} {wall:8.2f} s wall {cpu:8.2f} s cpu {totals['peak_memory_bytes'] / 2**20:6.0f} MiB "
              f"  image takes {1e3 * totals['time_s']:.3f} ms")
        return wall, report

    two, full = run("--timing", "cycle", "--threads", "2")
    one, _ = run("--timing", "cycle", "--threads", "1")
    _, sampled = run("--timing", "cycle:1/16", "--threads", "2")
    print(f"two threads: {one / two:.2f} times one")
    truth, estimate = (report["totals"]["time_s"] for report in (full, sampled))
    half = sampled["time"]["simulated"]["time_half_width_s"]
    inside = "contains" if abs(truth - estimate) <= half else "DOES NOT contain"
    print(f"cycle:1/16: {1e3 * estimate:.2f} +- {1e3 * half:.2f} ms, {inside} the full result {1e3 * truth:.2f} ms")


if sys.argv[1] == "example":
    example(sys.argv[2:])
else:
    {"mesh": mesh, "packets": packets}[sys.argv[1]]()
