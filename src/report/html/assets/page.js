// Begins: one run, several, or a sweep; follows the width of the window and the choice of light or dark.
"use strict";

(() => {
  if (DATA.sweep) pareto(DATA.sweep);
  else if (DATA.comparison) several(DATA.runs);
  else single(DATA.runs[0]);

  document.getElementById("theme").addEventListener("click", () => {
    const root = document.documentElement;
    const dark = root.dataset.theme
      ? root.dataset.theme === "dark"
      : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
    document.dispatchEvent(new Event("themechange"));
  });

  let width = innerWidth;
  let timer = null;
  addEventListener("resize", () => {
    if (innerWidth === width) return;
    width = innerWidth;
    clearTimeout(timer);
    timer = setTimeout(() => FIGURES.forEach((made) => made.redraw()), 80);
  });
  // Charts that were drawn for a wide window would have letters on paper that nobody can read.
  const draw = (widest) => {
    MEDIUM.widest = widest;
    FIGURES.forEach((made) => made.redraw());
  };
  addEventListener("beforeprint", () => draw(MEDIUM.paper));
  addEventListener("afterprint", () => draw(Infinity));
  document.documentElement.dataset.ready = "yes";
})();
