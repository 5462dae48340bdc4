"""Writes weights.safetensors: seeded random weights of the two networks in model.ron.

    python3 examples/feed-forward/weights.py

Nothing is trained. Weights are multiples of 1/64 up to 127/64 and biases of 1/4096, which 8-bit weights hold exactly,
so the chip's spikes can be compared with the float reference one by one.
"""

import json
import pathlib
import struct


class Random:
    """SplitMix64, so that every Python gives the same numbers."""

    def __init__(self, seed):
        self.state = seed

    def below(self, n):
        self.state = (self.state + 0x9E3779B97F4A7C15) % 2**64
        z = self.state
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB % 2**64
        return (z ^ (z >> 31)) % n


random = Random(1)
tensors = {}


def product(shape):
    result = 1
    for side in shape:
        result *= side
    return result


def weight(name, *shape):
    """One weight of each output (row) is the largest, so that a channel's scale is known."""
    values = [random.below(255) - 127 for _ in range(product(shape))]
    row = product(shape[1:])
    for output in range(shape[0]):
        values[output * row + random.below(row)] = 127
    tensors[name] = ("F32", shape, struct.pack(f"<{len(values)}f", *(v / 64 for v in values)))


def bias(name, outputs, rest=1):
    """Some weights' units and a rest of one, in 1/4096, so that no membrane lies exactly on a threshold."""
    values = [(64 * random.below(32) + rest) / 4096 for _ in range(outputs)]
    tensors[name] = ("F32", (outputs,), struct.pack(f"<{outputs}f", *values))


def synapses(name, sources, targets, count):
    """Distinct pairs in a shuffled order; the first weight is the largest."""
    pairs = list(range(sources * targets))
    for i in range(count):
        j = i + random.below(len(pairs) - i)
        pairs[i], pairs[j] = pairs[j], pairs[i]
    weights = [127] + [random.below(255) - 127 for _ in range(count - 1)]
    ends = [divmod(pair, targets) for pair in pairs[:count]]
    for field, values in (("sources", [s for s, _ in ends]), ("targets", [t for _, t in ends])):
        tensors[f"{name}.{field}"] = ("I32", (count,), struct.pack(f"<{count}i", *values))
    tensors[f"{name}.weights"] = ("F32", (count,), struct.pack(f"<{count}f", *(w / 64 for w in weights)))


weight("conv1.weight", 8, 1, 3, 3)
# The host writes this layer's currents, rounded to 12 bits: stay half a unit away from the threshold.
bias("conv1.bias", 8, rest=32)
weight("conv2.weight", 12, 8, 3, 3)
bias("conv2.bias", 12)
weight("hidden.weight", 32, 108)
bias("hidden.bias", 32)
weight("classes.weight", 10, 32)
bias("classes.bias", 10)
weight("line.weight", 1, 1, 1, 1)
synapses("first", 64, 96, 600)
bias("first.bias", 96)
synapses("second", 96, 48, 400)
bias("second.bias", 48)
weight("answer.weight", 4, 48)

header, data = {}, b""
for name, (dtype, shape, bytes_) in tensors.items():
    header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(data), len(data) + len(bytes_)]}
    data += bytes_
text = json.dumps(header, separators=(",", ":")).encode()
text += b" " * (-len(text) % 8)
path = pathlib.Path(__file__).with_name("weights.safetensors")
path.write_bytes(struct.pack("<Q", len(text)) + text + data)
