"""Runs a module once on a sample and records what feeds what.

Modules that `_layers` knows are recorded as wholes; between them tensors are followed through functions of torch. A
tensor that is followed is a `Value`: the node that made it, and the timestep in which that was. A node is the same in
every timestep: what a loop over time does again is recognised by its module, or by function and inputs. What is not
known becomes a node that is only refused if something reads it, so that figures made on the side do no harm.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from typing import Any, Callable, Iterator

import torch
from torch.overrides import TorchFunctionMode

from snnc._errors import SnncError
from snnc.torch import _layers, _neurons


@dataclass(eq=False)
class Node:
    """What makes a signal, the same in every timestep."""

    op: str
    name: str
    inputs: list[Node] = field(default_factory=list)
    #: The module, or the arguments of a function.
    detail: Any = None
    #: Shape of a sample in one timestep.
    shape: tuple[int, ...] = ()


@dataclass(frozen=True, eq=False)
class Value:
    """A tensor: a node's signal in `step`, all its timesteps (``series``), their ``sum``, ``mean`` or ``last``."""

    node: Node
    step: int = 0
    over: str = "step"
    #: The module path where it was made.
    path: str = ""


@dataclass
class Traced:
    """A network: its nodes lead from `output` back to `input`."""

    input: Node
    output: Node
    spikes: bool
    timesteps: int
    readout: str
    #: What the module gives of its output's timesteps: a ``step``, a ``series``, their ``sum``, ``mean`` or ``last``.
    over: str
    #: Whether it makes one timestep a call, and so is called for each.
    calls: bool
    #: Axis of time and axis of the samples in what it takes.
    time: int | None
    batch: int


def refuse(path: str, message: str, hint: str | None = None) -> SnncError:
    """The error of a module, named by its path."""
    return SnncError._new("E0024", f"module {path or '(the module itself)'}", message, hint)


def trace(
    module: torch.nn.Module, sample: torch.Tensor, timesteps: int | None, inputs: str | None, readout: str | None
) -> Traced:
    """Runs `module` on `sample`; see `snnc.torch.from_torch`."""
    return Recorder(module, sample).run(timesteps, inputs, readout)


