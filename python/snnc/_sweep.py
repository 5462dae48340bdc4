"""Sweeps: a model on many chips that differ in a few fields, compiled and run many ways, a row each."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any, Iterable, Mapping, Sequence

from snnc import _html, _native
from snnc._arrays import classes, numbers
from snnc._errors import SnncError
from snnc._progress import bar
from snnc._table import Table
from snnc._target import Target, ron

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from snnc._model import Model


class Sweep:
    """Points of a sweep: `table` has a row for each that is done, `front` those that nothing beats.

    Units are in the names of the columns (docs/sweeps.md). A point that cannot be compiled or run is a row whose
    `status` is ``failed``, with its reason.
    """

    def __init__(self, native: _native.Sweep):
        self._native = native
        self._table: Table | None = None

    @property
    def table(self) -> Table:
        """A row a point that is done, in their order: the columns of sweep.csv."""
        if self._table is None:
            columns, rows = self._native.table()
            self._table = Table._of_rows(columns, json.loads(rows))
        return self._table

    @property
    def front(self) -> Table:
        """The points that no other beats in energy, time, cores and quality together (the Pareto front).

        Raises `SnncError` for a part of a sweep, since a front is one of all points.
        """
        chosen = self._native.front()
        if chosen is None:
            message = "not all points are done, and a front is one of all points"
            raise SnncError._new("E0021", "sweep", message, "`snnc.merge` puts the parts together")
        front = set(chosen)
        return self.table.where([point in front for point in self.table["point"]])

    @property
    def failed(self) -> Table:
        """The points that could not be compiled or run, with `error_code`, `error_place` and `error`."""
        return self.table.where([status == "failed" for status in self.table["status"]])

    @property
    def manifest(self) -> dict[str, Any]:
        """What the points have in common, and what each is."""
        return json.loads(self._native.manifest())

    def csv(self) -> str:
        """The table as comma-separated values."""
        return self._native.csv()

    def page(self) -> str:
        """The page of the sweep, as ``snnc sweep`` writes it: one HTML document. Raises `SnncError` for a part."""
        return self._native.page()

    def plot(self, ax: Any = None) -> Any:
        """Energy over time of each point, those of the front marked (matplotlib is imported here); the axes."""
        import matplotlib.pyplot as plt

        ax = plt.gca() if ax is None else ax
        item = self.manifest["item"]
        for rows, mark, name in ((self.table, ".", "points"), (self.front, "D", "nothing beats these")):
            done = [row for row in rows if row["status"] == "done" and row["time_s"] is not None]
            each = [row[f"{item}s"] for row in done]
            seconds = [row["time_s"] / count for row, count in zip(done, each)]
            joules = [row["energy_j"] / count for row, count in zip(done, each)]
            ax.plot(seconds, joules, mark, label=name)
        ax.set_xlabel(f"time a {item} (s)")
        ax.set_ylabel(f"energy a {item} (J)")
        ax.legend()
        return ax

    def to_pandas(self) -> Any:
        """The table as a pandas DataFrame (pandas is imported here)."""
        return self.table.to_pandas()

    def __len__(self) -> int:
        return self._native.sizes()[0]

    def __str__(self) -> str:
        return str(self._native)

    def __repr__(self) -> str:
        points, done = self._native.sizes()
        return f"<snnc.Sweep {self.manifest['model']}: {done} of {points} points done, {len(self.failed)} failed>"

    def _repr_html_(self) -> str:
        return f"<div>{_html.escape(repr(self)[1:-1])}</div>{self.table._repr_html_()}"


def sweep(
    model: Model | str | os.PathLike[str],
    x: ArrayLike | None = None,
    labels: ArrayLike | None = None,
    *,
    targets: str | Target | Iterable[str | Target] = "loihi-like",
    set: Mapping[str, Any] | None = None,
    variants: Sequence[Mapping[str, Any]] | None = None,
    weights: int | Sequence[int] | None = None,
    objectives: str | Sequence[str] = "time",
    partitioners: str | Sequence[str] = "auto",
    group: int = 16,
    efforts: str | Sequence[str] = "default",
    mapping_seed: int = 0,
    timing: str = "analytic",
    images: int | Sequence[int] | None = None,
    seed: int | None = None,
    network: str | None = None,
    samples: int | Sequence[int] | None = None,
    calibrate: ArrayLike | int | None = None,
    calibrate_network: str | None = None,
    verify: bool = False,
    threads: int | None = None,
    jobs: int | None = None,
    progress: Any = True,
) -> Sweep:
    """Compiles and runs a model at every combination of what is varied; nothing is written.

    `set` gives fields of the targets and the values that each takes, ``{"core.neurons": [256, 512]}``; `variants` are
    sets of fields that are tried one after the other. `targets`, `weights` (bits), `objectives`, `partitioners`,
    `efforts`, `images` and `samples` take one value or several. Models without a pipeline are fed `x`, ``[n, ...]``,
    with classes `labels` ``[n]``; `samples` says how many of the first. `calibrate`: as of `snnc.compile`. `verify`:
    compare each point with the float reference. `jobs`: points at a time; `threads`: of all points together. Results
    depend on neither.

    Ctrl-C stops it before the next point. What is wrong with single points is in their rows; raises `SnncError` for
    what is wrong with all of them. `snnc.sweep_file` keeps its points in a folder and goes on where it stopped.
    """
    from snnc._model import as_model

    passes, recorded = None, None
    if calibrate is not None and getattr(calibrate, "ndim", 0) == 0 and not isinstance(calibrate, (list, tuple)):
        passes = int(calibrate)  # type: ignore[arg-type]
    elif calibrate is not None:
        recorded = numbers(calibrate, "calibrate")
    if calibrate_network is not None and recorded is None:
        message = "would change nothing without samples"
        raise SnncError._new("E0021", "calibrate_network", message, "give them as `calibrate`")
    asked: dict[str, Any] = {
        "targets": [_target(one) for one in _several(targets)],
        "set": [(field, [ron(value) for value in _several(values)]) for field, values in (set or {}).items()],
        "variants": [[(field, ron(value)) for field, value in one.items()] for one in variants or ()],
        "weights": _several(weights),
        "objectives": _several(objectives),
        "partitioners": _several(partitioners),
        "group": group,
        "efforts": _several(efforts),
        "mapping_seed": mapping_seed,
        "timing": timing,
        "images": _several(images),
        "seed": seed,
        "network": network,
        "samples": _several(samples),
        "labels": classes(labels),
        "passes": passes,
        "calibrate_network": calibrate_network,
        "verify": verify,
        "threads": threads,
        "jobs": jobs,
    }
    for name in ("targets", "objectives", "partitioners", "efforts", "set"):
        empty = not asked[name] if name != "set" else any(not values for _, values in asked["set"])
        if empty and (name != "set" or asked["set"]):
            raise SnncError._new("E0021", name, "an empty list makes no point", "leave it out for the default")
    given = None if x is None else numbers(x)
    with bar(progress, "points") as tell:
        return Sweep(_native.Sweep.run(as_model(model)._native, asked, given, recorded, tell))


def sweep_file(
    path: str | os.PathLike[str],
    folder: str | os.PathLike[str],
    *,
    shard: str | None = None,
    threads: int | None = None,
    jobs: int | None = None,
    progress: Any = True,
) -> Sweep:
    """Carries out the sweep of a file (sweep.ron, docs/sweeps.md) into a folder, as ``snnc sweep``.

    The folder of a stopped sweep goes on where it stopped. `shard`: only a part of the points, ``"1/4"``, which `merge`
    puts together with the others. Ctrl-C stops it before the next point.
    """
    with bar(progress, "points") as tell:
        paths = os.fspath(path), os.fspath(folder)
        return Sweep(_native.Sweep.run_file(*paths, shard, (threads, jobs), tell))


def load_sweep(folder: str | os.PathLike[str]) -> Sweep:
    """The sweep that a folder holds, whole or not."""
    return Sweep(_native.Sweep.load(os.fspath(folder)))


def merge(folders: Iterable[str | os.PathLike[str]], out: str | os.PathLike[str]) -> Sweep | int:
    """Puts the parts of a sweep, or of a set of images, together in the folder `out`, as ``snnc merge``.

    Gives the sweep, or the number of images. Raises `SnncError` for parts of different works, doubles and gaps.
    """
    found, images = _native.merge([os.fspath(folder) for folder in folders], os.fspath(out))
    return images if found is None else Sweep(found)


def _several(values: Any) -> list[Any]:
    """One value, or several, as a list; none of None."""
    if values is None:
        return []
    if isinstance(values, (str, Target, os.PathLike)) or not hasattr(values, "__iter__"):
        return [values]
    return list(values)


def _target(one: str | Target) -> str | tuple[str, str]:
    return (one.name, one._native.ron()) if isinstance(one, Target) else os.fspath(one)
