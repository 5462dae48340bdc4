"""Which targets hold a model, and what its mappings for every objective take."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any, Iterable, Iterator, Literal

from snnc._arrays import numbers
from snnc._html import table
from snnc._progress import bar
from snnc._results import _Figures
from snnc._table import Table
from snnc._target import Target
from snnc._target import target as as_target
from snnc._target import targets as target_names

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from snnc._model import Model


class Fit:
    """Which targets hold a model: a list of dicts, one a target, in the order asked for.

    ``fit["loihi-like"]["fits"]`` is one of them.
    """

    def __init__(self, data: dict[str, Any], text: str):
        self.model: str = data["model"]
        self.targets: list[dict[str, Any]] = data["targets"]
        self._text = text

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(self.targets)

    def __len__(self) -> int:
        return len(self.targets)

    def __getitem__(self, name: str) -> dict[str, Any]:
        for row in self.targets:
            if row["target"] == name:
                return row
        raise KeyError(name)

    def __str__(self) -> str:
        return self._text

    def __repr__(self) -> str:
        held = [row["target"] for row in self.targets if row["fits"]]
        return f"<snnc.Fit {self.model}: fits {', '.join(held) or 'no target'}>"

    def _repr_html_(self) -> str:
        rows = []
        for row in self.targets:
            mapping = row["mapping"] or {}
            binding = mapping.get("binding")
            bound = f"{binding['limit']} {binding['used']} of {binding['of']}" if binding else ""
            why = "; ".join(problem["message"] for problem in row["problems"])
            rows.append(
                (row["target"], "yes" if row["fits"] else "no", mapping.get("cores"), mapping.get("chips"), bound, why)
            )
        return table(("target", "fits", "cores", "chips", "binding limit", "why not"), rows)


class Objectives(_Figures):
    """A model mapped for every objective on a target: `table`, and the `front` if it was asked for.

    Times are in seconds, energies in joules, both expected of an image or sample; none of it was executed.
    """

    def __init__(self, data: str, text: str, front: str | None):
        super().__init__(json.loads(data), text)
        self.front = None if front is None else Table._of_csv(front)

    @property
    def table(self) -> Table:
        """A row each: `cores`, `chips`, `packets`, `hops`, `time_s`, `energy_j`, and `problem` if there is none."""
        rows = []
        for row in self["rows"]:
            mapping = row["mapping"] or {}
            expected = mapping.get("estimate") or {}
            figures = [mapping.get(name) for name in ("cores", "chips", "packets", "hops")]
            figures += [expected.get(name) for name in ("time_s", "energy_j")]
            rows.append((row["objective"], *figures, "; ".join(one["message"] for one in row["problems"]) or None))
        names = ("objective", "cores", "chips", "packets", "hops", "time_s", "energy_j", "problem")
        return Table._of_rows(names, rows)

    def __repr__(self) -> str:
        return f"<snnc.Objectives {self['model']} on {self['target']}>"

    def _repr_html_(self) -> str:
        return self.table._repr_html_()


def rounding(
    weights: int | None, passes: int | None = None, relays: bool = True, feedback: str = "model"
) -> dict[str, Any]:
    """The options of the rounding, as the native half takes them."""
    return {"weights": weights, "passes": passes, "relays": relays, "feedback": feedback}


def fit(
    model: Model | str | os.PathLike[str],
    targets: Iterable[str | Target] | None = None,
    weights: int | None = None,
    *,
    relays: bool = True,
    feedback: Literal["model", "chip"] = "model",
    progress: Any = True,
) -> Fit:
    """Compiles a model for every target (default: all built in) and says which hold it, what binds, and why not.

    Fields of targets are given other values by `snnc.target` and `Target.replace`.
    """
    from snnc._model import as_model

    natives = [as_target(one)._native for one in (target_names() if targets is None else targets)]
    with bar(progress, "targets") as tell:
        data, text = as_model(model)._native.fit(natives, rounding(weights, None, relays, feedback), tell)
    return Fit(json.loads(data), text)


def objectives(
    model: Model | str | os.PathLike[str],
    target: str | Target = "loihi-like",
    *,
    weights: int | None = None,
    front: bool = False,
    feeds: ArrayLike | None = None,
    feeds_network: str | None = None,
    relays: bool = True,
    feedback: Literal["model", "chip"] = "model",
) -> Objectives:
    """Maps a model for every objective on a target, as ``snnc fit --objectives``.

    `front`: tell time and energy over cores, too, as ``--pareto``.

    `feeds`: samples ``[n, ...]`` as they will be run, whose first are recorded for objectives that ask how busy cores
    are.
    """
    from snnc._model import as_model

    fed = None if feeds is None else numbers(feeds, "feeds")
    options = rounding(weights, None, relays, feedback)
    return Objectives(
        *as_model(model)._native.objectives(as_target(target)._native, options, front, fed, feeds_network)
    )
