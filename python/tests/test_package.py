"""Models, programs, runs: what Python gives is what the command gives, and what frameworks recorded."""

import copy
import json
import os
import pickle
import signal
import subprocess
import sys
import threading

import numpy as np
import pytest
import snnc


def command(*arguments, cwd=None):
    """The command line of the package."""
    return subprocess.run(
        [sys.executable, "-m", "snnc", *map(str, arguments)], capture_output=True, text=True, cwd=cwd, timeout=300
    )


@pytest.fixture(scope="module")
def digits(examples):
    """Model, samples and labels of the convolutional classifier."""
    folder = examples / "digits-cnn"
    return snnc.load(folder / "model.ron"), np.load(folder / "inputs.npy"), np.load(folder / "labels.npy")


@pytest.fixture(scope="module")
def program(digits):
    """It on its default chip."""
    return snnc.compile(digits[0], "loihi-like", effort="fast")


def test_the_version_is_that_of_the_command():
    assert command("--version").stdout.splitlines()[0] == f"snnc {snnc.__version__}"


def test_a_run_is_that_of_the_command(examples, digits, program, tmp_path):
    model, x, y = digits
    # The command evens out the work of the first samples.
    fed = snnc.compile(model, "loihi-like", effort="fast", feeds=x[:4])
    result = fed.run(x, labels=y, spikes=True, timing="cycle:1/4")
    assert result.energy_j != program.run(x).energy_j
    folder = examples / "digits-cnn"
    out = tmp_path / "out"
    ran = command(
        "run",
        folder / "model.ron",
        "--effort",
        "fast",
        "--input",
        folder / "inputs.npy",
        "--labels",
        folder / "labels.npy",
        "--spikes",
        "--timing",
        "cycle:1/4",
        "--out",
        out,
    )
    assert ran.returncode == 0, ran.stderr
    report = json.loads((out / "report.json").read_text())
    for name in ("compile_s", "wall_s", "peak_memory_bytes"):
        for group in (report["mapping"], report["totals"], result.report["mapping"], result.report["totals"]):
            group.pop(name, None)
    # Only the command knows what it was asked for.
    assert report.pop("options")["--timing"] == "cycle:1/4"
    assert result.report == report
    assert (result.readout == np.load(out / "readout.npy")).all()
    table = np.loadtxt(out / "predictions.csv", delimiter=",", skiprows=1)
    assert (result.predictions == table[:, 2]).all()
    assert result.accuracy == (table[:, 1] == table[:, 2]).mean()
    archive = np.load(out / "spikes.npz")
    assert sorted(archive) == sorted(result.spikes)
    for name in archive:
        spikes = result.spikes[name]
        assert spikes.dtype == np.uint8 and spikes.max() == 1
        assert (np.packbits(spikes, axis=-1) == archive[name]).all()
    assert (result.spikes["2"] == result.spikes["net.2"]).all() and result.spikes["2"].shape == (100, 4, 8, 28, 28)
    assert sum(spikes.sum(dtype=np.int64) for spikes in result.spikes.values()) == report["totals"]["spikes"]
    rows = (out / "timesteps.csv").read_text().splitlines()
    assert rows[0].split(",") == result.timesteps.columns and len(rows) - 1 == len(result.timesteps)
    column = result.timesteps.columns.index("time_s")
    assert result.timesteps["time_s"].tolist() == [float(row.split(",")[column]) for row in rows[1:]]
    assert sum(row["energy_j"] for row in result.energy if row["by"] == "component") == pytest.approx(result.energy_j)


def test_the_float_reference_is_what_was_recorded(examples, digits):
    model, x, y = digits
    check = model.check(examples / "digits-cnn" / "golden.safetensors", x)
    assert check and check.passed and len(check["rows"]) == 21
    assert not model.check(examples / "digits-cnn" / "golden.safetensors", x[::-1])
    reference = model.reference(x, spikes=True)
    # The README of the recording: 95 of 100 are right; spikes of the last layer over T are the read-out.
    assert (reference.predictions == y).mean() == 0.95
    assert (reference.spikes["12"].mean(axis=1) == reference.readout).all()


