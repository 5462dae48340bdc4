"""What is wrong with an input, as an exception that has code, place and hint."""

from __future__ import annotations

import json
import warnings
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Diagnostic:
    """One thing that is wrong, or may go wrong.

    `code` is stable (`snnc.explain(code)` says more), `place` is what it is about, such as ``layer net.conv1``; `file`,
    `line` and `column` (both from 1) say where that stands, if a text file says it.
    """

    code: str
    message: str
    hint: str | None = None
    place: str = ""
    file: str | None = None
    line: int | None = None
    column: int | None = None
    severity: str = "error"
    related: tuple[dict[str, Any], ...] = field(default=())

    @classmethod
    def _of(cls, data: dict[str, Any]) -> Diagnostic:
        place = data["place"]
        return cls(
            data["code"],
            data["message"],
            data["hint"],
            place["subject"],
            place.get("file"),
            place.get("line"),
            place.get("column"),
            data["severity"],
            tuple(data.get("related", ())),
        )

    def __str__(self) -> str:
        where = f" ({self.place})" if self.place else ""
        hint = f"\n  hint: {self.hint}" if self.hint else ""
        return f"{self.severity}[{self.code}]{where}: {self.message}{hint}"


class SnncError(Exception):
    """Something is wrong with an input.

    `diagnostics` has all that was found; `code`, `place`, `hint` and `message` are those of the first. The text shows
    the lines of the file where there is one.
    """

    def __init__(self, text: str, diagnostics: tuple[Diagnostic, ...] = ()):
        super().__init__(text, diagnostics)
        self.diagnostics = diagnostics

    @classmethod
    def _of(cls, text: str, data: str) -> SnncError:
        return cls(text.strip("\n"), tuple(Diagnostic._of(one) for one in json.loads(data)["diagnostics"]))

    @classmethod
    def _new(cls, code: str, place: str, message: str, hint: str | None = None) -> SnncError:
        one = Diagnostic(code, message, hint, place)
        return cls(str(one), (one,))

    def _first(self, name: str) -> Any:
        return getattr(self.diagnostics[0], name) if self.diagnostics else None

    @property
    def code(self) -> str | None:
        """Code of the first diagnostic, such as ``E0013``."""
        return self._first("code")

    @property
    def place(self) -> str | None:
        """What the first diagnostic is about."""
        return self._first("place")

    @property
    def hint(self) -> str | None:
        """What to do about the first diagnostic."""
        return self._first("hint")

    @property
    def message(self) -> str | None:
        """What was found and what was expected."""
        return self._first("message")

    def __str__(self) -> str:
        return str(self.args[0])


class SnncWarning(UserWarning):
    """Something that may go wrong on some input; the work goes on."""


def explain(code: str) -> str:
    """The page on the code of an error or warning, such as ``E0013``."""
    from snnc import _native

    return _native.explain(code)


def _warn(found: str, level: int = 3) -> None:
    """Warns of each of the library's warnings, given as JSON."""
    for one in json.loads(found):
        remedy = f"; {one['remedy']}" if one.get("remedy") else ""
        text = f"{one['code']} {one['place']}: {one['message']}{remedy}"
        warnings.warn(text, SnncWarning, stacklevel=level)
