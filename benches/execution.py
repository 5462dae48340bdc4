"""How fast programs execute, and what it depends on: one table each for models, spikes, threads and memory; a plot.

    execution.py [--rounds 3] [--plot docs/execution.svg]

Builds and runs `snnc`; models of other spike rates and of CIFAR size are made by random_model.py in target/execution.
A time is processor time (user + system) of one thread, (five images - one image) / 4, so without loading; the least of
the rounds, since others share the machine.
"""
import argparse
import json
import os
import resource
import subprocess
from pathlib import Path

HOME = Path(__file__).resolve().parent.parent
SNNC, WORK = HOME / "target/release/snnc", HOME / "target/execution"
EXAMPLE = HOME / "examples/spiking-diffusion-mnist/model.ron"
GAINS = (0.8, 0.9, 1.0, 1.2, 1.5, 2.0)
MNIST = ["--width", "1", "--side", "7", "--codes", "128", "--colours", "1"]


def run(*command):
    """Standard output, and seconds of processor time of the command."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    text = subprocess.run(list(map(str, command)), check=True, capture_output=True, text=True).stdout
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return text, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def program(name, model, target):
    path = WORK / f"{name}.snnx"
    run(SNNC, "compile", model, "--target", target, "-o", path)
    return path


def random_program(name, target, *options):
    folder = WORK / name
    run("python3", HOME / "benches/random_model.py", folder, *options)
    return program(name, folder / "model.ron", target)


def simulate(path, images, threads=1, timing="none"):
    """Report and seconds of processor time."""
    command = [SNNC, "simulate", path, "--images", images, "--timing", timing, "--threads", threads, "--json"]
    text, seconds = run(*command)
    return json.loads(text), seconds


def measured(path, rounds):
    """Spikes, synaptic operations and seconds an image, and peak bytes."""
    best, totals = float("inf"), None
    for _ in range(rounds):
        (few, short), (many, long) = simulate(path, 1), simulate(path, 5)
        best, totals = min(best, (long - short) / 4), many["totals"]
    spikes, operations = totals["spikes"] / 5, totals["synaptic_operations"] / 5
    return spikes, operations, best, totals["peak_memory_bytes"]


def row(name, path, rounds, peak):
    spikes, operations, seconds, memory = measured(path, rounds)
    rate = operations / seconds
    share = f"{100 * rate / peak:.0f} %" if peak else "-"
    print(f"| {name} | {spikes / 1e6:.2f} M | {operations / 1e9:.2f} G | {1e3 * seconds:.0f} ms "
          f"| {rate / 1e9:.1f} G/s | {share} | {memory / 2**20:.0f} MiB |", flush=True)
    return spikes, operations, seconds


def fit(points):
    """Least squares of seconds = fixed + slope x spikes; both, and the largest deviation as a part."""
    n = len(points)
    mx, my = sum(p[0] for p in points) / n, sum(p[2] for p in points) / n
    slope = sum((p[0] - mx) * (p[2] - my) for p in points) / sum((p[0] - mx) ** 2 for p in points)
    fixed = my - slope * mx
    return fixed, slope, max(abs(p[2] / (fixed + slope * p[0]) - 1) for p in points)


def plot(path, points, own, fixed, slope):
    """Seconds over spikes as SVG."""
    width, height, left, top = 640, 400, 70, 20
    most_x, most_y = 1.05 * max(p[0] for p in points), 1.1 * max(p[2] for p in points)
    x = lambda spikes: left + (width - left - 20) * spikes / most_x
    y = lambda seconds: top + (height - top - 50) * (1 - seconds / most_y)
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="13">',
             f'<rect width="{width}" height="{height}" fill="white"/>',
             f'<path d="M{x(0)} {y(most_y)}V{y(0)}H{x(most_x)}" fill="none" stroke="black"/>',
             f'<path d="M{x(0)} {y(fixed):.1f}L{x(most_x):.1f} {y(fixed + slope * most_x):.1f}" stroke="#888" stroke-dasharray="5 4"/>']
    for i in range(1, 5):
        sx, sy = most_x * i / 5, most_y * i / 5
        parts.append(f'<text x="{x(sx):.1f}" y="{y(0) + 18}" text-anchor="middle">{sx / 1e6:.1f} M</text>')
        parts.append(f'<text x="{left - 8}" y="{y(sy) + 4:.1f}" text-anchor="end">{1e3 * sy:.0f} ms</text>')
    for spikes, _, seconds in points:
        parts.append(f'<circle cx="{x(spikes):.1f}" cy="{y(seconds):.1f}" r="5" fill="#1f77b4"/>')
    parts.append(f'<circle cx="{x(own[0]):.1f}" cy="{y(own[2]):.1f}" r="6" fill="#d62728"/>')
    parts.append(f'<text x="{(left + width) / 2}" y="{height - 10}" text-anchor="middle">spikes an image</text>')
    parts.append(f'<text x="{left + 12}" y="{top + 14}">processor time an image, one thread; '
                 '<tspan fill="#d62728">red: the example</tspan></text></svg>')
    Path(path).write_text("\n".join(parts) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--plot", type=Path)
    args = parser.parse_args()
    WORK.mkdir(parents=True, exist_ok=True)
    os.chdir(HOME)
    run("cargo", "build", "--release", "-q")
    vector = json.loads(run("cargo", "bench", "-q", "--bench", "vector_peak")[0].splitlines()[-1])
    adds = vector.get("adds_per_cycle", 0)
    peak = vector.get("ghz", 0) * adds * 1e9
    print(f"clock {vector.get('ghz')} GHz, {adds} additions of 16 bits a cycle: {peak / 1e9:.0f} G/s a core\n")

    example = program("example", EXAMPLE, "loihi-like")
    print("| model | spikes | synaptic operations | time an image | a core | of its peak | peak memory |")
    print("|---|---|---|---|---|---|---|")
    own = row("example (MNIST) on loihi-like", example, args.rounds, peak)
    row("CIFAR size on loihi2-like", random_program("cifar", "loihi2-like"), args.rounds, peak)
    points = []
    for gain in GAINS:
        path = random_program(f"mnist-{gain}", "loihi-like", *MNIST, "--gain", str(gain))
        points.append(row(f"MNIST size, random, gain {gain}", path, args.rounds, peak))
    fixed, slope, off = fit(points)
    print(f"\nrandom models: {1e3 * fixed:.1f} ms + {1e9 * slope:.1f} ns a spike, off by {100 * off:.0f} % at most")
    if args.plot:
        plot(args.plot, points, own, fixed, slope)

    print("\n| 16 images of the example | wall | processor |\n|---|---|---|")
    for threads, timing in ((1, "none"), (2, "none"), (2, "analytic")):
        runs = [simulate(example, 16, threads, timing) for _ in range(args.rounds)]
        wall = min(report["totals"]["wall_s"] for report, _ in runs)
        print(f"| {threads} thread(s), --timing {timing} | {wall:.2f} s | {min(s for _, s in runs):.2f} s |", flush=True)


if __name__ == "__main__":
    main()
