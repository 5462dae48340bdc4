"""Traffic of a partition of the denoiser, as input of `snnc place`: lines "source destination packets".

The denoiser is cut into super-vertices of 16 channels at a position (4,116 of them); each fires once a neuron, one
packet for each other block that it reaches. Mt-KaHyPar (pip install mtkahypar) makes the blocks; without it, or
with --order, consecutive super-vertices in position-major order do, which costs more packets.
"""
import argparse
import collections
import sys

GROUP, SIDE = 16, 7
CHANNELS = [64, 128, 256, 512, 256, 128]
READS = {1: [0], 2: [1], 3: [2], 4: [3], 5: [4, 0]}


def network():
    """Vertices (layer, y, x, group) and, for each one that sends, the vertices that it reaches."""
    vertices = [
        (layer, y, x, group)
        for layer, channels in enumerate(CHANNELS)
        for y in range(SIDE) for x in range(SIDE) for group in range(channels // GROUP)
    ]
    index = {v: i for i, v in enumerate(vertices)}
    nets = []
    for layer, y, x, group in vertices:
        pins = [
            index[to, yy, xx, g]
            for to, sources in READS.items() if layer in sources
            for yy in range(max(0, y - 1), min(SIDE, y + 2))
            for xx in range(max(0, x - 1), min(SIDE, x + 2))
            for g in range(CHANNELS[to] // GROUP)
        ]
        if pins:
            nets.append((index[layer, y, x, group], pins))
    return vertices, nets


def by_hypergraph(vertices, nets, blocks, seed):
    import mtkahypar
    kahypar = mtkahypar.initialize(1)
    mtkahypar.set_seed(seed)
    context = kahypar.context_from_preset(mtkahypar.PresetType.DEFAULT)
    context.set_partitioning_parameters(blocks, 0.03, mtkahypar.Objective.KM1)
    context.logging = False
    graph = kahypar.create_hypergraph(
        context, len(vertices), len(nets), [[source, *pins] for source, pins in nets],
        [GROUP] * len(vertices), [GROUP] * len(nets))
    parts = graph.partition(context)
    return [parts.block_id(v) for v in range(len(vertices))]


def by_position(vertices, _nets, blocks, _seed):
    order = sorted(range(len(vertices)), key=lambda v: (vertices[v][1], vertices[v][2], vertices[v][0], vertices[v][3]))
    block = [0] * len(vertices)
    for rank, v in enumerate(order):
        block[v] = rank * blocks // len(vertices)
    return block


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--blocks", type=int, default=128)
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--order", action="store_true")
    choice = arguments.parse_args()
    vertices, nets = network()
    make = by_position if choice.order else by_hypergraph
    block = make(vertices, nets, choice.blocks, choice.seed)
    largest = max(collections.Counter(block).values()) * GROUP
    flows = collections.Counter()
    for source, pins in nets:
        for to in {block[pin] for pin in pins} - {block[source]}:
            flows[block[source], to] += GROUP
    print(f"{choice.blocks} blocks of at most {largest} neurons, {sum(flows.values())} packets", file=sys.stderr)
    for (source, to), packets in sorted(flows.items()):
        print(source, to, packets)


if __name__ == "__main__":
    main()
