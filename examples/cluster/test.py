"""What can run here of the scripts beside this file runs, and gives the files of one process:

    python examples/cluster/test.py target/release/snnc

Slurm's script runs as Slurm calls it, task by task, without Slurm; GNU parallel's where it is installed; HyperQueue's
(PyPI: hyperqueue) with a server and two workers that are killed in the middle of 64 parts.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
MODEL = HERE.parent / "bars-events"


def files(folder):
    """Contents by name; of report.json without what the processes took, and not the list of checksums."""
    found = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    found.pop("manifest.json")
    report = json.loads(found["report.json"])
    del report["totals"]["wall_s"], report["totals"]["peak_memory_bytes"], report["mapping"]["compile_s"]
    return {**found, "report.json": report}


def equal(name, out, whole):
    found = files(out / "all")
    assert found.keys() == whole.keys(), (name, found.keys(), whole.keys())
    for file in whole:
        assert found[file] == whole[file], f"{name}: {file} differs from that of one process"
    print(f"{name}: {len(whole)} files equal those of one process", flush=True)


def slurm(folder, command, parts):
    out = folder / "slurm"
    for part in range(1, parts + 1):
        task = {**os.environ, "SLURM_ARRAY_TASK_ID": str(part), "SLURM_CPUS_PER_TASK": "1"}
        subprocess.run([HERE / "slurm.sh", str(parts), out, *command], env=task, check=True, stdout=subprocess.DEVNULL)
    subprocess.run(
        [command[0], "merge", *(out / "parts").iterdir(), "-o", out / "all"], check=True, stdout=subprocess.DEVNULL
    )
    return out


def hyperqueue(folder, command, parts):
    """Killed when a few parts are there; then all parts but those."""
    out = folder / "hyperqueue"
    start = [sys.executable, HERE / "hyperqueue_parts.py", str(parts), out, *command]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    first = subprocess.Popen(start, start_new_session=True, **quiet)
    made = lambda: len(list(out.glob("parts/*/manifest.json")))
    while made() < parts // 8:
        assert first.poll() is None, "it ended before it was killed"
        time.sleep(0.01)
    # The server, its workers, and what they run.
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()
    kept = made()
    assert kept < parts, "all parts were made before the kill"
    begun = time.monotonic()
    again = subprocess.run(start, check=True, capture_output=True, text=True)
    took = time.monotonic() - begun
    to_make = int(again.stdout.split()[0])
    assert to_make <= parts - kept, again.stdout
    print(f"hyperqueue: killed after {kept} of {parts} parts, {to_make} made again in {took:.1f} s")
    return out


def main():
    snnc = str(Path(sys.argv[1]).resolve())
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        program = folder / "m.snnx"
        compile = [snnc, "compile", MODEL / "model.ron", "--target", "loihi-like", "--effort", "fast", "-o", program]
        subprocess.run(compile, check=True, stdout=subprocess.DEVNULL)
        command = [snnc, "simulate", str(program), "--input", str(MODEL / "inputs.npy"), "--samples", "66", "--spikes"]
        command += ["--labels", str(MODEL / "labels.npy")]
        subprocess.run([*command, "--out", folder / "whole"], check=True, stdout=subprocess.DEVNULL)
        whole = files(folder / "whole")
        equal("slurm", slurm(folder, command, 3), whole)
        if shutil.which("parallel"):
            out = folder / "parallel"
            subprocess.run([HERE / "parallel.sh", "7", out, *command], check=True, stdout=subprocess.DEVNULL)
            equal("parallel", out, whole)
        else:
            print("parallel: not installed, left out")
        equal("hyperqueue", hyperqueue(folder, command, 64), whole)


if __name__ == "__main__":
    main()