def test_membranes_and_state_that_is_kept(examples):
    folder = examples / "digits-recurrent"
    program = snnc.compile(folder / "model.ron", "spinnaker2-like", effort="fast")
    x = np.load(folder / "inputs.npy")[:3]
    layer = program.run(x[:1], spikes=True).layers["name"][1]  # the first is the input
    name = layer.split(".", 1)[1]
    both = program.run(x, membranes=[name], spikes=True)
    some = program.run(x, membranes=[f"{name}:2,0"])
    assert list(some.membranes) == [layer] and (some.membranes[layer] == both.membranes[layer][..., [2, 0]]).all()
    assert both.membranes[layer].dtype == np.float64 and both.membranes[layer].any()
    kept = program.run(x, membranes=[name], keep_state=True)
    assert (kept.membranes[layer][0] == both.membranes[layer][0]).all()
    assert (kept.membranes[layer][1] != both.membranes[layer][1]).any()
    assert any("state is kept" in note for note in kept.report["notes"])
    with pytest.raises(snnc.SnncError, match="no layer of neurons"):
        program.run(x, membranes=["nothing"])


def test_arrays_of_any_kind_of_number_are_taken(examples):
    folder = examples / "digits-leaky"
    program = snnc.compile(folder / "model.ron", "spinnaker2-like", effort="fast")
    x = np.load(folder / "inputs.npy")[:8]
    first = program.run(x, progress=False)
    assert first.predictions.tolist() == np.load(folder / "labels.npy")[:8].tolist()
    for other in (x.astype(bool), x.astype(np.float32), x.astype(np.int16), np.asfortranarray(x), x.reshape(8, -1)):
        assert (program.run(other).readout == first.readout).all()
    assert (program.run(x, threads=1, timing="none").readout == first.readout).all()


def test_a_model_is_described_without_files(tmp_path):
    text = """(
      format: "snnc.model/1", name: "tiny", weights: {"w": "any"},
      networks: {"net": (timesteps: 3, layers: [
        (name: "x", op: Input(shape: (2, 1, 1))),
        (name: "fc", from: ["x"], op: Linear(weight: ("w", "fc"))),
        (name: "lif", from: ["fc"], op: If(threshold: 1.0)),
        (name: "out", from: ["lif"], op: SumOverTime),
      ])},
    )"""
    weight = np.array([[0.5, 0.0], [1.0, 0.0], [0.0, 0.25]])
    model = snnc.model(text, {"fc": weight})
    # By hand: v grows by 0.5, 1 and 0.25 a step; fires at 1 and starts again from 0.
    reference = model.reference([[1.0, 1.0], [0.0, 1.0], [2.0, 4.0]], spikes=True)
    assert reference.readout.tolist() == [[1, 3, 0], [0, 0, 0], [3, 3, 3]]
    assert reference.spikes["lif"][0].tolist() == [[0, 1, 0], [1, 1, 0], [0, 1, 0]]
    assert model.networks == {"net": {"timesteps": 3, "input": (2, 1, 1), "spikes": False, "output": (3, 1, 1)}}
    saved = snnc.load(model.save(tmp_path))
    assert (saved.reference([[0.3, 0.7]]).readout == model.reference([[0.3, 0.7]]).readout).all()
    with pytest.raises(snnc.SnncError) as error:
        snnc.model(text, {"fcc": weight}, place="mine")
    error = error.value
    assert (error.code, error.hint) == ("E0005", "near names: `fcc`")
    assert (error.diagnostics[0].file, error.diagnostics[0].line) == ("mine", 5)


