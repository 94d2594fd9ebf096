"use strict";
(() => {
  const rows = () => [...document.querySelectorAll("tr[data-row]")];
  const ticked = () => rows().filter((row) => row.querySelector("input").checked);
  const quoted = (value) => (/[",\n\r]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value);
  const count = document.getElementById("count");
  const save = document.getElementById("save");
  const update = () => {
    count.textContent = `${ticked().length} ticked`;
    save.disabled = ticked().length === 0;
  };
  document.getElementById("kind").addEventListener("change", (event) => {
    for (const row of rows()) row.hidden = event.target.value !== "" && row.dataset.kind !== event.target.value;
  });
  document.getElementById("all").addEventListener("click", () => {
    for (const row of rows()) if (!row.hidden && row.dataset.action) row.querySelector("input").checked = true;
    update();
  });
  document.getElementById("none").addEventListener("click", () => {
    for (const row of rows()) row.querySelector("input").checked = false;
    update();
  });
  document.addEventListener("change", update);
  save.addEventListener("click", () => {
    const lines = [save.dataset.columns, ...ticked().map((row) => JSON.parse(row.dataset.row).map(quoted).join(","))];
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([lines.join("\n") + "\n"], { type: "text/csv" }));
    link.download = "ticked.csv";
    link.click();
  });
  update();
})();
