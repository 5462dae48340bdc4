"""Pieces of HTML for notebooks; nothing is loaded from elsewhere."""

from __future__ import annotations

import base64
import html
import struct
import zlib
from typing import Any, Iterable, Sequence

import numpy as np


def escape(text: Any) -> str:
    """Text within HTML."""
    return html.escape(str(text))


def table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A table; numbers are shown with four digits."""
    head = "".join(f"<th>{escape(name)}</th>" for name in columns)
    body = "".join("<tr>" + "".join(f"<td>{escape(shown(cell))}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def shown(value: Any) -> str:
    """A cell for people."""
    if isinstance(value, float):
        return f"{value:.4g}"
    return "" if value is None else str(value)


def si(value: float | None, unit: str) -> str:
    """A quantity with a prefix: ``1.25 uJ``."""
    if value is None:
        return "unknown"
    for factor, prefix in ((1e9, "G"), (1e6, "M"), (1e3, "k"), (1, ""), (1e-3, "m"), (1e-6, "u"), (1e-9, "n")):
        if abs(value) >= factor:
            return f"{value / factor:.4g} {prefix}{unit}"
    return f"{value / 1e-12:.4g} p{unit}" if value else f"0 {unit}"


def bars(values: dict[str, float], unit: str) -> str:
    """Horizontal bars, one a name."""
    most = max(values.values(), default=0.0) or 1.0
    rows = (
        f"<tr><td>{escape(name)}</td><td><div style='background:#4878a8;height:0.9em;width:{value / most * 16:.2f}em'>"
        f"</div></td><td>{escape(si(value, unit))}</td></tr>"
        for name, value in values.items()
    )
    return f"<table>{''.join(rows)}</table>"


def png(pixels: np.ndarray) -> bytes:
    """A PNG of uint8 pixels, ``[h, w]`` grey or ``[h, w, 3]`` colours."""
    height, width = pixels.shape[:2]
    kind = 0 if pixels.ndim == 2 else 2
    rows = np.ascontiguousarray(pixels).reshape(height, -1)
    raw = np.concatenate([np.zeros((height, 1), np.uint8), rows], axis=1).tobytes()

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, height, 8, kind, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND", b"")


def grid(images: np.ndarray, columns: int = 8) -> np.ndarray:
    """Images ``[n, c, h, w]`` of 1 or 3 channels side by side: ``[H, W]`` or ``[H, W, 3]``, a pixel between them."""
    n, c, h, w = images.shape
    columns = max(1, min(columns, n))
    rows = -(-n // columns)
    sheet = np.full((rows * (h + 1) - 1, columns * (w + 1) - 1, c), 255, np.uint8)
    for i in range(n):
        y, x = (i // columns) * (h + 1), (i % columns) * (w + 1)
        sheet[y : y + h, x : x + w] = images[i].transpose(1, 2, 0)
    return sheet[:, :, 0] if c == 1 else sheet


def image(pixels: np.ndarray, scale: int = 2) -> str:
    """An image tag."""
    data = base64.b64encode(png(pixels)).decode()
    style = f"width:{pixels.shape[1] * scale}px;image-rendering:pixelated"
    return f"<img style='{style}' src='data:image/png;base64,{data}'/>"