def test_generated_images_are_those_of_the_command(examples, tmp_path):
    path = examples / "spiking-diffusion-mnist" / "model.ron"
    model = snnc.load(path)
    program = model.compile("loihi-like", effort="fast")
    images = program.generate(2, seed=3, temperature=0.8, timing="none")
    assert images.shape == (2, 1, 28, 28) and images.dtype == np.uint8 and images.tokens.shape == (2, 7, 7)
    found = program.generate_to(tmp_path / "set", 2, 3, temperature=0.8)
    assert found == {"whole": 0, "damaged": 0}
    assert (np.load(tmp_path / "set" / "images.npy") == images[:, 0]).all()
    ran = command(
        "run",
        path,
        "--effort",
        "fast",
        "--images",
        2,
        "--seed",
        3,
        "--temperature",
        0.8,
        "--timing",
        "none",
        "--out",
        tmp_path / "run",
    )
    assert ran.returncode == 0, ran.stderr
    assert (np.load(tmp_path / "run" / "tokens.npy") == images.tokens).all()
    # Another temperature draws other tokens, and the model's own is the default.
    again = program.generate(1, seed=3, temperature=model.temperature, timing="none")
    assert (again.tokens == program.generate(1, seed=3, timing="none").tokens).all()
    assert (again.tokens != images.tokens[:1]).any()
    assert "<img" in images._repr_html_() and "<img" in images[:1]._repr_html_()
    copied = pickle.loads(pickle.dumps(images))
    assert (copied == images).all() and copied.report == images.report
    with pytest.raises(snnc.SnncError, match="--temperature"):
        program.generate(1, temperature=0.0)
    with pytest.raises(AttributeError):
        images[:1].report


def test_targets_are_edited_checked_and_pickled(tmp_path):
    for name in snnc.targets():
        target = snnc.target(name)
        assert snnc.Target.from_dict(target.to_dict()) == target
        target.save(tmp_path / "t.ron")
        assert snnc.target(tmp_path / "t.ron") == target == pickle.loads(pickle.dumps(target)) == copy.deepcopy(target)
    small = target.replace(core__neurons=128, name="small")
    assert (small["core.neurons"], small.name) == (128, "small") and small != target
    kind, source = next(iter(small.to_dict()["core"]["neurons"][1].items()))
    assert kind == "Assumed" and str(target["core.neurons"]) in source
    sourced = target.replace(core__neurons=(64, ("Measured", "by us")))
    assert sourced.to_dict()["core"]["neurons"] == [64, {"Measured": "by us"}]
    with pytest.raises(snnc.SnncError, match="near names: neurons") as error:
        target.replace(core__neuron=3)
    assert error.value.code == "E0003"
    with pytest.raises(snnc.SnncError) as error:
        target.replace(core__neurons=0)
    assert error.value.code == "E0003" and "core.neurons" in error.value.place
    with pytest.raises(snnc.SnncError, match="no target"):
        target.replace(core__neurons="many")


def test_a_smaller_core_takes_more_of_them(digits, program):
    half = program.target.replace(core__neurons=512)
    other = snnc.compile(digits[0], half, objective="cores", effort="fast")
    assert other.cores > snnc.compile(digits[0], objective="cores", effort="fast").cores
    x = digits[1][:4]
    assert (other.run(x).readout == program.run(x).readout).all()


def test_options_of_the_compiler_are_heard(digits, program):
    model, x, y = digits
    narrow = snnc.compile(model, weights=4, calibrate=x[:16], effort="fast")
    assert narrow.weight_bits == 4 and narrow.run(x, y).accuracy > 0.85
    assert (narrow.run(x).readout != snnc.compile(model, weights=4, passes=0, effort="fast").run(x).readout).any()
    result = program.run(x[:10])
    weighed = snnc.compile(model, profile=result, objective="packets", effort="fast")
    assert weighed.mapping["traffic"] != program.mapping["traffic"]
    assert (weighed.run(x[:5]).readout == result.readout[:5]).all()
    few = snnc.compile(model, objective="cores", effort="fast")
    fast = snnc.compile(model, cores=few.cores + 4)
    assert few.cores <= fast.cores <= few.cores + 4 and fast.run(x[:10]).energy_j != few.run(x[:10]).energy_j
    assert (fast.run(x[:10]).readout == result.readout).all()
    for wrong in (
        {"weights": 9},
        {"cores": 0},
        {"objective": "beauty"},
        {"effort": "none"},
        {"passes": 2000},
        {"profile": {}},
    ):
        with pytest.raises(snnc.SnncError):
            snnc.compile(model, **wrong)


