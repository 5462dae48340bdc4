// Run by tests/page.sh inside a browser, in a document that frames a page: looks at it as a reader would, and writes
// what is wrong into the title of the document. Every check is a line; `ok` and `not ok` begin them.
"use strict";

const found = [];
function check(good, what) {
  found.push(`${good ? "ok" : "not ok"} ${what}`);
}
const wait = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

/** The page in a frame of a width, once it is drawn. */
async function opened(address, width) {
  const frame = document.createElement("iframe");
  frame.width = width;
  frame.height = 900;
  frame.src = address;
  document.body.replaceChildren(frame);
  for (let tries = 0; tries < 200; tries += 1) {
    await wait(25);
    const page = frame.contentDocument;
    if (page?.documentElement?.dataset.ready === "yes") return frame;
  }
  check(false, `${width}: the page is drawn within five seconds`);
  return frame;
}

/** What a reader sees of a part of the page: its markup, and the dots of its canvases. */
function picture(part) {
  return part.outerHTML + [...part.querySelectorAll("canvas")].map((canvas) => canvas.toDataURL()).join("");
}

/** Nothing sticks out to the side, neither of the page nor of what does not scroll. */
function uncut(frame, width) {
  const page = frame.contentDocument;
  const root = page.documentElement;
  check(
    root.scrollWidth <= root.clientWidth,
    `${width}: the page is as wide as the window (${root.scrollWidth} of ${root.clientWidth})`,
  );
  const scrolls = (part) => part.closest(".scroll, .drawing, pre") !== null;
  const parts = [
    ...page.querySelectorAll("h1, h2, h3, p, li, td, th, button, select, label, output, summary, dt, dd, .details"),
  ];
  const outside = parts.filter((part) => {
    const box = part.getBoundingClientRect();
    return (
      box.width > 0 &&
      !scrolls(part) &&
      (box.right > root.clientWidth + 1 ||
        box.left < -1 ||
        (part.scrollWidth > part.clientWidth + 2 && getComputedStyle(part).overflow !== "visible"))
    );
  });
  check(
    outside.length === 0,
    `${width}: no text is cut (${outside
      .slice(0, 3)
      .map((part) => part.textContent.slice(0, 40))
      .join(" | ")})`,
  );
  const captions = [...page.querySelectorAll("caption span")].filter(
    (part) => part.getBoundingClientRect().right > root.clientWidth + 1,
  );
  check(captions.length === 0, `${width}: no caption is cut (${captions.slice(0, 3).map((part) => part.textContent)})`);
  const labels = [...page.querySelectorAll(".drawing svg text")].filter((text) => {
    const [own, whole] = [text.getBoundingClientRect(), text.closest("figure[aria-label]").getBoundingClientRect()];
    return own.width > 0 && (own.left < whole.left - 2 || own.right > whole.right + 2);
  });
  check(
    labels.length === 0,
    `${width}: no label of a chart is cut (${labels
      .slice(0, 3)
      .map((text) => text.textContent)
      .join(" | ")})`,
  );
}

/** For paper charts are drawn anew, so narrow that their letters can be read, and after that as they were. */
function paper(page, width) {
  const widest = () => {
    const drawn = [...page.querySelectorAll("figure[aria-label] .drawing svg[viewBox]")];
    return Math.max(0, ...drawn.map((svg) => svg.viewBox.baseVal.width));
  };
  const before = widest();
  for (const [event, most] of [["beforeprint", 680], ["afterprint", before]]) {
    page.defaultView.dispatchEvent(new page.defaultView.Event(event));
    check(widest() > 0 && widest() <= most, `${width}: charts at ${event} are at most ${most} wide (${widest()})`);
  }
  check(widest() === before, `${width}: charts are as they were after printing`);
}

/** Each control changes its section. */
function controls(page, width) {
  const all = [...page.querySelectorAll(".controls input, .controls select")];
  for (const control of all) {
    const section = control.closest("section");
    const name = `${section.id}: ${control.closest("label").textContent.trim().slice(0, 30)}`;
    const before = picture(section);
    const input = (type) => control.dispatchEvent(new page.defaultView.Event(type, { bubbles: true }));
    if (control.type === "checkbox") {
      control.click();
    } else if (control.type === "range") {
      control.value = Number(control.value) === Number(control.min) ? control.max : control.min;
      input("input");
    } else {
      control.selectedIndex = control.options.length - 1;
      input("change");
    }
    check(picture(section) !== before, `${width}: ${name} changes the picture`);
    const label = control.closest("label");
    check(
      label !== null && (label.textContent.trim() !== "" || control.getAttribute("aria-label")),
      `${width}: ${name} has a label`,
    );
  }
  check(all.length > 0 || page.querySelector("#figures") !== null, `${width}: there are controls (${all.length})`);
}

