"""The text of a model file and its arrays, from a recorded module."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import torch

from snnc._errors import SnncError
from snnc.torch import _layers
from snnc.torch._trace import Node, Traced, refuse

_READOUTS = {"mean": "MeanOverTime", "sum": "SumOverTime", "last": "LastOverTime"}


class Writer:
    """Writes a network layer by layer, sources first."""

    def __init__(self, name: str, traced: Traced):
        self._name = name
        self._traced = traced
        self._layers: list[str] = []
        self._names: set[str] = set()
        self._of: dict[Node, str] = {}
        self._own: dict[Node, str] = {}
        self._tensors: dict[str, np.ndarray] = {}

    def finish(self) -> tuple[str, dict[str, np.ndarray]]:
        """The text, and the arrays that it names."""
        traced = self._traced
        last = self._written(traced.output)
        self.add("readout", _READOUTS[traced.readout], [last])
        layers = "\n".join(f"        {line}," for line in self._layers)
        text = (
            f'(\n  format: "snnc.model/1",\n  name: {_quoted(self._name)},\n'
            f'  weights: {{"w": "weights.safetensors"}},\n  networks: {{\n    "net": (\n'
            f"      timesteps: {traced.timesteps},\n      layers: [\n{layers}\n      ],\n    ),\n  }},\n)\n"
        )
        return text, self._tensors

    def _written(self, output: Node) -> str:
        """The layer of a node, after those that it reads."""
        # A stack of its own, since networks are deeper than Python's.
        waiting = [output]
        while waiting:
            node = waiting[-1]
            missing = [source for source in node.inputs if source not in self._of]
            if node in self._of:
                waiting.pop()
            elif missing:
                waiting.extend(missing)
            else:
                self._of[node] = self._node(node)
                waiting.pop()
        return self._of[output]

    def _node(self, node: Node) -> str:
        sources = [self._of[source] for source in node.inputs]
        if node.op == "Input":
            fields = {"shape": _layers.map_shape(self._input_shape(node))}
            return self.add("input", self.op("Input", fields, spikes=True if self._traced.spikes else None), [])
        if node.op == "Module":
            return _layers.write(self, node, node.detail, sources[0])
        if node.op in ("AvgPool2d", "MaxPool2d"):
            return self.layer(node, _layers.pool(self, node.op, node.detail), sources)
        if node.op == "Scale":
            return self.layer(node, self.op("Scale", {"factor": node.detail}), sources)
        if node.op == "Reshape":
            return self.layer(node, self.op("Reshape", {"shape": node.detail}), sources)
        return self.layer(node, node.op, sources)

    def _input_shape(self, node: Node) -> tuple[int, ...]:
        if not 1 <= len(node.shape) <= 3:
            message = f"a sample is {list(node.shape)}, expected [c, h, w], [c, w] or [c]"
            raise SnncError._new("E0021", "sample", message, "the first axis is the batch, with time axis the second")
        return node.shape

    def nodes(self) -> list[Node]:
        """All nodes that were written, sources first."""
        return list(self._of)

    # -- for those who say what a layer is ----------------------------------------------------------------------------

    def refuse(self, node: Node, message: str, hint: str | None = None) -> SnncError:
        """The error of a node, by its module path."""
        return refuse(node.name, message, hint)

    def name(self, node: Node) -> str:
        """The name that the layer of a node will have."""
        if node not in self._own:
            name, count = node.name, 1
            while name in self._names:
                count += 1
                name = f"{node.name}_{count}"
            self._names.add(name)
            self._own[node] = name
        return self._own[node]

    def shape(self, node: Node) -> tuple[int, int, int]:
        """``(c, h, w)`` of what a node gives."""
        return _layers.map_shape(tuple(node.shape))

    def layer(self, node: Node, op: str, sources: list[str]) -> str:
        """Adds the layer of a node."""
        name = self.name(node)
        self._layers.append(_line(name, op, sources))
        return name

    def add(self, name: str, op: str, sources: list[str]) -> str:
        """Adds a layer that is no module's own; its name."""
        base, count = name, 1
        while name in self._names:
            count += 1
            name = f"{base}_{count}"
        self._names.add(name)
        self._layers.append(_line(name, op, sources))
        return name

    def op(self, kind: str, fields: dict[str, Any], **optional: Any) -> str:
        """An operation; optional fields that are None are left out."""
        given = {**fields, **{name: value for name, value in optional.items() if value is not None}}
        return f"{kind}({', '.join(f'{name}: {_ron(value)}' for name, value in given.items())})"

    def tensor(self, name: str, tensor: torch.Tensor) -> _Word:
        """Keeps an array; how a layer names it."""
        name = name.lstrip(".")
        array = tensor.detach().cpu()
        if array.dtype not in (torch.float32, torch.float64):
            array = array.float()
        self._tensors[name] = array.numpy().copy()
        return _Word(f'("w", {_quoted(name)})')

    def some(self, name: str, tensor: torch.Tensor | None) -> _Word | None:
        """An array that may be left out, as biases are."""
        return None if tensor is None else _Word(f"Some({self.tensor(name, tensor)})")

    def parameter(self, node: Node, name: str, value: torch.Tensor) -> _Word:
        """A number of a neuron: one for all, or one a channel."""
        tensor = torch.as_tensor(value).detach()
        if tensor.numel() == 1:
            tensor = tensor.reshape(())
        else:
            # One a channel may come as [c, 1, 1].
            tensor = tensor.squeeze()
            if tensor.ndim != 1:
                message = f"its {name} is {list(tensor.shape)}, expected one number, or one a channel"
                raise self.refuse(node, message, "flatten the map before the neurons for one each")
        return self.tensor(f"{node.name}.{name}", tensor)

    @staticmethod
    def word(word: str | None) -> _Word | None:
        """A word without quotation marks."""
        return None if word is None else _Word(word)

    @staticmethod
    def text(text: str) -> _Word:
        """A text in quotation marks."""
        return _Word(_quoted(text))


class _Word(str):
    """Text of the model file as it stands."""


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _ron(value: Any) -> str:
    if isinstance(value, _Word):
        return str(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return f"({', '.join(_ron(one) for one in value)})"
    return repr(value)


def _line(name: str, op: str, sources: list[str]) -> str:
    read = f"from: [{', '.join(_quoted(source) for source in sources)}], " if sources else ""
    return f"(name: {_quoted(name)}, {read}op: {op})"
