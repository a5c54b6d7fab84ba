/** One alert: its curve from an hour before, and what can be done. After each deed the server writes the page anew. */

import { act } from "./alerts.js";
import { Chart } from "./chart.js";
import { setText } from "./dom.js";
import { parseTime } from "./format.js";
import { History, load } from "./history.js";
import { startLivePage } from "./live_page.js";
import { zones } from "./state.js";

const HOUR_MS = 3_600_000;
const page = document.getElementById("alert");
const part = (name) => document.getElementById(name);

for (const form of document.querySelectorAll("form[data-action]")) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = form.querySelector("button");
    button.disabled = true;
    const deed = act(page.dataset.alert, form.dataset.action, valuesOf(form));
    const error = await deed.then(() => null, ({ message }) => message);
    if (!error) return location.reload();
    button.disabled = false;
    return setText(part("action-error"), error);
  });
}

function valuesOf(form) {
  const values = Object.fromEntries(new FormData(form));
  delete values.csrfmiddlewaretoken;
  if (!values.hours) return values;
  const { hours, ...others } = values;
  return { ...others, until: new Date(Date.now() + Number(hours) * HOUR_MS).toISOString() };
}

async function openChart(machines) {
  const { start, end, equipment, historyUrl } = part("plot").dataset;
  const range = [parseTime(start), parseTime(end)];
  const state = machines.states.get(equipment);
  if (!globalThis.uPlot || !state) return;
  const places = { plot: part("plot"), legend: part("legend"), stages: part("stages"), time: part("legend-time") };
  const answer = await load(historyUrl, (range[1] - range[0]) / HOUR_MS, range[1]).catch(() => null);
  if (!answer) return setText(part("chart-note"), "The curve could not be loaded. Reload the page to try again.");
  const keys = zones(state).flatMap((group) => group.parts.map(({ key }) => key));
  const chart = new Chart(places, machines.zoneOf(state));
  return chart.draw(new History(answer, state.poll_interval_seconds), keys.length ? keys : ["temperature"], range);
}

/** Somebody else did something with this alert: the page shows it as the server has it now. */
function draw(machines) {
  const alert = machines.alerts.byId.get(page.dataset.alert);
  const status = alert?.status ?? (page.dataset.quiet ? page.dataset.status : "resolved");
  const isTyping = document.activeElement?.matches("textarea, input, select");
  if (status !== page.dataset.status && !isTyping) location.reload();
}

const timeZones = (machines) => [machines.bakeries.get(page.dataset.bakery)?.time_zone ?? "UTC"];
const machines = startLivePage({ draw, timeZones });
if (part("plot")) openChart(machines);
