"""Trained networks: read, described in memory, compiled, run in floats."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any, Iterable, Literal
from typing import Mapping as Tensors

import numpy as np

from snnc import _native
from snnc._arrays import numbers
from snnc._errors import SnncError, _warn
from snnc._html import escape, table
from snnc._program import Program
from snnc._progress import bar
from snnc._results import Check, Reconstruction, Reference, Report, Result, Spikes
from snnc._target import Target
from snnc._target import target as as_target
from snnc._target import targets as target_names

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

    def fit(self, targets: Iterable[str | Target] | None = None, weights: int | None = None) -> Fit:
        """`snnc.fit` of this model."""
        return fit(self, targets, weights)

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
        self, images: ArrayLike, target: str | Target = "loihi-like", *, weights: int | None = None
    ) -> Reconstruction:
        """Images through encoder and decoder on the chip, beside the float model, as ``snnc reconstruct``.

        `images` are uint8 ``[n, c, h, w]`` as the encoder takes them; `weights` are bits. Of a model with a pipeline
        that has an encoder; else raises `SnncError`.
        """
        pixels = np.ascontiguousarray(images)
        if pixels.dtype != np.uint8:
            message = f"array of {pixels.dtype}, expected uint8"
            raise SnncError._new("E0021", "images", message, "pixels are 0 to 255")
        data, text, pictures = self._native.reconstruct(as_target(target)._native, weights, pixels)
        return Reconstruction(json.loads(data), text, pictures)

    def after_pass(self, name: str, target: str | Target = "loihi-like", *, weights: int | None = None) -> str:
        """What a pass of the compiler makes of the model, as text; ``snnc passes`` lists them.

        The last one gives the network in integers; `weights` are bits. Raises `SnncError` for another name.
        """
        return self._native.after_pass(as_target(target)._native, weights, name)

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
        return Model(_native.Model.load_nir(path, dialect, timesteps, dt, reset, compare, constant_input, readout))
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


def model(text: str, tensors: Tensors[str, ArrayLike], place: str = "model") -> Model:
    """A model from the text of a model file (docs/model.md) and arrays by name; no file is read.

    The text names one weight file, whose name is free: ``weights: {"w": "weights.safetensors"}``; a layer then finds
    the array `tensors["fc.weight"]` as ``("w", "fc.weight")``. Errors call the text `place`.
    """
    arrays = {str(name): numbers(array, name) for name, array in tensors.items()}
    return Model(_native.Model.describe(place, text, arrays))


def compile(
    model: Model | str | os.PathLike[str],
    target: str | Target = "loihi-like",
    *,
    weights: int | None = None,
    calibrate: ArrayLike | int | None = None,
    passes: int | None = None,
    calibrate_network: str | None = None,
    feeds: ArrayLike | None = None,
    objective: Literal["time", "energy", "edp", "cores", "packets", "traffic"] = "time",
    cores: int | None = None,
    chips: int | None = None,
    relays: bool = True,
    feedback: Literal["model", "chip"] = "model",
    partitioner: Literal["auto", "tiles", "hypergraph"] = "auto",
    group: int = 16,
    effort: Literal["fast", "default", "best"] = "default",
    mapping_seed: int = 0,
    profile: Result | Report | dict[str, Any] | str | os.PathLike[str] | None = None,
    partition: str | os.PathLike[str] | None = None,
    partition_network: str | None = None,
    placement: str | os.PathLike[str] | None = None,
) -> Program:
    """Rounds a model for a target and maps it onto cores.

    `weights`: bits of a weight, at most the target's. `calibrate`: samples ``[n, ...]`` such as the network will be
    fed; biases are made for their range, and the first of them are recorded so that rounding keeps the currents. A
    whole number stands for `passes`: how many passes are recorded (default: 16 below 8 bits, else 0). `objective`:
    what the mapping makes small. `feeds`: samples as they will be run, the first of which are run once so that the
    mapping evens out the work that they make; else those of `calibrate`. The mapping takes at most `cores` cores of at
    most `chips` chips (default: as few chips as hold the model). `relays`: whether neurons may repeat spikes that wait
    longer than the chip's delays. `feedback`: whose delays hold in loops that are shorter in the model than on the chip;
    ``"model"`` refuses them, ``"chip"`` lets feedback act later. `profile`: weigh packets with the spikes of a recorded run: its `Result`, its report,
    or the path of its report.json. `partition` and `placement`: files to read instead of searching.

    Raises `SnncError`: E0011 for what the chip cannot do, E0013 if the model does not fit, with layer, limit and
    remedy. What may go wrong on some inputs is warned of as `SnncWarning`. Ctrl-C returns at once; the search then
    ends by itself in the background.
    """
    if not isinstance(model, Model):
        loaded = load(model)
        if not isinstance(loaded, Model):
            raise SnncError._new("E0021", "model", "this is a compiled program", "`snnc.load` gives it ready to run")
        model = loaded
    samples = None
    if calibrate is not None:
        if np.ndim(calibrate) == 0:
            if passes is not None:
                raise SnncError._new("E0021", "passes", "given twice", "`calibrate` is a number of passes too")
            passes = int(calibrate)  # type: ignore[arg-type]
        else:
            samples = numbers(calibrate, "calibrate")
    if calibrate_network is not None and samples is None:
        message = "would change nothing without samples"
        raise SnncError._new("E0021", "calibrate_network", message, "give them as `calibrate`")
    if partition_network is not None and partition is None:
        message = "would change nothing without a partition"
        raise SnncError._new("E0021", "partition_network", message, "give its file as `partition`")
    options = {
        "weights": weights,
        "passes": passes,
        "objective": objective,
        "cores": cores,
        "chips": chips,
        "relays": relays,
        "feedback": feedback,
        "partitioner": partitioner,
        "group": group,
        "effort": effort,
        "mapping_seed": mapping_seed,
        "profile": _profile(profile),
        "partition": _path(partition),
        "partition_network": partition_network,
        "placement": _path(placement),
    }
    fed = None if feeds is None else numbers(feeds, "feeds")
    native = model._native.compile(as_target(target)._native, options, samples, calibrate_network, fed)
    _warn(native.warnings())
    return Program(native, model, passes)


def fit(
    model: Model | str | os.PathLike[str], targets: Iterable[str | Target] | None = None, weights: int | None = None
) -> Fit:
    """Asks targets (default: all built in) whether they hold a model, what binds there, and why others do not."""
    found = model if isinstance(model, Model) else load(model)
    if not isinstance(found, Model):
        raise SnncError._new("E0021", "model", "this is a compiled program", "give the model that it was compiled from")
    asked = [as_target(one) for one in (target_names() if targets is None else targets)]
    data, text = found._native.fit([one._native for one in asked], weights)
    return Fit(json.loads(data), text)


class Fit:
    """Which targets hold a model: a list of dicts, one a target, in the order asked for."""

    def __init__(self, data: dict[str, Any], text: str):
        self.model: str = data["model"]
        self.targets: list[dict[str, Any]] = data["targets"]
        self._text = text

    def __iter__(self):
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


def _path(path: str | os.PathLike[str] | None) -> str | None:
    return None if path is None else os.fspath(path)


def _profile(profile: Any) -> str | None:
    """The text of a report.json."""
    if profile is None:
        return None
    if isinstance(profile, Result):
        profile = profile.report
    if isinstance(profile, dict):
        return json.dumps(profile)
    path = os.fspath(profile)
    if os.path.isdir(path):
        path = os.path.join(path, "report.json")
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except (OSError, UnicodeDecodeError) as error:
        raise SnncError._new("E0001", path, f"cannot read: {error}", "give the report.json of a run") from error
