"""An snnc command in parts with HyperQueue, put together in the end.

    pip install hyperqueue
    python examples/cluster/hyperqueue_parts.py 64 out/ snnc run model.ron --target loihi-like --input x.npy

HQ_SERVER_DIR names the folder of a running server (`hq server start --server-dir`), whose workers then make the parts;
without it a server and two workers are started on this machine. The same command again makes only the parts that are
missing, whatever has died.
"""

import os
import subprocess
import sys
from pathlib import Path

from hyperqueue import Client, Job, LocalCluster
from hyperqueue.cluster import WorkerConfig
from hyperqueue.ffi.protocol import ResourceRequest


def job(parts, out, command):
    """The parts that are not there, a task of one processor each."""
    made = Job(default_env={"RAYON_NUM_THREADS": "1"}, max_fails=None)
    for part in range(1, parts + 1):
        folder = out / "parts" / str(part)
        # The list of files is written when all of them are whole; sweeps and sets of images go on where they stopped.
        if not (folder / "manifest.json").exists():
            arguments = [*command, "--shard", f"{part}/{parts}", "--out", str(folder)]
            logs = out / "logs" / str(part)
            made.program(
                arguments,
                cwd=os.getcwd(),
                stdout=f"{logs}.out",
                stderr=f"{logs}.err",
                resources=ResourceRequest(cpus=1),
            )
    return made


def main():
    parts, out, command = int(sys.argv[1]), Path(sys.argv[2]).absolute(), sys.argv[3:]
    (out / "parts").mkdir(parents=True, exist_ok=True)
    (out / "logs").mkdir(exist_ok=True)
    missing = job(parts, out, command)
    print(f"{len(missing.tasks)} of {parts} parts to make", flush=True)
    if missing.tasks:
        server, cluster = os.environ.get("HQ_SERVER_DIR"), None
        if server is None:
            cluster = LocalCluster()
            cluster.start_worker(WorkerConfig(cores=1))
            cluster.start_worker(WorkerConfig(cores=1))
        client = Client(server) if cluster is None else cluster.client()
        client.wait_for_jobs([client.submit(missing)])
        if cluster is not None:
            cluster.stop()
    folders = [str(out / "parts" / str(part)) for part in range(1, parts + 1)]
    subprocess.run([command[0], "merge", *folders, "-o", str(out / "all")], check=True)


if __name__ == "__main__":
    main()
