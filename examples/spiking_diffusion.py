"""The networks of Spiking-Diffusion (arXiv 2308.10187) in SpikingJelly, with the authors' names; for
``train_spiking_diffusion.py``.

Time is the first axis: spikes are ``[t, n, c, h, w]``. An input that is held for all timesteps is ``[n, c, h, w]``.
"""

from __future__ import annotations

import torch
from spikingjelly.activation_based import neuron, surrogate
from torch import nn

# Of the authors' code; `snnc import` takes them as given, so they are no options.
#: Weight of a timestep's output in the last membrane, of that of the timestep before.
DECAY = 0.8
#: Weight of the distance of features from their codes.
COMMITMENT = 0.25


def fires() -> neuron.LIFNode:
    """``v += (x - v) / 2``; fires at 1, then ``v = 0``; over all timesteps at once."""
    return neuron.LIFNode(tau=2.0, surrogate_function=surrogate.ATan(), step_mode="m")


def drive(module: nn.Module, x: torch.Tensor, timesteps: int) -> torch.Tensor:
    """The current of an input that is held: the same in every timestep, so computed once. ``[t, n, ...]``."""
    return module(x).unsqueeze(0).expand(timesteps, *(-1,) * 4).contiguous()


def per_step(module: nn.Module, x: torch.Tensor) -> torch.Tensor:
    """A module without memory on ``[t, n, ...]``."""
    return module(x.flatten(0, 1)).unflatten(0, x.shape[:2])