def test_nir_files_are_read_by_what_is_said_of_them(examples):
    files = examples.parent / "tests" / "data" / "nir"
    named = {"dialect": "spikingjelly", "constant_input": True, "timesteps": 4, "readout": "mean"}
    model = snnc.load(files / "digits_cnn.nir", **named)
    assert any("spikingjelly" in remark for remark in model.remarks)
    x = np.load(examples / "digits-cnn" / "inputs.npy")[:20]
    own = snnc.load(examples / "digits-cnn" / "model.ron")
    assert (model.reference(x).predictions == own.reference(x).predictions).all() and own.remarks == []
    for wrong in ({"dialect": "klingon"}, {"compare": "near"}, {**named, "readout": "best"}):
        with pytest.raises(snnc.SnncError):
            snnc.load(files / "digits_cnn.nir", **wrong)
    with pytest.raises(snnc.SnncError, match="would change nothing"):
        snnc.load(examples / "digits-cnn" / "model.ron", dialect="exact")


def test_mapping_and_comparison_are_data_and_text(digits, program, tmp_path):
    model, x, y = digits
    assert program.mapping["cores"] == program.cores and "at least" in str(program.mapping)
    assert program.cores == program.run(x[:1]).report["mapping"]["cores_used"]
    (tmp_path / "p.ron").write_text(program.mapping.partition)
    (tmp_path / "q.ron").write_text(program.mapping.placement)
    same = snnc.compile(model, partition=tmp_path / "p.ron", placement=tmp_path / "q.ron")
    mapped, given = program.mapping.to_dict(), same.mapping.to_dict()
    assert given["expected"].pop("exceptions") == ["the partition was given"]
    assert given == mapped
    compared = program.verify(x[:4], y[:4])
    assert compared["samples"] == 4 and compared["predictions"]["accuracy_chip"] == program.run(x[:4], y[:4]).accuracy
    for wrong in ({"images": 2}, {"seed": 3}):
        with pytest.raises(snnc.SnncError, match="would change nothing"):
            program.verify(x[:1], **wrong)
    with pytest.raises(snnc.SnncError, match="needs samples"):
        program.verify()
    fits = model.fit(["loihi-like", "truenorth-like"])
    assert fits["loihi-like"]["fits"] and not fits["truenorth-like"]["fits"]
    for shown in (model, program, program.mapping, compared, fits, program.target, program.run(x[:2], y[:2])):
        assert repr(shown).startswith("<snnc.") and len(shown._repr_html_()) > 50


def test_programs_are_saved_and_pickled(digits, program, tmp_path):
    x = digits[1][:3]
    first = program.run(x)
    program.save(tmp_path / "p.snnx")
    for other in (snnc.load(tmp_path / "p.snnx"), pickle.loads(pickle.dumps(program))):
        assert (other.run(x).readout == first.readout).all()
        for what in (lambda: other.mapping, lambda: other.verify(x)):
            with pytest.raises(snnc.SnncError, match="compile the model instead"):
                what()
    report = pickle.loads(pickle.dumps(first.report))
    assert report == first.report and str(report) == str(first.report)


