"""Layers of torch between neurons: what each is in a model file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch import nn

from snnc.torch import _neurons

if TYPE_CHECKING:
    from snnc.torch._trace import Node
    from snnc.torch._write import Writer

_DROPOUT = (nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, nn.AlphaDropout)
_POOLS = (nn.AvgPool1d, nn.AvgPool2d, nn.MaxPool1d, nn.MaxPool2d, nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d)
_CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.ConvTranspose2d)
_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)
_KNOWN = (*_CONVOLUTIONS, nn.Linear, *_NORMS, *_POOLS, nn.Flatten, nn.Upsample, *_DROPOUT, nn.Identity)


def _jelly(module: nn.Module, *names: str) -> bool:
    """Whether a module is one of SpikingJelly's of these names."""
    return any(base.__name__ in names and base.__module__.startswith("spikingjelly.") for base in type(module).__mro__)


def is_container(module: nn.Module) -> bool:
    """SpikingJelly's containers give time and batch to their layers as one axis."""
    return _jelly(module, "SeqToANNContainer", "MultiStepContainer")


def is_leaf(module: nn.Module) -> bool:
    """Whether a module is recorded as a whole: a layer of torch, or a neuron."""
    whole = isinstance(module, _KNOWN) or _neurons.is_neuron(module) or is_container(module)
    # What torch has and we do not is named as a layer; a module of the user's own is looked into.
    plain = type(module).__module__.startswith("torch.nn.") and not any(module.children())
    return whole or plain or _jelly(module, "Dropout", "Dropout2d")


def is_identity(module: nn.Module) -> bool:
    """Whether a module gives its input in inference."""
    return isinstance(module, (*_DROPOUT, nn.Identity)) or _jelly(module, "Dropout", "Dropout2d")


def pair(value: Any, rank: int = 2, first: int = 1) -> tuple[int, int]:
    """(vertical, horizontal) of a number or a tuple; a line lies along the width, `first` across it."""
    values = tuple(int(one) for one in value) if isinstance(value, (tuple, list)) else (int(value),) * rank
    return (first, values[0]) if rank == 1 else (values[0], values[-1])


def map_shape(inside: tuple[int, ...]) -> tuple[int, int, int]:
    """``(c, h, w)`` of a sample ``[c, h, w]``, ``[c, w]`` or ``[c]``."""
    if len(inside) == 3:
        return inside  # type: ignore[return-value]
    return (inside[0], 1, inside[1]) if len(inside) == 2 else (inside[0], 1, 1)


def write(writer: Writer, node: Node, module: nn.Module, source: str) -> str:
    """The layers of a module; the name of the last."""
    if _neurons.is_neuron(module):
        return _neurons.write(writer, node, module, source)
    if is_container(module):
        return _chain(writer, node, module, source)
    op = _op(writer, node, module, tuple(getattr(node, "source_shape", ())), tuple(node.shape))
    return source if op is None else writer.layer(node, op, [source])


def _chain(writer: Writer, node: Node, container: nn.Module, source: str) -> str:
    """The layers of a container, one after the other; shapes between them are not recorded."""
    from snnc.torch._trace import Node

    for name, child in container.named_children():
        if is_identity(child):
            continue
        if isinstance(child, (nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d)) or not isinstance(child, _KNOWN):
            raise writer.refuse(node, f"its part {name}, a {type(child).__name__}, is not supported in a container")
        inner = Node("Module", f"{node.name}.{name}", [], child)
        op = _op(writer, inner, child, (), ())
        source = source if op is None else writer.layer(inner, op, [source])
    return source


def _op(writer: Writer, node: Node, module: nn.Module, before: tuple[int, ...], after: tuple[int, ...]) -> str | None:
    """What a module is; None for nothing. `before` and `after` are a sample's shapes, empty where unknown."""
    if isinstance(module, _CONVOLUTIONS):
        return convolution(writer, node, node.name, module)
    if isinstance(module, nn.Linear):
        if len(before) > 1:
            message = f"it is applied to {list(before)}, along the last axis only"
            raise writer.refuse(node, message, "put a Flatten before it")
        return linear(writer, node.name, module)
    if isinstance(module, _NORMS):
        return _norm(writer, node, module)
    if isinstance(module, nn.Flatten):
        if module.end_dim != -1 or len(after) > 1 or (not after and module.start_dim != 1):
            raise writer.refuse(node, f"it gives {list(after)}, expected all elements in a row", "nn.Flatten() does")
        return None if len(before) == 1 else "Flatten"
    if isinstance(module, _POOLS):
        return _pool(writer, node, module, before, after)
    if isinstance(module, nn.Upsample):
        factor = module.scale_factor
        if module.mode != "nearest" or factor is None or any(f != int(f) for f in _both(factor)):
            raise writer.refuse(
                node, f"Upsample of mode {module.mode} by {factor} is not supported", "nearest, whole factors"
            )
        vertical, horizontal = (int(f) for f in _both(factor))
        return writer.op("Upsample", {"factor": (vertical, horizontal)})
    kind = type(module).__name__
    hint = (
        "a spiking neuron stands in its place"
        if kind in ("ReLU", "GELU", "Sigmoid", "Tanh")
        else "docs/python.md lists what is"
    )
    raise writer.refuse(node, f"the layer {kind} is not supported", hint)


