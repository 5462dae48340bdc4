"""Functions of torch between modules: what each makes of the values that are followed.

A function gives the `Value` of its result, or None where it is used in a way that is not known.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable

import torch

from snnc.torch import _layers
from snnc.torch._trace import Value

if TYPE_CHECKING:
    from snnc.torch._trace import Recorder


def _same(r, name, args, kwargs, sources, found):
    return sources[0]


def _add(r: Recorder, name, args, kwargs, sources, found):
    """Sum of two signals, or a sum over time in the making."""
    if kwargs.get("alpha", 1) != 1:
        return None
    if len(sources) == 1:
        other = [one for one in args if not (isinstance(one, torch.Tensor) and id(one) in r.values)]
        zero = all(not torch.as_tensor(one).any() for one in other if isinstance(one, (int, float, torch.Tensor)))
        return sources[0] if zero else None
    a, b = sources
    if a.node is b.node and a.step != b.step and {a.over, b.over} <= {"step", "sum"}:
        return Value(a.node, max(a.step, b.step), "sum", r.paths[-1])
    if "sum" in (a.over, b.over):
        return None
    if r.inner(found) != r.inner(args[0]) or r.inner(found) != r.inner(args[1]):
        return None
    return r.node("Add", sources, None, found)


def _scale(r: Recorder, name, args, kwargs, sources, found):
    """A signal times or divided by a number."""
    if len(sources) != 1 or len(args) < 2 or kwargs:
        return None
    other = args[1] if isinstance(args[0], torch.Tensor) and id(args[0]) in r.values else args[0]
    if isinstance(other, torch.Tensor):
        if other.numel() != 1:
            return None
        other = other.item()
    divides = "div" in name
    if divides and other is args[0]:
        return None
    value = sources[0]
    if value.over == "sum":
        steps = max(r.calls.values(), default=1) if not r.multi else r.sample.shape[0]
        means = abs(other - steps) < 1e-9 if divides else abs(other * steps - 1) < 1e-9
        return Value(value.node, value.step, "mean", r.paths[-1]) if means else None
    factor = 1.0 / other if divides else float(other)
    return value if factor == 1.0 else r.node("Scale", [value], factor, found)


def _cat(r: Recorder, name, args, kwargs, sources, found):
    """Maps one behind the other along the channels."""
    axis = kwargs.get("dim", args[1] if len(args) > 1 else 0)
    parts = args[0]
    axis = axis if axis >= 0 else axis + parts[0].ndim
    if len(sources) == len(parts) and axis == (2 if r.multi else 1):
        return r.node("Concat", sources, None, found)
    if axis == 0 and not r.multi:
        # Timesteps that were given an axis of their own before.
        return _stack(r, name, (parts, 0), {}, sources, found)
    return None


def _stack(r: Recorder, name, args, kwargs, sources, found):
    """All timesteps of one signal."""
    axis = kwargs.get("dim", args[1] if len(args) > 1 else 0)
    one = {source.node for source in sources}
    steps = [source.step for source in sources]
    if axis != 0 or len(one) != 1 or len(sources) != len(args[0]) or steps != list(range(len(steps))):
        return None
    return Value(sources[0].node, steps[-1], "series", r.paths[-1])


def _reduce(over: str):
    def reduced(r: Recorder, name, args, kwargs, sources, found):
        axis = kwargs.get("dim", kwargs.get("axis", args[1] if len(args) > 1 else None))
        axis = axis[0] if isinstance(axis, (tuple, list)) and len(axis) == 1 else axis
        if sources[0].over != "series" or axis != 0 or kwargs.get("keepdim"):
            return None
        return Value(sources[0].node, sources[0].step, over, r.paths[-1])

    return reduced


def _getitem(r: Recorder, name, args, kwargs, sources, found):
    """A timestep of the sample, or the last one of a signal."""
    source, index = sources[0], args[1]
    if isinstance(index, torch.Tensor) and index.ndim == 0:
        index = int(index)
    # x[:, t] of a sample [N, T, ...].
    second = isinstance(index, tuple) and len(index) == 2 and index[0] == slice(None)
    axis, index = (1, index[1]) if second else (0, index)
    if not isinstance(index, int) or isinstance(index, bool):
        return None
    count = args[0].shape[axis]
    step = index + count if index < 0 else index
    if args[0] is r.sample and source.node is r.input and not r.multi:
        if r.indexed and r.time != axis:
            return None
        r.time = axis
        r.indexed.add(step)
        return Value(r.input, step)
    if axis == 0 and source.over == "series" and step == count - 1:
        return Value(source.node, step, "last", r.paths[-1])
    return None


def _reshape(r: Recorder, name, args, kwargs, sources, found):
    """The elements of a map in another shape; batch and time stay."""
    before, after = args[0], found
    source = sources[0]
    if source.over in ("sum", "mean", "last"):
        return source if r.inner(before) == r.inner(after) else None
    leading = 2 if r.multi else 1
    if source.node is r.input and not r.multi and before is r.sample and r.sample.ndim > found.ndim + 1:
        return None
    if tuple(before.shape[:leading]) != tuple(after.shape[:leading]) or before.numel() != after.numel():
        if name == "unsqueeze" and source.over == "step" and after.shape[0] == 1 and after.shape[1:] == before.shape:
            return source
        return None
    inside = tuple(after.shape[leading:])
    if inside == tuple(before.shape[leading:]):
        return source
    if len(inside) == 1:
        return r.node("Flatten", [source], None, found)
    if len(inside) in (2, 3):
        return r.node("Reshape", [source], _layers.map_shape(inside), found)
    return None


def _pool(kind: str):
    def pooled(r: Recorder, name, args, kwargs, sources, found):
        if len(sources) != 1:
            return None
        names = ("input", "kernel_size", "stride", "padding")
        given = {**dict(zip(names, args)), **kwargs}
        given.pop("input", None)
        unknown = set(given) - {"kernel_size", "stride", "padding"}
        if unknown and not all(given[one] in (False, True, 1, None) for one in unknown):
            return None
        if given.get("ceil_mode") or given.get("count_include_pad", True) is False:
            return None
        rank = 2 if "2d" in name else 1
        detail = (
            _layers.pair(given["kernel_size"], rank),
            _layers.pair(given.get("stride") or given["kernel_size"], rank),
            _layers.pair(given.get("padding", 0), rank, 0),
        )
        return r.node(kind, sources, detail, found)

    return pooled


FUNCTIONS: dict[str, Callable[..., Value | None]] = {
    **dict.fromkeys(
        (
            "clone",
            "detach",
            "contiguous",
            "to",
            "float",
            "double",
            "requires_grad",
            "type",
            "cpu",
            "cuda",
            "dropout",
            "dropout2d",
            "feature_dropout",
            "squeeze_time",
        ),
        _same,
    ),
    **dict.fromkeys(("add", "iadd", "radd"), _add),
    **dict.fromkeys(("mul", "imul", "rmul", "multiply", "div", "idiv", "truediv", "itruediv", "divide"), _scale),
    **dict.fromkeys(("cat", "concat", "concatenate"), _cat),
    "stack": _stack,
    "sum": _reduce("sum"),
    "mean": _reduce("mean"),
    "getitem": _getitem,
    **dict.fromkeys(("view", "reshape", "flatten", "unflatten", "squeeze", "unsqueeze"), _reshape),
    **dict.fromkeys(("avg_pool2d", "avg_pool1d"), _pool("AvgPool2d")),
    **dict.fromkeys(("max_pool2d", "max_pool1d", "boolean_dispatch"), _pool("MaxPool2d")),
}
