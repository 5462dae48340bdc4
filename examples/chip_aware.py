"""Fine-tunes a classifier for the weights of a chip: the digits network of ``examples/digits-cnn`` at few bits.

    python examples/chip_aware.py --weights 4
    python examples/chip_aware.py --weights 4 --images train-images-idx3-ubyte.gz --labels train-labels-idx1-ubyte.gz

The network was trained in floats. `snnc.torch.ChipAware` runs it on the simulated chip in every step of the training,
so that the loss is the chip's. Without `--images` half of the 100 images beside the network are trained with and the
other half are tested on, which shows the way and no figure worth quoting; idx or .npy files of MNIST give the figures
of docs/quantisation.md. Needs torch, spikingjelly and snnc.
"""

from __future__ import annotations

import argparse
import gzip
import pathlib

import numpy as np
import snnc
import snnc.torch
import torch
from spikingjelly.activation_based import layer, neuron
from torch import nn

FOLDER = pathlib.Path(__file__).parent / "digits-cnn"
TIMESTEPS = 4


def network() -> nn.Module:
    """The trained network, a timestep a call."""
    net = nn.Sequential(
        layer.Conv2d(1, 8, 3, padding=1, bias=False),
        layer.BatchNorm2d(8),
        neuron.LIFNode(tau=2.0),
        layer.AvgPool2d(2),
        layer.Conv2d(8, 16, 3, padding=1, bias=False),
        layer.BatchNorm2d(16),
        neuron.LIFNode(tau=2.0),
        layer.AvgPool2d(2),
        layer.Flatten(),
        layer.Linear(784, 128, bias=False),
        neuron.LIFNode(tau=2.0),
        layer.Linear(128, 10, bias=False),
        neuron.LIFNode(tau=2.0),
    )
    net.load_state_dict(torch.load(FOLDER / "weights.pth", map_location="cpu"))
    return net


def array(path: pathlib.Path) -> np.ndarray:
    """An .npy file, or an idx file of bytes, also compressed."""
    if path.suffix == ".npy":
        return np.load(path)
    with (gzip.open if path.suffix == ".gz" else open)(path, "rb") as file:
        data = file.read()
    sides = np.frombuffer(data, ">u4", data[3], offset=4)
    return np.frombuffer(data, np.uint8, offset=4 + 4 * data[3]).reshape(sides)


def samples(args: argparse.Namespace) -> tuple[torch.Tensor, torch.Tensor]:
    """Images ``[n, 1, 28, 28]``, 0 to 1, and their classes."""
    if args.images is None:
        return torch.as_tensor(np.load(FOLDER / "inputs.npy")), torch.as_tensor(np.load(FOLDER / "labels.npy")).long()
    pixels, labels = array(args.images)[: args.samples], array(args.labels)[: args.samples]
    scale = 255.0 if pixels.dtype == np.uint8 else 1.0
    return torch.as_tensor(pixels / scale).float().reshape(-1, 1, 28, 28), torch.as_tensor(labels.astype(np.int64))


def accuracy(readout: torch.Tensor, y: torch.Tensor) -> float:
    """Share of samples whose class has the largest read-out."""
    return float((readout.argmax(1) == y).float().mean())


def main() -> None:
    """Trains, and runs what came of it on the chip."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--images", type=pathlib.Path, help="idx or .npy file of images")
    parser.add_argument("--labels", type=pathlib.Path, help="idx or .npy file of their classes")
    parser.add_argument("--samples", type=int, help="take only the first so many of them")
    parser.add_argument("--target", default="loihi-like", help="chip")
    parser.add_argument("--weights", type=int, default=4, help="bits of a weight")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--batch", type=int, default=50)
    parser.add_argument("--rate", type=float, default=1e-3)
    args = parser.parse_args()
    torch.manual_seed(1)
    x, y = samples(args)
    half = len(x) // 2
    held, of_held = x[half:], y[half:]
    net = network()
    model = snnc.from_torch(net, x[:1], timesteps=TIMESTEPS)
    floats = (model.reference(held.numpy(), progress=False).predictions == of_held.numpy()).mean()
    aware = snnc.torch.ChipAware(
        net, args.target, timesteps=TIMESTEPS, weights=args.weights, calibrate=x[:half][:64].numpy()
    )
    aware.eval()
    print(f"float network            {floats:.1%}")
    print(f"chip, {args.weights} bits, before     {accuracy(aware(held), of_held):.1%}", flush=True)
    optimiser = torch.optim.Adam(aware.parameters(), args.rate)
    for epoch in range(1, args.epochs + 1):
        aware.train()
        losses = []
        for at in torch.randperm(half).split(args.batch):
            loss = nn.functional.cross_entropy(aware(x[at]) * 10, y[at])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            losses.append(float(loss.detach()))
        aware.eval()
        print(f"epoch {epoch}: loss {np.mean(losses):.3f}, chip {accuracy(aware(held), of_held):.1%}", flush=True)
    # What the wrapped module said, and what the compiled program says.
    program = aware.compile()
    result = program.run(held.numpy(), of_held.numpy(), spikes=True)
    same = all((result.spikes[name] == aware.spikes[name]).all() for name in result.spikes)
    print(f"compiled: {result.accuracy:.1%}, spikes are {'those' if same else 'NOT those'} of the wrapped module")
    print(f"{result.energy_j / len(held) * 1e6:.3g} uJ and {result.time_s / len(held) * 1e6:.3g} us a sample")


if __name__ == "__main__":
    main()
