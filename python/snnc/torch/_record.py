"""Recordings of a module: golden files such as those of the examples, for ``model.check``."""

from __future__ import annotations

import json
import os
import struct
from typing import Any

import numpy as np
import torch

from snnc._errors import SnncError
from snnc.torch import _neurons

_KINDS = {"uint8": "U8", "float64": "F64", "int64": "I64"}


def record(
    module: torch.nn.Module,
    x: torch.Tensor,
    path: str | os.PathLike[str],
    timesteps: int | None = None,
    *,
    batch: int = 0,
    samples: int = 4,
    readout: str | None = None,
) -> None:
    """Runs a module in float64 on samples `x` and writes what it did as ``golden.safetensors`` to `path`.

    `x` and `timesteps` are those of `snnc.torch.from_torch`; `batch` is the axis of the samples in `x`, 1 of
    ``[T, N, ...]``. Recorded are predictions (the first of the largest values) of all samples, and of the first
    `samples` of them the read-out and the spikes of every neuron of SpikingJelly or snnTorch, by its module path.
    `readout` is what is made of outputs that go over time, ``"mean"`` if left out.

    `snnc.from_torch(module, x).check(path, x)` then says whether snnc gives the same, bit for bit; the samples are
    ``[n, t, ...]`` there.
    """
    from snnc.torch import _copied

    module = _copied(module).double().eval()
    x = x.double()
    count = x.shape[batch]
    neurons = {name: part for name, part in module.named_modules() if _neurons.is_neuron(part)}
    if not neurons:
        raise SnncError._new("E0024", "module", "it has no neurons of SpikingJelly or snnTorch", "see docs/python.md")
    spikes: dict[str, list[np.ndarray]] = {name: [] for name in neurons}
    for name, part in neurons.items():
        _reset(part)
        part.register_forward_hook(_hook(spikes[name], getattr(part, "step_mode", "s") == "m", samples))
    for part in module.modules():
        if isinstance(getattr(part, "weight", None), torch.Tensor):
            part.register_forward_pre_hook(_widened)
    with torch.no_grad():
        outputs = [first(module(x)) for _ in range(timesteps or 1)]
    answer = torch.stack(outputs) if timesteps else outputs[0]
    steps = len(next(iter(spikes.values())))
    over_time = timesteps or (answer.ndim > 2 and tuple(answer.shape[:2]) == (steps, count))
    if over_time:
        reduced = {"mean": lambda: answer.mean(0), "sum": lambda: answer.sum(0), "last": lambda: answer[-1]}
        answer = reduced[readout or "mean"]()
    values = answer.reshape(count, -1).numpy()
    # NumPy's first of the largest.
    arrays: dict[str, np.ndarray] = {"predictions": values.argmax(1).astype(np.int64)}
    for k in range(min(samples, count)):
        arrays[f"{k}.readout"] = values[k].astype(np.float64)
        for name, found in spikes.items():
            flags = np.stack([step[k].reshape(-1) for step in found]) != 0
            arrays[f"{k}.spikes.{name}"] = np.packbits(flags, axis=1, bitorder="little")
    _write(os.fspath(path), arrays)


def _hook(kept: list[np.ndarray], multi: bool, samples: int) -> Any:
    def hook(part: Any, args: Any, found: Any) -> None:
        spikes = first(found)
        for step in spikes if multi else [spikes]:
            kept.append(step[:samples].detach().cpu().numpy())

    return hook


def _widened(part: Any, args: Any) -> Any:
    """Spikes of snnTorch are float32 whatever its numbers are."""
    return tuple(one.double() if isinstance(one, torch.Tensor) and one.is_floating_point() else one for one in args)


def first(found: Any) -> torch.Tensor:
    """The first of several outputs."""
    while isinstance(found, (tuple, list)):
        found = found[0]
    return found


def _reset(part: Any) -> None:
    for name in ("reset", "reset_mem", "reset_hidden"):
        # snnTorch keeps a tensor of that name.
        method = getattr(type(part), name, None)
        if callable(method):
            method(part)
            return


def _write(path: str, arrays: dict[str, np.ndarray]) -> None:
    """A .safetensors file: the length of a JSON header, the header, the arrays one after the other."""
    header, at = {}, 0
    for name, array in arrays.items():
        header[name] = {
            "dtype": _KINDS[array.dtype.name],
            "shape": list(array.shape),
            "data_offsets": [at, at + array.nbytes],
        }
        at += array.nbytes
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    beside = f"{path}.part"
    with open(beside, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for array in arrays.values():
            file.write(np.ascontiguousarray(array).tobytes())
    os.replace(beside, path)