def test_models_are_imported_exported_and_looked_into(examples, digits, program, tmp_path):
    folder = examples / "spiking-diffusion-mnist"
    files = folder / "vq_svae.safetensors", folder / "sdid.safetensors"
    model = snnc.import_checkpoints(*files, tmp_path / "spiking-diffusion-mnist")
    written = (tmp_path / "spiking-diffusion-mnist" / "model.ron").read_text()
    assert written == (folder / "model.ron").read_text()
    with pytest.raises(snnc.SnncError, match="multiple of 4"):
        snnc.import_checkpoints(*files, tmp_path / "odd", image_size=30)
    # Random images; the command on the same ones.
    pixels = np.random.default_rng(1).integers(0, 256, (3, 1, 28, 28), dtype=np.uint8)
    np.savez(tmp_path / "x.npz", pixels=pixels[:, 0])
    found = model.reconstruct(pixels, weights=8)
    ran = command("reconstruct", folder / "model.ron", tmp_path / "x.npz", "--weights", 8, "--json")
    told = json.loads(ran.stdout)
    assert {name: told[name] for name in found.to_dict()} == found.to_dict() and found["images"] == 3
    assert found.pictures.shape[:3] == (3, 1, 28) and (found.pictures[:, :, :, :28] == pixels).all()
    assert "<img" in found._repr_html_() and "3 images" in repr(found)
    for wrong, message in (
        (pixels / 255, "float64"),
        (pixels[0, 0], "expected \\[n, c, h, w"),
        (pixels[:, :, :4], "images are"),
    ):
        with pytest.raises(snnc.SnncError, match=message):
            model.reconstruct(wrong)
    # A NIR file and back: the same spikes.
    own, x = snnc.load(examples / "digits-leaky" / "model.ron"), np.load(examples / "digits-leaky" / "inputs.npy")[:5]
    reading = own.export_nir(tmp_path / "net.nir").split()
    assert reading[0] == "--dialect"
    steps = own.networks["net"]["timesteps"]
    again = snnc.load(tmp_path / "net.nir", dialect=reading[1], timesteps=steps, readout="sum")
    assert (again.reference(x).readout == own.reference(x).readout).all()
    # Texts of the stages are those of the command.
    path = examples / "digits-cnn" / "model.ron"
    assert digits[0].after_pass("collect-neurons") == command("compile", path, "--emit-after", "collect-neurons").stdout
    assert program.text("spiking") == command("compile", path, "--emit", "spiking").stdout
    assert len(program.text().splitlines()) > program.cores
    with pytest.raises(snnc.SnncError, match="pass"):
        digits[0].after_pass("nothing")
    with pytest.raises(snnc.SnncError, match="no unmapped network"):
        pickle.loads(pickle.dumps(program)).text("spiking")


def test_results_are_copied_and_pickled_with_all_that_they_have(digits, program):
    result = program.run(digits[1][:3], digits[2][:3], spikes=True)
    printed = str(result.report)
    assert "energy" in printed
    for other in (pickle.loads(pickle.dumps(result)), copy.deepcopy(result)):
        assert (other.readout == result.readout).all() and (other.predictions == result.predictions).all()
        assert other.report == result.report and str(other.report) == printed and other.accuracy == result.accuracy
        assert other.timesteps["time_s"].tolist() == result.timesteps["time_s"].tolist()
        assert all((other.spikes[name] == result.spikes[name]).all() for name in result.spikes)
    report = copy.deepcopy(result.report)
    assert report == result.report and report.text == printed and report is not result.report


def test_tables_become_frames_of_pandas(digits, program):
    pandas = pytest.importorskip("pandas")
    result = program.run(digits[1][:2])
    frame = result.energy.to_pandas()
    assert isinstance(frame, pandas.DataFrame) and list(frame.columns) == ["by", "name", "energy_j"]
    assert frame[frame["by"] == "component"]["energy_j"].sum() == pytest.approx(result.energy_j)
    steps = result.timesteps.to_pandas()
    assert steps["time_s"].tolist() == result.timesteps["time_s"].tolist() and (steps["time_s"] > 0).all()
    assert set(result.layers.to_pandas()["name"]) == {layer["name"] for layer in result.report["layers"]}