class LastMembrane(nn.Module):
    """Membrane after the last timestep: outputs weighted by powers of the decay, the newest by 1."""

    def __init__(self, timesteps: int):
        super().__init__()
        powers = DECAY ** torch.arange(timesteps - 1, -1, -1, dtype=torch.float32)
        self.register_buffer("coef", powers.view(-1, 1, 1, 1, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return (x * self.coef).sum(0)


class Blocks(nn.Module):
    """Convolutions with norm and neurons behind each; a last one may have neither."""

    def __init__(self, *parts: nn.Module):
        super().__init__()
        self.snn_convs = nn.Sequential(*parts)

    def forward(self, x: torch.Tensor, held: int | None = None) -> torch.Tensor:
        """`x` is ``[t, n, c, h, w]``, or ``[n, c, h, w]`` which is `held` for as many timesteps."""
        parts = list(self.snn_convs)
        if held is not None:
            x = parts[2](drive(nn.Sequential(*parts[:2]), x, held))
            parts = parts[3:]
        for part in parts:
            x = part(x) if isinstance(part, neuron.LIFNode) else per_step(part, x)
        return x


class Codebook(nn.Module):
    """Features of encoder spikes, the nearest code of each, and the generator that makes spikes of codes."""

    def __init__(self, codes: int, width: int, timesteps: int):
        super().__init__()
        self.embeddings = nn.Embedding(codes, width)
        self.embeddings.weight.data.uniform_(0.0, 1.0)
        self.poisson = nn.Sequential(nn.Conv2d(width, width, 1), nn.BatchNorm2d(width), fires())
        self.memout = LastMembrane(timesteps)
        self.alpha = nn.Parameter(torch.tensor(0.5))

    def feature(self, spikes: torch.Tensor) -> torch.Tensor:
        """``[t, n, c, h, w]`` to ``[n, c, h, w]``: a mix of last membrane and mean rate."""
        return (1 - self.alpha) * self.memout(spikes) + self.alpha * spikes.mean(0)

    def tokens(self, feature: torch.Tensor) -> torch.Tensor:
        """Index of the nearest code by position, ``[n, h, w]``."""
        flat = feature.permute(0, 2, 3, 1).flatten(0, 2)
        nearest = torch.cdist(flat[None], self.embeddings.weight[None])[0].argmin(1)
        return nearest.view(feature.shape[0], *feature.shape[2:])

    def codes(self, tokens: torch.Tensor) -> torch.Tensor:
        """Codes ``[n, c, h, w]`` of tokens ``[n, h, w]``."""
        return self.embeddings(tokens).permute(0, 3, 1, 2)


class VqSvae(nn.Module):
    """Encoder, codebook, decoder. Images are ``[n, c, h, w]``, -0.5 to 0.5."""

    def __init__(self, planes: int, hidden: tuple[int, int], codes: int, width: int, timesteps: int):
        super().__init__()
        self.timesteps = timesteps
        near, far = hidden
        self.encoder = Blocks(
            *(nn.Conv2d(planes, near, 3, stride=2, padding=1), nn.BatchNorm2d(near), fires()),
            *(nn.Conv2d(near, far, 3, stride=2, padding=1), nn.BatchNorm2d(far), fires()),
            *(nn.Conv2d(far, width, 1), nn.BatchNorm2d(width), fires()),
        )
        self.vq_layer = Codebook(codes, width, timesteps)
        up = {"stride": 2, "padding": 1, "output_padding": 1}
        self.decoder = Blocks(
            *(nn.ConvTranspose2d(width, far, 3, **up), nn.BatchNorm2d(far), fires()),
            *(nn.ConvTranspose2d(far, near, 3, **up), nn.BatchNorm2d(near), fires()),
            nn.ConvTranspose2d(near, planes, 3, padding=1),
        )
        self.memout = LastMembrane(timesteps)

    def encode(self, x: torch.Tensor) -> torch.Tensor:
        """Features ``[n, width, h / 4, w / 4]``."""
        return self.vq_layer.feature(self.encoder(x, held=self.timesteps))

    def decode(self, codes: torch.Tensor) -> torch.Tensor:
        """Images of codes ``[n, width, h, w]``."""
        generator = self.vq_layer.poisson
        spikes = generator[2](drive(generator[:2], codes, self.timesteps))
        return torch.tanh(self.memout(self.decoder(spikes)))

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Loss, tokens and features of a batch: the error of the pixels and of the codes."""
        feature = self.encode(x)
        tokens = self.vq_layer.tokens(feature)
        codes = self.vq_layer.codes(tokens)
        error = nn.functional.mse_loss
        quantised = feature + (codes - feature).detach()
        loss = error(self.decode(quantised), x)
        loss = loss + error(codes, feature.detach()) + COMMITMENT * error(feature, codes.detach())
        return loss, tokens, feature


class Sdid(nn.Module):
    """The denoiser: ``[n, 2, h, w]`` (tokens as numbers, iteration) to logits ``[n, codes, h, w]``."""

    def __init__(self, codes: int, channels: list[int], timesteps: int):
        super().__init__()
        self.timesteps, self.codes = timesteps, codes
        self.count = len(channels) + 1
        for i, (before, after) in enumerate(zip([2, *channels], channels), 1):
            block = nn.Sequential(nn.Conv2d(before, after, 3, padding=1), nn.BatchNorm2d(after), fires())
            self.add_module(f"conv{i}", block)
        # Behind the last neurons stands a mean over time, which a linear layer may follow as well as precede.
        self.add_module(f"conv{self.count}", nn.Sequential(nn.Conv2d(channels[-1] + channels[0], codes, 3, padding=1)))

    def forward(self, tokens: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        """Logits for tokens ``[n, h, w]``, masks among them, in the iterations `t` ``[n]``."""
        x = torch.stack([tokens, t.view(-1, 1, 1).expand_as(tokens)], 1).to(self.conv1[0].weight.dtype)
        first = self.conv1[2](drive(self.conv1[:2], x, self.timesteps))
        x = first
        for i in range(2, self.count):
            block = getattr(self, f"conv{i}")
            x = block[2](per_step(block[:2], x))
        rates = torch.cat([x.mean(0), first.mean(0)], 1)
        return getattr(self, f"conv{self.count}")(rates)
