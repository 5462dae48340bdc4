"""Places a file of flows with peers and prints packets x hops by one rule: sum of packets x (|dx| + |dy|).

Peers: Scotch's `gmap` (Debian package scotch) on the symmetrised graph, by default and with its quality strategy;
plain simulated annealing (random swaps, geometric cooling) written here. `--snnc PATH` adds ours, read back as sites.
"""
import argparse
import collections
import json
import math
import os
import random
import re
import shutil
import subprocess
import tempfile
import time


def read(path):
    flows = collections.Counter()
    for line in open(path):
        words = line.split("#")[0].split()
        if words and words[0] != words[1]:
            flows[int(words[0]), int(words[1])] += int(words[2])
    return flows, 1 + max(max(pair) for pair in flows)


def hops(flows, at):
    return sum(n * (abs(at[a][0] - at[b][0]) + abs(at[a][1] - at[b][1])) for (a, b), n in flows.items())


def symmetrised(flows, cores):
    rows = [collections.Counter() for _ in range(cores)]
    for (a, b), n in flows.items():
        rows[a][b] += n
        rows[b][a] += n
    return rows


def gmap(flows, cores, columns, rows, options):
    program = shutil.which("scotch_gmap") or shutil.which("gmap")
    if program is None:
        return None
    edges = symmetrised(flows, cores)
    with tempfile.TemporaryDirectory() as folder:
        graph, target, mapping = (os.path.join(folder, name) for name in ("g.grf", "t.tgt", "m.map"))
        with open(graph, "w") as out:
            print(0, cores, sum(map(len, edges)), "0 010", file=out)
            for row in edges:
                print(len(row), *(f"{n} {to}" for to, n in sorted(row.items())), file=out)
        with open(target, "w") as out:
            print("mesh2D", columns, rows, file=out)
        said = subprocess.run([program, *options, graph, target, mapping, "-vt"], check=True, capture_output=True, text=True).stdout
        seconds = float(re.search(r"Mapping\s+([\d.e-]+)", said).group(1))
        lines = [list(map(int, line.split())) for line in open(mapping)][1:]
    at = {core: (place % columns, place // columns) for core, place in lines}
    assert len(set(at.values())) == cores, "gmap put two cores on one tile"
    return at, seconds


def anneal(flows, cores, columns, rows, moves, seed):
    draw = random.Random(seed)
    edges = [list(row.items()) for row in symmetrised(flows, cores)]
    places = [(x, y) for y in range(rows) for x in range(columns)]
    draw.shuffle(places)
    at, held = places, list(range(cores)) + [None] * (len(places) - cores)

    def own(core, place, partner, partners_place):
        x, y = place
        total = 0
        for other, n in edges[core]:
            ox, oy = partners_place if other == partner else at[other]
            total += n * (abs(x - ox) + abs(y - oy))
        return total

    start = time.perf_counter()
    temperature = hops(flows, at) / cores * 0.5
    cooling = (1e-3) ** (1 / moves)
    for _ in range(moves):
        temperature *= cooling
        i, j = draw.randrange(cores), draw.randrange(len(places))
        if i == j:
            continue
        a, b = at[i], at[j]
        after = own(i, b, j, a) - own(i, a, None, None)
        if held[j] is not None:
            after += own(j, a, i, b) - own(j, b, None, None)
        if after <= 0 or draw.random() < math.exp(-after / temperature):
            at[i], at[j] = b, a
    return dict(enumerate(at[:cores])), time.perf_counter() - start


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("flows")
    arguments.add_argument("--columns", type=int, default=16)
    arguments.add_argument("--rows", type=int, default=8)
    arguments.add_argument("--moves", type=int, default=200_000)
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--snnc")
    choice = arguments.parse_args()
    flows, cores = read(choice.flows)
    size = (choice.columns, choice.rows)

    def say(name, found):
        if found is None:
            print(f"{name:<32} not installed")
        else:
            print(f"{name:<32} {hops(flows, found[0]):>12} packets x hops  {found[1]:>8.3f} s")

    say("scotch gmap", gmap(flows, cores, *size, []))
    say("scotch gmap, quality strategy", gmap(flows, cores, *size, ["-cq"]))
    say(f"annealing, {choice.moves} moves (Python)", anneal(flows, cores, *size, choice.moves, choice.seed))
    for effort in ("fast", "default", "best") if choice.snnc else ():
        command = [choice.snnc, "place", choice.flows, "--columns", str(size[0]), "--rows", str(size[1]), "--effort", effort, "--seed", str(choice.seed), "--json"]
        ours = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        at = {core: tuple(site[:2]) for core, site in enumerate(ours["sites"])}
        assert hops(flows, at) == ours["packets_x_hops"]
        say(f"snnc place --effort {effort}", (at, ours["seconds"]))
        bound = ours["bound"]
    if choice.snnc:
        print(f"{'no placement is below':<32} {bound:>12}")


if __name__ == "__main__":
    main()
