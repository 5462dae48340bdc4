"""A neuron whose spikes are given, and whose membrane is only kept for gradients."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from snnc._errors import SnncError
from snnc.torch import _neurons


class Surrogate:
    """Stands in for a neuron in one forward pass: its spikes are those of the chip, its gradients its own.

    The membrane follows the neuron's equation (docs/model.md), reset by the spikes that are given; the neuron's own
    surrogate function of membrane and threshold is the gradient of a spike.
    """

    def __init__(self, module: nn.Module, spikes: torch.Tensor, timesteps: int):
        """`spikes` is ``[n, t, ...]`` for `timesteps` of a pass."""
        self.module: Any = module
        self.spikes = spikes
        self.timesteps = timesteps
        self.step = 0
        self.membrane: Any = None
        self.current: Any = 0.0
        self.last: Any = None
        self.jelly = _neurons.family(module) == "SpikingJelly"

    def __call__(self, x: torch.Tensor, *states: Any, **named: Any) -> Any:
        """A timestep, or with ``step_mode="m"`` all of them; states that are handed in are this one's own."""
        if self.jelly:
            if getattr(self.module, "step_mode", "s") == "m":
                return torch.stack([self._jelly(one) for one in x])
            return self._jelly(x)
        return self._snntorch(x)

    def ended(self, path: str) -> None:
        """Refuses a module that did not call the neuron once a timestep."""
        if self.step != self.timesteps:
            message = f"it was called for {self.step} timesteps, expected {self.timesteps}"
            raise SnncError._new("E0024", f"module {path}", message, "give batches with as many timesteps as the first")

    def _spike(self, above: torch.Tensor, function: Any) -> torch.Tensor:
        """The spikes of this timestep, with the gradient of `function` at the membrane above threshold."""
        if self.step >= self.timesteps:
            message = f"it is called for more than {self.timesteps} timesteps"
            raise SnncError._new("E0024", type(self.module).__name__, message, "give batches as the first one was")
        given = self.spikes[:, self.step].reshape(above.shape).to(above.device, above.dtype)
        self.step += 1
        soft = function(above)
        return given + (soft - soft.detach())

    def _jelly(self, x: torch.Tensor) -> torch.Tensor:
        neuron = self.module
        rest = 0.0 if neuron.v_reset is None else neuron.v_reset
        before = torch.full_like(x, rest) if self.membrane is None else self.membrane
        if type(neuron).__name__ == "IFNode":
            membrane = before + x
        else:
            share = neuron.w.sigmoid() if hasattr(neuron, "w") else 1.0 / neuron.tau
            membrane = (
                before + (x - (before - rest)) * share if neuron.decay_input else before - (before - rest) * share + x
            )
        spikes = self._spike(membrane - neuron.v_threshold, neuron.surrogate_function)
        resets = spikes.detach() if neuron.detach_reset else spikes
        if neuron.v_reset is None:
            self.membrane = membrane - resets * neuron.v_threshold
        else:
            self.membrane = (1.0 - resets) * membrane + resets * rest
        return spikes

    def _snntorch(self, x: torch.Tensor) -> Any:
        neuron = self.module
        if self.membrane is None:
            self.membrane, self.last = torch.zeros_like(x), torch.zeros_like(x)
        kind = type(neuron).__name__
        if kind.startswith("R"):
            x = x + neuron.recurrent(self.last)
        if "Synaptic" in kind:
            x = self.current = neuron.alpha.clamp(0, 1) * self.current + x
        reset, before = self.last.detach(), self.membrane
        if neuron.reset_mechanism == "zero":
            before = (1 - reset) * before
        self.membrane = neuron.beta.clamp(0, 1) * before + x
        if neuron.reset_mechanism == "subtract":
            self.membrane = self.membrane - reset * neuron.threshold
        self.last = self._spike(self.membrane - neuron.threshold, neuron.spike_grad)
        if neuron.init_hidden and not neuron.output:
            return self.last
        states = (self.current, self.membrane) if "Synaptic" in kind else (self.membrane,)
        return (self.last, *states)
