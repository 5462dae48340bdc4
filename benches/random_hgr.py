"""Writes a random sparse spiking network as an hMETIS hypergraph, for the growth of partitioners.

Each of N neurons is a net: itself and FAN targets. On a ring, LOCAL per cent of them lie within 256 neurons of it and the
others anywhere. With a power law, neurons join one after another and choose their targets in proportion to how many
synapses those have (Barabasi and Albert 1999): hubs, and no neighbourhoods. Neurons are numbered at random, so that
their order says nothing.
"""
import argparse
import random


def ring(n, fan, local, draw):
    """Pins of each net; the first is its own neuron."""
    for i in range(n):
        pins = {i}
        for _ in range(fan):
            near = int(draw.random() * 100) < local
            pins.add((i + int(draw.random() * 513) - 256) % n if near else int(draw.random() * n))
        yield pins


def power_law(n, fan, draw):
    """Pins of each net. The first FAN + 1 neurons are all joined."""
    ends = list(range(fan + 1))
    for i in range(n):
        if i <= fan:
            yield set(range(min(fan + 1, n)))
            continue
        pins = set()
        while len(pins) < fan:
            pins.add(ends[int(draw.random() * len(ends))])
        ends.extend(pins)
        ends.extend([i] * fan)
        yield pins | {i}


if __name__ == "__main__":
    args = argparse.ArgumentParser(description=__doc__)
    args.add_argument("neurons", type=int)
    args.add_argument("output")
    args.add_argument("--kind", choices=["ring", "power-law"], default="ring")
    args.add_argument("--fan", type=int, default=10)
    args.add_argument("--local", type=int, default=80)
    args.add_argument("--seed", type=int, default=1)
    args = args.parse_args()
    draw = random.Random(args.seed)
    n = args.neurons
    names = list(range(1, n + 1))
    draw.shuffle(names)
    nets = ring(n, args.fan, args.local, draw) if args.kind == "ring" else power_law(n, args.fan, draw)
    with open(args.output, "w") as out:
        out.write(f"{n} {n}\n")
        for pins in nets:
            out.write(" ".join(str(names[p]) for p in pins) + "\n")
