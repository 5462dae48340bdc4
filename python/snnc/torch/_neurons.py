"""Spiking neurons of SpikingJelly and snnTorch, by the names of their classes, so that neither need be installed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from snnc.torch._trace import Node
    from snnc.torch._write import Writer

_JELLY = ("IFNode", "LIFNode", "ParametricLIFNode")
_SNNTORCH = ("Leaky", "Synaptic", "RLeaky", "RSynaptic")


def family(module: torch.nn.Module) -> str | None:
    """The framework whose neuron a module is, known or not."""
    for base in type(module).__mro__:
        package = base.__module__
        if base.__name__ == "BaseNode" and package.startswith("spikingjelly."):
            return "SpikingJelly"
        if base.__name__ == "SpikingNeuron" and package.startswith("snntorch."):
            return "snnTorch"
    return None


def is_neuron(module: torch.nn.Module) -> bool:
    """Whether a module is a spiking neuron of a framework."""
    return family(module) is not None


def write(writer: Writer, node: Node, module: torch.nn.Module, source: str) -> str:
    """The layers of a neuron; the name of the firing one."""
    kin, kind = family(module), type(module).__name__
    if kin == "SpikingJelly" and kind in _JELLY:
        return writer.layer(node, _jelly(writer, node, module, kind), [source])
    if kin == "snnTorch" and kind in _SNNTORCH:
        return _snntorch(writer, node, module, kind, source)
    known = ", ".join(_JELLY + _SNNTORCH)
    raise writer.refuse(node, f"{kin}'s neuron {kind} is not supported", f"known are {known}")


def _number(value: Any) -> float:
    return float(value.detach()) if isinstance(value, torch.Tensor) else float(value)


def _jelly(writer: Writer, node: Node, module: Any, kind: str) -> str:
    threshold, reset = _number(module.v_threshold), module.v_reset
    soft = reset is None
    fields = {"threshold": threshold}
    if kind == "IFNode":
        if not soft and _number(reset) != 0.0:
            raise writer.refuse(node, f"IFNode resets to {reset}, only 0 is supported", "shift v_threshold and v_reset")
        return writer.op("If", fields, soft_reset=True if soft else None)
    # ParametricLIF learns w, and 1 / tau is its sigmoid.
    tau = _number(module.tau) if kind == "LIFNode" else 1.0 / _number(module.w.detach().double().sigmoid())
    return writer.op(
        "Lif",
        {"tau": tau, **fields},
        reset=None if soft else _number(reset),
        soft_reset=True if soft else None,
        decay_input=None if module.decay_input else False,
    )


def _snntorch(writer: Writer, node: Node, module: Any, kind: str, source: str) -> str:
    odd = [
        ("inhibition", getattr(module, "inhibition", False)),
        ("state_quant", getattr(module, "state_quant", False)),
        ("reset_delay=False", not getattr(module, "reset_delay", True)),
        ("graded_spikes_factor", bool((torch.as_tensor(getattr(module, "graded_spikes_factor", 1.0)) != 1).any())),
    ]
    for name, used in odd:
        if used:
            raise writer.refuse(node, f"{kind} with {name} is not supported", "train without it")
    reset = {"subtract": None, "zero": "Zero", "none": "None"}[module.reset_mechanism]
    if reset == "Zero" and kind != "Leaky":
        message = f'{kind} with reset_mechanism="zero" is not supported: it also drops what arrives in that step'
        raise writer.refuse(node, message, 'train with reset_mechanism="subtract"')
    fields = {"beta": writer.parameter(node, "beta", module.beta)}
    threshold = writer.parameter(node, "threshold", module.threshold)
    alpha = writer.parameter(node, "alpha", module.alpha) if "Synaptic" in kind else None
    op = writer.op("Leaky", fields, threshold=threshold, reset=writer.word(reset), alpha=alpha)
    if not kind.startswith("R"):
        return writer.layer(node, op, [source])
    # The layer's own spikes come back through its recurrent layer, a timestep later.
    own = writer.name(node)
    shape = writer.shape(node)
    late = writer.add(f"{own}.late", writer.op("Delay", {"steps": 1, "shape": shape}), [own])
    back = _recurrent(writer, node, module, own, late)
    total = writer.add(f"{own}.sum", "Add", [source, back])
    return writer.layer(node, op, [total])


def _recurrent(writer: Writer, node: Node, module: Any, own: str, late: str) -> str:
    from snnc.torch import _layers

    name, recurrent = f"{own}.recurrent", module.recurrent
    if isinstance(recurrent, torch.nn.Linear):
        return writer.add(name, _layers.linear(writer, name, recurrent), [late])
    if isinstance(recurrent, torch.nn.Conv2d):
        return writer.add(name, _layers.convolution(writer, node, name, recurrent), [late])
    if hasattr(recurrent, "V"):
        factor = writer.parameter(node, "recurrent.V", torch.as_tensor(recurrent.V))
        return writer.add(name, writer.op("Scale", {"factor": factor}), [late])
    raise writer.refuse(node, f"its recurrent layer is a {type(recurrent).__name__}, expected Linear or Conv2d")
