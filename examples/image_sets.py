"""Sets of images from local files, and sheets of them as PNG; for ``train_spiking_diffusion.py``."""

from __future__ import annotations

import gzip
import pathlib
import sys

import numpy as np
from PIL import Image


def images(path: pathlib.Path) -> np.ndarray:
    """All images below a path, uint8 ``[n, c, h, w]``."""
    if path.is_dir():
        found = sorted(
            one for one in path.rglob("*") if "train" in one.name and "images" in one.name and "idx3" in one.name
        )
        if found:
            return _idx(found[0])
        found = sorted(path.rglob("data_batch_*.bin"))
        if found:
            # A label, then three planes of 32 x 32.
            records = np.concatenate([np.fromfile(one, np.uint8).reshape(-1, 1 + 3 * 32 * 32) for one in found])
            return records[:, 1:].reshape(-1, 3, 32, 32)
        found = sorted(path.rglob("*.png"))
        if not found:
            sys.exit(f"{path}: no idx file of training images, no data_batch_*.bin and no PNG file")
        return _channels_first(np.stack([np.asarray(_picture(one)) for one in found]), str(path))
    if path.suffix == ".npz":
        with np.load(path) as archive:
            fitting = [name for name in archive if archive[name].dtype == np.uint8 and archive[name].ndim in (3, 4)]
            if len(fitting) != 1:
                sys.exit(f"{path}: expected one array of uint8 images, found {len(fitting)} among {', '.join(archive)}")
            return _channels_first(archive[fitting[0]], str(path))
    return _idx(path)


def _picture(path: pathlib.Path) -> Image.Image:
    picture = Image.open(path)
    return picture if picture.mode in ("L", "RGB") else picture.convert("RGB")


def _channels_first(pixels: np.ndarray, place: str) -> np.ndarray:
    if pixels.ndim == 3:
        return pixels[:, None]
    if pixels.shape[1] in (1, 3):
        return pixels
    if pixels.shape[3] in (1, 3):
        return np.ascontiguousarray(pixels.transpose(0, 3, 1, 2))
    sys.exit(f"{place}: images {list(pixels.shape)}, expected 1 or 3 channels")


def _idx(path: pathlib.Path) -> np.ndarray:
    """An idx3 file: magic number, three axis lengths (big-endian), pixels."""
    with (gzip.open if path.suffix == ".gz" else open)(path, "rb") as file:
        data = file.read()
    magic, n, h, w = np.frombuffer(data, ">u4", 4).tolist() if len(data) >= 16 else (0, 0, 0, 0)
    if magic != 0x803 or len(data) != 16 + n * h * w:
        sys.exit(f"{path}: no idx file of images")
    pixels = np.frombuffer(data, np.uint8, offset=16).reshape(n, 1, h, w)
    # EMNIST is stored column by column.
    return np.ascontiguousarray(pixels.transpose(0, 1, 3, 2)) if "emnist" in path.name.lower() else pixels


def write_sheet(pictures: np.ndarray, path: pathlib.Path, columns: int = 16) -> None:
    """Images ``[n, c, h, w]`` side by side as a PNG."""
    n, c, h, w = pictures.shape
    sheet = np.full((c, -(-n // columns) * (h + 1), min(n, columns) * (w + 1)), 128, np.uint8)
    for i, picture in enumerate(pictures):
        y, x = i // columns * (h + 1), i % columns * (w + 1)
        sheet[:, y : y + h, x : x + w] = picture
    Image.fromarray(sheet[0] if c == 1 else np.ascontiguousarray(sheet.transpose(1, 2, 0))).save(path)
