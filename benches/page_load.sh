#!/usr/bin/env bash
# How large pages are and how long they take to open: from the beginning of the load until all charts are drawn, in a
# headless Chromium at 1440 x 900; medians of nine loads by a new process each.
# usage: benches/page_load.sh PAGE.html...
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
