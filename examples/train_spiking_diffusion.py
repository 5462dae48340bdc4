"""Trains Spiking-Diffusion (arXiv 2308.10187) from images to a chip, in PyTorch and SpikingJelly.

    python examples/train_spiking_diffusion.py --data MNIST/raw --out run/

First the VQ-SVAE (spiking encoder, codebook, spiking decoder) learns to make tokens of images and images of tokens;
then SDID, the spiking denoiser, learns to fill masked tokens in (absorbing diffusion). Both are written with the names
and shapes that ``snnc import --vq --sdid`` reads, compiled, and samples of the float networks and of the chip are set
side by side.

`--data` is a folder or a file of MNIST, Fashion-MNIST, KMNIST, EMNIST Letters or CIFAR-10, or of images of your own:

* an idx file (``train-images-idx3-ubyte``, also ``.gz``; those of EMNIST are turned upright), or a folder with one;
* an .npz file with one array of uint8 images ``[n, h, w]``, ``[n, h, w, c]`` or ``[n, c, h, w]``;
* a folder with CIFAR-10's ``data_batch_1.bin`` to ``data_batch_5.bin``;
* a folder of PNG files, also in folders below it.

Nothing is downloaded. A run that is stopped goes on where it was when it is started again with the same `--out`; to
train longer, start it with more steps. In `--out` lie ``vq_svae.pth`` and ``sdid.pth``, the states to go on from,
sheets of reconstructions and samples, and the compiled model. Needs torch, spikingjelly, pillow and snnc; tqdm if
there.
"""

from __future__ import annotations

import argparse
import contextlib
import math
import os
import pathlib
import sys
import time
from typing import Callable, Iterable, Iterator

import numpy as np
import snnc
import torch
from image_sets import images, write_sheet
from spiking_diffusion import Sdid, VqSvae
from spikingjelly.activation_based import functional
from torch import nn

# Of the authors' code: pixels to tokens along each axis, and the temperature of the sampler.
REDUCTION = 4
TEMPERATURE = 0.65


class Training:
    """Steps of one network, kept in a folder so that they go on where they stopped."""

    def __init__(self, net: nn.Module, name: str, steps: int, args: argparse.Namespace):
        self.net, self.name, self.steps, self.args = net, name, steps, args
        self.optimiser = torch.optim.AdamW(net.parameters(), args.rate, weight_decay=1e-4)
        self.average = {key: value.clone() for key, value in net.state_dict().items()}
        self.step = 0
        self.state = args.out / f"{name}.state.pt"
        if self.state.exists():
            kept = torch.load(self.state, map_location="cpu")
            net.load_state_dict(kept["net"])
            self.optimiser.load_state_dict(kept["optimiser"])
            self.average, self.step = kept["average"], kept["step"]

    def run(self, loss_of: Callable[[], torch.Tensor], look: Callable[[], str]) -> None:
        """Takes the steps that are left; `look` says how good the averaged weights are, which the network has after."""
        saved, shown = time.monotonic(), []
        for self.step in _bar(range(self.step + 1, self.steps + 1), self.name):
            # What a step draws depends on its number, so a run that was stopped draws what it would have drawn.
            torch.manual_seed(self.args.seed * 1_000_003 + self.step)
            self.optimiser.param_groups[0]["lr"] = self.args.rate * _schedule(self.step, self.steps)
            self.net.train()
            if self.args.frozen_norms:
                # Not the whole network: in eval mode SpikingJelly's neurons have no gradients.
                for part in self.net.modules():
                    if isinstance(part, nn.BatchNorm2d):
                        part.eval()
            loss = loss_of()
            functional.reset_net(self.net)
            self.optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(self.net.parameters(), 1.0)
            self.optimiser.step()
            self._follow()
            shown.append(float(loss.detach()))
            if self.step == self.steps or self.step % self.args.look == 0:
                with self.averaged():
                    print(
                        f"{self.name} {self.step}: loss {np.mean(shown[-self.args.look :]):.4f}; {look()}", flush=True
                    )
            if self.step == self.steps or time.monotonic() - saved > self.args.save:
                self._save()
                saved = time.monotonic()
        self.net.load_state_dict(self.average)
        self.net.eval()

    @contextlib.contextmanager
    def averaged(self) -> Iterator[None]:
        """The network with its averaged weights."""
        own = {key: value.clone() for key, value in self.net.state_dict().items()}
        self.net.load_state_dict(self.average)
        self.net.eval()
        yield
        self.net.load_state_dict(own)

    def _follow(self) -> None:
        """The average of the weights over the last steps, whose samples are better than those of any step alone."""
        keep = min(self.args.average, self.step / (self.step + 9))
        for key, value in self.net.state_dict().items():
            if value.is_floating_point():
                self.average[key].lerp_(value, 1 - keep)

    def _save(self) -> None:
        kept = {"net": self.net.state_dict(), "optimiser": self.optimiser.state_dict()}
        _written({**kept, "average": self.average, "step": self.step}, self.state)
        _written(self.average, self.args.out / f"{self.name}.pth")


