"""Tables: columns by name, rows one after another."""

from __future__ import annotations

import csv
import io
from typing import Any, Iterable, Iterator, Sequence

import numpy as np

from snnc import _html


class Table:
    """Rows with named columns: ``table["time_s"]`` is a column as an array, ``to_pandas()`` a DataFrame."""

    def __init__(self, columns: dict[str, Any]):
        self._columns = columns

    @classmethod
    def _of_rows(cls, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> Table:
        cells = [list(column) for column in zip(*rows)] or [[] for _ in columns]
        return cls(dict(zip(columns, cells)))

    @classmethod
    def _of_csv(cls, text: str) -> Table:
        rows = csv.reader(io.StringIO(text))
        names = next(rows)
        columns = list(zip(*rows)) or [() for _ in names]
        return cls({name: [_number(cell) for cell in column] for name, column in zip(names, columns)})

    @property
    def columns(self) -> list[str]:
        """Names of the columns."""
        return list(self._columns)

    def __getitem__(self, name: str) -> np.ndarray:
        return np.array(self._columns[name])

    def __len__(self) -> int:
        return len(next(iter(self._columns.values()), ()))

    def where(self, chosen: Any) -> Table:
        """The rows whose flag in `chosen`, ``[rows]``, is set."""
        flags = np.asarray(chosen, bool)
        return Table._of_rows(self.columns, [tuple(row.values()) for row, flag in zip(self, flags) if flag])

    def __iter__(self) -> Iterator[dict[str, Any]]:
        for row in zip(*self._columns.values()):
            yield dict(zip(self._columns, row))

    def to_pandas(self) -> Any:
        """A pandas DataFrame (pandas is imported here)."""
        import pandas

        return pandas.DataFrame(self._columns)

    def __repr__(self) -> str:
        return f"<snnc.Table of {len(self)} rows: {', '.join(self._columns)}>"

    def _repr_html_(self) -> str:
        shown = [row.values() for _, row in zip(range(20), self)]
        more = f"<div>{len(self) - 20} more rows</div>" if len(self) > 20 else ""
        return _html.table(self.columns, [list(row) for row in shown]) + more


WORDS = {"": None, "true": True, "false": False}


def _number(cell: str) -> Any:
    if cell in WORDS:
        return WORDS[cell]
    try:
        return float(cell) if "." in cell or "e" in cell else int(cell)
    except ValueError:
        return cell
