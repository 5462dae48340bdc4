"""Described chips: look, edit, check, save."""

from __future__ import annotations

import copy
import difflib
import json
import os
from typing import Any, Mapping

import numpy as np

from snnc import _native
from snnc._errors import SnncError
from snnc._html import escape

SOURCES = ("Measured", "Published", "Derived", "Assumed")


class Target:
    """A described chip, immutable and checked.

    `replace` gives another one with some fields changed; `to_dict` shows all of them. Targets compare by their fields
    and can be copied and pickled.
    """

    __slots__ = ("_native",)

    def __init__(self, native: _native.Target):
        self._native = native

    @property
    def name(self) -> str:
        """Its name in reports."""
        return self._native.name

    @property
    def description(self) -> str:
        """One line for people."""
        return self._native.description

    def to_dict(self) -> dict[str, Any]:
        """Every field; a constant is ``[value, {kind of source: source}]``, units are in the names of the fields."""
        return json.loads(self._native.json())

    @classmethod
    def from_dict(cls, fields: dict[str, Any]) -> Target:
        """A target from the fields that `to_dict` gives, checked."""
        return cls(_native.Target.from_json(json.dumps(fields), str(fields.get("name", "target"))))

    def replace(self, **fields: Any) -> Target:
        """The target with some fields changed, checked again.

        A path of fields is joined by two underscores: ``replace(core__synapse_memory_bits=2**19, name="small")``. A
        value stands alone and is then noted as assumed, with what it replaced, or is ``(value, ("Published",
        "where"))``. Raises `SnncError` (E0003) for what is no field and for what contradicts another field.
        """
        changed = self.to_dict()
        for path, value in fields.items():
            _set(changed, path, value)
        return Target.from_dict(changed)

    def __getitem__(self, path: str) -> Any:
        """The value of a field by its path, ``target["core.neurons"]``, without its source."""
        found: Any = self.to_dict()
        for name in path.replace("__", ".").split("."):
            found = found[name]
        return found[0] if _sourced(found) else found

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes a target file (.ron), as ``--target`` takes it."""
        with open(path, "w", encoding="utf-8") as file:
            file.write(self._native.ron())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Target) and self._native.json() == other._native.json()

    def __hash__(self) -> int:
        return hash(self._native.json())

    def __reduce__(self) -> tuple[Any, ...]:
        return (_from_json, (self._native.json(), self.name))

    def __str__(self) -> str:
        return self._native.table()

    def __repr__(self) -> str:
        return f"<snnc.Target {self.name}: {self.description}>"

    def _repr_html_(self) -> str:
        return f"<b>{escape(self.name)}</b>: {escape(self.description)}<pre>{escape(str(self))}</pre>"


def target(name_or_path: str | os.PathLike[str] | Target, set: Mapping[str, Any] | None = None) -> Target:
    """A built-in target by its name, or one from a file that ends in .ron.

    `set` gives fields other values before the target is read, as ``--set`` does: ``{"core.neurons": 512}``, words of
    target files such as ``"Unicast"`` as texts. What is derived from such a field follows; `Target.replace` changes
    the fields of a target that is read.
    """
    changes = [f"{field}={ron(value)}" for field, value in (set or {}).items()]
    if isinstance(name_or_path, Target):
        if changes:
            message = "would change nothing: the target is read already"
            raise SnncError._new("E0021", "set", message, "`target.replace` changes its fields")
        return name_or_path
    return Target(_native.Target.load(os.fspath(name_or_path), changes))


def ron(value: Any) -> str:
    """A value as target files write it: numbers, true and false; texts stay as they are."""
    if isinstance(value, (bool, np.bool_)):
        return "true" if value else "false"
    if isinstance(value, (float, np.floating)):
        return repr(float(value))
    return str(value)


def targets() -> list[str]:
    """Names of the built-in targets."""
    return _native.target_names()


def _from_json(text: str, name: str) -> Target:
    return Target(_native.Target.from_json(text, name))


def _sourced(value: Any) -> bool:
    """Whether a value stands beside its source."""
    pair = isinstance(value, list) and len(value) == 2 and isinstance(value[1], dict)
    return pair and len(value[1]) == 1 and next(iter(value[1])) in SOURCES


def _set(fields: dict[str, Any], path: str, value: Any) -> None:
    """Sets a field by its path."""
    names, at = path.split("__"), fields
    for depth, name in enumerate(names):
        if not isinstance(at, dict) or name not in at:
            known = list(at) if isinstance(at, dict) else []
            near = difflib.get_close_matches(name, known, 1)
            hint = f"near names: {near[0]}" if near else "its fields are: " + ", ".join(known)
            raise SnncError._new("E0003", ".".join(names[: depth + 1]), "the target has no such field", hint)
        if depth < len(names) - 1:
            at = at[name]
    old = at[names[-1]]
    if isinstance(value, tuple) and len(value) == 2 and isinstance(value[1], tuple):
        kind, source = value[1]
        at[names[-1]] = [value[0], {kind: source}]
    elif _sourced(old) or (old is None and isinstance(value, (int, float)) and not isinstance(value, bool)):
        was = json.dumps(old[0]) if old is not None else "not there"
        at[names[-1]] = [value, {"Assumed": f"set in Python; was {was}"}]
    else:
        at[names[-1]] = copy.deepcopy(value)
