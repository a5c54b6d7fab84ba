/** All that is open, worst first. One thumb acknowledges. */

import { act, SHAPES } from "./alerts.js";
import { el, icon, setData, setIcon, setText, show } from "./dom.js";
import { age, moment, parseTime } from "./format.js";
import { startLivePage } from "./live_page.js";

const list = document.getElementById("alerts");
const rows = new Map();

class Row {
  constructor(id) {
    this.shape = icon("warning", "icon shape");
    this.link = el("a", "alert-sentence");
    this.facts = el("p", "quiet alert-facts");
    this.error = el("p", "form-error");
    this.button = el("button", "button acknowledge", "I see to it");
    this.button.type = "button";
    this.button.addEventListener("click", () => this.#acknowledge(id));
    this.error.setAttribute("role", "alert");
    this.element = el("li", "alert", [this.shape, el("div", "alert-words", [this.link, this.facts, this.error]), this.button]);
  }

  update(alert, machines) {
    const zone = machines.bakeries.get(alert.bakery)?.time_zone ?? "UTC";
    const now = machines.now();
    setData(this.element, "severity", alert.severity);
    setData(this.element, "status", alert.status);
    setIcon(this.shape, SHAPES[alert.severity]);
    setText(this.link, alert.message);
    if (this.link.getAttribute("href") !== alert.url) this.link.href = alert.url;
    setText(this.facts, factsOf(alert, machines, zone, now));
    show(this.button, alert.status === "active");
  }

  async #acknowledge(id) {
    this.button.disabled = true;
    setText(this.error, "");
    await act(id, "acknowledge").catch((error) => setText(this.error, error.message));
    this.button.disabled = false;
  }
}

function factsOf(alert, machines, zone, now) {
  const opened = parseTime(alert.opened_at);
  return [
    machines.bakeries.size > 1 ? machines.bakeries.get(alert.bakery)?.name : "",
    `since ${moment(opened, zone, now)}, ${age((now - opened) / 1000)}`,
    alert.occurrences > 1 ? `${alert.occurrences} times` : "",
    alert.is_food_safety ? "food safety" : "",
    alert.recovered_at ? "well again, say what was done" : "",
    alert.acknowledged_by && alert.status === "acknowledged" ? `${alert.acknowledged_by} sees to it` : "",
  ].filter(Boolean).join(" · ");
}

function draw(machines) {
  const sorted = machines.alerts.sorted();
  for (const [id, row] of rows) {
    if (machines.alerts.byId.has(id)) continue;
    row.element.remove();
    rows.delete(id);
  }
  sorted.forEach((alert, index) => {
    if (!rows.has(alert.alert_id)) rows.set(alert.alert_id, new Row(alert.alert_id));
    const row = rows.get(alert.alert_id);
    row.update(alert, machines);
    // A row under a finger stays: the next drawing finds it where it belongs.
    if (list.children[index] !== row.element && !list.matches(":active")) list.insertBefore(row.element, list.children[index] ?? null);
  });
  const unseen = machines.alerts.unseen().length;
  setText(document.getElementById("headline"), headline(unseen, sorted.length));
  show(document.getElementById("no-alerts"), sorted.length === 0);
}

function headline(unseen, open) {
  if (unseen) return `${unseen} ${unseen === 1 ? "alert needs" : "alerts need"} you`;
  return open ? "Somebody sees to everything" : "Nothing is wrong";
}

const timeZones = ({ bakeries }) => [...new Set([...bakeries.values()].map((bakery) => bakery.time_zone))];
startLivePage({ draw, timeZones });
