"""Writes a Spiking-Diffusion model with seeded random weights, of any size: model.ron and model.safetensors.

    random_model.py OUT [--width 2] [--side 8] [--codes 512] [--colours 3] [--gain 1.0]

The defaults are the CIFAR size: images 3 x 32 x 32, tokens 8 x 8, twice the example's channels. Weights are uniform; a
layer's spread is that at which about one neuron in twenty fires if one in twenty fires before it. `--gain` scales it,
and with it the spikes: what the cost of a spike is measured with. Needs nothing but Python.
"""
import argparse
import array
import json
import math
import random
import struct
from pathlib import Path

RATE, TIMESTEPS = 0.05, 16


class Writer:
    """Tensors and layers in the making."""

    def __init__(self, gain):
        self.random, self.gain = random.Random(1), gain
        self.tensors, self.layers = {}, []

    def tensor(self, name, shape, values):
        self.tensors[name] = (shape, array.array("f", values))
        return f'("w", "{name}")'

    def uniform(self, name, shape, spread):
        half, draw = spread * math.sqrt(3), self.random.random
        return self.tensor(name, shape, (half * (2 * draw() - 1) for _ in range(math.prod(shape))))

    def layer(self, name, sources, op):
        self.layers.append(f'        (name: "{name}", from: [{", ".join(map(json.dumps, sources))}], op: {op}),')

    def conv(self, name, sources, inputs, outputs, kernel, spread, transposed=None):
        kind, shape = ("Conv2d", (outputs, inputs)) if transposed is None else ("ConvTranspose2d", (inputs, outputs))
        weight = self.uniform(f"{name}.weight", (*shape, kernel, kernel), spread)
        bias = self.tensor(f"{name}.bias", (outputs,), [0.0] * outputs)
        pad = kernel // 2
        extra = "" if transposed is None else f", stride: ({transposed}, {transposed}), output_padding: ({transposed - 1}, {transposed - 1})"
        self.layer(name, sources, f"{kind}(weight: {weight}, bias: Some({bias}), padding: ({pad}, {pad}){extra})")

    def spiking(self, name, sources, inputs, outputs, kernel=3, spread=None, transposed=None):
        # In a transposed convolution of stride s a position receives 1/s^2 of the taps.
        taps = inputs * kernel * kernel / (transposed or 1) ** 2
        spread = spread or 0.95 / math.sqrt(taps * RATE)
        self.conv(f"{name}.conv", sources, inputs, outputs, kernel, spread * self.gain, transposed)
        self.layer(name, [f"{name}.conv"], "Lif(tau: 2.0, threshold: 1.0, reset: 0.0)")


def model(args):
    w, side, codes = args.width, args.side, args.codes
    widths = [64 * w, 128 * w, 256 * w, 512 * w, 256 * w]
    denoiser = Writer(args.gain)
    # Tokens run to `codes`, so their spread is about half of that.
    denoiser.spiking("conv1", ["input"], 2, widths[0], spread=0.75 / (math.sqrt(9) * codes / 2))
    for i, (inputs, outputs) in enumerate(zip(widths, widths[1:]), 2):
        denoiser.spiking(f"conv{i}", [f"conv{i - 1}"], inputs, outputs)
    denoiser.layer("skip", ["conv5", "conv1"], "Concat")
    denoiser.conv("conv6", ["skip"], widths[4] + widths[0], codes, 3, 0.05)
    denoiser.layer("logits", ["conv6"], "MeanOverTime")
    decoder = Writer(args.gain)
    decoder.random.seed(2)
    table = decoder.uniform("codes.table", (codes, 16 * w), 1.0)
    decoder.layer("codes", ["tokens"], f"Embedding(table: {table})")
    decoder.spiking("asg", ["codes"], 16 * w, 16 * w, kernel=1, spread=0.75 / math.sqrt(16 * w))
    decoder.spiking("dec1", ["asg"], 16 * w, 64 * w, transposed=2)
    decoder.spiking("dec2", ["dec1"], 64 * w, 32 * w, transposed=2)
    decoder.conv("dec3", ["dec2"], 32 * w, args.colours, 3, 0.1, transposed=1)
    coefficients = decoder.tensor("memout", (TIMESTEPS,), [0.8 ** (TIMESTEPS - 1 - t) for t in range(TIMESTEPS)])
    decoder.layer("membrane", ["dec3"], f"WeightedSum(coefficients: {coefficients})")

    def network(name, layers, first, shape):
        head = f'        (name: "{first}", op: Input(shape: ({", ".join(map(str, shape))}))),'
        return "\n".join([f'    "{name}": (timesteps: {TIMESTEPS}, layers: [', head, *layers, "    ]),"])

    text = "\n".join([
        "(",
        '  format: "snnc.model/1",',
        f'  name: "random-{args.width}x{side}x{codes}",',
        '  weights: {"w": "model.safetensors"},',
        "  networks: {",
        network("sdid", denoiser.layers, "input", (2, side, side)),
        network("decoder", decoder.layers, "tokens", (1, side, side)),
        "  },",
        f"  pipeline: Some((latent: ({side}, {side}), mask: {codes}, iterations: {args.iterations},",
        '    temperature: 0.65, denoiser: "sdid", decoder: "decoder", codebook: "codes")),',
        ")",
    ])
    return text + "\n", {**denoiser.tensors, **decoder.tensors}


def write_safetensors(path, tensors):
    header, offset = {}, 0
    for name, (shape, values) in tensors.items():
        end = offset + 4 * len(values)
        header[name] = {"dtype": "F32", "shape": list(shape), "data_offsets": [offset, end]}
        offset = end
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for _, values in tensors.values():
            values.tofile(file)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--width", type=int, default=2, help="channels, times the example's")
    parser.add_argument("--side", type=int, default=8, help="rows and columns of tokens; an image has four times as many")
    parser.add_argument("--codes", type=int, default=512)
    parser.add_argument("--colours", type=int, default=3)
    parser.add_argument("--gain", type=float, default=1.0)
    parser.add_argument("--iterations", type=int, default=49)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    text, tensors = model(args)
    write_safetensors(args.out / "model.safetensors", tensors)
    (args.out / "model.ron").write_text(text)
