// The record's table: sorted by its headings, filtered by text, lesson and depth; and the graph,
// in which pointing at a row lights its arcs. Without this script the table is whole.
"use strict";

function concepts(table, form) {
  const body = table.tBodies[0];
  const rows = [...body.rows];
  const count = form.querySelector("output");

  const filter = () => {
    const wanted = Object.fromEntries(new FormData(form));
    const words = wanted.text.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const row of rows) {
      const text = row.textContent.toLowerCase();
      row.hidden =
        !words.every((word) => text.includes(word)) ||
        (wanted.lesson && row.dataset.lesson !== wanted.lesson) ||
        (wanted.depth && row.dataset.depth !== wanted.depth);
      shown += !row.hidden;
    }
    count.textContent = `${shown} of ${rows.length}`;
  };

  const sort = (heading) => {
    const key = heading.dataset.key;
    const down = heading.getAttribute("aria-sort") === "ascending";
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    heading.setAttribute("aria-sort", down ? "descending" : "ascending");
    const compare = (a, b) => a.dataset[key].localeCompare(b.dataset[key], "en", { numeric: true });
    body.append(...[...rows].sort((a, b) => (down ? compare(b, a) : compare(a, b))));
  };

  for (const heading of table.tHead.querySelectorAll("[data-key]")) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = heading.textContent;
    button.addEventListener("click", () => sort(heading));
    heading.replaceChildren(button);
  }
  count.setAttribute("aria-live", "polite");
  form.addEventListener("input", filter);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.hidden = false;
  filter();
}

function arcs(graph) {
  const paths = [...graph.querySelectorAll(".arc")];
  graph.addEventListener("pointerover", ({ target }) => {
    const row = target.dataset.row;
    for (const path of paths) {
      const { from, to } = path.dataset;
      path.classList.toggle("lit", path === target || (row && (from === row || to === row)));
    }
    graph.classList.toggle("lights", graph.querySelector(".arc.lit") !== null);
  });
  graph.addEventListener("pointerleave", () => graph.classList.remove("lights"));
}

concepts(document.querySelector(".concept-index"), document.querySelector(".filters"));
arcs(document.querySelector(".requirement-graph"));
