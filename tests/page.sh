#!/usr/bin/env bash
# Looks at the pages of small runs and of a sweep in a headless Chromium: they open from disk without a word on the
# console, every control changes the picture, keys walk over the chip and the points, no text is cut on a phone or a
# desk, every chart has its data. usage: tests/page.sh [SNNC]   (default: target/release/snnc); SCREENSHOTS=DIR keeps
# pictures of the pages
set -euo pipefail
cd "$(dirname "$0")/.."
snnc=$(realpath "${1:-target/release/snnc}")
browser=$(command -v chromium || command -v chromium-browser || command -v google-chrome) || {
    echo "tests/page.sh needs Chromium (Debian: apt-get install chromium)" >&2
    exit 1
}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

chromium() {
    timeout 60 "$browser" --headless --no-sandbox --disable-gpu --disable-dev-shm-usage --no-first-run \
        --user-data-dir="$work/profile" --allow-file-access-from-files --enable-logging=stderr "$@"
}

digits=examples/digits-cnn
"$snnc" run $digits/model.ron --input $digits/inputs.npy --labels $digits/labels.npy --samples 24 --timing cycle \
    --spikes --out "$work/digits" --html >/dev/null
"$snnc" run $digits/model.ron --target spinnaker2-like --input $digits/inputs.npy --samples 24 --timing none \
    --out "$work/other" >/dev/null
# The diffusion model with few iterations: its pages differ in nothing but the length of the film.
cp -r examples/spiking-diffusion-mnist "$work/model"
sed -i 's/iterations: 49/iterations: 5/' "$work/model/model.ron"
"$snnc" run "$work/model/model.ron" --images 2 --effort fast --sensitivity --out "$work/images" \
    --html >/dev/null
"$snnc" report "$work/other" --html >/dev/null
"$snnc" report "$work/digits" "$work/other" --html -o "$work/several.html" >/dev/null
# Some points fail: a memory of 64 bits holds nothing.
cat >"$work/sweep.ron" <<RON
(format: "snnc.sweep/1", model: "$PWD/$digits/model.ron", input: "$PWD/$digits/inputs.npy",
 labels: "$PWD/$digits/labels.npy", samples: 4, efforts: "fast", weights: [8, 4, 2],
 set: {"core.synapse_memory_bits": [2^20, 2^17, 64], "scaling.supply_v": [0.6, 0.75]})
RON
"$snnc" sweep "$work/sweep.ron" -o "$work/sweep" >/dev/null

cat >"$work/look.html" <<'HTML'
<!DOCTYPE html><meta charset="utf-8"><body><script src="check.js"></script></body>
HTML
cp tests/page/check.js "$work/check.js"

failed=0
# Charts that only some pages have are asked for by name, so that none is missed without a word.
for asked in digits/report.html:rates,chip-timesteps other/report.html: images/report.html:rates,tornado,chip-timesteps several.html: sweep/pareto.html:; do
    IFS=: read -r page has <<<"$asked"
    begin=$SECONDS
    chromium --virtual-time-budget=30000 --dump-dom "file://$work/look.html?page=$page&has=$has" \
        >"$work/dom" 2>"$work/log" || true
    sed -n '/<pre id="result">/,$p' "$work/dom" | sed 's/<[^>]*>//g' >"$work/result"
    if ! grep -q '^done [1-9]' "$work/result"; then
        echo "$page: the check did not come to its end" >&2
        tail -5 "$work/log" "$work/dom" >&2
        failed=1
    fi
    if grep '^not ok' "$work/result" >&2; then failed=1; fi
    # Whatever the page says on the console is an error here.
    if grep 'CONSOLE' "$work/log" >&2; then failed=1; fi
    echo "$page: $(grep -c '^ok' "$work/result") checks hold, $(stat -c %s "$work/$page") bytes, $((SECONDS - begin)) s"
    if [ -n "${SCREENSHOTS:-}" ]; then
        mkdir -p "$SCREENSHOTS"
        for width in 500 1440; do
            name=$(echo "$page" | tr / -)
            chromium --window-size=$width,6000 --virtual-time-budget=5000 \
                --screenshot="$SCREENSHOTS/${name%.html}-$width.png" "file://$work/$page" >/dev/null 2>&1
        done
    fi
done
exit $failed
