#!/usr/bin/env bash
# How large pages are and how long they take to open: from the beginning of the load until all charts are drawn, in a
# headless Chromium at 1440 x 900; medians of nine loads by a new process each.
# usage: benches/page_load.sh [PAGE.html...]
# Without pages, those of docs/measurements.md are made first, by SNNC (default: target/release/snnc): of an image of
# Spiking-Diffusion, of 24 samples of digits-cnn and of two runs side by side. All of it takes about a minute and a half.
set -euo pipefail
browser=$(command -v chromium || command -v chromium-browser || command -v google-chrome) || {
    echo "benches/page_load.sh needs Chromium (Debian: apt-get install chromium)" >&2
    exit 1
}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# Scripts of a page run before its load ends, so a page that is not drawn by then has failed.
cat >"$work/load.html" <<'HTML'
<!DOCTYPE html><meta charset="utf-8"><body><script>
const frame = Object.assign(document.createElement("iframe"), { width: 1440, height: 900 });
const begin = performance.now();
frame.onload = () => {
  const drawn = frame.contentDocument.documentElement.dataset.ready === "yes";
  document.body.append(`took=${drawn ? Math.round(performance.now() - begin) : "failed"}`);
};
frame.src = new URLSearchParams(location.search).get("page");
document.body.append(frame);
</script></body>
HTML
if [ $# = 0 ]; then
    cd "$(dirname "$0")/.."
    snnc=$(realpath "${SNNC:-target/release/snnc}")
    digits=examples/digits-cnn
    fed=(run $digits/model.ron --input $digits/inputs.npy --labels $digits/labels.npy --samples 24)
    "$snnc" -q run examples/spiking-diffusion-mnist/model.ron --images 1 --seed 1 --timing analytic \
        --out "$work/images" --html
    "$snnc" -q "${fed[@]}" --timing cycle --spikes --out "$work/digits" --html
    "$snnc" -q "${fed[@]}" --target spinnaker2-like --timing analytic --out "$work/other"
    "$snnc" -q report "$work/digits" "$work/other" --html -o "$work/several.html"
    set -- "$work/images/report.html" "$work/digits/report.html" "$work/several.html"
fi
for page in "$@"; do
    page=$(realpath "$page")
    for _ in 1 2 3 4 5 6 7 8 9; do
        timeout 60 "$browser" --headless --no-sandbox --disable-gpu --disable-dev-shm-usage --no-first-run \
            --user-data-dir="$work/profile" --allow-file-access-from-files --dump-dom \
            "file://$work/load.html?page=file://$page" 2>/dev/null | sed -nE 's/.*took=([0-9]+|failed).*/\1/p'
    done | sort -n >"$work/times"
    if grep -q failed "$work/times" || [ "$(wc -l <"$work/times")" != 9 ]; then
        echo "$page: was not drawn" >&2
        exit 1
    fi
    echo "$page: $(stat -c %s "$page") bytes, median $(sed -n 5p "$work/times") ms (least $(head -1 "$work/times"), most $(tail -1 "$work/times"))"
done
