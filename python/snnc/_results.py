"""What runs give: arrays, figures, tables, and how they show themselves in notebooks."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any, Iterator

import numpy as np

from snnc import _html, _native
from snnc._errors import SnncError
from snnc._table import Table


class Report(dict):
    """The data of report.json (schema ``snnc.report/1``), a dict; printed it is the energy report for people."""

    def __init__(self, data: dict[str, Any], text: Any):
        super().__init__(data)
        self._text = text

    @property
    def text(self) -> str:
        """The energy report for people, drawn when it is first looked at."""
        self._text = str(self._text)
        return self._text

    def __reduce__(self) -> tuple[Any, ...]:
        return (Report, (dict(self), self.text))

    def __str__(self) -> str:
        return self.text

    def _repr_html_(self) -> str:
        totals = self["totals"]
        count = totals.get("images") or totals.get("samples") or 1
        time = "time on the chip, lower bound" if totals.get("time_is") == "lower_bound" else "time on the chip"
        head = [
            ("energy", _html.si(totals["energy_j"], "J"), _html.si(totals["energy_j"] / count, "J")),
            (time, _html.si(totals["time_s"], "s"), _html.si((totals["time_s"] or 0.0) / count, "s")),
            ("spikes", totals["spikes"], totals["spikes"] / count),
            ("synaptic operations", totals["synaptic_operations"], totals["synaptic_operations"] / count),
        ]
        name = "image" if totals.get("images") else "sample"
        title = f"<b>{_html.escape(self['model'])}</b> on {_html.escape(self['target']['name'])}, {count} {name}s"
        return title + _html.table(("", "total", f"a {name}"), head) + _html.bars(self["energy_j"], "J")


# What native runs give of every workload; the last is what writes the folder of results, and the text of the report.
KEPT = ("report", "timesteps", "packets", "files")


class _Ran:
    """What every run has: a report, energy and a table of timesteps, parsed when first looked at."""

    _raw: dict[str, Any]

    @property
    def report(self) -> Report:
        """The data of report.json."""
        if "parsed" not in self._raw:
            self._raw["parsed"] = Report(json.loads(self._raw["report"]), self._raw["files"])
        return self._raw["parsed"]

    def _plain(self) -> dict[str, Any]:
        """What another process can read."""
        raw: dict[str, Any] = {name: self._raw[name] for name in KEPT[:-1] if name in self._raw}
        return {**raw, "files": str(self._raw["files"])} if raw else raw

    @property
    def energy_j(self) -> float:
        """Energy of the run in joules."""
        return self.report["totals"]["energy_j"]

    @property
    def time_s(self) -> float | None:
        """Time on the chip in seconds; None with ``timing="none"``."""
        return self.report["totals"]["time_s"]

    @property
    def energy(self) -> Table:
        """Energy in joules by layer and by component, a row each."""
        report = self.report
        rows = [("component", name, joules) for name, joules in report["energy_j"].items()]
        rows += [("layer", layer["name"], layer["energy_j"]) for layer in report["layers"]]
        kinds, names, joules = (list(column) for column in zip(*rows))
        return Table({"by": kinds, "name": names, "energy_j": joules})

    @property
    def layers(self) -> Table:
        """Spikes, rate, synaptic operations, packets and energy of each layer."""
        layers = self.report["layers"]
        names = ("name", "neurons", "spikes", "rate", "synaptic_operations", "packets", "energy_j")
        return Table({name: [layer.get(name) for layer in layers] for name in names})

    @property
    def timesteps(self) -> Table:
        """A row a timestep: the columns of timesteps.csv (docs/outputs.md), times in seconds."""
        if self._raw["timesteps"] is None:
            raise ValueError('no timesteps were kept: run with timesteps=True and timing other than "none"')
        if "steps" not in self._raw:
            self._raw["steps"] = Table._of_csv(self._raw["timesteps"])
        return self._raw["steps"]

    @property
    def packets(self) -> Table:
        """A row a packet of the traced timesteps: columns of ``--trace`` (docs/cycle-time.md), times in ps."""
        if self._raw["packets"] is None:
            raise ValueError('no packets were kept: run with timing="cycle" and trace=True')
        return Table(self._raw["packets"])

    @property
    def sensitivity(self) -> Table:
        """How far time (s) and energy (J) move when a constant alone moves to an end of its range, a row each."""
        rows = self.report.get("sensitivity") or []
        if not rows:
            raise ValueError("no sensitivity was asked for: run with sensitivity=True, on a target that has ranges")
        ends = [(one["constant"], one["group"], *one["time_s"].values(), *one["energy_j"].values()) for one in rows]
        names = ("constant", "group", "time_low_s", "time_high_s", "energy_low_j", "energy_high_j")
        return Table._of_rows(names, ends)

    def save(self, folder: str | os.PathLike[str], *, page: bool = False) -> None:
        """Writes the folder of results that ``snnc run --out`` leaves: report.json, tables, arrays (docs/outputs.md).

        `page` adds report.html. Raises `SnncError` for a result that was pickled, which keeps no cores and passes.
        """
        if isinstance(self._raw["files"], str):
            message = "a copy of a result does not hold all that its folder has"
            raise SnncError._new("E0021", "result", message, "save the one that the run gave")
        self._raw["files"].save(os.fspath(folder), page)

    def page(self) -> str:
        """The page of the run as ``snnc report --html`` writes it: one HTML document that needs no network."""
        import tempfile

        with tempfile.TemporaryDirectory() as folder:
            self.save(folder, page=True)
            title = f"{self.report['model']} on {self.report['target']['name']}"
            return _native.page_of([(title, folder)])

    def plot(self, ax: Any = None) -> Any:
        """Energy by component as bars (matplotlib is imported here); the axes."""
        import matplotlib.pyplot as plt

        ax = plt.gca() if ax is None else ax
        names, joules = zip(*self.report["energy_j"].items())
        ax.barh(names[::-1], joules[::-1])
        ax.set_xlabel("energy (J)")
        ax.set_title(f"{self.report['model']} on {self.report['target']['name']}: {_html.si(self.energy_j, 'J')}")
        return ax


class Spikes(Mapping):
    """Spikes by layer: ``spikes["conv1"]`` is uint8 ``[n, t, c, h, w]`` of 0 and 1, of a vector ``[n, t, c]``.

    Keys are ``NETWORK.LAYER``; the name of the layer alone is enough where it is the only one.
    """

    def __init__(self, arrays: dict[str, Any]):
        self._arrays = arrays

    @classmethod
    def _packed(cls, found: dict[str, tuple[list[int], np.ndarray]]) -> Spikes:
        return cls(dict(found))

    def _key(self, name: str) -> str:
        if name in self._arrays:
            return name
        ends = [key for key in self._arrays if key.split(".", 1)[-1] == name]
        if len(ends) != 1:
            raise KeyError(f"{name}; the layers are {', '.join(self._arrays)}")
        return ends[0]

    def __getitem__(self, name: str) -> np.ndarray:
        key = self._key(name)
        found = self._arrays[key]
        if isinstance(found, tuple):
            shape, packed = found
            found = np.unpackbits(packed, axis=-1, count=shape[-1])
            self._arrays[key] = found
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self._arrays)

    def __len__(self) -> int:
        return len(self._arrays)

    def __repr__(self) -> str:
        return f"<snnc.Spikes of {', '.join(self._arrays)}>"


class Result(_Ran):
    """What samples gave: `predictions` int64 ``[n]`` (the first of the largest values), `readout` float64 ``[n, ...]``,
    `spikes` and `membranes` by layer if they were asked for, and what it cost. Membranes are float64
    ``[n, t, neurons]`` in the units of the model, after the reset of a spike, by ``NETWORK.LAYER``.
    """

    def __init__(self, found: dict[str, Any], spikes: Spikes | None):
        self._raw = {name: found[name] for name in KEPT}
        self.predictions: np.ndarray = found["predictions"]
        self.readout: np.ndarray = found["readout"]
        self.membranes: dict[str, np.ndarray] = found["membranes"]
        self._spikes = spikes

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_raw": self._plain()}

    @property
    def spikes(self) -> Spikes:
        """Spikes by layer."""
        if self._spikes is None:
            raise ValueError("no spikes were kept: run with spikes=True")
        return self._spikes

    @property
    def accuracy(self) -> float | None:
        """Share of samples whose label was predicted; None without labels."""
        return self.report["totals"].get("accuracy")

    @property
    def confusion(self) -> dict[str, Any] | None:
        """`classes`, and `counts` ``[label][prediction]``; None without labels."""
        return self.report.get("classification", {}).get("confusion")

    def __len__(self) -> int:
        return len(self.predictions)

    def __str__(self) -> str:
        return str(self.report)

    def __repr__(self) -> str:
        right = "" if self.accuracy is None else f"accuracy {self.accuracy:.2%}, "
        return f"<snnc.Result of {len(self)} samples: {right}{_html.si(self.energy_j, 'J')}>"

    def _repr_html_(self) -> str:
        right = "" if self.accuracy is None else f"<div>accuracy {self.accuracy:.2%}</div>"
        return right + self.report._repr_html_()


class Images(np.ndarray, _Ran):
    """Generated images, uint8 ``[n, c, h, w]``, an array with `tokens` int64 ``[n, rows, columns]`` and what it cost.

    A part of it is a plain array that shows itself as images, too.
    """

    _raw: dict[str, Any]
    tokens: np.ndarray | None

    @classmethod
    def _of(cls, found: dict[str, Any]) -> Images:
        images = found["images"].view(cls)
        images._raw = {name: found[name] for name in KEPT}
        images.tokens = found["tokens"]
        return images

    def __array_finalize__(self, source: Any) -> None:
        self._raw = {}
        self.tokens = None

    def __reduce__(self) -> tuple[Any, ...]:
        return (_images, (np.asarray(self), self.tokens, self._plain()))

    @property
    def report(self) -> Report:
        """The data of report.json."""
        if not self._raw:
            raise AttributeError("only the array that `generate` gave has a report, not a part of it")
        return _Ran.report.fget(self)  # type: ignore[attr-defined]

    def sheet(self, columns: int = 8) -> np.ndarray:
        """The images side by side, uint8 ``[H, W]`` grey or ``[H, W, 3]``."""
        return _html.grid(np.asarray(self), columns)

    def _repr_html_(self) -> str:
        if self.ndim != 4 or self.shape[1] not in (1, 3) or self.dtype != np.uint8:
            return f"<pre>{_html.escape(repr(np.asarray(self)))}</pre>"
        return _html.image(self.sheet(), 2)


def _images(array: np.ndarray, tokens: np.ndarray | None, raw: dict[str, Any]) -> Images:
    images = array.view(Images)
    images._raw, images.tokens = raw, tokens
    return images


class Reference:
    """What the float reference gave: `readout` float64 ``[n, ...]``, `predictions` int64 ``[n]``, `spikes` by layer."""

    def __init__(self, readout: np.ndarray, predictions: np.ndarray, spikes: Spikes):
        self.readout = readout
        self.predictions = predictions
        self.spikes = spikes

    def __repr__(self) -> str:
        return f"<snnc.Reference of {len(self.predictions)} samples>"


class _Figures:
    """Figures as a dict, with their text for people."""

    def __init__(self, data: dict[str, Any], text: str):
        self._data = data
        self._text = text

    def to_dict(self) -> dict[str, Any]:
        """All figures."""
        return self._data

    def __getitem__(self, name: str) -> Any:
        return self._data[name]

    def __str__(self) -> str:
        return self._text

    def _repr_html_(self) -> str:
        return f"<pre>{_html.escape(self._text)}</pre>"


class Comparison(_Figures):
    """Chip against float reference: ``comparison["layers"]``, ``["readout"]`` and so on; printed, the report.

    `pictures`, of generating models: float, chip on the float's tokens and chip running freely side by side, uint8
    ``[n, c, h, w]``.
    """

    def __init__(self, data: dict[str, Any], text: str, pictures: np.ndarray | None = None):
        super().__init__(data, text)
        self.pictures = pictures

    def __repr__(self) -> str:
        worst = min((layer["spike_agreement"] for layer in self["layers"]), default=1.0)
        return f"<snnc.Comparison {self['model']} on {self['target']}: spikes agree to {worst:.2%} or more>"

    def _repr_html_(self) -> str:
        if self.pictures is None or self.pictures.shape[1] not in (1, 3):
            return super()._repr_html_()
        return _html.image(_html.grid(self.pictures[:32], 4), 1) + super()._repr_html_()


class Reconstruction(_Figures):
    """Images through encoder and decoder: errors of chip and float model in ``["chip"]`` and ``["float"]``, and so on.

    `pictures` has input, float model and chip side by side, uint8 ``[n, c, h, w]``.
    """

    def __init__(self, data: dict[str, Any], text: str, pictures: np.ndarray):
        super().__init__(data, text)
        self.pictures = pictures

    def __repr__(self) -> str:
        chip, floats = (self[side]["mse"]["mean"] for side in ("chip", "float"))
        errors = f"error {chip:.5f} on the chip, {floats:.5f} in floats"
        return f"<snnc.Reconstruction of {len(self.pictures)} images: {errors}>"

    def _repr_html_(self) -> str:
        if self.pictures.shape[1] not in (1, 3):
            return super()._repr_html_()
        return _html.image(_html.grid(self.pictures[:32], 4), 1) + super()._repr_html_()


class Check(_Figures):
    """Float reference against recorded traces: `passed`, and a row for each recording in ``check["rows"]``."""

    def __init__(self, data: dict[str, Any], text: str, passed: bool):
        super().__init__(data, text)
        self.passed = passed

    def __bool__(self) -> bool:
        return self.passed

    def __repr__(self) -> str:
        return f"<snnc.Check: {'all recordings agree' if self.passed else 'recordings differ'}>"
