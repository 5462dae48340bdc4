"""Reports of runs: read, side by side, as pages."""

from __future__ import annotations

import contextlib
import json
import os
from typing import Any, Mapping, Union

from snnc import _html, _native
from snnc._results import Report, _Figures, _Ran
from snnc._table import Table

Run = Union[_Ran, Report, "dict[str, Any]", str, "os.PathLike[str]"]


def report(path: str | os.PathLike[str]) -> Report:
    """The report of a folder of results, or of a report.json. Raises `SnncError` for a set that is not whole."""
    data, text = _native.report(os.fspath(path))
    return Report(json.loads(data), text)


class RunComparison(_Figures):
    """Runs side by side: what differs in target, options, mapping, counts, time and energy, with ratios to the first.

    ``comparison["sections"]`` has all rows; `table` those that differ; printed, it is what ``snnc compare`` prints.
    """

    @property
    def table(self) -> Table:
        """A row a figure that differs: `section`, `name`, `unit`, the value of each run, and ratios to the first."""
        names = self["runs"]
        columns = ["section", "name", "unit", *names, *(f"{name} / {names[0]}" for name in names[1:])]
        rows = [
            (section["title"], row["name"], row["unit"], *row["values"], *row["ratios"][1:])
            for section in self["sections"]
            for row in section["rows"]
            if row["differs"]
        ]
        return Table._of_rows(columns, rows)

    def __repr__(self) -> str:
        return f"<snnc.RunComparison of {', '.join(self['runs'])}: {len(self.table)} figures differ>"

    def _repr_html_(self) -> str:
        table = self.table
        return _html.table(table.columns, [list(row.values()) for row in table])


def compare(*runs: Run | Mapping[str, Run]) -> RunComparison:
    """Puts 2 to 8 runs side by side, as ``snnc compare``.

    ``compare(a, b)``, or with names ``compare({"8 bits": a, "4 bits": b})``.
    A run is what `run` or `generate` gave, its report, or the path of a folder of results or of a report.json. Raises
    `SnncError` for another number of runs.
    """
    named = [(name, json.dumps(dict(_report(run)))) for name, run in _named(runs)]
    data, text = _native.compare_reports(named)
    return RunComparison(json.loads(data), text)


def page(*runs: Run | Mapping[str, Run]) -> str:
    """The page of a run, or of several side by side, as ``snnc report --html`` writes it: one HTML document.

    Runs are named as for `compare`. Of a report alone, the page says what it lacks.
    """
    with contextlib.ExitStack() as stack:
        folders = [(name, _folder(run, stack)) for name, run in _named(runs)]
        return _native.page_of(folders)


def _named(runs: tuple[Any, ...]) -> list[tuple[str, Any]]:
    if len(runs) == 1 and isinstance(runs[0], Mapping) and "schema" not in runs[0]:
        return [(str(name), run) for name, run in runs[0].items()]
    return [(_name(run, index), run) for index, run in enumerate(runs)]


def _name(run: Any, index: int) -> str:
    """A path by itself; other runs by their target and place."""
    if isinstance(run, (str, os.PathLike)):
        return os.fspath(run)
    return f"{_report(run)['target']['name']} ({index})"


def _report(run: Any) -> Any:
    if isinstance(run, _Ran):
        return run.report
    return run if isinstance(run, dict) else report(run)


def _folder(run: Any, stack: contextlib.ExitStack) -> str:
    """The folder of a run, or its report.json; temporary of one in memory."""
    if isinstance(run, (str, os.PathLike)):
        return os.fspath(run)
    import tempfile

    folder = stack.enter_context(tempfile.TemporaryDirectory())
    if isinstance(run, _Ran) and not isinstance(run._raw["files"], str):
        run.save(folder)
        return folder
    path = os.path.join(folder, "report.json")
    with open(path, "w", encoding="utf-8") as file:
        json.dump(dict(_report(run)), file)
    return path
