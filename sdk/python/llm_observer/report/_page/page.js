"use strict";
(() => {
  const value = (row, at) => {
    const cell = row.cells[at];
    const given = cell.dataset.v;
    return given === undefined ? cell.textContent.trim().toLowerCase() : Number(given);
  };
  const compare = (a, b) => (typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b)));

  const sort = (table, at, head) => {
    const body = table.tBodies[0];
    const rows = [...body.rows];
    const isNumber = rows.some((row) => row.cells[at].dataset.v !== undefined);
    const was = head.getAttribute("aria-sort");
    const down = was ? was === "ascending" : isNumber;
    rows.sort((a, b) => (down ? -1 : 1) * compare(value(a, at), value(b, at)));
    for (const other of head.parentNode.cells) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    body.append(...rows);
  };

  for (const table of document.querySelectorAll("table[data-sortable]")) {
    [...table.tHead.rows[0].cells].forEach((head, at) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      button.addEventListener("click", () => sort(table, at, head));
      head.append(button);
    });
  }

  for (const input of document.querySelectorAll("input[data-filter]")) {
    const table = document.getElementById(input.dataset.filter);
    input.parentNode.hidden = false;
    input.addEventListener("input", () => {
      const wanted = input.value.trim().toLowerCase();
      for (const row of table.tBodies[0].rows) row.hidden = !row.textContent.toLowerCase().includes(wanted);
    });
  }

  let opened = [];
  addEventListener("beforeprint", () => {
    opened = [...document.querySelectorAll("details:not([open])")];
    for (const one of opened) one.open = true;
  });
  addEventListener("afterprint", () => {
    for (const one of opened) one.open = false;
  });
})();
