"""Progress of long runs: a bar of tqdm where that is installed and the user has not said otherwise."""

from __future__ import annotations

import contextlib
import warnings
from typing import Any, Callable, Iterator


@contextlib.contextmanager
def bar(wanted: Any, what: str) -> Iterator[Callable[[int, int], Any] | None]:
    """A function of steps done and steps in all: `wanted` itself, a bar of tqdm, or none.

    `wanted` is True for a bar if tqdm is there, False or None for none, or a function of your own.
    """
    if callable(wanted):
        yield wanted
        return
    try:
        # It warns of missing widgets, and then draws with text.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from tqdm.auto import tqdm
    except ImportError:
        tqdm = None
    if not wanted or tqdm is None:
        yield None
        return
    with tqdm(total=0, desc=what, leave=False, delay=0.5) as shown:

        def tell(done: int, steps: int) -> None:
            shown.total = steps
            shown.update(done - shown.n)

        yield tell
