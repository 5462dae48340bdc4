"""Arrays as the native half takes them: contiguous float32, float64 or uint8."""

from __future__ import annotations

from typing import Any

import numpy as np

from snnc._errors import SnncError


class Events:
    """Events as spike trains: `x` is uint8 ``[n, t, c, h, w]`` of 0 and 1, `summary` says what became of the events.

    Made by `Model.events`; given to `run` and `verify` instead of an array, its summary is in the report.
    """

    def __init__(self, x: np.ndarray, summary: dict[str, Any]):
        self.x = x
        self.summary = summary

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.array(self.x, dtype=dtype, copy=bool(copy))

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, samples: Any) -> np.ndarray:
        return self.x[samples]

    def __repr__(self) -> str:
        told = self.summary
        return f"<snnc.Events: {told['events']} events of {told['samples']} samples make {told['spikes']} spikes>"


def numbers(x: Any, name: str = "x") -> np.ndarray:
    """`x`, without a copy if it is contiguous float32, float64, uint8 or bool; else as the nearest that holds it."""
    if isinstance(x, Events):
        x = x.x
    if hasattr(x, "detach") and hasattr(x, "cpu"):
        x = x.detach().cpu().numpy()
    found = np.ascontiguousarray(x)
    if found.dtype == np.bool_:
        return found.view(np.uint8)
    if found.dtype in (np.dtype(np.float32), np.dtype(np.float64), np.dtype(np.uint8)):
        return found
    if found.dtype.kind in "iu":
        return found.astype(np.float64)
    if found.dtype == np.float16:
        return found.astype(np.float32)
    raise SnncError._new("E0021", name, f"array of {found.dtype}, expected numbers", f"`{name}.astype(np.float32)`")


def classes(labels: Any) -> list[int] | None:
    """Labels as whole numbers."""
    if labels is None:
        return None
    if hasattr(labels, "detach") and hasattr(labels, "cpu"):
        labels = labels.detach().cpu().numpy()
    found = np.asarray(labels)
    if found.ndim != 1 or found.dtype.kind not in "iu":
        message = f"array {list(found.shape)} of {found.dtype}, expected whole numbers [n]"
        raise SnncError._new("E0021", "labels", message, "one class a sample, counted from 0")
    return [int(label) for label in found]
