// Images with their tokens over the iterations; samples with their predictions; who is taken for whom.
"use strict";

/** Draws the tokens that are set after `done` iterations; masked ones stay hatched. */
function drawTokens(canvas, [rows, columns], tokens, unmaskedAt, done, color) {
  const side = Math.max(2, Math.floor(112 / Math.max(rows, columns)));
  canvas.width = columns * side;
  canvas.height = rows * side;
  const context = canvas.getContext("2d");
  const style = getComputedStyle(document.documentElement);
  context.fillStyle = style.getPropertyValue("--tile");
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.strokeStyle = style.getPropertyValue("--line");
  tokens.forEach((token, index) => {
    const [x, y] = [(index % columns) * side, Math.floor(index / columns) * side];
    if (unmaskedAt[index] < done) {
      context.fillStyle = color(token);
      context.fillRect(x, y, side - 1, side - 1);
    } else {
      context.beginPath();
      context.moveTo(x + side - 1, y);
      context.lineTo(x, y + side - 1);
      context.stroke();
    }
  });
}

function images(run) {
  const holder = place("results");
  const { images: pictures, tokens = [], unmasked_at: unmaskedAt = [], token_grid: grid } = run.pictures;
  const iterations = Math.max(1, d3.max(unmaskedAt, (image) => d3.max(image)) + 1 || 1);
  const largest = d3.max(tokens, (image) => d3.max(image)) || 1;
  const color = (token) => d3.interpolateTurbo(0.08 + 0.84 * (token / largest));
  const canvases = tokens
    .slice(0, pictures.length || tokens.length)
    .map((_, index) => element("canvas", { role: "img", "aria-label": `Tokens of image ${index}` }));
  const shots = pictures.map((address, index) => element("img", { src: address, alt: `Generated image ${index}` }));
  const draw = (done) => {
    canvases.forEach((canvas, index) => drawTokens(canvas, grid, tokens[index], unmaskedAt[index], done, color));
    // The picture is decoded from the last grid: before, there is none.
    shots.forEach((shot) => {
      shot.classList.toggle("pending", done < iterations && canvases.length > 0);
    });
  };
  if (canvases.length) {
    const set = (done) => d3.sum(unmaskedAt, (image) => image.filter((at) => at < done).length);
    const all = d3.sum(tokens, (image) => image.length);
    const text = (done) => `after iteration ${done} of ${iterations}: ${count(set(done))} of ${counted(all, "token")}`;
    const walk = slider("Iterations", iterations, iterations, text, draw);
    holder.append(element("div", { class: "controls", id: "film" }, walk, player(walk, iterations)));
    document.addEventListener("themechange", () => draw(walk.value()));
  }
  const item = (_, index) => element("li", {}, canvases[index] ?? null, shots[index] ?? null, `image ${index}`);
  const list = Array.from({ length: Math.max(canvases.length, shots.length) }, item);
  holder.append(element("ul", { class: "pictures" }, ...list));
  draw(iterations);
}

function samples(run) {
  const holder = place("results");
  const rows = rowsOf(run.predictions);
  const known = rows.some((row) => row.label !== undefined && row.label !== null);
  const shown = run.pictures.images;
  const list = element("ul", { class: "pictures" });
  const fill = (onlyWrong) => {
    const picked = rows
      .map((row, index) => [row, index])
      .filter(([row, index]) => index < Math.max(shown.length, 1) && !(onlyWrong && row.label === row.prediction));
    list.replaceChildren(
      ...picked
        .filter(([, index]) => shown[index])
        .map(([row, index]) => {
          const right = row.label === row.prediction;
          const verdict = known
            ? element(
                "span",
                { class: right ? "right" : "wrong" },
                right ? `✓\u00a0${row.prediction}` : `✗\u00a0${row.prediction}, label\u00a0${row.label}`,
              )
            : `says ${row.prediction}`;
          return element(
            "li",
            {},
            element("img", { src: shown[index], alt: `Sample ${index}` }),
            `sample ${row.sample}: `,
            verdict,
          );
        }),
    );
    if (!list.children.length) list.append(element("li", {}, "None of those shown."));
  };
  if (shown.length && rows.length) {
    if (known)
      holder.append(
        element("div", { class: "controls", id: "gallery" }, checkbox("Only wrong ones of those shown", false, fill)),
      );
    holder.append(list);
    fill(false);
  }
  const columns = [
    { key: "sample", name: "sample", kind: "count" },
    ...(known ? [{ key: "label", name: "label", kind: "count" }] : []),
    { key: "prediction", name: "prediction", kind: "count" },
  ];
  if (rows.length) holder.append(dataOf("Predictions", columns, () => rows, true));
  confusion(run.report.classification?.confusion);
}

function confusion(matrix) {
  if (!matrix) return;
  const rows = matrix.counts.flatMap((row, label) =>
    row.map((samples, prediction) => ({
      label: matrix.classes[label],
      prediction: matrix.classes[prediction],
      samples,
    })),
  );
  const most = d3.max(rows, (row) => row.samples) || 1;
  figure("results", {
    title: "Confusion matrix",
    note: "Samples by label (row) and prediction (column); the diagonal is right.",
    half: true,
    columns: [
      { key: "label", name: "label", kind: "count" },
      { key: "prediction", name: "prediction", kind: "count" },
      { key: "samples", name: "samples", kind: "count" },
    ],
    rows: () => rows,
    draw: (cells, width) => {
      const side = Math.min(width, 560);
      const small = side / matrix.classes.length < 18;
      return chart({
        width: side,
        height: side,
        marginLeft: 40,
        marginTop: 40,
        marginBottom: 8,
        marginRight: 8,
        padding: 0.04,
        x: { axis: "top", label: "prediction", domain: matrix.classes, tickSize: 0 },
        y: { label: "label", domain: matrix.classes, tickSize: 0 },
        color: {
          type: "linear",
          range: ["var(--tile)", "var(--accent)"],
          interpolate: (a, b) => (t) => `color-mix(in srgb, ${b} ${100 * t}%, ${a})`,
        },
        marks: [
          Plot.cell(cells, {
            x: "prediction",
            y: "label",
            fill: (row) => row.samples / most,
            title: (row) => `label ${row.label}, predicted ${row.prediction}: ${counted(row.samples, "sample")}`,
            tip: { fill: "var(--raised)" },
          }),
          small
            ? null
            : Plot.text(
                cells.filter((row) => row.samples),
                {
                  x: "prediction",
                  y: "label",
                  text: (row) => count(row.samples),
                  fill: (row) => (row.samples > most / 2 ? "var(--back)" : "var(--ink)"),
                },
              ),
        ],
      });
    },
  });
}
