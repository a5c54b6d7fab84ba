/** What every live page has: the states, the server's clock, the connection's sign and the banner over everything. */

import { OpenAlerts } from "./alerts.js";
import { clock, cityOf } from "./format.js";
import { readJson, setData, setText, show } from "./dom.js";
import { LiveConnection, NOT_SIGNED_IN } from "./live.js";
import { trend } from "./state.js";

const TICK_MS = 1_000;
const TREND_MS = 5 * 60_000;
// Only a snapshot brings them; the states between keep what the last one said.
const SNAPSHOT_ONLY = ["temperature_five_minutes_ago", "energy_at_midnight_kwh"];

/** The machines as last heard of, and the server's time. */
export class Machines {
  constructor(snapshot) {
    this.states = new Map();
    this.samples = new Map();
    this.alerts = new OpenAlerts();
    this.apply(snapshot);
  }

  /** Takes any message: a snapshot replaces everything, states are put beside the others, a heartbeat tells the time. */
  apply(message) {
    this.heard = Date.parse(message.time);
    this.offset = this.heard - Date.now();
    this.alerts.apply(message);
    if (message.type === "snapshot") this.#replaceAll(message);
    else for (const state of message.states ?? []) this.#put(state);
  }

  #replaceAll({ bakeries, states, time }) {
    this.bakeries = new Map(bakeries.map((bakery) => [bakery.slug, bakery]));
    this.states = new Map(states.map((state) => [state.equipment_id, this.states.get(state.equipment_id) ?? {}]));
    for (const state of states) {
      this.#remember(state.equipment_id, Date.parse(time) - TREND_MS, state.temperature_five_minutes_ago);
      this.#put(state);
    }
  }

  #put(state) {
    const known = this.states.get(state.equipment_id) ?? {};
    const kept = Object.fromEntries(SNAPSHOT_ONLY.map((key) => [key, known[key]]));
    this.states.set(state.equipment_id, { ...kept, ...state });
    this.#remember(state.equipment_id, Date.parse(state.timestamp), state.temperature);
  }

  #remember(id, at, value) {
    if (!Number.isFinite(at) || typeof value !== "number") return;
    const samples = this.samples.get(id) ?? [];
    const recent = samples.filter((sample) => sample.at > at - 2 * TREND_MS && sample.at !== at);
    this.samples.set(id, [...recent, { at, value }].sort((a, b) => a.at - b.at));
  }

  trendOf(state) {
    return trend(this.samples.get(state.equipment_id) ?? [], state.temperature, this.now());
  }

  now() {
    return Date.now() + this.offset;
  }

  zoneOf(state) {
    return this.bakeries.get(state.bakery)?.time_zone ?? "UTC";
  }
}

/**
 * Starts the page's clockwork: draw() runs at once, after every message and every second. onSnapshot() runs when the line
 * is new, so that a page can fetch what it missed, and then every few minutes.
 */
export function startLivePage({ draw, onEvent = () => {}, onSnapshot = () => {}, timeZones }) {
  const machines = new Machines(readJson("live-snapshot"));
  const redraw = () => {
    draw(machines);
    drawClocks(machines, timeZones(machines));
  };
  const connection = new LiveConnection(socketUrl(), {
    onMessage(message) {
      machines.apply(message);
      document.dispatchEvent(new CustomEvent("live-message", { detail: message })); // for the bell
      if (message.type === "connection_event") onEvent(message.event, machines);
      if (message.type === "snapshot") onSnapshot();
      redraw();
    },
    onLink: (link) => drawLink(link, machines, timeZones(machines)),
    onRefused: refused,
  });
  redraw();
  connection.start();
  setInterval(redraw, TICK_MS);
  return machines;
}

const socketUrl = () => `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/ws/live/`;

function refused(code) {
  const back = encodeURIComponent(location.pathname + location.search);
  // Without a bakery the server's 404 page says what to do.
  if (code === NOT_SIGNED_IN) location.assign(`${document.body.dataset.signInUrl}?next=${back}`);
  else location.reload();
}

function drawLink({ isAlive, isOpen, lastSeen }, machines, timeZones) {
  const sign = document.getElementById("link");
  setData(sign, "link", isAlive ? (isOpen ? "live" : "connecting") : "lost");
  setText(sign.querySelector(".link-word"), isAlive ? (isOpen ? "Live" : "Connecting") : "No connection");
  setData(document.body, "link", isAlive ? "live" : "lost");
  const since = clock(lastSeen + machines.offset, timeZones[0]);
  setText(document.getElementById("banner-text"), isAlive ? "" : `No live connection since ${since}. The values below are old.`);
  show(document.getElementById("banner"), !isAlive);
}

/** One clock for each time zone on the page, named only when there are several. A line ends between two, never in one. */
function drawClocks(machines, timeZones) {
  const texts = timeZones.map((zone) => {
    const time = clock(machines.now(), zone);
    return timeZones.length > 1 ? `${cityOf(zone)} ${time}`.replaceAll(" ", "\u00a0") : time;
  });
  setText(document.getElementById("clock"), texts.join("   "));
}
