"""What is traced of a run: packets one by one."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

from snnc._errors import SnncError


@dataclass(frozen=True)
class Trace:
    """Packets to trace, given to `run` and `generate` with cycle-accurate timing.

    `table` keeps them in memory as `result.packets`; `file` writes them as Parquet, `events` when each unit and link
    was busy as JSON for Perfetto or Chrome. `items` (images or samples), `passes` and `timesteps` choose some: a number
    or a ``range``; without them all are traced.
    """

    table: bool = True
    file: str | os.PathLike[str] | None = None
    events: str | os.PathLike[str] | None = None
    items: int | range | None = None
    passes: int | range | None = None
    timesteps: int | range | None = None

    def _asked(self) -> dict[str, Any]:
        return {
            "table": self.table,
            "packets": None if self.file is None else os.fspath(self.file),
            "events": None if self.events is None else os.fspath(self.events),
            "items": _range("items", self.items),
            "passes": _range("passes", self.passes),
            "timesteps": _range("timesteps", self.timesteps),
        }


def asked(trace: Trace | bool | None) -> dict[str, Any] | None:
    """What the native half is asked for; True is a table of all packets."""
    if trace is None or trace is False:
        return None
    return (Trace() if trace is True else trace)._asked()


def _range(name: str, chosen: int | range | None) -> str | None:
    if chosen is None:
        return None
    if isinstance(chosen, range):
        if chosen.step != 1:
            raise SnncError._new("E0021", name, f"found {chosen}, expected steps of 1", "`range(3, 5)` are 3 and 4")
        return f"{chosen.start}..{chosen.stop}"
    return str(int(chosen))