def test_a_run_is_plotted(digits, program):
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("agg")
    from matplotlib import pyplot

    result = program.run(digits[1][:2])
    figure, own = pyplot.subplots()
    assert result.plot(own) is own
    joules = result.report["energy_j"]
    shown = {label.get_text(): bar.get_width() for label, bar in zip(own.get_yticklabels(), own.patches)}
    assert shown == joules
    assert program.target.name in own.get_title()
    assert result.plot().get_xlabel() == "energy (J)"
    pyplot.close("all")


def test_progress_is_a_bar_where_tqdm_is(digits, program, capfd):
    pytest.importorskip("tqdm")
    program.run(np.concatenate([digits[1]] * 2), timing="cycle")
    assert "running" in capfd.readouterr().err
    program.run(digits[1], timing="cycle", progress=False)
    assert capfd.readouterr().err == ""


def test_wrong_arrays_are_refused_by_shape(digits, program):
    _, x, y = digits
    for wrong, message in (
        (x[0, 0], "is \\[28, 28\\], expected \\[n, 1, 28, 28\\]"),
        (x[:0], "no sample"),
        (x[:2] * np.nan, "NaN"),
        (x[:2].astype(complex), "complex"),
    ):
        with pytest.raises(snnc.SnncError, match=message):
            program.run(wrong)
    for labels, message in ((y[:3], "3 labels, 2 samples"), ([0, 10], "label 10"), ([0.5, 1], "float64")):
        with pytest.raises(snnc.SnncError, match=message):
            program.run(x[:2], labels)
    with pytest.raises(snnc.SnncError, match="generation pipeline"):
        program.generate(1)
    with pytest.raises(ValueError, match="spikes=True"):
        program.run(x[:1]).spikes


def test_errors_have_code_place_and_hint_and_a_page(tmp_path):
    (tmp_path / "m.ron").write_text('(\n  format: "snnc.model/1",\n  nam: 3,\n)')
    with pytest.raises(snnc.SnncError) as error:
        snnc.load(tmp_path / "m.ron")
    first = error.value.diagnostics[0]
    assert first.line == 3 and first.file.endswith("m.ron") and first.code == error.value.code
    assert first.code in snnc.explain(first.code) or snnc.explain(first.code)
    assert pickle.loads(pickle.dumps(error.value)).diagnostics == error.value.diagnostics


def test_other_threads_run_while_rust_works(digits, program):
    x = np.concatenate([digits[1]] * 4)
    started, ticks, stop = threading.Event(), [], threading.Event()

    def tick():
        started.set()
        while not stop.wait(0.001):
            ticks.append(1)

    thread = threading.Thread(target=tick)
    thread.start()
    started.wait()
    before = len(ticks)
    program.run(x, timing="cycle")
    during = len(ticks) - before
    stop.set()
    thread.join()
    assert during > 3


def test_progress_is_told_and_may_stop_a_run(digits, program):
    x = np.concatenate([digits[1]] * 2)
    told = []
    program.run(x, progress=lambda done, steps: told.append((done, steps)))
    assert told[-1] == (200, 200)

    def stop(done, steps):
        raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        program.run(x, progress=stop, timing="cycle")


@pytest.mark.skipif(os.name != "posix", reason="sends a signal")
def test_an_interrupt_stops_a_run(examples, tmp_path):
    script = """
import sys, snnc
program = snnc.compile(sys.argv[1], effort="fast")
try:
    program.generate(100_000, timing="none", progress=lambda done, steps: print("running", flush=True))
except KeyboardInterrupt:
    print("stopped", flush=True)
"""
    path = examples / "spiking-diffusion-mnist" / "model.ron"
    process = subprocess.Popen([sys.executable, "-c", script, str(path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "running\n"
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=120)[0].splitlines()[-1] == "stopped"
    assert process.returncode == 0


def test_the_command_has_its_exit_codes():
    assert command("targets").stdout.splitlines()[0].split()[0] == snnc.targets()[0]
    assert (command("fit").returncode, command("explain", "E9999").returncode) == (2, 1)
