"""Feeds a set made by `snnc generate` to FID or KID as torchmetrics computes them.

    snnc generate examples/spiking-diffusion-mnist/model.ron --images 1000 --out set/
    python examples/fid_inputs.py set/images.npy real.npy

`real.npy` holds real images, uint8 [n, 28, 28]. torchmetrics wants uint8 [n, 3, H, W]; grey images are repeated over
the three channels. Arrays are memory-mapped, so a set of any size takes constant memory. Needs numpy; torch and
torchmetrics[image] for the figures.
"""

import sys

import numpy as np


def batches(path, size=100):
    """uint8 [n, 3, H, W] batches of an array [n, H, W] or [n, C, H, W]."""
    images = np.load(path, mmap_mode="r")
    if images.ndim == 3:
        images = images[:, None]
    for first in range(0, len(images), size):
        batch = np.asarray(images[first : first + size])
        yield np.repeat(batch, 3, axis=1) if batch.shape[1] == 1 else batch


def main(generated, real):
    import torch
    from torchmetrics.image.fid import FrechetInceptionDistance
    from torchmetrics.image.kid import KernelInceptionDistance

    fid = FrechetInceptionDistance(feature=2048)
    kid = KernelInceptionDistance(subset_size=100)
    for path, is_real in ((real, True), (generated, False)):
        for batch in batches(path):
            fid.update(torch.from_numpy(batch), real=is_real)
            kid.update(torch.from_numpy(batch), real=is_real)
    mean, deviation = kid.compute()
    print(f"FID {fid.compute():.2f}, KID {mean:.4f} +- {deviation:.4f}")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(sys.argv[1], sys.argv[2])