def _schedule(step: int, steps: int) -> float:
    """Share of the learning rate: up over the first steps, then down along a cosine."""
    warm = min(100, steps // 10 + 1)
    return min(step / warm, 0.02 + 0.49 * (1 + math.cos(math.pi * step / steps)))


def _written(value: object, path: pathlib.Path) -> None:
    beside = path.with_name(path.name + ".part")
    torch.save(value, beside)
    os.replace(beside, path)


def _bar(steps: range, name: str) -> Iterable[int]:
    try:
        from tqdm import tqdm
    except ImportError:
        return steps
    return tqdm(steps, desc=name, initial=steps.start - 1, total=steps.stop - 1, disable=None)


def scaled(pixels: np.ndarray) -> torch.Tensor:
    """Pixels as the networks take them."""
    return torch.as_tensor(pixels).float() / 255 - 0.5


def train_vq(net: VqSvae, train: np.ndarray, held: np.ndarray, args: argparse.Namespace) -> None:
    """Trains encoder, codebook and decoder. Codes that no feature is near are moved to where features are."""
    training = Training(net, "vq_svae", args.vq_steps, args)
    used = torch.zeros(net.vq_layer.embeddings.num_embeddings)

    def loss() -> torch.Tensor:
        at = torch.randint(len(train), (args.batch,))
        found, tokens, feature = net(scaled(train[at.numpy()]))
        used.mul_(0.95).add_(torch.bincount(tokens.flatten(), minlength=len(used)), alpha=0.05)
        # The first half of the training; later codes must stay what they mean.
        if training.step == 1 or (training.step % 20 == 0 and training.step < args.vq_steps // 2):
            idle = torch.nonzero(used < (math.inf if training.step == 1 else 0.03)).flatten()
            flat = feature.detach().permute(0, 2, 3, 1).flatten(0, 2)
            net.vq_layer.embeddings.weight.data[idle] = flat[torch.randint(len(flat), (len(idle),))]
        return found

    def look() -> str:
        some = held[: args.shown]
        tokens = encoded(net, some)
        again = decoded(net, tokens)
        write_sheet(
            np.stack([some, again], 1).reshape(-1, *some.shape[1:]), args.out / f"reconstructions-{training.step}.png"
        )
        error = np.square(again / 255.0 - some / 255.0).mean()
        return f"error of {len(some)} held-out images {error:.5f}, {len(tokens.unique())} codes in use"

    training.run(loss, look)


def masked_error(net: Sdid, tokens: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
    """Nats a masked token, when each of an image's tokens is masked with the share of iterations that are left.

    Iteration t of the sampler finds each position masked with probability t / iterations and draws one position of t,
    so the bound on the likelihood weighs every sample's masked positions by 1 / t.
    """
    positions = tokens[0].numel()
    masked = torch.rand(tokens.shape) < (t / positions).view(-1, 1, 1)
    logits = net(tokens.masked_fill(masked, net.codes), t)
    error = nn.functional.cross_entropy(logits, tokens, reduction="none")
    return ((error * masked).sum((1, 2)) / t).mean()


def train_sdid(net: Sdid, vq: VqSvae, train: np.ndarray, held: np.ndarray, args: argparse.Namespace) -> None:
    """Trains the denoiser on the tokens of the images."""
    training = Training(net, "sdid", args.sdid_steps, args)
    if training.step < args.sdid_steps:
        tokens, kept = encoded(vq, train), encoded(vq, held)
    iterations = (train.shape[2] // REDUCTION) * (train.shape[3] // REDUCTION)

    def loss() -> torch.Tensor:
        at = torch.randint(len(tokens), (args.batch,))
        # Every part of the loop in every batch: less noise than drawing each t alone.
        t = (torch.arange(args.batch) + torch.rand(())) / args.batch * iterations
        return masked_error(net, tokens[at], t.floor() + 1)

    @torch.no_grad()
    def look() -> str:
        torch.manual_seed(1)
        t = torch.arange(len(kept)) % iterations + 1
        error = 0.0
        for some, at in zip(kept.split(100), t.split(100)):
            functional.reset_net(net)
            error += float(masked_error(net, some, at)) * len(some)
        drawn, _ = sampled(net, vq, args.shown, args.seed, args.temperature, kept.shape[1:])
        write_sheet(drawn, args.out / f"samples-{training.step}.png")
        return f"{error / len(kept):.4f} nats a token of {len(kept)} held-out images"

    training.run(loss, look)


# -- use --------------------------------------------------------------------------------------------------------------


@torch.no_grad()
def encoded(vq: VqSvae, pixels: np.ndarray) -> torch.Tensor:
    """Tokens ``[n, h, w]`` of images."""
    vq.eval()
    found = []
    for at in range(0, len(pixels), 250):
        functional.reset_net(vq)
        found.append(vq.vq_layer.tokens(vq.encode(scaled(pixels[at : at + 250]))))
    functional.reset_net(vq)
    return torch.cat(found)


@torch.no_grad()
def decoded(vq: VqSvae, tokens: torch.Tensor) -> np.ndarray:
    """Images uint8 of tokens, rounded down as the chip's host rounds."""
    vq.eval()
    found = []
    for some in tokens.split(250):
        functional.reset_net(vq)
        found.append((255 * (vq.decode(vq.vq_layer.codes(some)) + 0.5).clamp(0, 1)).floor().byte())
    functional.reset_net(vq)
    return torch.cat(found).numpy()


@torch.no_grad()
def sampled(
    net: Sdid, vq: VqSvae, n: int, seed: int, temperature: float, grid: Iterable[int]
) -> tuple[np.ndarray, torch.Tensor]:
    """Images and tokens that the float networks generate: each iteration draws one masked position of t."""
    net.eval()
    generator = torch.Generator().manual_seed(seed)
    tokens = torch.full((n, *grid), net.codes)
    for t in range(tokens[0].numel(), 0, -1):
        chosen = (torch.rand(tokens.shape, generator=generator) < 1 / t) & (tokens == net.codes)
        functional.reset_net(net)
        logits = net(tokens, torch.full((n,), float(t))).permute(0, 2, 3, 1)
        if chosen.any():
            drawn = torch.multinomial((logits[chosen] / temperature).softmax(-1), 1, generator=generator)
            tokens[chosen] = drawn.flatten()
    functional.reset_net(net)
    return decoded(vq, tokens), tokens


def distance(a: np.ndarray, b: np.ndarray, axes: tuple[np.ndarray, np.ndarray]) -> float:
    """Frechet distance of two sets of images along the principal axes of the training images (pixels 0 to 1).

    Needs no trained classifier, so it is to be had for every set of images; it only compares with itself.
    """
    mean, directions = axes
    x, y = ((one.reshape(len(one), -1) / 255.0 - mean) @ directions for one in (a, b))
    first, second = np.cov(x.T), np.cov(y.T)
    roots = np.linalg.eigvals(first @ second).real.clip(0) ** 0.5
    return float(np.square(x.mean(0) - y.mean(0)).sum() + np.trace(first) + np.trace(second) - 2 * roots.sum())


def principal(train: np.ndarray, most: int = 32) -> tuple[np.ndarray, np.ndarray]:
    """Mean and first principal axes of images."""
    some = train[:5000].reshape(min(len(train), 5000), -1) / 255.0
    mean = some.mean(0)
    directions = np.linalg.svd(some - mean, full_matrices=False)[2]
    return mean, directions[:most].T


def compiled(args: argparse.Namespace, side: int) -> snnc.Program:
    """The checkpoints as a model folder, and that on the chip."""
    checkpoints = args.out / "vq_svae.pth", args.out / "sdid.pth"
    model = snnc.import_checkpoints(*checkpoints, args.out / "model", image_size=side)
    program = snnc.compile(model, args.target, weights=args.weights, effort="fast")
    program.save(args.out / "model.snnx")
    return program


def table(net: Sdid, vq: VqSvae, train: np.ndarray, held: np.ndarray, args: argparse.Namespace) -> None:
    """Samples of the float networks and of the chip, side by side."""
    program = compiled(args, train.shape[2])
    grid = (train.shape[2] // REDUCTION, train.shape[3] // REDUCTION)
    of_floats, _ = sampled(net, vq, args.samples, args.seed, args.temperature, grid)
    of_chip = program.generate(args.samples, args.seed, temperature=args.temperature, timesteps=False)
    write_sheet(of_floats, args.out / "samples-float.png")
    write_sheet(np.asarray(of_chip), args.out / "samples-chip.png")
    axes = principal(train)
    half = len(held) // 2
    again = decoded(vq, encoded(vq, held[:half]))
    energy = of_chip.energy_j / args.samples * 1e3
    seconds = of_chip.time_s / args.samples * 1e3
    chip = f"chip ({args.target}, {program.weight_bits} bits)"
    rows = [
        ("held-out images", held[:half], ""),
        ("encoded and decoded", again, ""),
        ("float samples", of_floats, ""),
        (chip, np.asarray(of_chip), f"{energy:.3g} mJ, {seconds:.4g} ms"),
    ]
    print(f"{'':32} {'images':>8} {'distance':>10} {'brightness':>11}  an image takes")
    for name, some, cost in rows:
        print(f"{name:32} {len(some):8} {distance(some, held[half:], axes):10.3f} {some.mean() / 255:11.3f}  {cost}")
    print(program.verify(images=1, seed=args.seed))


def options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__.split("\n\n")[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    add = parser.add_argument
    add("--data", type=pathlib.Path, required=True, help="file or folder of images")
    add("--out", type=pathlib.Path, required=True, help="folder of the run; one that exists goes on")
    add("--images", type=int, help="take only the first so many images")
    add("--vq-steps", type=int, default=8000, help="training steps of the VQ-SVAE")
    add("--sdid-steps", type=int, default=30000, help="training steps of the denoiser")
    add("--batch", type=int, default=64, help="images a step")
    add("--rate", type=float, default=1e-3, help="highest learning rate")
    add("--average", type=float, default=0.999, help="how much of the averaged weights a step keeps")
    add("--timesteps", type=int, default=16, help="timesteps of a pass")
    add("--codes", type=int, default=128, help="rows of the codebook; the paper takes 512 for CIFAR-10")
    add("--width", type=int, default=16, help="numbers of a code")
    add(
        "--hidden",
        type=_numbers,
        default=(32, 64),
        help="channels of encoder and decoder, the nearer to the image first",
    )
    add("--channels", type=_numbers, default=(64, 128, 256, 512, 256), help="channels of the denoiser")
    add("--start-vq", type=pathlib.Path, help="state dict to start the VQ-SVAE from")
    add("--start-sdid", type=pathlib.Path, help="state dict to start the denoiser from")
    add("--frozen-norms", action="store_true", help="batch norms keep the mean and variance that they start with")
    add("--look", type=int, default=500, help="steps between two lines of progress with a sheet")
    add("--shown", type=int, default=32, help="images of a sheet")
    add("--save", type=float, default=60.0, help="seconds between two saves")
    add("--threads", type=int, default=torch.get_num_threads(), help="processor threads of PyTorch")
    add("--seed", type=int, default=1, help="of everything that is drawn")
    add("--target", default="loihi-like", help="chip of the table")
    add("--weights", type=int, help="bits of its weights (default: the chip's)")
    add("--samples", type=int, default=64, help="samples of the table")
    add("--temperature", type=float, default=TEMPERATURE, help="of the softmax that tokens are drawn from")
    return parser.parse_args()


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(one) for one in text.split(","))


def main() -> None:
    """Trains what is not trained yet, compiles, compares."""
    args = options()
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    args.out.mkdir(parents=True, exist_ok=True)
    found = images(args.data)[: args.images]
    planes, side = found.shape[1], found.shape[2]
    if found.shape[3] != side or side % REDUCTION:
        sys.exit(f"images are {found.shape[2]} x {found.shape[3]}, expected squares with sides that 4 divides")
    found = found[np.random.default_rng(args.seed).permutation(len(found))]
    count = min(5000, len(found) // 5)
    train, held = found[count:], found[:count]
    print(f"{len(train)} images {list(found.shape[1:])} to train with, {count} held out", flush=True)
    vq = VqSvae(planes, args.hidden, args.codes, args.width, args.timesteps)
    net = Sdid(args.codes, list(args.channels), args.timesteps)
    for part, start in ((vq, args.start_vq), (net, args.start_sdid)):
        if start is not None:
            part.load_state_dict(torch.load(start, map_location="cpu"))
    train_vq(vq, train, held, args)
    train_sdid(net, vq, train, held, args)
    table(net, vq, train, held, args)


if __name__ == "__main__":
    main()
