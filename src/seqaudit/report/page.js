"use strict";
// The page works without this script; it adds sorting, filters, enlarging and saving.

const byId = (id) => document.getElementById(id);
const key = (cell) => cell.dataset.sort ?? cell.textContent.trim();

function compare(a, b, direction) {
  if (a === "" || b === "") return (a === "") - (b === ""); // missing values stay last
  const x = Number(a), y = Number(b);
  const order = Number.isNaN(x) || Number.isNaN(y) ? a.localeCompare(b, "en", { numeric: true }) : x - y;
  return direction * order;
}

function sortTable(table, column, header) {
  const direction = header.getAttribute("aria-sort") === "ascending" ? -1 : 1;
  const bodies = [...table.tBodies]; // one per row, which keeps a note with its row
  bodies.sort((a, b) => compare(key(a.rows[0].cells[column]), key(b.rows[0].cells[column]), direction));
  table.append(...bodies);
  for (const other of header.parentNode.cells) other.removeAttribute("aria-sort");
  header.setAttribute("aria-sort", direction === 1 ? "ascending" : "descending");
}

for (const table of document.querySelectorAll("table.sortable")) {
  [...table.tHead.rows[0].cells].forEach((header, column) => {
    if (header.matches(".plain")) return;
    const button = document.createElement("button");
    button.type = "button";
    button.append(...header.childNodes);
    button.addEventListener("click", () => sortTable(table, column, header));
    header.append(button);
  });
}

function filterTable(bar) {
  const search = bar.querySelector("input");
  const table = byId(search.dataset.table);
  const words = search.value.toLowerCase().split(/\s+/);
  const chosen = [...bar.querySelectorAll("select")].filter((select) => select.value);
  const bodies = [...table.tBodies];
  let shown = 0;
  for (const body of bodies) {
    const text = body.textContent.toLowerCase();
    body.hidden = !words.every((word) => text.includes(word)) ||
      !chosen.every((select) => label(body.rows[0].cells[select.dataset.column]) === select.value);
    shown += !body.hidden;
  }
  const status = bar.querySelector(".shown");
  status.textContent = `${shown} of ${bodies.length} ${status.dataset.noun}${bodies.length === 1 ? "" : "s"}`;
}

// text of a cell without the sign of its badge, the summary of what is folded
const label = (cell) => (cell.querySelector(".badge")?.lastChild ?? cell.querySelector("details")?.lastChild ?? cell).textContent.trim();

function saveTable(table) {
  const quote = (text) => `"${text.trim().replace(/"/g, '""')}"`;
  const value = (cell) => cell.matches("td.number") ? cell.dataset.sort : label(cell);
  const rows = [table.tHead, ...table.tBodies].filter((part) => !part.hidden).map((part) => part.rows[0]);
  const lines = rows.map((row) => [...row.cells].map((cell) => quote(value(cell))).join(","));
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([lines.join("\n") + "\n"], { type: "text/csv" }));
  link.download = `${table.id}.csv`;
  link.click();
  URL.revokeObjectURL(link.href);
}

for (const bar of document.querySelectorAll(".filters")) {
  for (const select of bar.querySelectorAll("select")) {
    const values = [...byId(select.dataset.table).tBodies].map((body) => label(body.rows[0].cells[select.dataset.column]));
    for (const value of new Set(values)) select.add(new Option(value));
  }
  for (const kind of ["input", "change"]) bar.addEventListener(kind, () => filterTable(bar));
  bar.querySelector(".export").addEventListener("click", (event) => saveTable(byId(event.target.dataset.table)));
  bar.hidden = false;
  filterTable(bar);
}

const choice = byId("dataset-choice");
if (choice) {
  choice.parentNode.hidden = false;
  choice.addEventListener("change", () => {
    for (const figure of document.querySelectorAll("figure[data-dataset]"))
      figure.hidden = choice.value !== "" && figure.dataset.dataset !== choice.value;
  });
}

const zoomed = byId("zoomed");
for (const button of document.querySelectorAll(".zoom")) {
  button.addEventListener("click", () => {
    const [picture, large] = [button.querySelector("img"), zoomed.querySelector("img")];
    large.src = picture.src;
    large.alt = picture.alt;
    zoomed.showModal();
  });
}
zoomed.addEventListener("click", (event) => { if (event.target === zoomed) zoomed.close(); });