/** Walks over the chip by keys. */
function keyboard(page, width) {
  const svg = page.querySelector("#chip-view svg");
  if (!svg) return;
  const details = page.querySelector("#core-details");
  const press = (key) =>
    svg.dispatchEvent(new page.defaultView.KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
  const texts = [details.textContent];
  for (const key of ["ArrowRight", "Enter"]) {
    press(key);
    texts.push(details.textContent);
  }
  check(texts[1] !== texts[0] && /Core \d|Input port/.test(texts[1]), `${width}: an arrow key shows a core`);
  check(svg.querySelector(".kept[data-around]") !== null, `${width}: Enter keeps it`);
  press("Escape");
  check(svg.querySelector(".kept[data-around]") === null, `${width}: Escape lets it go`);
  const core = svg.querySelector("[data-core]");
  core.dispatchEvent(new page.defaultView.MouseEvent("click", { bubbles: true }));
  check(
    details.textContent.includes("Holds") && svg.querySelector(".kept[data-around]") !== null,
    `${width}: a click keeps a core`,
  );
}

/** Walks through the timesteps of a pass: keys move the slider, and what a core did in them adds up to its pass. */
function timesteps(page, width) {
  const slider = page.querySelector("#chip-timesteps input");
  if (!slider) return;
  const [svg, details] = [page.querySelector("#chip-view svg"), page.querySelector("#core-details")];
  const event = (name) => new page.defaultView.Event(name, { bubbles: true });
  const to = (value) => {
    slider.value = value;
    slider.dispatchEvent(event("input"));
  };
  const figure = (name) => {
    const row = [...details.querySelectorAll("tr")].find((tr) => tr.cells[0].textContent === name);
    return row ? Number(row.cells[1].textContent.replaceAll(",", "")) : NaN;
  };
  const metric = page.querySelector("#chip-controls select");
  metric.value = "synaptic_operations";
  metric.dispatchEvent(event("change"));
  // Of the cores the one that computes most.
  const cores = [...svg.querySelectorAll("[data-core]")];
  const work = cores.map((core) => {
    core.dispatchEvent(new page.defaultView.MouseEvent("pointerenter", { bubbles: false }));
    return figure("synaptic operations");
  });
  const busiest = cores[work.indexOf(Math.max(...work))];
  busiest.dispatchEvent(new page.defaultView.MouseEvent("click", { bubbles: true }));
  to(1);
  const names = [...details.querySelectorAll("th")].map((cell) => cell.textContent);
  const whole = (names.find((name) => /^(iteration|pass) .*: spikes$/.test(name)) ?? "").replace(/spikes$/, "");
  for (const name of ["spikes", "synaptic operations"]) {
    let sum = 0;
    for (let step = 1; step <= Number(slider.max); step += 1) {
      to(step);
      sum += figure(`timestep ${step - 1}: ${name}`);
    }
    const all = figure(`${whole}${name}`);
    // Each figure is off by half a unit at most where 16 bits do not hold it.
    const { unit } = JSON.parse(page.getElementById("data").textContent).runs[0].core_steps[name.replace(" ", "_")];
    const off = unit > 1 ? (Number(slider.max) * (unit + 1)) / 2 : 0;
    check(all > 0 || name === "spikes", `${width}: the busiest core has ${name} (${all})`);
    check(Math.abs(sum - all) <= off, `${width}: ${name} of timesteps add up (${sum} of ${all}, +- ${off})`);
  }
  const fills = new Set();
  for (let step = 1; step <= Number(slider.max); step += 1) {
    to(step);
    fills.add(busiest.getAttribute("fill"));
  }
  check(fills.size > 1, `${width}: the busiest core changes its colour over timesteps (${fills.size})`);
  to(1);
  const press = (key) =>
    svg.dispatchEvent(new page.defaultView.KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
  press("PageDown");
  check(slider.value === "2", `${width}: Page Down shows the next timestep`);
  check(/timestep 1 of/.test(slider.getAttribute("aria-valuetext")), `${width}: the slider says its timestep`);
  press("PageUp");
  check(slider.value === "1", `${width}: Page Up shows the one before`);
  to(0);
  press("Escape");
}

/** Walks over the points of a sweep by keys. */
function walkPoints(page, width) {
  const details = page.querySelector("#point-details");
  if (!details) return;
  // Drawn anew whenever a control changes.
  const svg = () => page.querySelector("#front .drawing svg");
  const press = (key) =>
    svg().dispatchEvent(new page.defaultView.KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
  const texts = [details.textContent];
  for (const key of ["ArrowRight", "ArrowRight", "Enter"]) {
    press(key);
    texts.push(details.textContent);
  }
  check(/Point \d/.test(texts[1]) && texts[1] !== texts[0], `${width}: an arrow key shows a point`);
  check(texts[2] !== texts[1], `${width}: the next one shows another`);
  check(svg().querySelector(".ring[data-kept]") !== null, `${width}: Enter keeps it`);
  press("Escape");
  check(svg().querySelector(".ring[data-kept]") === null, `${width}: Escape lets it go`);
  const rows = page.querySelectorAll("#failed tbody tr").length;
  check(rows > 0, `${width}: points that failed are listed (${rows} reasons)`);
}

/** Walks over the constants by keys. */
function walkConstants(page, width) {
  const tornado = page.querySelector("#tornado");
  if (!tornado) return;
  // Drawn anew whenever a control changes.
  const svg = () => tornado.querySelector(".drawing svg");
  const details = page.querySelector("#tornado-details");
  const press = (key) =>
    svg().dispatchEvent(new page.defaultView.KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
  const texts = [details.textContent];
  for (const key of ["ArrowDown", "ArrowDown"]) {
    press(key);
    texts.push(details.textContent);
  }
  check(texts[1].startsWith("all together"), `${width}: an arrow key begins with all constants together`);
  check(/at its highest/.test(texts[2]) && texts[2] !== texts[1], `${width}: the next one shows a constant`);
  check(svg().querySelector(".ring[data-at]") !== null, `${width}: the constant is marked`);
  press("Escape");
  check(svg().querySelector(".ring[data-at]") === null, `${width}: Escape leaves the constants`);
  // The bars begin at the figure of the run itself, so some lie on either side or all on one: none is empty.
  const bars = [...svg().querySelectorAll("rect:not(.ring)")].filter((bar) => bar.getBoundingClientRect().width > 1);
  check(bars.length >= 2, `${width}: bars of constants have a width (${bars.length})`);
}

/** Every chart has its data beside it. */
function data(page, width) {
  const drawn = [...page.querySelectorAll("figure[aria-label]")];
  const bare = drawn.filter((made) => !made.querySelector("details") || !made.querySelector(".data button"));
  check(drawn.length > 0 && bare.length === 0, `${width}: each of ${drawn.length} charts has a table and a CSV file`);
  const blank = drawn.filter((made) => !made.querySelector(".drawing svg")?.children.length);
  check(
    blank.length === 0,
    `${width}: each chart is drawn (${blank.map((made) => made.getAttribute("aria-label")).join(", ")})`,
  );
  for (const details of page.querySelectorAll(".data details")) details.open = true;
}

function theme(page, width) {
  const before = page.defaultView.getComputedStyle(page.body).backgroundColor;
  page.getElementById("theme").click();
  check(page.defaultView.getComputedStyle(page.body).backgroundColor !== before, `${width}: light and dark differ`);
}

(async () => {
  const asked = new URLSearchParams(location.search);
  const address = asked.get("page");
  const parts = (asked.get("has") ?? "").split(",").filter(Boolean);
  for (const width of [360, 1440]) {
    const frame = await opened(address, width);
    const page = frame.contentDocument;
    for (const part of parts) check(page.getElementById(part) !== null, `${width}: the page has ${part}`);
    uncut(frame, width);
    data(page, width);
    await wait(50);
    const tables = [...page.querySelectorAll(".data details[open]")].filter(
      (details) => !details.querySelector("tbody tr"),
    );
    check(tables.length === 0, `${width}: each table has rows`);
    uncut(frame, `${width}, tables open`);
    for (const details of page.querySelectorAll(".data details")) details.open = false;
    keyboard(page, width);
    timesteps(page, width);
    walkPoints(page, width);
    walkConstants(page, width);
    controls(page, width);
    paper(page, width);
    theme(page, width);
  }
  const result = document.createElement("pre");
  result.id = "result";
  result.textContent = `${found.join("\n")}\ndone ${found.length}`;
  document.body.replaceChildren(result);
})().catch((error) => {
  document.body.textContent = `not ok ${error.stack}\ndone 0`;
});
