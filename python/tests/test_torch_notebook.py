"""The notebook that needs PyTorch runs from top to bottom."""

import json

import pytest

pytest.importorskip("torch")
pytest.importorskip("spikingjelly.activation_based")


def test_from_pytorch_to_joules(examples, monkeypatch, capsys):
    folder = examples / "notebooks"
    monkeypatch.chdir(folder)
    cells = json.loads((folder / "from_torch.ipynb").read_text())["cells"]
    names = {}
    for cell in cells:
        if cell["cell_type"] == "code":
            exec(compile("".join(cell["source"]), cell["id"], "exec"), names)
    assert "accuracy 95%" in capsys.readouterr().out
    assert names["result"].accuracy >= 0.93
