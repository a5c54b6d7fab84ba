/** One machine: everything it says now, its last hours, and what happened to its connection. */

import { withAlert } from "./alerts.js";
import { ageOf, leftText, MainReading, scaleOf, ZoneRow } from "./card.js";
import { Chart, colourOf } from "./chart.js";
import { el, readJson, setData, setIcon, setText, setVariable, show } from "./dom.js";
import { celsius, clock, isKnown, moment, number, parseTime, withUnit, zoneName } from "./format.js";
import { Gauge } from "./gauge.js";
import { History, load } from "./history.js";
import { startLivePage } from "./live_page.js";
import { energyToday, isBusy, judge, minutesLeft, progress, zones } from "./state.js";

const REDRAW_CHART_MS = 5_000;
const OVEN_GAUGE_TOP = 300;
const CORE_GAUGE_TOP = 110;

const page = document.getElementById("oven");
const part = (name) => document.getElementById(name);
const words = readJson("event-words");
const zoneRows = new Map();
const reading = new MainReading();
const gauges = { chamber: new Gauge("", reading.element), humidity: new Gauge("Humidity"), core: new Gauge("Core") };
let chart = null;
let history = null;
let hours = 4;
let drawnAt = 0;
let eventsHeard = 0;

function draw(machines) {
  const state = machines.states.get(page.dataset.equipment);
  if (!state) return location.reload(); // archived meanwhile: the server says so
  const now = machines.now();
  const verdict = withAlert(judge(state, now, machines.heard), machines.alerts.of(state));
  setData(page, "severity", verdict.severity);
  setData(page, "level", verdict.level);
  setIcon(part("status-shape"), verdict.shape);
  setText(part("status-word"), verdict.word);
  setText(part("age"), ["fresh", "late"].includes(verdict.level) ? `${ageOf(verdict)} ago` : ageOf(verdict));
  show(part("trouble"), Boolean(verdict.sentence));
  setText(part("sentence"), verdict.sentence);
  setText(part("code"), verdict.code);
  drawReading(state, machines);
  drawBake(state, machines);
  drawZones(state);
  drawFacts(state);
  if (history?.isBehind(state)) reopenChart(machines);
  else if (history && (history.append(state) || now - drawnAt > REDRAW_CHART_MS)) drawChart(state, now);
}

function drawReading(state, machines) {
  const { temperature, target_temperature: target } = state;
  reading.update(state, machines.trendOf(state));
  const share = (value, top) => (isKnown(value) ? value / top : null);
  const core = Object.keys(state.temperature_zones).find((zone) => zone.startsWith("core"));
  gauges.chamber.update({ part: share(temperature, OVEN_GAUGE_TOP), target: share(target, OVEN_GAUGE_TOP) });
  gauges.humidity.update({ part: share(state.humidity, 100), text: withUnit(state.humidity, "%") });
  const coreValue = state.temperature_zones[core];
  gauges.core.update({ part: share(coreValue, CORE_GAUGE_TOP), text: celsius(coreValue, 1) });
  show(gauges.humidity.element, isKnown(state.humidity) || page.dataset.humidity === "True");
  show(gauges.core.element, Boolean(core));
}

function drawBake(state, machines) {
  const now = machines.now();
  const busy = isBusy(state);
  const done = busy ? progress(state, now) : null;
  const left = busy ? minutesLeft(state, now) : null;
  setText(part("product"), state.active_batch_name ?? "");
  setText(part("left"), leftText(left));
  const ready = isKnown(left) && left > 0 ? `ready at ${clock(now + left * 60_000, machines.zoneOf(state))}` : "";
  setText(part("ready"), [isKnown(done) ? withUnit(done, "%") : "", ready].filter(Boolean).join(" · "));
  show(part("bake-track"), isKnown(done));
  setVariable(part("bake-bar"), "--part", `${isKnown(done) ? number(done) : 0}%`);
  show(part("bake"), Boolean(state.active_batch_name) || isKnown(done));
}

function drawZones(state) {
  const groups = zones(state);
  const scale = scaleOf(groups, state);
  for (const group of groups) {
    if (!zoneRows.has(group.name)) {
      const row = new ZoneRow(group);
      setVariable(row.element, "--series", `var(--series-${colourOf(group.parts[0].key)})`);
      zoneRows.set(group.name, row);
      part("zones").append(row.element);
    }
    zoneRows.get(group.name).update(group, scale, state);
  }
  show(part("zones-panel"), groups.length > 0);
}

const FURTHER = {
  operating_hours: ["Operating hours", (value) => withUnit(value, "h")],
  alarm: ["Alarm", String],
};