class Recorder(TorchFunctionMode):
    def __init__(self, module: torch.nn.Module, sample: torch.Tensor):
        super().__init__()
        self.module = module
        self.sample = sample
        modes = {getattr(m, "step_mode", None) for m in module.modules() if _neurons.is_neuron(m)}
        if "m" in modes and len(modes) > 1:
            message = "some of its neurons take one timestep a call and some take all of them"
            raise refuse("", message, "give all the same step_mode")
        #: Whether tensors are [T, N, ...].
        self.multi = modes == {"m"}
        #: Axis of the sample that a loop goes over.
        self.time = 0
        self.input = Node("Input", "input")
        self.values: dict[int, Value] = {}
        self.kept: list[Any] = []
        self.nodes: dict[tuple[Any, ...], Node] = {}
        self.calls: dict[Node, int] = {}
        self.paths: list[str] = [""]
        self.inside = 0
        self.indexed: set[int] = set()
        self.counts: dict[str, int] = {}

    # -- running ------------------------------------------------------------------------------------------------------

    def run(self, timesteps: int | None, inputs: str | None, readout: str | None) -> Traced:
        for path, child in self.module.named_modules():
            if callable(getattr(child, "reset", None)) and _neurons.is_neuron(child):
                child.reset()
            self.wrap(path, child)
        self.follow(self.sample, Value(self.input, 0, "series" if self.multi else "step"))
        with self, _indexing(self):
            output = self.module(self.sample)
        while isinstance(output, (tuple, list)) and output:
            output = output[0]
        found = self.values.get(id(output)) if isinstance(output, torch.Tensor) else None
        if found is None:
            message = "the output does not come from the sample by layers that are known"
            raise refuse("", message, "return spikes, or their sum or mean over time, as a tensor")
        self.known(found, "")
        return self.traced(found, timesteps, inputs, readout)

    def traced(self, found: Value, timesteps: int | None, inputs: str | None, readout: str | None) -> Traced:
        steps = self.steps(timesteps)
        over = found.over if found.over in ("sum", "mean", "last") else None
        if over is None and found.over == "step" and max(self.calls.values(), default=1) > 1:
            over = "last"
        if over and readout and over != readout:
            message = f'the module gives the {over} of its timesteps, and readout is "{readout}"'
            raise SnncError._new("E0021", "readout", message, "leave it out")
        timed = self.multi or bool(self.indexed)
        spikes, shape = self.input_kind(timed, inputs)
        self.input.shape = shape
        time = self.time if timed else None
        return Traced(
            self.input,
            found.node,
            spikes,
            steps,
            over or readout or "mean",
            over or found.over,
            not timed and max(self.calls.values(), default=1) == 1,
            time,
            1 if time == 0 else 0,
        )

    def steps(self, given: int | None) -> int:
        """Timesteps of a pass."""
        if self.multi or self.indexed:
            found = self.sample.shape[0] if self.multi else len(self.indexed)
        else:
            found = max(self.calls.values(), default=1)
            if found == 1:
                if given is None:
                    message = "the module makes one timestep a call, so their number is not known"
                    raise SnncError._new("E0021", "timesteps", message, "give `timesteps=`")
                return int(given)
        if given is not None and given != found:
            message = f"timesteps is {given}, and the module makes {found} on this sample"
            raise SnncError._new("E0021", "timesteps", message, "leave it out, or give another sample")
        return found

    def input_kind(self, timed: bool, inputs: str | None) -> tuple[bool, tuple[int, ...]]:
        """Whether the network takes spikes, and the shape of a sample in one timestep."""
        if inputs not in (None, "constant", "spikes"):
            raise SnncError._new("E0021", "inputs", f'found {inputs!r}, expected "constant" or "spikes"')
        if not timed:
            return inputs == "spikes", tuple(self.sample.shape[1:])
        shape = tuple(self.sample.shape[2:])
        flags = bool(((self.sample == 0) | (self.sample == 1)).all())
        if inputs == "spikes" or (inputs is None and flags):
            return True, shape
        if bool((self.sample == self.sample.narrow(self.time, 0, 1)).all()):
            return False, shape
        message = "the sample changes over time and is no spikes of 0 and 1"
        raise SnncError._new("E0024", "sample", message, "encode it as spikes, or give one map for all timesteps")

    # -- modules ------------------------------------------------------------------------------------------------------

    def wrap(self, path: str, module: torch.nn.Module) -> None:
        """Puts the recorder around the module's forward."""
        forward = module.forward
        leaf = _layers.is_leaf(module)

        def recorded(*args: Any, **kwargs: Any) -> Any:
            if self.inside:
                return forward(*args, **kwargs)
            self.paths.append(path)
            try:
                if not leaf:
                    return forward(*args, **kwargs)
                self.inside += 1
                try:
                    found = forward(*args, **kwargs)
                finally:
                    self.inside -= 1
                self.called(path, module, [*args, *kwargs.values()], found)
                return found
            finally:
                self.paths.pop()

        module.forward = recorded  # type: ignore[method-assign]

    def called(self, path: str, module: torch.nn.Module, args: list[Any], found: Any) -> None:
        """Notes a call of a module that is recorded as a whole."""
        source = self.values.get(id(args[0])) if args else None
        first = found
        while isinstance(first, (tuple, list)) and first:
            first = first[0]
        if source is None or not isinstance(first, torch.Tensor):
            if any(id(arg) in self.values for arg in args):
                raise refuse(path, "its first argument does not come from the sample by layers that are known")
            return
        neuron = _neurons.is_neuron(module)
        if _layers.is_identity(module) and not neuron:
            self.follow(first, source)
            return
        self.known(source, path)
        key: tuple[Any, ...] = (path,) if neuron else (path, source.node)
        node = self.nodes.get(key)
        if node is None:
            shape = self.inner(first)
            node = self.nodes[key] = Node("Module", path or type(module).__name__, [source.node], module, shape)
            node.source_shape = self.inner(args[0])  # type: ignore[attr-defined]
        elif node.inputs != [source.node]:
            message = "it is fed by another layer in a later timestep, so the network has a loop written by hand"
            raise refuse(path, message, "use RLeaky or RSynaptic, or write the model file with a Delay")
        step = source.step
        if neuron and not self.multi:
            step = self.calls[node] = self.calls.get(node, 0) + 1
            step -= 1
        over = source.over if source.over in ("step", "series") else None
        if over is None:
            raise refuse(path, f"it reads the {source.over} over time of other layers", "read-outs come last")
        self.follow(first, Value(node, step, over, path))
        if isinstance(found, (tuple, list)):
            for other in found[1:]:
                if isinstance(other, torch.Tensor) and other is not first:
                    self.follow(other, Value(Node("State", path), step, over, path))

    # -- functions ----------------------------------------------------------------------------------------------------

    def __torch_function__(self, func: Callable, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        kwargs = kwargs or {}
        sources = [] if self.inside else [self.values[id(one)] for one in _tensors(args) if id(one) in self.values]
        found = func(*args, **kwargs)
        if sources and not self.inside:
            self.inside += 1
            try:
                self.function(getattr(func, "__name__", str(func)), args, kwargs, sources, found)
            finally:
                self.inside -= 1
        return found

    def function(self, name: str, args: tuple, kwargs: dict, sources: list[Value], found: Any) -> None:
        """Notes a call of a function on followed tensors."""
        if not isinstance(found, torch.Tensor):
            self.parts(name, args, sources, found)
            return
        name = name.strip("_")
        from snnc.torch import _functions

        handler = _functions.FUNCTIONS.get(name)
        made = handler(self, name, args, kwargs, sources, found) if handler else None
        self.follow(found, made or Value(Node("Unknown", name), sources[0].step, sources[0].over, self.paths[-1]))

    def parts(self, name: str, args: tuple, sources: list[Value], found: Any) -> None:
        """Follows the parts of a sample that a loop goes over: ``for x_t in x``, ``x.unbind(0)``."""
        if not isinstance(found, (tuple, list)) or not all(isinstance(one, torch.Tensor) for one in found):
            return
        source = sources[0]
        axis = args[1] if len(args) > 1 else 0
        whole = name.strip("_") in ("unbind", "iter") and args[0] is self.sample and axis in (0, 1)
        for step, one in enumerate(found):
            if whole and not self.multi:
                self.time = axis
                self.indexed.add(step)
                self.follow(one, Value(self.input, step))
            else:
                self.follow(one, Value(Node("Unknown", name), source.step, source.over, self.paths[-1]))

    def node(self, op: str, sources: list[Value], detail: Any, found: torch.Tensor) -> Value:
        """A node of a function, the same for the same inputs and detail."""
        for source in sources:
            self.known(source, self.paths[-1])
        overs = {source.over for source in sources}
        if not overs <= {"step"} and not overs <= {"series"}:
            raise refuse(self.paths[-1], f"{op} reads what was summed over time", "read-outs come last")
        key = (op, *(source.node for source in sources), repr(detail))
        if key not in self.nodes:
            base = op.lower()
            self.counts[base] = self.counts.get(base, 0) + 1
            count = self.counts[base]
            path = self.paths[-1]
            name = (f"{path}." if path else "") + base + (f"_{count}" if count > 1 else "")
            self.nodes[key] = Node(op, name, [source.node for source in sources], detail, self.inner(found))
        return Value(self.nodes[key], max(source.step for source in sources), sources[0].over, self.paths[-1])

    # -- tensors ------------------------------------------------------------------------------------------------------

    def follow(self, tensor: torch.Tensor, value: Value) -> None:
        self.values[id(tensor)] = value
        # A tensor that is gone would give its number to another.
        self.kept.append(tensor)

    def inner(self, tensor: torch.Tensor) -> tuple[int, ...]:
        """Shape without the axes of time and batch."""
        return tuple(tensor.shape[2 if self.multi else 1 :])

    def known(self, value: Value, path: str) -> None:
        """Refuses a value that nothing is known of."""
        if value.node.op == "Unknown":
            where = value.path or path
            raise refuse(where, f"`{value.node.name}` is no function that is known", "docs/python.md lists them")
        if value.node.op == "State":
            message = "its membrane or current is read, and only its spikes are known outside"
            raise refuse(value.node.name, message, "read the spikes; a membrane as read-out is LeakySumOverTime")


@contextlib.contextmanager
def _indexing(recorder: Recorder) -> Iterator[None]:
    """Tells a recorder of ``tensor[index]``, which torch 1 does not tell modes."""
    own = "__getitem__" in vars(torch.Tensor)
    plain = torch.Tensor.__getitem__

    def indexed(tensor: torch.Tensor, index: Any) -> torch.Tensor:
        recorder.inside += 1
        try:
            found = plain(tensor, index)
        finally:
            recorder.inside -= 1
        if not recorder.inside and id(tensor) in recorder.values:
            recorder.function("getitem", (tensor, index), {}, [recorder.values[id(tensor)]], found)
        return found

    torch.Tensor.__getitem__ = indexed  # type: ignore[method-assign, assignment]
    try:
        yield
    finally:
        if own:
            torch.Tensor.__getitem__ = plain  # type: ignore[method-assign]
        else:
            del torch.Tensor.__getitem__


def _tensors(args: Any) -> list[torch.Tensor]:
    found: list[torch.Tensor] = []
    for one in args:
        if isinstance(one, torch.Tensor):
            found.append(one)
        elif isinstance(one, (tuple, list)):
            found.extend(_tensors(one))
    return found
