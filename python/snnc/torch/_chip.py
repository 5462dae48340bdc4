"""Training with the chip in the loop: `ChipAware`.

What a module does is decided by the compiler and the simulator alone: they round its weights, and their spikes and
read-outs are the values of every forward pass. What is here makes gradients for them: it runs the module with the
chip's spikes in place of its neurons' own, so that every layer sees what the chip gave it, and passes gradients
straight through the rounding and by the neurons' surrogate functions through the spikes (in-the-loop training:
Schmitt et al., arXiv:1703.01909; straight-through: Bengio et al., arXiv:1308.3432). So no rounding rule is written
down twice.
"""

from __future__ import annotations

import contextlib
import warnings
from typing import TYPE_CHECKING, Any, Iterator, Literal

import numpy as np
import torch
from torch import nn

from snnc._errors import SnncError, SnncWarning
from snnc._model import compile as compile_model
from snnc._model import model as describe
from snnc._results import Spikes
from snnc._target import Target
from snnc._target import target as as_target
from snnc.torch import _neurons
from snnc.torch._record import first
from snnc.torch._surrogate import Surrogate
from snnc.torch._trace import Traced
from snnc.torch._write import Writer

if TYPE_CHECKING:
    from snnc._program import Program

#: What fits nowhere else is mapped soonest: a mapping changes no spike.
_SOONEST: dict[str, Any] = {"objective": "cores", "effort": "fast"}


