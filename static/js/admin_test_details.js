/** The tables of a connection test: the devices of a server, or each point with what its registers may mean. */

"use strict";

const ORDER_MARK = "✓ ";
const NOTHING = "–";

function makeElement(place, tag, text = "", className = "") {
  const element = document.createElement(tag);
  element.textContent = text;  // what a machine says is text, whatever it looks like
  if (className) element.className = className;
  place.append(element);
  return element;
}

function inWords(name) {
  const words = name.replaceAll("_", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}

function asText(value) {
  if (value === null || value === undefined || value === "") return NOTHING;
  if (value === true) return "yes";
  if (value === false) return "no";
  if (Array.isArray(value)) return value.map(asText).join(", ") || NOTHING;
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

/** `plausible` names the columns whose value makes sense; `order` the one that is set. */
function showCell(line, row, column) {
  const text = asText(row[column]);
  const makesSense = Array.isArray(row.plausible) && row.plausible.includes(column);
  const cell = makeElement(line, "td", "", makesSense ? "plausible" : "");
  if (makesSense) cell.title = "This order makes sense.";
  if (row.order === column) cell.classList.add("chosen");
  if (text.includes("\n")) {
    const folded = makeElement(cell, "details");
    makeElement(folded, "summary", "Show");
    makeElement(folded, "pre", text);
  } else {
    cell.append(makesSense ? ORDER_MARK + text : text);
  }
}

/** One row is read from top to bottom, several side by side. */
function showTable(place, name, rows) {
  const isTold = (column) => column !== "plausible" && rows.some((row) => asText(row[column]) !== NOTHING);
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))].filter(isTold);
  const frame = makeElement(place, "div", "", "test-details");
  frame.tabIndex = 0;  // so that it can be scrolled with the keys
  frame.setAttribute("role", "region");
  frame.setAttribute("aria-label", inWords(name));
  const table = makeElement(frame, "table");
  makeElement(table, "caption", rows.length === 1 ? inWords(name) : `${inWords(name)} (${rows.length})`);
  if (rows.length === 1) {
    for (const column of columns) {
      const line = table.insertRow();
      makeElement(line, "th", inWords(column)).scope = "row";
      showCell(line, rows[0], column);
    }
    return;
  }
  const head = table.createTHead().insertRow();
  for (const column of columns) makeElement(head, "th", inWords(column)).scope = "col";
  const body = table.createTBody();
  for (const row of rows) {
    const line = body.insertRow();
    for (const column of columns) showCell(line, row, column);
  }
}

function showDetails(place, details) {
  for (const [name, rows] of Object.entries(details)) {
    if (rows.length) showTable(place, name, rows);
  }
  if (Object.values(details).flat().some((row) => row.plausible?.length)) {
    makeElement(place, "p", `${ORDER_MARK}makes sense as a value. Underlined: the order that is set now.`, "text-subtle");
  }
}
