"""Compiling a model for a chip."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from snnc._arrays import numbers
from snnc._errors import SnncError, _warn
from snnc._program import Program
from snnc._research import Partition
from snnc._results import Report, Result
from snnc._target import Target
from snnc._target import target as as_target

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from snnc._model import Model


def compile(
    model: Model | str | os.PathLike[str],
    target: str | Target = "loihi-like",
    *,
    weights: int | None = None,
    calibrate: ArrayLike | int | None = None,
    passes: int | None = None,
    calibrate_network: str | None = None,
    feeds: ArrayLike | None = None,
    feeds_network: str | None = None,
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
    partition: str | os.PathLike[str] | Partition | ArrayLike | None = None,
    partition_network: str | None = None,
    placement: str | os.PathLike[str] | None = None,
) -> Program:
    """Rounds a model for a target and maps it onto cores.

    `weights`: bits of a weight, at most the target's. `calibrate`: samples ``[n, ...]`` such as the network will be
    fed; biases are made for their range, and the first of them are recorded so that rounding keeps the currents. A
    whole number stands for `passes`: how many passes are recorded (default: 16 below 8 bits, else 0). `objective`: what
    the mapping makes small. `feeds`: samples as they will be run, the first of which are run once so that the mapping
    evens out the work that they make; else those of `calibrate`. `feeds_network` and `calibrate_network`: which network
    they are for, where there are several. The mapping takes at most `cores` cores of at most `chips` chips (default: as
    few chips as hold the model). `relays`: whether neurons may repeat spikes that wait
    longer than the chip's delays. `feedback`: whose delays hold in loops that are shorter in the model than on the
    chip; ``"model"`` refuses them, ``"chip"`` lets feedback act later. `profile`: weigh packets with the spikes of a
    recorded run: its `Result`, its report, or the path of its report.json. `partition` and `placement`: read instead of
    searching: the texts that `Mapping.partition` and `Mapping.placement` give, or paths of files. A partition may also
    be the blocks of a network's `Model.hypergraph`, whole numbers ``[vertices]``; the network is `partition_network`,
    `group` is that of the hypergraph, and other networks are searched.

    Raises `SnncError`: E0011 for what the chip cannot do, E0013 if the model does not fit, with layer, limit and
    remedy. What may go wrong on some inputs is warned of as `SnncWarning`. Ctrl-C returns at once; the search then
    ends by itself in the background.
    """
    from snnc._model import as_model

    model = as_model(model)
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
    if feeds_network is not None and feeds is None:
        message = "would change nothing without samples"
        raise SnncError._new("E0021", "feeds_network", message, "give them as `feeds`")
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
        **_partition(partition),
        "partition_network": partition_network,
        **_placement(placement),
    }
    fed = None if feeds is None else numbers(feeds, "feeds")
    native = model._native.compile(as_target(target)._native, options, samples, calibrate_network, fed, feeds_network)
    _warn(native.warnings())
    return Program(native, model, passes)


def _partition(given: Any) -> dict[str, Any]:
    """A partition as the native half takes it: a path, a text of several lines, or blocks."""
    found: dict[str, Any] = {"partition": None, "partition_text": None, "blocks": None}
    if given is None:
        return found
    if isinstance(given, Partition):
        given = given.assignment
    if not isinstance(given, (str, os.PathLike)):
        blocks = np.asarray(given)
        if blocks.ndim != 1 or blocks.dtype.kind not in "iu" or (blocks < 0).any():
            message = f"array {list(blocks.shape)} of {blocks.dtype}, expected a block from 0 on for each vertex"
            raise SnncError._new("E0021", "partition", message, "`Model.hypergraph` has the vertices")
        return {**found, "blocks": [int(block) for block in blocks]}
    return {**found, "partition_text" if "\n" in str(given) else "partition": os.fspath(given)}


def _placement(given: Any) -> dict[str, Any]:
    """A placement: a path, or a text of several lines."""
    found: dict[str, Any] = {"placement": None, "placement_text": None}
    if given is None:
        return found
    return {**found, "placement_text" if "\n" in str(given) else "placement": os.fspath(given)}


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
