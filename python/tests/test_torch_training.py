"""The recipe of examples/train_spiking_diffusion.py, small: it learns, goes on where it stopped, and ends on a chip."""

import gzip
import importlib.util
import pathlib
import struct
import subprocess
import sys

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("spikingjelly.activation_based")
pillow = pytest.importorskip("PIL.Image")

SCRIPT = pathlib.Path(__file__).parents[2] / "examples" / "train_spiking_diffusion.py"
SMALL = "--timesteps 4 --codes 16 --width 4 --hidden 4,6 --channels 8,12,8 --batch 8 --look 3 --shown 8 --samples 6"


@pytest.fixture(scope="module")
def recipe():
    """The script as a module."""
    sys.path.insert(0, str(SCRIPT.parent))
    spec = importlib.util.spec_from_file_location("train_spiking_diffusion", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def bars(n, side, planes, seed):
    """Images of a bright bar on a dark ground, uint8 ``[n, planes, side, side]``."""
    draw = np.random.default_rng(seed)
    pixels = draw.integers(0, 30, (n, planes, side, side), dtype=np.uint8)
    for image in pixels:
        at = draw.integers(2, side - 5)
        rows, columns = (slice(at, at + 4), slice(None)) if draw.random() < 0.5 else (slice(None), slice(at, at + 4))
        image[draw.integers(planes), rows, columns] = 230
    return pixels


def train(folder, data, **steps):
    """Runs the script; what it prints."""
    command = [sys.executable, str(SCRIPT), "--data", str(data), "--out", str(folder), *SMALL.split(), "--threads", "1"]
    for name, count in steps.items():
        command += [f"--{name.replace('_', '-')}", str(count)]
    ran = subprocess.run(command, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def test_from_images_to_a_chip_in_two_sittings(tmp_path):
    np.savez(tmp_path / "bars.npz", images=bars(100, 16, 3, 1).transpose(0, 2, 3, 1))
    run = tmp_path / "run"
    said = train(run, tmp_path / "bars.npz", vq_steps=12, sdid_steps=12)
    assert "80 images [3, 16, 16] to train with, 20 held out" in said
    assert "vq_svae 12: loss" in said and "sdid 12: loss" in said
    table = [line for line in said.splitlines() if line.startswith(("held-out", "float samples", "chip (loihi-like"))]
    assert len(table) == 3 and "mJ" in table[2]
    for name in ("samples-float.png", "samples-chip.png", "reconstructions-12.png", "samples-12.png", "model.snnx"):
        assert (run / name).stat().st_size > 0
    assert pillow.open(run / "samples-chip.png").size == (6 * 17, 17)
    # More steps of the denoiser alone: the VQ-SVAE stays as it is.
    before = (run / "vq_svae.pth").read_bytes(), torch.load(run / "sdid.pth")["conv1.0.weight"]
    said = train(run, tmp_path / "bars.npz", vq_steps=12, sdid_steps=15)
    assert "vq_svae 12" not in said and "sdid 15: loss" in said and "sdid 12" not in said
    assert (run / "vq_svae.pth").read_bytes() == before[0]
    assert (torch.load(run / "sdid.pth")["conv1.0.weight"] != before[1]).any()


def test_a_run_that_was_stopped_is_one_that_was_not(recipe, tmp_path):
    """States after 4 + 4 steps are those after 8, so a stop loses nothing."""
    pixels = bars(60, 16, 1, 2)
    found = {}
    for name, stops in (("whole", (8,)), ("parts", (4, 8))):
        for stop in stops:
            arguments = f"--data x --out {tmp_path / name} --vq-steps {stop} --sdid-steps 0 {SMALL}"
            args = options(recipe, arguments.split())
            args.out.mkdir(exist_ok=True)
            torch.manual_seed(1)
            vq = recipe.VqSvae(1, args.hidden, args.codes, args.width, args.timesteps)
            # One schedule for both: what is left of the training is the steps of the second sitting.
            recipe._schedule = lambda step, steps: 1.0
            recipe.train_vq(vq, pixels[:50], pixels[50:], args)
        found[name] = torch.load(tmp_path / name / "vq_svae.state.pt")
    for key, value in found["whole"]["net"].items():
        assert torch.equal(value, found["parts"]["net"][key]), key


def options(recipe, arguments):
    """The script's options."""
    before, sys.argv = sys.argv, ["train", *arguments]
    try:
        return recipe.options()
    finally:
        sys.argv = before


def test_the_networks_are_those_of_the_example(recipe, examples):
    """The trained weights of the example fit, name by name, and give the recorded tokens, logits and pixels."""
    import snnc

    folder = examples / "spiking-diffusion-mnist"
    vq, net = recipe.VqSvae(1, (32, 64), 128, 16, 16), recipe.Sdid(128, [64, 128, 256, 512, 256], 16)
    for part, name in ((vq, "vq_svae"), (net, "sdid")):
        part.load_state_dict(tensors(folder / f"{name}.safetensors"), strict=False)
        own = {key for key in part.state_dict() if not key.endswith("num_batches_tracked")}
        assert own == set(tensors(folder / f"{name}.safetensors"))
        part.double().eval()
    model = snnc.load(folder / "model.ron")
    draw = np.random.default_rng(1)
    pixels = draw.random((3, 1, 28, 28)) - 0.5
    with torch.no_grad():
        tokens = vq.vq_layer.tokens(vq.encode(torch.as_tensor(pixels)))
    assert (model.reference(pixels, network="encoder").readout.reshape(3, 7, 7) == tokens.numpy()).all()
    planes = np.stack([draw.integers(0, 129, (7, 7)).astype(float), np.full((7, 7), 20.0)])[None]
    recipe.functional.reset_net(vq)
    with torch.no_grad():
        # In double precision, as the reference.
        x = torch.as_tensor(planes)
        torch.set_default_dtype(torch.float64)
        logits = net(x[:, 0], torch.full((1,), 20.0))
        image = vq.decode(vq.vq_layer.codes(tokens))
        torch.set_default_dtype(torch.float32)
    assert np.allclose(model.reference(planes, network="sdid").readout, logits.numpy(), atol=1e-9)
    again = model.reference(tokens[:, None].numpy(), network="decoder").readout
    assert np.allclose(np.tanh(again), image.numpy(), atol=1e-9)


def tensors(path):
    """The arrays of a .safetensors file."""
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    import json

    header = json.loads(data[8 : 8 + length])
    found = {}
    for name, one in header.items():
        if name != "__metadata__":
            start, end = (8 + length + at for at in one["data_offsets"])
            found[name] = torch.as_tensor(np.frombuffer(data[start:end], "<f4").copy().reshape(one["shape"]))
    return found


def test_sets_of_images_are_read_as_they_are_stored(recipe, tmp_path):
    pixels = bars(5, 12, 1, 3)
    header = struct.pack(">IIII", 0x803, 5, 12, 12)
    (tmp_path / "train-images-idx3-ubyte").write_bytes(header + pixels.tobytes())
    assert (recipe.images(tmp_path) == pixels).all()
    # EMNIST's files hold the transposed image.
    letters = tmp_path / "emnist-letters-train-images-idx3-ubyte.gz"
    letters.write_bytes(gzip.compress(header + pixels.transpose(0, 1, 3, 2).tobytes()))
    assert (recipe.images(letters) == pixels).all()
    (tmp_path / "train-images-idx3-ubyte").write_bytes(header + pixels.tobytes()[:-1])
    with pytest.raises(SystemExit, match="no idx file"):
        recipe.images(tmp_path / "train-images-idx3-ubyte")
    colours = bars(4, 32, 3, 4)
    (tmp_path / "cifar").mkdir()
    for i in (1, 2):
        records = np.concatenate([np.full((2, 1), i, np.uint8), colours[2 * i - 2 : 2 * i].reshape(2, -1)], 1)
        (tmp_path / "cifar" / f"data_batch_{i}.bin").write_bytes(records.tobytes())
    assert (recipe.images(tmp_path / "cifar") == colours).all()
    (tmp_path / "png" / "a").mkdir(parents=True)
    for i, image in enumerate(colours):
        pillow.fromarray(image.transpose(1, 2, 0)).save(tmp_path / "png" / "a" / f"{i}.png")
    assert (recipe.images(tmp_path / "png") == colours).all()
    np.savez(tmp_path / "two.npz", a=pixels, b=pixels)
    with pytest.raises(SystemExit, match="found 2 among a, b"):
        recipe.images(tmp_path / "two.npz")
    (tmp_path / "empty").mkdir()
    with pytest.raises(SystemExit, match="no PNG file"):
        recipe.images(tmp_path / "empty")
