"""Trained networks: read, described in memory, compiled, run in floats."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any, Iterable, Literal
from typing import Mapping as Tensors

import numpy as np

from snnc import _native
from snnc._arrays import Events, numbers
from snnc._compile import compile
from snnc._errors import SnncError
from snnc._fit import Fit, Objectives, fit, objectives, rounding
from snnc._html import escape
from snnc._program import Program
from snnc._progress import bar
from snnc._research import Hypergraph
from snnc._results import Check, Reconstruction, Reference, Spikes
from snnc._sweep import Sweep, sweep
from snnc._table import Table
from snnc._target import Target
from snnc._target import target as as_target

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


class Model:
    """A trained model: its networks in floats, and what drives them.

    Made by `load`, `model` and `from_torch`; immutable.
    """

    __slots__ = ("_native",)

    def __init__(self, native: _native.Model):
        self._native = native

    @property
    def name(self) -> str:
        """Its name in reports."""
        return self._native.name

    @property
    def generates(self) -> bool:
        """Whether it has a pipeline that generates images; other models are fed samples."""
        return self._native.generates

    @property
    def temperature(self) -> float | None:
        """Softmax temperature of its pipeline."""
        return self._native.temperature

    @property
    def networks(self) -> dict[str, dict[str, Any]]:
        """By name: `timesteps`, `input` and `output` ``(c, h, w)``, `spikes` (whether the input is a spike train)."""
        found = {}
        for name, timesteps, shape, spikes, output in self._native.networks():
            found[name] = {"timesteps": timesteps, "input": tuple(shape), "spikes": spikes, "output": tuple(output)}
        return found

    @property
    def text(self) -> str | None:
        """The text of the model file, of a model that was made in memory."""
        return self._native.text()

    @property
    def remarks(self) -> list[str]:
        """What a NIR file leaves open and how it was decided, in sentences."""
        return self._native.remarks()

    def table(self) -> str:
        """The layers of every network with their shapes."""
        return self._native.table()

    def save(self, folder: str | os.PathLike[str]) -> str:
        """Writes model.ron and weights.safetensors, of a model that was made in memory; the path of model.ron."""
        return os.fspath(self._native.save(os.fspath(folder)))

    def compile(self, target: str | Target = "loihi-like", **options: Any) -> Program:
        """`snnc.compile` of this model."""
        return compile(self, target, **options)

    def fit(self, targets: Iterable[str | Target] | None = None, weights: int | None = None, **options: Any) -> Fit:
        """`snnc.fit` of this model."""
        return fit(self, targets, weights, **options)

    def objectives(self, target: str | Target = "loihi-like", **options: Any) -> Objectives:
        """`snnc.objectives` of this model."""
        return objectives(self, target, **options)

    def sweep(self, x: ArrayLike | None = None, labels: ArrayLike | None = None, **options: Any) -> Sweep:
        """`snnc.sweep` of this model."""
        return sweep(self, x, labels, **options)

    def hypergraph(
        self,
        target: str | Target = "loihi-like",
        *,
        network: str | None = None,
        group: int = 16,
        weights: int | None = None,
        relays: bool = True,
        feedback: Literal["model", "chip"] = "model",
    ) -> Hypergraph:
        """The hypergraph of a network (default: the denoiser, else the first) on a chip, as ``snnc export --to hgr``.

        A vertex is `group` consecutive channels at one position; a net weighs the packets of every neuron firing once.
        """
        options = rounding(weights, None, relays, feedback)
        return Hypergraph(self._native.hypergraph(as_target(target)._native, options, network, group))

    def events(
        self,
        t: ArrayLike,
        x: ArrayLike,
        y: ArrayLike,
        p: ArrayLike,
        dt: float,
        n: ArrayLike | None = None,
        *,
        network: str | None = None,
    ) -> Events:
        """Events as spike trains of a network that takes spikes, by the rules of ``--dt``.

        Times `t`, places `x`, `y`, polarities `p` and samples `n` (default: one sample) are ``[events]``; `dt` is the
        length of a timestep in the unit of the times, which are counted from the beginning of each sample. The result
        is fed to `run` and `verify`. Raises `SnncError` with the number of an event that lies beside the map.
        """
        columns = [np.zeros(np.shape(t)) if n is None else n, t, x, y, p]
        arrays = [np.asarray(column, np.float64) for column in columns]
        if any(one.ndim != 1 or len(one) != len(arrays[1]) for one in arrays):
            message = f"arrays {', '.join(str(list(one.shape)) for one in arrays[1:])}, expected one length [events]"
            raise SnncError._new("E0021", "events", message)
        trains, summary = self._native.events(np.ascontiguousarray(np.stack(arrays, axis=1)), dt, network)
        return Events(trains, json.loads(summary))

    def reference(
        self, x: ArrayLike, *, network: str | None = None, spikes: bool = False, progress: Any = True
    ) -> Reference:
        """The float reference on samples: what the trained network does before anything is rounded.

        `x` is ``[n, c, h, w]``, of networks that take spikes ``[n, t, c, h, w]``. With `spikes` the result has the
        spikes of every firing layer, uint8 ``[n, t, c, h, w]`` (vectors ``[n, t, c]``).
        """
        with bar(progress, "reference") as tell:
            readout, predictions, fired = self._native.reference(numbers(x), network, spikes, tell)
        return Reference(readout, predictions, Spikes(dict(fired)))

    def check(
        self,
        golden: str | os.PathLike[str],
        x: ArrayLike | None = None,
        *,
        network: str | None = None,
        progress: Any = True,
    ) -> Check:
        """The float reference against recorded traces (``golden.safetensors``), bit for bit.

        Models without a pipeline need the samples `x` that were recorded.
        """
        with bar(progress, "checking") as tell:
            samples = None if x is None else numbers(x)
            data, text, passed = self._native.check(os.fspath(golden), samples, network, tell)
        return Check(json.loads(data), text, passed)

    def reconstruct(
        self,
        images: ArrayLike,
        target: str | Target = "loihi-like",
        *,
        weights: int | None = None,
        passes: int | None = None,
        relays: bool = True,
        feedback: Literal["model", "chip"] = "model",
    ) -> Reconstruction:
        """Images through encoder and decoder on the chip, beside the float model, as ``snnc reconstruct``.

        `images` are uint8 ``[n, c, h, w]`` as the encoder takes them; `weights` are bits; the others are as of
        `snnc.compile`. Of a model with a pipeline that has an encoder; else raises `SnncError`.
        """
        pixels = np.ascontiguousarray(images)
        if pixels.dtype != np.uint8:
            message = f"array of {pixels.dtype}, expected uint8"
            raise SnncError._new("E0021", "images", message, "pixels are 0 to 255")
        data, text, pictures = self._native.reconstruct(
            as_target(target)._native, rounding(weights, passes, relays, feedback), pixels
        )
        return Reconstruction(json.loads(data), text, pictures)

    def after_pass(
        self,
        name: str,
        target: str | Target = "loihi-like",
        *,
        weights: int | None = None,
        passes: int | None = None,
        relays: bool = True,
        feedback: Literal["model", "chip"] = "model",
    ) -> str:
        """What a pass of the compiler makes of the model, as text; `snnc.passes` lists them.

        The last one gives the network in integers; `weights` are bits, the others as of `snnc.compile`. Raises
        `SnncError` for another name.
        """
        return self._native.after_pass(as_target(target)._native, rounding(weights, passes, relays, feedback), name)

    def export_nir(self, path: str | os.PathLike[str], *, network: str | None = None) -> str:
        """Writes a network as a NIR file; the options of the command that read it back as the same network.

        Raises `SnncError` with every layer that NIR has no node for.
        """
        return self._native.export_nir(os.fspath(path), network)

    def __str__(self) -> str:
        return self.table()

    def __repr__(self) -> str:
        parts = [
            f"{name} {'x'.join(map(str, net['input']))}{' spikes' if net['spikes'] else ''} -> "
            f"{'x'.join(map(str, net['output']))}, {net['timesteps']} timesteps"
            for name, net in self.networks.items()
        ]
        return f"<snnc.Model {self.name}: {'; '.join(parts)}>"

    def _repr_html_(self) -> str:
        return f"<b>{escape(self.name)}</b><pre>{escape(self.table())}</pre>"


def load(
    path: str | os.PathLike[str],
    *,
    dialect: str | None = None,
    timesteps: int | None = None,
    dt: float | None = None,
    reset: str | None = None,
    compare: Literal["at", "above"] | None = None,
    constant_input: bool = False,
    readout: Literal["sum", "mean", "last"] | None = None,
) -> Model | Program:
    """Reads a model file with its weights, a NIR file, or a compiled program (``.snnx``).

    What a NIR file leaves open is said by the other arguments, as on the command line (docs/nir.md); `model.remarks`
    tells what was decided. `timesteps` of a pass and, where the file does not make it certain, the `dialect` are
    needed; `dt` is the length of a timestep in seconds.

    Raises `SnncError` with all that is wrong with the files.
    """
    path = os.fspath(path)
    asked = {
        "dialect": dialect,
        "timesteps": timesteps,
        "dt": dt,
        "reset": reset,
        "compare": compare,
        "constant_input": constant_input or None,
        "readout": readout,
    }
    if not path.endswith(".snnx") and _native.Model.is_nir(path):
        return Model(_native.Model.load_nir(path, {**asked, "constant_input": constant_input}))
    for name, value in asked.items():
        if value is not None:
            message = "would change nothing: it is for NIR files, and this is none"
            raise SnncError._new("E0021", name, message, "leave it out")
    if path.endswith(".snnx"):
        return Program(_native.Program.load(path), None)
    return Model(_native.Model.load(path))


def import_checkpoints(
    vq: str | os.PathLike[str],
    sdid: str | os.PathLike[str],
    folder: str | os.PathLike[str],
    *,
    image_size: int = 28,
) -> Model:
    """The model of two state dicts of Spiking-Diffusion, as ``snnc import --vq --sdid``.

    `vq` and `sdid` are files of the VQ-SVAE and of the denoiser, with the names of the authors' code; images are
    squares with sides of `image_size` pixels. Writes model.ron and its weight files into `folder`. Raises `SnncError`
    for tensors that are missing or contradict each other.
    """
    paths = os.fspath(vq), os.fspath(sdid), image_size, os.fspath(folder)
    return Model(_native.Model.import_checkpoints(*paths))


def import_nir(
    path: str | os.PathLike[str],
    folder: str | os.PathLike[str],
    *,
    dialect: str | None = None,
    timesteps: int | None = None,
    dt: float | None = None,
    reset: str | None = None,
    compare: Literal["at", "above"] | None = None,
    constant_input: bool = False,
    readout: Literal["sum", "mean", "last"] | None = None,
) -> list[str]:
    """Writes the model of a NIR file as model.ron and weights.safetensors into `folder`, as ``snnc import``.

    The other arguments are those of `load`. Gives what was decided of what the file leaves open, in sentences.
    """
    asked = {
        "dialect": dialect,
        "timesteps": timesteps,
        "dt": dt,
        "reset": reset,
        "compare": compare,
        "constant_input": constant_input,
        "readout": readout,
    }
    return _native.Model.import_nir(os.fspath(path), os.fspath(folder), asked)


def import_state_dict(
    weights: str | os.PathLike[str], like: str | os.PathLike[str], folder: str | os.PathLike[str]
) -> tuple[str, list[str]]:
    """Fills a description with a state dict, as ``snnc import --pth --like``.

    Gives the path of model.ron, and the keys that no layer names.
    `weights` is a .pth or .safetensors file, `like` a model.ron whose layers name its keys. Raises `SnncError` for keys
    that are missing. `snnc.model` does the same of arrays in memory.
    """
    path, left_over = _native.Model.fill(os.fspath(weights), os.fspath(like), os.fspath(folder))
    return os.fspath(path), left_over


def passes() -> Table:
    """The compiler's passes in their order: `name`, what it `takes` and `gives`, `description`, as ``snnc passes``."""
    return Table._of_rows(("name", "takes", "gives", "description"), _native.passes())


def as_model(found: Model | Program | str | os.PathLike[str]) -> Model:
    """A model, or the one of a file. Raises `SnncError` for a compiled program."""
    if isinstance(found, (str, os.PathLike)):
        found = load(found)
    if not isinstance(found, Model):
        raise SnncError._new("E0021", "model", "this is a compiled program", "give the model that it was compiled from")
    return found


def model(text: str, tensors: Tensors[str, ArrayLike], place: str = "model") -> Model:
    """A model from the text of a model file (docs/model.md) and arrays by name; no file is read.

    The text names one weight file, whose name is free: ``weights: {"w": "weights.safetensors"}``; a layer then finds
    the array `tensors["fc.weight"]` as ``("w", "fc.weight")``. Errors call the text `place`.
    """
    arrays = {str(name): numbers(array, name) for name, array in tensors.items()}
    return Model(_native.Model.describe(place, text, arrays))
