"""PyTorch modules of spiking neurons: models of them (`from_torch`), recordings (`record`), and training with the chip
in the loop (`ChipAware`).

torch is imported here and not by ``import snnc``. `_trace` runs the module on a sample and records what feeds what,
`_layers` and `_neurons` say what each module is in a model file, `_write` writes its text. `record` writes what a
module does. `_chip` runs a module on the chip, `_surrogate` makes the gradients of its neurons.
"""

from __future__ import annotations

import copy
from typing import Any, Literal

import torch

from snnc._errors import SnncError
from snnc._model import Model
from snnc._model import model as describe
from snnc.torch._chip import ChipAware
from snnc.torch._record import record
from snnc.torch._trace import Traced, trace
from snnc.torch._write import Writer

__all__ = ["ChipAware", "describe_module", "from_torch", "record"]


def from_torch(
    module: torch.nn.Module,
    sample: torch.Tensor,
    timesteps: int | None = None,
    *,
    inputs: Literal["constant", "spikes"] | None = None,
    readout: Literal["mean", "sum", "last"] | None = None,
    name: str | None = None,
) -> Model:
    """A model from a module of neurons of SpikingJelly or snnTorch.

    Known are IF, LIF and ParametricLIF, and Leaky, Synaptic, RLeaky and RSynaptic; docs/python.md lists all layers.

    The module is copied, put into eval mode and called once on `sample`, whose first axis is the batch. Three ways to
    go through time are known:

    * the module makes one timestep a call (SpikingJelly's ``step_mode="s"``): give `timesteps`;
    * it takes ``[T, N, ...]`` at once (``step_mode="m"``);
    * its forward loops over time itself, as snnTorch's tutorials do, over ``x[t]``, ``x[:, t]`` or the same ``x``.

    `inputs`: whether the network is fed maps that are held over the timesteps, or spikes. Left out, a sample with a
    time axis is taken for spikes if it is all 0 and 1, else it must be the same in all timesteps; one without is held.
    `readout`: what is made of the output's timesteps if the module gives all of them (default: their mean); the
    largest value is the prediction. Of several outputs the first is taken.

    Layers are named by their module path. Raises `SnncError` with the module path: E0024 for what is not known, as a
    layer or as a way to use it; nothing is approximated.
    """
    text, tensors = describe_module(module, sample, timesteps, inputs=inputs, readout=readout, name=name)
    return describe(text, tensors, place=name or type(module).__name__)


def describe_module(
    module: torch.nn.Module,
    sample: torch.Tensor,
    timesteps: int | None = None,
    *,
    inputs: Literal["constant", "spikes"] | None = None,
    readout: Literal["mean", "sum", "last"] | None = None,
    name: str | None = None,
) -> tuple[str, dict[str, Any]]:
    """The text of the model file and the arrays by name that `from_torch` makes a model of."""
    traced = _traced(module, sample, timesteps, inputs, readout)
    return Writer(name or type(module).__name__, traced).finish()


def _traced(
    module: torch.nn.Module, sample: torch.Tensor, timesteps: int | None, inputs: str | None, readout: str | None
) -> Traced:
    """What feeds what in a copy of a module."""
    if not isinstance(module, torch.nn.Module):
        raise TypeError(f"expected a torch.nn.Module, found {type(module).__name__}")
    if not isinstance(sample, torch.Tensor) or sample.ndim < 2:
        raise SnncError._new("E0021", "sample", "expected a tensor [n, ...] or [t, n, ...]", "one sample is `x[:1]`")
    with torch.no_grad():
        return trace(_copied(module).eval(), sample, timesteps, inputs, readout)


def _copied(module: torch.nn.Module) -> torch.nn.Module:
    try:
        return copy.deepcopy(module, _states(module))
    except Exception as error:
        message = f"the module cannot be copied: {error}"
        raise SnncError._new("E0021", "module", message, "give a module that `copy.deepcopy` copies") from error


def _states(module: torch.nn.Module) -> dict[int, torch.Tensor]:
    """Copies of what neurons keep of their last run, which deepcopy refuses where it has a gradient."""
    found: dict[int, torch.Tensor] = {}

    def look(value: Any, depth: int) -> None:
        if isinstance(value, torch.Tensor):
            if not value.is_leaf:
                found[id(value)] = value.detach().clone()
        elif isinstance(value, dict) and depth:
            for one in value.values():
                look(one, depth - 1)
        elif isinstance(value, (list, tuple)) and depth:
            for one in value:
                look(one, depth - 1)

    for part in module.modules():
        look(vars(part), 3)
    return found
