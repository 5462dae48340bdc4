"""Partitions an hMETIS hypergraph with Mt-KaHyPar (PyPI: mtkahypar) and prints km1, the heaviest block and seconds.

The same problem as `snnc partition FILE --blocks K --limit L`; run both on a quiet machine, one after the other.
"""
import argparse
import time

import mtkahypar

if __name__ == "__main__":
    args = argparse.ArgumentParser(description=__doc__)
    args.add_argument("hypergraph")
    args.add_argument("--blocks", type=int, required=True)
    args.add_argument("--limit", type=int, required=True)
    args.add_argument("--seed", type=int, default=1)
    args.add_argument("--preset", choices=["DEFAULT", "QUALITY", "HIGHEST_QUALITY"], default="DEFAULT")
    args.add_argument("--threads", type=int, default=2)
    args.add_argument("-o", "--output", help="write the block of each vertex here, one a line")
    args = args.parse_args()
    peer = mtkahypar.initialize(args.threads)
    mtkahypar.set_seed(args.seed)
    context = peer.context_from_preset(getattr(mtkahypar.PresetType, args.preset))
    context.logging = False
    graph = peer.hypergraph_from_file(args.hypergraph, context, mtkahypar.FileFormat.HMETIS)
    context.set_partitioning_parameters(args.blocks, 0.03, mtkahypar.Objective.KM1)
    context.set_individual_target_block_weights([args.limit] * args.blocks)
    start, cpu = time.perf_counter(), time.process_time()
    found = graph.partition(context)
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    if args.output:
        with open(args.output, "w") as out:
            out.writelines(f"{found.block_id(vertex)}\n" for vertex in range(graph.num_nodes()))
    heaviest = max(found.block_weight(block) for block in range(args.blocks))
    print(f"km1 {int(found.km1())} heaviest {heaviest} seconds {seconds:.2f} cpu {cpu:.2f}")