def _both(value: Any) -> tuple[Any, Any]:
    return tuple(value) if isinstance(value, (tuple, list)) else (value, value)  # type: ignore[return-value]


def linear(writer: Writer, name: str, module: nn.Linear) -> str:
    """A linear layer."""
    fields = {"weight": writer.tensor(f"{name}.weight", module.weight)}
    return writer.op("Linear", fields, bias=writer.some(f"{name}.bias", module.bias))


def convolution(writer: Writer, node: Node, name: str, module: Any) -> str:
    """A convolution or transposed convolution."""
    if module.padding_mode != "zeros":
        raise writer.refuse(node, f'padding_mode="{module.padding_mode}" is not supported', "padding with zeros is")
    rank = 1 if isinstance(module, nn.Conv1d) else 2

    def sides(value: Any, plain: int) -> Any:
        if rank == 1:
            number = int(value[0] if isinstance(value, (tuple, list)) else value)
            return None if number == plain else number
        both = pair(value)
        return None if both == (plain, plain) else both

    padding = {"valid": 0}.get(module.padding, module.padding)
    kind = type(module).__name__
    for known in (nn.Conv1d, nn.Conv2d, nn.ConvTranspose2d):
        if isinstance(module, known):
            kind = known.__name__
    output = sides(module.output_padding, 0) if kind == "ConvTranspose2d" else None
    return writer.op(
        kind,
        {"weight": writer.tensor(f"{name}.weight", module.weight)},
        bias=writer.some(f"{name}.bias", module.bias),
        stride=sides(module.stride, 1),
        padding=writer.text("same") if padding == "same" else sides(padding, 0),
        output_padding=output,
        dilation=sides(module.dilation, 1),
        groups=None if module.groups == 1 else module.groups,
    )


def _norm(writer: Writer, node: Node, module: Any) -> str:
    if module.running_mean is None:
        message = "it has no running mean and variance, so it depends on the batch"
        raise writer.refuse(node, message, "train with track_running_stats=True")
    if any(base.__name__.startswith("ThresholdDependent") for base in type(module).__mro__):
        raise writer.refuse(node, "SpikingJelly's threshold-dependent norm is not supported", "use BatchNorm2d")
    name, affine = node.name, module.weight is not None
    return writer.op(
        "BatchNorm",
        {
            "mean": writer.tensor(f"{name}.running_mean", module.running_mean),
            "variance": writer.tensor(f"{name}.running_var", module.running_var),
            "epsilon": float(module.eps),
        },
        scale=writer.tensor(f"{name}.weight", module.weight) if affine else None,
        shift=writer.tensor(f"{name}.bias", module.bias) if affine else None,
    )


def _pool(writer: Writer, node: Node, module: Any, before: tuple[int, ...], after: tuple[int, ...]) -> str:
    rank = 1 if type(module).__name__.endswith("1d") or isinstance(module, (nn.AvgPool1d, nn.MaxPool1d)) else 2
    if isinstance(module, (nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d)):
        (height, width), (rows, columns) = map_shape(before)[1:], map_shape(after)[1:]
        if height % rows or width % columns:
            message = f"{height} x {width} is no multiple of its {rows} x {columns}, so its windows differ"
            raise writer.refuse(node, message, "use AvgPool2d")
        return pool(writer, "AvgPool2d", ((height // rows, width // columns),) * 2 + ((0, 0),))
    if getattr(module, "ceil_mode", False):
        raise writer.refuse(node, "ceil_mode=True is not supported", "pad the input, or leave the rest out")
    average = isinstance(module, (nn.AvgPool1d, nn.AvgPool2d))
    padding = pair(module.padding, rank, 0)
    if average and padding != (0, 0) and not module.count_include_pad:
        raise writer.refuse(node, "count_include_pad=False is not supported", "padding counts as zeros")
    if average and getattr(module, "divisor_override", None):
        raise writer.refuse(node, "divisor_override is not supported", "scale the weights behind it")
    if not average and _both(module.dilation) != (1, 1):
        raise writer.refuse(node, "dilation of MaxPool is not supported")
    stride = pair(module.stride if module.stride is not None else module.kernel_size, rank)
    kind = "AvgPool2d" if average else "MaxPool2d"
    return pool(writer, kind, (pair(module.kernel_size, rank), stride, padding))


def pool(writer: Writer, kind: str, window: tuple[Any, Any, Any]) -> str:
    """A pooling layer of a window: kernel, stride, padding."""
    kernel, stride, padding = window
    return writer.op(
        kind,
        {"kernel": kernel},
        stride=None if stride == kernel else stride,
        padding=None if padding == (0, 0) else padding,
    )
