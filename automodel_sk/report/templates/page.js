"use strict";
const holders = [...document.querySelectorAll("[data-figure]")];
const colour = (name) =>
  getComputedStyle(document.documentElement).getPropertyValue(name).trim();

function draw(holder) {
  const figure = JSON.parse(document.getElementById(holder.dataset.figure).textContent);
  figure.layout.font.color = colour("--ink");
  Plotly.newPlot(holder, figure.data, figure.layout, {responsive: true, displayModeBar: false});
}

for (const holder of holders) {
  const fold = holder.closest("details:not([open])");
  if (fold) fold.addEventListener("toggle", () => draw(holder), {once: true});
  else draw(holder);
}

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  for (const holder of holders) {
    if (holder.data) Plotly.relayout(holder, {"font.color": colour("--ink")});
  }
});

document.getElementById("copy").addEventListener("click", async (event) => {
  const code = document.getElementById("code");
  try {
    await navigator.clipboard.writeText(code.textContent);
    event.target.textContent = "Copied";
  } catch {
    getSelection().selectAllChildren(code);
    event.target.textContent = "Selected, press Ctrl+C";
  }
});