function liveFacts(state) {
  const measured = [
    ["Door", { open: "Open", closed: "Closed" }[state.door_status] ?? null],
    ["Energy today", known(energyToday(state), "kWh", 1)],
    ["Energy meter", known(state.energy_consumption_kwh, "kWh", 1)],
    ["Fan", known(state.motor_speed, "%")],
    ["Steam", known(state.steam_level, "%")],
    ["Weight", known(state.product_weight, "kg", 2)],
    ["Moisture", known(state.moisture_content, "%", 1)],
  ];
  const further = Object.entries(state.additional_sensors).filter(([, value]) => ["string", "number"].includes(typeof value));
  return [...measured, ...further.map(([key, value]) => furtherFact(key, value))].filter(([, text]) => text !== null);
}

const known = (value, unit, decimals = 0) => (isKnown(value) ? withUnit(value, unit, decimals) : null);

function furtherFact(key, value) {
  const [label, show] = FURTHER[key] ?? [zoneName(key), (found) => (isKnown(found) ? number(found, Number.isInteger(found) ? 0 : 1) : found)];
  return [label, show(value)];
}

function drawFacts(state) {
  const facts = liveFacts(state);
  const list = part("live-facts");
  while (list.children.length > facts.length) list.lastChild.remove();
  facts.forEach(([label, text], index) => {
    const row = list.children[index] ?? list.appendChild(el("div", "", [el("dt"), el("dd", "value")]));
    setText(row.firstChild, label);
    setText(row.lastChild, text, { fades: true });
  });
  show(part("facts-panel"), facts.length > 0);
}

function chartZones(state) {
  const keys = zones(state).flatMap((group) => group.parts.map(({ key }) => key));
  return keys.length ? keys : ["temperature"];
}

function drawChart(state, now) {
  drawnAt = now;
  const start = now - hours * 3_600_000;
  history.dropBefore(start);
  chart.draw(history, chartZones(state), [start, now]);
}

async function openChart(machines) {
  const state = machines.states.get(page.dataset.equipment);
  if (!globalThis.uPlot) return setText(part("chart-note"), "The chart library is missing on this server. Run “make install” there.");
  chart ??= new Chart(
    { plot: part("plot"), legend: part("legend"), stages: part("stages"), time: part("legend-time") },
    machines.zoneOf(state),
  );
  const asked = hours;
  const answer = await load(page.dataset.historyUrl, hours, machines.now()).catch(() => null);
  if (asked !== hours) return undefined; // another range was chosen meanwhile
  setText(part("chart-note"), answer ? "" : "The past hours could not be loaded. The curve begins now; we try again in a minute.");
  if (!answer) setTimeout(() => asked === hours && openChart(machines), 60_000);
  history = new History(answer ?? {}, state.poll_interval_seconds);
  history.append(state);
  return drawChart(machines.states.get(page.dataset.equipment), machines.now());
}

/** After a silence only the server knows whether it was the machine's or this page's. */
function reopenChart(machines) {
  history = null;
  openChart(machines);
}

function chooseRange(machines) {
  for (const button of document.querySelectorAll("#ranges button")) {
    button.addEventListener("click", () => {
      hours = Number(button.dataset.hours);
      for (const other of document.querySelectorAll("#ranges button")) other.setAttribute("aria-pressed", String(other === button));
      openChart(machines);
    });
  }
}

function onEvent(event, machines) {
  if (event.equipment_id !== page.dataset.equipment) return;
  eventsHeard += 1;
  const state = machines.states.get(event.equipment_id);
  const at = parseTime(event.event_time);
  const time = el("time", "", moment(at, machines.zoneOf(state), machines.now()));
  time.dateTime = event.event_time;
  const failed = event.error_message ? ":failed" : "";
  const what = [el("strong", "", words[`${event.event_type}${failed}`] ?? words[event.event_type])];
  if (event.error_message) what.push(el("span", "event-message", event.error_message));
  part("events").prepend(el("li", "event", [time, el("div", "", what)]));
  show(part("no-events"), false);
}

/** What happened while no line was up is in the page as the server writes it now. */
async function refreshEvents() {
  const heardBefore = eventsHeard;
  const answer = await fetch(location.href).catch(() => null);
  if (!answer?.ok || answer.redirected) return;
  const html = await answer.text();
  if (eventsHeard !== heardBefore) return void refreshEvents(); // the page may be older than what came meanwhile
  const fresh = new DOMParser().parseFromString(html, "text/html").getElementById("events");
  if (!fresh) return;
  part("events").replaceChildren(...fresh.children);
  show(part("no-events"), part("events").children.length === 0);
}

part("gauges").append(...Object.values(gauges).map(({ element }) => element));
gauges.chamber.element.classList.add("gauge-main");
setVariable(gauges.chamber.element, "--series", "var(--ember)");
setVariable(gauges.core.element, "--series", `var(--series-${colourOf("core")})`);
const timeZones = (machines) => [machines.zoneOf(machines.states.get(page.dataset.equipment) ?? {})];
const machines = startLivePage({ draw, onEvent, onSnapshot: refreshEvents, timeZones });
chooseRange(machines);
openChart(machines);
