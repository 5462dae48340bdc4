// Where the joules of a run flow: from the chip through its components into the layers.
"use strict";

/** Pixels of a node, and between the nodes of a column. */
const FLOW_NODE = 14;
const FLOW_GAP = 16;
/** Pixels of width from which on names are followed by their joules. */
const FLOW_WIDE = 560;
/** The node in which all flows begin. */
const FLOW_ALL = "all";

/** Flows with energy: into components, and from these into layers. */
function flowRows(report) {
  const of = (component) => report.energy_j[component] ?? 0;
  const first = COMPONENTS.map((component) => ({ from: FLOW_ALL, to: component, component, energy_j: of(component) }));
  const second = report.layers.flatMap((layer) =>
    COMPONENTS.map((component) => ({
      from: component,
      to: layer.name,
      component,
      energy_j: layer.energy_by_component_j[component] ?? 0,
    })),
  );
  return [...first, ...second].filter((row) => row.energy_j > 0);
}

function drawFlow(rows, width) {
  const layers = [...new Set(rows.filter((row) => row.from !== FLOW_ALL).map((row) => row.to))];
  const height = Math.max(240, Math.max(layers.length, COMPONENTS.length) * 30);
  // A layer may be called as a component is.
  const source = ({ from }) => (from === FLOW_ALL ? FLOW_ALL : `component ${from}`);
  const target = ({ from, to }) => (from === FLOW_ALL ? `component ${to}` : `layer ${to}`);
  const names = new Map(rows.flatMap((row) => [[source(row), row.from], [target(row), row.to]]));
  const layout = d3
    .sankey()
    .nodeId((node) => node.id)
    .nodeSort(null)
    .linkSort(null)
    .nodeWidth(FLOW_NODE)
    .nodePadding(FLOW_GAP)
    .extent([
      [1, 8],
      [width - 1, height - 8],
    ]);
  const { nodes, links } = layout({
    nodes: [...names].map(([id, name]) => ({ id, name })),
    links: rows.map((row) => ({ source: source(row), target: target(row), value: row.energy_j, row })),
  });
  const svg = d3.create("svg").attr("viewBox", [0, 0, width, height]).attr("width", width).attr("height", height);
  svg.attr("font-size", 12);
  const paths = svg.append("g").attr("fill", "none").selectAll("path").data(links).join("path");
  paths.attr("d", d3.sankeyLinkHorizontal()).attr("stroke-width", (link) => Math.max(1, link.width));
  paths.attr("stroke", (link) => componentColor(link.row.component)).attr("stroke-opacity", 0.45);
  paths.append("title").text(({ row }) => `${row.from} to ${row.to}: ${si(row.energy_j, "J")} (${row.component})`);
  const boxes = svg.append("g").selectAll("rect").data(nodes).join("rect");
  boxes.attr("x", (node) => node.x0).attr("width", (node) => node.x1 - node.x0);
  boxes.attr("y", (node) => node.y0).attr("height", (node) => Math.max(1, node.y1 - node.y0));
  boxes.attr("fill", (node) => (node.id.startsWith("component") ? componentColor(node.name) : "var(--soft)"));
  boxes.append("title").text((node) => `${node.name}: ${si(node.value, "J")}`);
  const texts = svg.append("g").attr("fill", "var(--ink)").selectAll("text").data(nodes).join("text");
  // Names stand in the flows before their nodes, but that of the first behind it; edged, to be read over any colour.
  const first = (node) => node.id === FLOW_ALL;
  texts.attr("x", (node) => (first(node) ? node.x1 + 5 : node.x0 - 5)).attr("dy", "0.35em");
  texts.attr("y", (node) => (node.y0 + node.y1) / 2).attr("text-anchor", (node) => (first(node) ? "start" : "end"));
  texts.attr("stroke", "var(--back)").attr("stroke-width", 5).attr("stroke-linejoin", "round");
  texts.attr("paint-order", "stroke");
  const joules = (node) => (width < FLOW_WIDE ? "" : ` ${si(node.value, "J")}`);
  texts.text((node) => `${shorten(node.name, width / 3)}${joules(node)}`);
  return svg.node();
}

function flow(report) {
  const rows = flowRows(report);
  if (!rows.length) return;
  figure("energy", {
    title: "Where the joules flow",
    note: "From the whole run through the components into the layers; the wider, the more.",
    rows: () => rows,
    legend: legendOf(COMPONENTS, componentColor),
    columns: columnsOf([
      ["from", "from", "word"],
      ["to", "to", "word"],
      ["component", "component", "word"],
      ["energy_j", "energy", "J"],
    ]),
    draw: drawFlow,
  });
}