class ChipAware(nn.Module):
    """A module whose forward pass is that of a chip, with gradients, so that training accounts for rounding.

        aware = snnc.torch.ChipAware(net, "loihi-like", timesteps=4, weights=4, calibrate=x[:64])
        optimiser = torch.optim.Adam(aware.parameters(), 1e-4)
        for x, y in batches:
            loss = torch.nn.functional.cross_entropy(aware(x) * 10, y)
            optimiser.zero_grad(), loss.backward(), optimiser.step()
        program = aware.compile()                    # gives on the chip what `aware` gave

    `aware(x)` gives read-outs ``[n, ...]`` as `Program.run` does, of the type of the parameters; `aware.spikes` has
    the spikes of that pass by layer. `x` and `timesteps`, `inputs`, `readout` are those of `snnc.torch.from_torch`;
    the axis of the samples in an `x` with a time axis is the second, or the first if the module loops over ``x[:,
    t]``. `weights`, `calibrate`, `passes` and `relays` are those of `snnc.compile`, and so is what they round.

    Batch norms keep their running mean and variance and dropouts do nothing, as on the chip; weights, biases, scales
    and shifts, and neurons' parameters that have gradients, are trained. Every change of the parameters is compiled
    anew before the next pass; a pass in eval mode or without gradients is one on the chip alone. `module` is the
    module that was given, and its weights are the trained ones.

    Raises `SnncError` for what `from_torch` or the chip refuses.
    """

    def __init__(
        self,
        module: nn.Module,
        target: str | Target = "loihi-like",
        timesteps: int | None = None,
        *,
        inputs: Literal["constant", "spikes"] | None = None,
        readout: Literal["mean", "sum", "last"] | None = None,
        weights: int | None = None,
        calibrate: Any = None,
        passes: int | None = None,
        relays: bool = True,
    ):
        super().__init__()
        self.module = module
        self.target = as_target(target)
        self._asked: dict[str, Any] = {"timesteps": timesteps, "inputs": inputs, "readout": readout}
        self._rounding: dict[str, Any] = {
            "weights": weights,
            "calibrate": calibrate,
            "passes": passes,
            "relays": relays,
        }
        self._sample: torch.Tensor | None = None
        self._program: Program | None = None
        self._key: tuple[Any, ...] = ()
        self._traced: Traced | None = None
        self._layers: dict[str, str] = {}
        self._spikes: Spikes | None = None
        self._warned = False
        self.train(self.training)

    def train(self, mode: bool = True) -> ChipAware:
        """Trains, or only runs. Norms and dropouts stay as they are on the chip."""
        super().train(mode)
        for part in self.module.modules():
            part.training = mode and _neurons.is_neuron(part)
        return self

    @property
    def spikes(self) -> Spikes:
        """Spikes of the last forward pass by layer, uint8 ``[n, t, c, h, w]``, of vectors ``[n, t, c]``."""
        if self._spikes is None:
            raise ValueError("there was no forward pass yet")
        return self._spikes

    def compile(self, target: str | Target | None = None, **options: Any) -> Program:  # type: ignore[override]
        """The module as it is now, rounded as in training, on its target or on `target`.

        `options` are those of `snnc.compile` that say how it is mapped, such as `objective` and `effort`; they change
        what a run costs and never what it gives. Another target may give other spikes. There must have been a forward
        pass, whose sample the module is looked through with.
        """
        for name in options:
            if name in self._rounding:
                message = "says how weights are rounded, which is settled"
                raise SnncError._new("E0021", name, message, "give it to `ChipAware`, and train with it")
        model, _ = self._described()
        return compile_model(model, target or self.target, **self._rounding, **options)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Read-outs ``[n, ...]`` of the chip."""
        if not isinstance(x, torch.Tensor) or x.ndim < 2:
            raise SnncError._new("E0021", "x", "expected a tensor [n, ...] or [t, n, ...]", "one sample is `x[:1]`")
        program = self._rounded(x)
        assert self._traced is not None
        result = program.run(self._samples(x), timing="none", timesteps=False, spikes=True, progress=False)
        self._spikes = result.spikes
        like = next((one for one in self.module.parameters() if one.is_floating_point()), x)
        given = torch.as_tensor(result.readout).to(like.device, like.dtype)
        if not (self.training and torch.is_grad_enabled()):
            return given
        soft = self._surrogate(x, result.spikes).reshape(given.shape)
        return given + (soft - soft.detach())

    # -- the chip -----------------------------------------------------------------------------------------------------

    def _rounded(self, x: torch.Tensor) -> Program:
        """The program of the parameters as they are now."""
        if self._sample is None or self._sample.ndim != x.ndim:
            self._sample, self._program = x.detach(), None
        tensors = [*self.module.parameters(), *self.module.buffers()]
        key = tuple((id(one), one._version, one.data_ptr()) for one in tensors if not _state(one))
        if self._program is None or key != self._key:
            model, self._traced = self._described()
            with warnings.catch_warnings():
                # Each training step would say anew what the first one said.
                warnings.simplefilter("ignore" if self._warned else "default", SnncWarning)
                self._program = compile_model(model, self.target, **self._rounding, **_SOONEST)
            self._warned, self._key = True, key
        return self._program

    def _described(self) -> tuple[Any, Traced]:
        from snnc.torch import _traced

        if self._sample is None:
            message = "there was no forward pass yet, so its shapes are not known"
            raise SnncError._new("E0021", "module", message, "call it once on a batch")
        traced = _traced(self.module, self._sample, **self._asked)
        name = type(self.module).__name__
        writer = Writer(name, traced)
        text, tensors = writer.finish()
        self._layers = {node.name: writer.name(node) for node in writer.nodes() if _fires(node)}
        self._sample = self._sample.narrow(traced.batch, 0, 1).clone()
        return describe(text, tensors, place=name), traced

    def _samples(self, x: torch.Tensor) -> np.ndarray:
        """The batch as the chip takes it: ``[n, ...]``, of spike trains ``[n, t, ...]``."""
        traced = self._traced
        assert traced is not None
        x = x.detach()
        if traced.time is None:
            return x.cpu().numpy()
        x = x.movedim(traced.time, 1)
        if traced.spikes:
            return x.cpu().numpy()
        if not bool((x == x[:, :1]).all()):
            message = "the batch changes over time, and the first one was a map that is held"
            raise SnncError._new("E0024", "x", message, 'encode it as spikes, and give `inputs="spikes"`')
        return x[:, 0].cpu().numpy()

    # -- its gradients ------------------------------------------------------------------------------------------------

    def _surrogate(self, x: torch.Tensor, spikes: Spikes) -> torch.Tensor:
        """The read-out that the module makes of the chip's spikes, in floats and with gradients."""
        traced = self._traced
        assert traced is not None
        surrogates = {
            path: Surrogate(self.module.get_submodule(path), torch.as_tensor(spikes[f"net.{layer}"]), traced.timesteps)
            for path, layer in self._layers.items()
        }
        with _in_place_of(self.module, surrogates):
            calls = traced.timesteps if traced.calls else 1
            outputs = [first(self.module(x)) for _ in range(calls)]
        for path, surrogate in surrogates.items():
            surrogate.ended(path)
        if traced.over == "step":
            series = torch.stack(outputs) if traced.calls else outputs[0][None]
        elif traced.over == "series":
            series = outputs[0]
        else:
            return outputs[0]
        return {"mean": lambda: series.mean(0), "sum": lambda: series.sum(0), "last": lambda: series[-1]}[
            traced.readout
        ]()


def _fires(node: Any) -> bool:
    return node.op == "Module" and _neurons.is_neuron(node.detail)


def _state(tensor: torch.Tensor) -> bool:
    """Whether a tensor is what neurons keep of a run: those have gradients and are no leaves, or are empty."""
    return not tensor.is_leaf or tensor.numel() == 0


@contextlib.contextmanager
def _in_place_of(module: nn.Module, surrogates: dict[str, Surrogate]) -> Iterator[None]:
    """Neurons of `module` answer as their surrogates."""
    parts = [(module.get_submodule(path), surrogate) for path, surrogate in surrogates.items()]
    for part, surrogate in parts:
        part.forward = surrogate  # type: ignore[method-assign, assignment]
    try:
        yield
    finally:
        for part, _ in parts:
            del part.forward
