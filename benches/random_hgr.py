"""Writes a random sparse spiking network as an hMETIS hypergraph, for the growth of partitioners.

Each of N neurons is a net: itself and FAN targets, of which LOCAL per cent lie within 256 neurons of it on a ring and
the others anywhere. Neurons are numbered at random, so that their order says nothing.
"""
import argparse
import random

if __name__ == "__main__":
    args = argparse.ArgumentParser(description=__doc__)
    args.add_argument("neurons", type=int)
    args.add_argument("output")
    args.add_argument("--fan", type=int, default=10)
    args.add_argument("--local", type=int, default=80)
    args.add_argument("--seed", type=int, default=1)
    args = args.parse_args()
    draw = random.Random(args.seed)
    n = args.neurons
    names = list(range(1, n + 1))
    draw.shuffle(names)
    with open(args.output, "w") as out:
        out.write(f"{n} {n}\n")
        for i in range(n):
            pins = {i}
            for _ in range(args.fan):
                local = int(draw.random() * 100) < args.local
                pins.add((i + int(draw.random() * 513) - 256) % n if local else int(draw.random() * n))
            out.write(" ".join(str(names[p]) for p in pins) + "\n")
