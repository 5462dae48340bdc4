#!/usr/bin/env python3
"""snnc on the files that `nir_nets.py` wrote, as a table in Markdown.

Usage: nir_peer.py SNNC FOLDER [NAME...]     SNNC is the program. Each file is read, compared with the spikes and the read-out of
`nir_step.py`, imported and compared again as a model file, and mapped and run on each of TARGETS. Exits with 1 where a
spike differs, or where only one of snnc and the package `nir` refuses a file.
"""
import json
import subprocess
import sys
import tempfile
from pathlib import Path

TARGETS = ("loihi-like", "loihi2-like")


def call(*arguments):
    done = subprocess.run([str(a) for a in arguments], capture_output=True, text=True)
    return done.returncode, done.stdout, done.stderr


def told(error):
    """The first line of a message that says what is wrong."""
    lines = [line.strip() for line in error.splitlines() if line.startswith("error")]
    return lines[0] if lines else error.strip().splitlines()[-1] if error.strip() else "?"


def compared(snnc, model, options, case):
    """Spikes that were compared, and what differs; none if it is refused."""
    code, out, error = call(snnc, "verify", model, *options, "--input", case / "inputs.npy", "--golden",
                            case / "golden.safetensors", "--json")
    if not out.strip():
        return None, told(error)
    rows = json.loads(out)["rows"]
    wrong = sum(row["mismatches"] for row in rows)
    return sum(row["compared"] for row in rows if row["what"] == "spikes"), wrong if code or wrong else 0


def chips(snnc, case, options):
    """On which targets it maps and runs, and why not on others."""
    found, why = [], ""
    for target in TARGETS:
        code, _, error = call(snnc, "run", case / "net.nir", *options, "--target", target, "--input", case / "inputs.npy",
                              "--timing", "analytic")
        if code == 0:
            found.append(target)
        else:
            why = told(error)
    return ", ".join(found) or why


def main():
    snnc, folder, only = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:]
    good, total = True, 0
    print("| file | dialect | nodes | spikes compared | wrong | wrong once imported | runs on |\n|---|---|---|---|---|---|---|")
    for case in sorted(folder.iterdir()):
        if only and case.name not in only:
            continue
        dialect, nodes, _ = (case / "about").read_text().split("\t")
        options = (case / "options").read_text().split("\n")
        if not (case / "golden.safetensors").exists():
            code, _, error = call(snnc, "compile", case / "net.nir", *options, "--target", "loihi-like")
            good &= code != 0
            print(f"| {case.name} | | nir: {nodes} | | refused: {told(error)} | | |", flush=True)
            continue
        count, wrong = compared(snnc, case / "net.nir", options, case)
        with tempfile.TemporaryDirectory() as place:
            code, _, error = call(snnc, "import", case / "net.nir", *options, "-o", Path(place) / "model")
            again = compared(snnc, Path(place) / "model/model.ron", [], case)[1] if code == 0 else told(error)
        good &= wrong == 0 and again == 0
        total += count or 0
        print(f"| {case.name} | {dialect} | {nodes} | {count} | {wrong} | {again} | {chips(snnc, case, options)} |", flush=True)
    print(f"\n{total} spikes compared (a neuron in a timestep is one); {'all as expected' if good else 'SOMETHING DIFFERS'}")
    sys.exit(not good)


main()
