"""Networks on the cores of a chip: run, generate, compare with the float reference."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from snnc import _native
from snnc._arrays import Events, classes, numbers
from snnc._errors import SnncError
from snnc._html import escape
from snnc._mapping import Mapping, SanaFe
from snnc._progress import bar
from snnc._results import Comparison, Images, Result, Spikes
from snnc._target import Target
from snnc._trace import Trace
from snnc._trace import asked as asked_trace

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from snnc._model import Model


class Program:
    """A model mapped onto the cores of a target: what a ``.snnx`` file holds. Made by `snnc.compile` and `snnc.load`.

    Programs can be pickled; the copy has forgotten model and mapping report, as a file has.
    """

    def __init__(self, native: _native.Program, model: Model | None, passes: int | None = None):
        self._native = native
        self._model = model
        self._passes = passes
        self._sessions: dict[tuple[str, int | None], Session] = {}

    @property
    def name(self) -> str:
        """Name of the model."""
        return self._native.name

    @property
    def target(self) -> Target:
        """The chip that it is made for."""
        return Target(self._native.target)

    @property
    def weight_bits(self) -> int:
        """Bits of a weight."""
        return self._native.weight_bits

    @property
    def cores(self) -> int:
        """Cores in use."""
        return self._native.cores

    @property
    def generates(self) -> bool:
        """Whether it generates images; other programs are fed samples."""
        return self._native.generates

    @property
    def networks(self) -> dict[str, dict[str, Any]]:
        """Networks that take samples: `input` and `readout` ``(c, h, w)``, `timesteps` of a spike train or None."""
        found = {}
        for name, shape, steps, readout in self._native.networks():
            found[name] = {"input": tuple(shape), "timesteps": steps, "readout": tuple(readout)}
        return found

    @property
    def mapping(self) -> Mapping:
        """Cores, use of each limit, traffic, and their bounds. Raises `SnncError` for a program from a file."""
        found = self._native.mapping()
        if found is None:
            message = "the program was read from a file, which holds no mapping report"
            raise SnncError._new("E0021", "mapping", message, "compile the model instead")
        return Mapping(self._native, *found)

    @property
    def quantisation(self) -> list[dict[str, Any]]:
        """What rounding made of each layer. Raises `SnncError` for a program from a file."""
        found = self._native.quantisation()
        if found is None:
            message = "the program was read from a file, which holds no figures of the rounding"
            raise SnncError._new("E0021", "quantisation", message, "compile the model instead")
        return json.loads(found[0])

    @property
    def warnings(self) -> list[dict[str, Any]]:
        """What may go wrong on some input, each with `code`, `place`, `message` and `remedy`."""
        return json.loads(self._native.warnings())

    @property
    def notes(self) -> list[str]:
        """What was decided about a NIR file, and which loops are longer on the chip than in the model, in sentences."""
        return self._native.notes()

    @property
    def flows(self) -> np.ndarray:
        """Packets between cores if every neuron fires once: int64 ``[n, 3]``, source core, destination core, packets.

        `snnc.place` takes it. Packets from a core to itself are left out.
        """
        return np.array(self._native.flows(), np.int64).reshape(-1, 3)

    def sana_fe(self, x: ArrayLike | None = None, *, network: str | None = None) -> SanaFe:
        """The chip and a mapped network as SANA-FE 2.2.9 reads them, as ``snnc export --to sana-fe``.

        `x` is the stimulus of a network that is fed, one sample ``[1, ...]``. Raises `SnncError` with what SANA-FE
        cannot hold.
        """
        return SanaFe(*self._native.sana_fe(network, None if x is None else numbers(x)))

    def session(self, timing: str = "analytic", threads: int | None = None) -> Session:
        """The program made ready to run, kept for the next time: its timing model and threads.

        `timing`: ``none``, ``analytic`` (a lower bound), ``cycle``, or ``cycle:1/N`` (one timestep of N, with its
        error). `threads`: default one for each processor; results do not depend on it.
        """
        key = (timing, threads)
        if key not in self._sessions:
            self._sessions[key] = Session(self, self._native.session(timing, threads), timing)
        return self._sessions[key]

    def run(
        self,
        x: ArrayLike | Events | None = None,
        labels: ArrayLike | None = None,
        *,
        timing: str = "analytic",
        spikes: bool = False,
        network: str | None = None,
        samples: int | None = None,
        seed: int | None = None,
        timesteps: bool = True,
        membranes: Sequence[str] | None = None,
        keep_state: bool = False,
        sensitivity: bool = False,
        trace: Trace | bool | None = None,
        threads: int | None = None,
        progress: Any = True,
    ) -> Result:
        """Feeds samples to a network: a pass each, all state cleared between them unless `keep_state` is given.

        `x` is float32, float64 or uint8 ``[n, c, h, w]``, held over the timesteps, or ``[n, t, c, h, w]`` of 0 and 1
        for a network that takes spikes; ``[n, ...]`` with as many values a sample is taken too. `labels` are whole
        numbers ``[n]``. `spikes`: keep the spikes of every layer. `membranes`: keep the membranes of these layers after
        each timestep; ``"fc:0,5,9"`` names some neurons of a layer. `keep_state`: each sample begins as the one before
        it ended (docs/model.md). `timesteps`: keep the table of timesteps. `sensitivity`: say how far each constant
        that has a range moves time and energy, as `Result.sensitivity`; latencies and queue depths with timing
        "cycle" or "cycle:1/N" alone, which takes a simulation for each end. `trace`: keep packets, as
        `Result.packets`, or write them, by `snnc.Trace`; with cycle-accurate timing. `samples`: only the first of `x`;
        of a network that draws its spikes at a rate of the model, which takes no `x`, how many (default: 1), and `seed`
        instead of the model's. `timing` and `threads`: see `session`. `progress`: a bar if tqdm is there, or a function
        of passes done and passes in all.

        Ctrl-C stops it before the next pass. Raises `SnncError` for arrays that are not the network's.
        """
        return self.session(timing, threads).run(
            x,
            labels,
            spikes=spikes,
            network=network,
            samples=samples,
            seed=seed,
            timesteps=timesteps,
            membranes=membranes,
            keep_state=keep_state,
            sensitivity=sensitivity,
            trace=trace,
            progress=progress,
        )

    def generate(
        self,
        images: int = 4,
        seed: int = 1,
        *,
        temperature: float | None = None,
        timing: str = "analytic",
        timesteps: bool = True,
        sensitivity: bool = False,
        trace: Trace | bool | None = None,
        threads: int | None = None,
        progress: Any = True,
    ) -> Images:
        """Generates images: uint8 ``[n, c, h, w]``, with `tokens`, `report` and `energy_j`.

        Image i depends on `seed` and i alone. `temperature`: of the softmax that tokens are drawn from (default: the
        model's); below 1 the likelier tokens are drawn more often. The others are as of `run`.
        """
        return self.session(timing, threads).generate(
            images,
            seed,
            temperature=temperature,
            timesteps=timesteps,
            sensitivity=sensitivity,
            trace=trace,
            progress=progress,
        )

    def generate_to(
        self,
        folder: str | os.PathLike[str],
        images: int = 1000,
        seed: int = 1,
        *,
        temperature: float | None = None,
        format: str = "npy",
        shard: str | None = None,
        progress: Any = True,
    ) -> dict[str, int]:
        """Streams a set of images into a folder, from where an earlier run stopped; memory does not grow with it.

        `format`: ``npy`` (one array) or ``png`` (a file an image). `shard`: only a part of them, ``"1/4"``, which
        `snnc.merge` puts together with the others. Gives how many images were found `whole` and `damaged`.
        """
        with bar(progress, "generating") as tell:
            whole, damaged = self._native.stream(os.fspath(folder), images, seed, temperature, (format, shard), tell)
        return {"whole": whole, "damaged": damaged}

    def verify(
        self,
        x: ArrayLike | Events | None = None,
        labels: ArrayLike | None = None,
        *,
        images: int | None = None,
        seed: int | None = None,
        network: str | None = None,
        samples: int | None = None,
        progress: Any = True,
    ) -> Comparison:
        """Compares the chip with the float reference, layer by layer.

        On samples `x`, with `samples`, `seed` and `network` as of `run`; of a generating model on `images` (default:
        one, of seed 1), which are in its `pictures`. Raises `SnncError` for a program that was read from a file, since
        that holds no float weights.
        """
        if self._model is None:
            message = "the program was read from a file or pickled, and has no float reference"
            raise SnncError._new("E0021", "program", message, "compile the model instead")
        fed = {"x": x, "labels": labels, "network": network, "samples": samples}
        for name, given in (fed if self.generates else {"images": images}).items():
            if given is not None:
                what = "generates images by its pipeline" if self.generates else "has no pipeline and generates nothing"
                raise SnncError._new("E0021", name, f"would change nothing: the model {what}", "leave it out")
        with bar(progress, "comparing") as tell:
            if self.generates:
                count, start = 1 if images is None else images, 1 if seed is None else seed
                data, text, pictures = self._native.verify_images(self._model._native, count, start, self._passes, tell)
                return Comparison(json.loads(data), text, pictures)
            given = None if x is None else numbers(x)
            asked = (network, samples, seed)
            data, text = self._native.verify_samples(self._model._native, given, classes(labels), asked, tell)
        compared = json.loads(data)
        if isinstance(x, Events):
            compared["events"] = x.summary
        return Comparison(compared, text)

    def text(self, form: Literal["program", "spiking"] = "program") -> str:
        """The program for people: cores with their slices, memories and routes; or ``spiking``, its integers unmapped.

        Raises `SnncError` for the integers of a program from a file, which holds them mapped.
        """
        if form not in ("program", "spiking"):
            raise SnncError._new("E0021", "form", f'found "{form}", expected program or spiking')
        return self._native.text(form == "program")

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes a ``.snnx`` file, whole or not at all."""
        self._native.save(os.fspath(path))

    def __reduce__(self) -> tuple[Any, ...]:
        return (_of_bytes, (self._native.to_bytes(),))

    def __repr__(self) -> str:
        return (
            f"<snnc.Program {self.name} on {self._native.target.name}: {self.cores} cores, "
            f"weights of {self.weight_bits} bits>"
        )

    def _repr_html_(self) -> str:
        head = f"<b>{escape(repr(self)[1:-1])}</b>"
        return head + (self.mapping._repr_html_() if self._native.mapping() is not None else "")


def _of_bytes(data: bytes) -> Program:
    return Program(_native.Program.from_bytes(data), None)


class Session:
    """A program ready to run; made by `Program.session`. One session answers many threads."""

    def __init__(self, program: Program, native: _native.Session, timing: str):
        self.program = program
        self._native = native
        self._timing = timing

    def __repr__(self) -> str:
        return f"<snnc.Session of {self.program!r}, timing {self._timing}>"

    def run(
        self,
        x: ArrayLike | Events | None = None,
        labels: ArrayLike | None = None,
        *,
        spikes: bool = False,
        network: str | None = None,
        samples: int | None = None,
        seed: int | None = None,
        timesteps: bool = True,
        membranes: Sequence[str] | None = None,
        keep_state: bool = False,
        sensitivity: bool = False,
        trace: Trace | bool | None = None,
        progress: Any = True,
    ) -> Result:
        """`Program.run` with the timing and the threads of the session."""
        asked = {
            "labels": classes(labels),
            "network": network,
            "count": samples,
            "seed": seed,
            "events": json.dumps(x.summary) if isinstance(x, Events) else None,
            "spikes": spikes,
            "timesteps": timesteps,
            "keep_state": keep_state,
            "membranes": None if membranes is None else ",".join(membranes),
            "sensitivity": sensitivity,
            "trace": asked_trace(trace),
        }
        with bar(progress, "running") as tell:
            found = self._native.run(None if x is None else numbers(x), asked, tell)
        return Result(found, Spikes._packed(found["spikes"]) if spikes else None)

    def generate(
        self,
        images: int = 4,
        seed: int = 1,
        *,
        temperature: float | None = None,
        timesteps: bool = True,
        sensitivity: bool = False,
        trace: Trace | bool | None = None,
        progress: Any = True,
    ) -> Images:
        """`Program.generate` with the timing and the threads of the session."""
        asked = {
            "images": images,
            "seed": seed,
            "temperature": temperature,
            "timesteps": timesteps,
            "sensitivity": sensitivity,
            "trace": asked_trace(trace),
        }
        with bar(progress, "generating") as tell:
            found = self._native.generate(asked, tell)
        return Images._of(found)
