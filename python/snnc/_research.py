"""The mapper's parts by themselves, for mapping research: hypergraphs, partitions, placements of anybody's flows."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any, Literal, Sequence

import numpy as np

from snnc import _native
from snnc._errors import SnncError
from snnc._results import _Figures
from snnc._table import Table

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


class Hypergraph:
    """Vertices that stay together, and nets: a source with all that it reaches. Made by `Model.hypergraph` and
    `snnc.hypergraph`; `partition` cuts it.
    """

    def __init__(self, native: _native.Hypergraph):
        self._native = native

    @property
    def starts(self) -> np.ndarray:
        """Where each net begins in `pins`, and one more: int64 ``[nets + 1]``."""
        return np.array(self._native.arrays()[0], np.int64)

    @property
    def pins(self) -> np.ndarray:
        """Vertices of the nets, one net after another: int64 ``[pins]``; net e is ``pins[starts[e]:starts[e + 1]]``."""
        return np.array(self._native.arrays()[1], np.int64)

    @property
    def net_weights(self) -> np.ndarray:
        """Packets that a net sends to each of its blocks but one: uint64 ``[nets]``."""
        return np.array(self._native.arrays()[2], np.uint64)

    @property
    def vertex_weights(self) -> np.ndarray:
        """What a vertex takes of its block: uint64 ``[vertices, resources]``."""
        *_, weights, resources = self._native.arrays()
        return np.array(weights, np.uint64).reshape(-1, resources)

    @property
    def vertices(self) -> Table:
        """What the vertices are: `layer`, channels from `first_channel` to before `end_channel`, `y`, `x`.

        Without rows for a hypergraph that is not that of a network.
        """
        return Table._of_rows(("layer", "first_channel", "end_channel", "y", "x"), self._native.vertices())

    @property
    def text(self) -> str:
        """In hMETIS form (.hgr), as ``snnc export --to hgr`` writes it."""
        return self._native.text()

    def partition(
        self,
        limit: int | Sequence[int],
        blocks: int | None = None,
        *,
        effort: Literal["fast", "default", "best"] = "default",
        seed: int = 1,
    ) -> Partition:
        """Cuts it into blocks with few packets between them, as ``snnc partition``.

        `limit`: most weight of a block, one number a vertex weight. `blocks`: how many; by default as few as are found
        to keep the limits. Raises `SnncError` if no partition keeps them.
        """
        limits = [int(one) for one in np.atleast_1d(limit)]
        return Partition(*self._native.partition(limits, blocks, effort, seed))

    def __repr__(self) -> str:
        vertices, nets, pins = self._native.sizes()
        return f"<snnc.Hypergraph of {vertices} vertices, {nets} nets, {pins} pins>"


class Partition(_Figures):
    """Blocks of a hypergraph: `assignment` int64 ``[vertices]``, figures such as ``["km1"]`` and ``["blocks"]``.

    `snnc.compile` takes the assignment of a network's hypergraph as its `partition`.
    """

    def __init__(self, assignment: list[int], data: str, text: str):
        super().__init__(json.loads(data), text)
        self.assignment = np.array(assignment, np.int64)

    def __repr__(self) -> str:
        return f"<snnc.Partition of {self['vertices']} vertices into {self['blocks']} blocks, km1 {self['km1']}>"


class Placement(_Figures):
    """Cores on a mesh: `sites` int64 ``[cores, 3]`` (column, row, core of the tile), ``["packets_x_hops"]``."""

    def __init__(self, data: str, text: str):
        super().__init__(json.loads(data), text)
        self.sites = np.array(self["sites"], np.int64)

    def __repr__(self) -> str:
        figures = f"packets x hops {self['packets_x_hops']}, at least {self['bound']}"
        return f"<snnc.Placement of {self['cores']} cores: {figures}>"


def hypergraph(
    nets: str | os.PathLike[str] | Sequence[Sequence[int]],
    vertex_weights: ArrayLike | None = None,
    net_weights: ArrayLike | None = None,
) -> Hypergraph:
    """A hypergraph from the path of an hMETIS file, or from nets, each a list of vertices that count from 0.

    `vertex_weights` are whole numbers ``[vertices]`` or ``[vertices, resources]``, `net_weights` ``[nets]``; 1 by
    default.
    """
    if isinstance(nets, (str, os.PathLike)):
        return Hypergraph(_native.Hypergraph.load(os.fspath(nets)))
    lists = [np.asarray(net, np.int64) for net in nets]
    pins = np.concatenate(lists) if lists else np.zeros(0, np.int64)
    starts = np.concatenate([[0], np.cumsum([len(net) for net in lists])])
    if vertex_weights is None:
        vertex_weights = np.ones(int(pins.max(initial=-1)) + 1, np.int64)
    weights = np.atleast_2d(np.asarray(vertex_weights).T).T
    of_nets = np.ones(len(lists), np.int64) if net_weights is None else np.asarray(net_weights)
    listed = [[int(one) for one in array] for array in (starts, pins, of_nets, weights.ravel())]
    arrays = (listed[0], listed[1], listed[2], listed[3], weights.shape[1])
    return Hypergraph(_native.Hypergraph.of_arrays(len(weights), arrays))


def place(
    flows: str | os.PathLike[str] | ArrayLike,
    columns: int,
    rows: int,
    cores_per_tile: int = 1,
    *,
    effort: Literal["fast", "default", "best"] = "default",
    seed: int = 0,
) -> Placement:
    """Places cores on a mesh by the packets between them, as ``snnc place``: few packets times hops.

    `flows` are whole numbers ``[n, 3]``: source core, destination core, packets, such as `Program.flows`; or the path
    of a text file of them. The mesh has `columns` times `rows` tiles. Raises `SnncError` for more cores than it has.
    """
    given: Any = os.fspath(flows) if isinstance(flows, (str, os.PathLike)) else None
    if given is None:
        listed = np.asarray(flows)
        if listed.ndim != 2 or listed.shape[1] != 3 or listed.dtype.kind not in "iu" or (listed < 0).any():
            message = f"array {list(listed.shape)} of {listed.dtype}, expected whole numbers [n, 3] from 0 on"
            raise SnncError._new("E0021", "flows", message, "a flow is source core, destination core and packets")
        given = [tuple(row) for row in listed.tolist()]
    return Placement(*_native.place_cores(given, (columns, rows, cores_per_tile), effort, seed))
