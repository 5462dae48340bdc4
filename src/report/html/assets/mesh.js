// Where things lie on the chip: tiles of 40 x 40, cores within them, links between them.
"use strict";

/** The layers of a core as bands, as wide as their share of its neurons. */
function bandsOf(core) {
  const sums = d3.rollups(
    core.of.parts,
    (parts) => d3.sum(parts, (part) => part.neurons),
    (part) => part.layer,
  );
  const all = d3.sum(sums, ([, neurons]) => neurons) || 1;
  const inner = core.width - 0.6;
  let done = 0;
  return sums.map(([layer, neurons]) => {
    const band = {
      layer,
      left: core.left + 0.3 + (inner * done) / all,
      top: core.top + 0.3,
      width: (inner * neurons) / all,
      height: inner,
    };
    done += neurons;
    return band;
  });
}

/** Where cores lie in their tile of 40 x 40: a near-square grid with a gap for links. */
function layOut(cores, perTile) {
  const across = Math.ceil(Math.sqrt(perTile));
  const side = 32 / across;
  for (const core of cores) {
    core.left = core.x * 40 + 4 + (core.slot % across) * side;
    core.top = core.y * 40 + 4 + Math.floor(core.slot / across) * side;
    core.width = side;
    core.height = side;
    // A port shares its tile with cores: it is drawn at the corner.
    if (core.port) Object.assign(core, { left: core.x * 40 - 2, top: core.y * 40 - 2, width: 6, height: 6 });
  }
  return cores;
}

/** Tiles, and a frame around each chip. */
function drawBoard(svg, mesh) {
  const across = mesh.columns / mesh.chip_columns;
  const defs = svg
    .append("defs")
    .append("pattern")
    .attr("id", "tiles")
    .attr("width", 40)
    .attr("height", 40)
    .attr("patternUnits", "userSpaceOnUse");
  defs
    .append("rect")
    .attr("class", "tile")
    .attr("x", 3)
    .attr("y", 3)
    .attr("width", 34)
    .attr("height", 34)
    .attr("rx", 2);
  for (let number = 0; number < mesh.chips; number += 1) {
    const [x, y] = [(number % across) * mesh.chip_columns, Math.floor(number / across) * mesh.chip_rows];
    const frame = () =>
      svg
        .append("rect")
        .attr("x", x * 40)
        .attr("y", y * 40)
        .attr("width", mesh.chip_columns * 40)
        .attr("height", mesh.chip_rows * 40)
        .attr("rx", 3);
    frame().attr("class", "board");
    frame().attr("fill", "url(#tiles)");
  }
}

/** A link runs between the middles of its tiles, beside the link of the other direction. */
function placeLink(line, link, mesh) {
  const [[x0, y0], [x1, y1]] = [link.from, link.to];
  // A torus joins the ends of a row: such a link is drawn as a stub at both.
  const wraps =
    Math.abs(x1 - x0) > 1 && Math.abs(x1 - x0) === mesh.columns - 1
      ? [Math.sign(x0 - x1), 0]
      : Math.abs(y1 - y0) > 1 && Math.abs(y1 - y0) === mesh.rows - 1
        ? [0, Math.sign(y0 - y1)]
        : null;
  const [dx, dy] = wraps ?? [x1 - x0, y1 - y0];
  const [sx, sy] = [Math.sign(dx), Math.sign(dy)];
  const beside = 2.2;
  const [ax, ay] = [x0 * 40 + 20 + sx * 15 - sy * beside, y0 * 40 + 20 + sy * 15 + sx * beside];
  const length = wraps ? 5 : 40 * Math.max(Math.abs(dx), Math.abs(dy)) - 30;
  d3.select(line)
    .attr("x1", ax)
    .attr("y1", ay)
    .attr("x2", ax + sx * length)
    .attr("y2", ay + sy * length);
}

/** Tiles in use, with one around: first and last column and row. */
function boundsOf(cores, links, mesh) {
  const xs = [...cores.map((core) => core.x), ...links.flatMap((link) => [link.from[0], link.to[0]])];
  const ys = [...cores.map((core) => core.y), ...links.flatMap((link) => [link.from[1], link.to[1]])];
  const from = (values) => Math.max(0, (d3.min(values) ?? 0) - 1);
  const to = (values, most) => Math.min(most, Math.max((d3.max(values) ?? 0) + 2, from(values) + 4));
  return [from(xs), from(ys), to(xs, mesh.columns), to(ys, mesh.rows)];
}

/** The next core in a direction; the first one if none is chosen. */
function nearest(cores, from, [dx, dy]) {
  if (!from) return cores[0];
  const cost = (core) => {
    const [along, across] = [
      (core.left - from.left) * dx + (core.top - from.top) * dy,
      Math.abs((core.left - from.left) * dy) + Math.abs((core.top - from.top) * dx),
    ];
    return along > 0.5 ? along + 4 * across : Infinity;
  };
  const best = d3.least(cores, cost);
  return best && cost(best) < Infinity ? best : from;
}
