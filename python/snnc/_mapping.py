"""What a mapping looks like, and mapped networks for other simulators."""

from __future__ import annotations

import json
import os
from typing import Any

from snnc import _native
from snnc._html import table


class Mapping:
    """The mapping report of a program: ``print(program.mapping)``."""

    def __init__(self, native: _native.Program, data: str, text: str):
        self._native = native
        self._data = data
        self._text = text

    def to_dict(self) -> dict[str, Any]:
        """All figures."""
        return json.loads(self._data)

    def __getitem__(self, name: str) -> Any:
        return self.to_dict()[name]

    @property
    def partition(self) -> str:
        """The text of a partition file: which neurons share a core."""
        return self._native.partition()

    @property
    def placement(self) -> str:
        """The text of a placement file: where the cores sit."""
        return self._native.placement()

    def __str__(self) -> str:
        return self._text

    def __repr__(self) -> str:
        data = self.to_dict()
        return f"<snnc.Mapping {data['model']} on {data['target']}: {data['cores']} cores on {data['chips']} chips>"

    def _repr_html_(self) -> str:
        data = self.to_dict()
        limits = [(one["limit"], one["min"], one["mean"], one["max"], one["of"]) for one in data["limits"]]
        head = f"<div>{data['cores']} cores on {data['chips']} chips, {data['cores_available']} cores there</div>"
        return head + table(("limit of a core", "min", "mean", "max", "of"), limits)


class SanaFe:
    """A mapped network for SANA-FE: the texts `architecture` (arch.yaml) and `network` (network.yaml).

    `notes` say what SANA-FE does otherwise.
    `neurons`, `edges` and `timesteps` are their numbers; `save` writes both files.
    """

    def __init__(self, architecture: str, network: str, notes: list[str], numbers: list[int]):
        self.architecture = architecture
        self.network = network
        self.notes = notes
        self.neurons, self.edges, self.timesteps = numbers

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Writes arch.yaml and network.yaml into `folder`, whole or not at all."""
        _native.save_sana_fe(os.fspath(folder), self.architecture, self.network)

    def __repr__(self) -> str:
        return f"<snnc.SanaFe: {self.neurons} neurons, {self.edges} edges, {self.timesteps} timesteps>"
