"use strict";
// Sorting, filtering, and reading single cells and lines. Without this script the page is complete all the same.

const cellValue = (row, column) => {
  const cell = row.cells[column];
  return "value" in cell.dataset ? Number(cell.dataset.value) : cell.textContent.trim();
};

for (const table of document.querySelectorAll("table.sortable")) {
  const headings = [...table.tHead.rows[0].cells];
  headings.forEach((heading, column) => heading.addEventListener("click", () => {
    const isNumber = heading.classList.contains("number");
    const now = heading.getAttribute("aria-sort");
    const order = now === "none" ? (isNumber ? "descending" : "ascending") : now === "ascending" ? "descending" : "ascending";
    for (const other of headings) other.setAttribute("aria-sort", other === heading ? order : "none");
    const rows = [...table.tBodies[0].rows];
    const sign = order === "ascending" ? 1 : -1;
    rows.sort((a, b) => {
      const left = cellValue(a, column), right = cellValue(b, column);
      if (isNumber) {
        if (Number.isNaN(left) || Number.isNaN(right)) return Number.isNaN(left) - Number.isNaN(right);
        return sign * (left - right);
      }
      return sign * String(left).localeCompare(String(right), undefined, { numeric: true });
    });
    table.tBodies[0].append(...rows);
  }));
}

for (const input of document.querySelectorAll("input[data-filter]")) {
  const table = document.getElementById(input.dataset.filter);
  input.addEventListener("input", () => {
    const wanted = input.value.trim().toLowerCase();
    for (const row of table.tBodies[0].rows) row.hidden = !row.cells[0].textContent.toLowerCase().includes(wanted);
  });
}

for (const figure of document.querySelectorAll("figure.heat")) {
  const { classes, cells } = JSON.parse(figure.dataset.cells);
  const counts = new Map(cells.map(([row, column, count]) => [row * classes.length + column, count]));
  const image = figure.querySelector("#cells") || figure.querySelector("image");
  const reading = figure.querySelector(".reading");
  figure.querySelector("svg").addEventListener("pointermove", (event) => {
    const box = image.getBoundingClientRect();
    const column = Math.floor((event.clientX - box.left) / box.width * classes.length);
    const row = Math.floor((event.clientY - box.top) / box.height * classes.length);
    const inside = column >= 0 && row >= 0 && column < classes.length && row < classes.length;
    if (!inside) { reading.textContent = "\u00a0"; return; }
    const count = counts.get(row * classes.length + column) || 0;
    const images = count === 1 ? "1 image" : `${count} images`;
    reading.textContent = row === column ? `${images} of ${classes[row]}: right`
      : `${images} of ${classes[row]}: taken for ${classes[column]}`;
  });
}

const pick = (key) => {
  for (const svg of document.querySelectorAll("svg:has(.trial)")) svg.classList.toggle("picked", key !== null);
  for (const item of document.querySelectorAll(".trial, tr[data-trial]"))
    item.classList.toggle("hot", key !== null && (item.id || "").replace(/^[a-z]+-trial-/, "") === key || (key !== null && item.dataset.trial === key));
};
for (const line of document.querySelectorAll("g[id*='-trial-']")) {
  line.classList.add("trial");
  line.addEventListener("pointerenter", () => pick(line.id.replace(/^[a-z]+-trial-/, "")));
  line.addEventListener("pointerleave", () => pick(null));
}
for (const row of document.querySelectorAll("tr[data-trial]")) {
  row.addEventListener("pointerenter", () => pick(row.dataset.trial));
  row.addEventListener("pointerleave", () => pick(null));
}
