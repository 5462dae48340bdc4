"""Spiking networks on neuromorphic chips: compile, simulate, count spikes, time and joules.

    import snnc
    model = snnc.load("model.ron")                       # or snnc.from_torch(module, sample, timesteps=4)
    program = snnc.compile(model, target="loihi-like", weights=8)
    result = program.run(x, labels=y)                    # result.accuracy, .predictions, .energy_j, .report
    images = program.generate(16, seed=1)                # of models that generate

Arrays are NumPy's: samples float32, float64 or uint8 ``[n, c, h, w]`` (spike trains ``[n, t, c, h, w]``), images uint8
``[n, c, h, w]``. Energies are in joules, times in seconds. What is wrong with an input is an `SnncError` with code,
place and hint. ``python -m snnc`` is the command line.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from snnc._arrays import Events
from snnc._compile import compile
from snnc._errors import Diagnostic, SnncError, SnncWarning, explain
from snnc._fit import Fit, Objectives, fit, objectives
from snnc._mapping import Mapping, SanaFe
from snnc._model import Model, import_checkpoints, import_nir, import_state_dict, load, model, passes
from snnc._native import __version__
from snnc._program import Program, Session
from snnc._reports import RunComparison, compare, page, report
from snnc._research import Hypergraph, Partition, Placement, hypergraph, place
from snnc._results import Check, Comparison, Images, Reconstruction, Reference, Report, Result
from snnc._sweep import Sweep, load_sweep, merge, sweep, sweep_file
from snnc._table import Table
from snnc._target import Target, target, targets
from snnc._trace import Trace

if TYPE_CHECKING:
    import torch

__all__ = [
    "Check",
    "Comparison",
    "Diagnostic",
    "Events",
    "Fit",
    "Hypergraph",
    "Images",
    "Mapping",
    "Model",
    "Objectives",
    "Partition",
    "Placement",
    "Program",
    "Reconstruction",
    "Reference",
    "Report",
    "Result",
    "RunComparison",
    "SanaFe",
    "Session",
    "SnncError",
    "SnncWarning",
    "Sweep",
    "Table",
    "Target",
    "Trace",
    "__version__",
    "compare",
    "compile",
    "explain",
    "fit",
    "from_torch",
    "hypergraph",
    "import_checkpoints",
    "import_nir",
    "import_state_dict",
    "load",
    "load_sweep",
    "merge",
    "model",
    "objectives",
    "page",
    "passes",
    "place",
    "report",
    "sweep",
    "sweep_file",
    "target",
    "targets",
]


def from_torch(module: torch.nn.Module, sample: torch.Tensor, timesteps: int | None = None, **options: Any) -> Model:
    """A `Model` from a PyTorch module of SpikingJelly or snnTorch neurons; see `snnc.torch.from_torch`."""
    from snnc.torch import from_torch as convert

    return convert(module, sample, timesteps, **options)
