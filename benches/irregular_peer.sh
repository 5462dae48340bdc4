#!/usr/bin/env bash
# Random irregular networks beside Mt-KaHyPar, in turn: packets that leave their core (km1) of both at the same blocks and
# limit, and processor seconds. Both answers are counted here once more, from their files alone.
# Usage: benches/irregular_peer.sh [neurons, default 100000] [efforts, default "fast default"]
# Needs python3; Mt-KaHyPar comes from PyPI (a venv in target/).
set -euo pipefail
cd "$(dirname "$0")/.."
neurons=${1:-100000}
efforts=${2:-fast default}
limit=1024
blocks=$(((neurons + limit - 1) / limit))
work=target/mapping-peer
mkdir -p "$work"
[ -x "$work/venv/bin/python" ] || { python3 -m venv "$work/venv" && "$work/venv/bin/pip" install -q mtkahypar; }
cargo build --release -q

count() { # the hypergraph, its blocks
    python3 - "$1" "$2" "$limit" <<'PY'
import collections, sys
nets, part, limit = sys.argv[1], [int(line) for line in open(sys.argv[2])], int(sys.argv[3])
lines = iter(open(nets))
next(lines)
km1 = sum(len({part[int(pin) - 1] for pin in line.split()}) - 1 for line in lines)
heaviest = max(collections.Counter(part).values())
print(f"km1 {km1}, {len(set(part))} blocks, heaviest {heaviest}: {'legal' if heaviest <= limit else 'ILLEGAL'}")
PY
}

for kind in ring power-law; do
    file=$work/$kind-$neurons.hgr
    [ -f "$file" ] || python3 benches/random_hgr.py "$neurons" "$file" --kind "$kind" --fan 16
    echo "== $kind, $neurons neurons, $blocks blocks of at most $limit"
    for effort in $efforts; do
        { time target/release/snnc partition "$file" --blocks "$blocks" --limit "$limit" --effort "$effort" -o "$work/ours.part" > /dev/null; } 2> "$work/ours.time"
        echo "snnc $effort: $(count "$file" "$work/ours.part"), $(grep user "$work/ours.time" | tr '\t' ' ')"
    done
    said=$("$work/venv/bin/python" benches/partition_peer.py "$file" --blocks "$blocks" --limit "$limit" -o "$work/peer.part")
    echo "Mt-KaHyPar: $(count "$file" "$work/peer.part"); it says $said"
done
