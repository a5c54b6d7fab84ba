/** One machine on the dashboard: built once, then only what changed is touched. */

import { withAlert } from "./alerts.js";
import { age, celsius, isKnown, minutes, number, withUnit, zoneName } from "./format.js";
import { el, icon, setData, setIcon, setText, setVariable, show } from "./dom.js";
import { energyToday, isBusy, judge, minutesLeft, progress, zones } from "./state.js";

const COLD = new Set(["fridge", "freezer"]);
// Room temperature: an oven's bar begins there, or a cold oven would look half hot.
const ROOM = 20;
const CORE_TOP = 90;
const OVEN_TOP = 200;
const HEADROOM = 1.12;

export const decimalsOf = (state, zone = "") => (COLD.has(state.equipment_type) || zone.startsWith("core") ? 1 : 0);

let count = 0;

export class Card {
  constructor() {
    const id = `card-${count++}`;
    this.name = el("h2", "card-name");
    this.place = el("p", "card-place");
    this.shape = icon("idle", "icon shape");
    this.word = el("span");
    this.sentence = el("p", "sentence");
    this.reading = new MainReading();
    this.zones = el("ul", "zones");
    this.product = el("span", "product");
    this.left = el("span", "left");
    this.bar = el("span", "bar");
    this.facts = ["humidity", "door", "energy"].map((name) => el("span", name));
    this.age = el("span", "age");
    this.link = el("a", "card-link", [
      el("div", "card-head", [this.name, el("p", "status", [this.shape, this.word]), this.place]),
      this.sentence,
      el("div", "card-body", [this.reading.element, this.zones]),
      (this.bake = el("div", "bake", [this.product, this.left, el("span", "track", [this.bar])])),
      el("div", "card-foot", [...this.facts, this.age]),
    ]);
    [this.name.id, this.word.id, this.sentence.id] = [`${id}-name`, `${id}-word`, `${id}-sentence`];
    this.link.setAttribute("aria-labelledby", `${this.name.id} ${this.word.id}`);
    this.link.setAttribute("aria-describedby", this.sentence.id);
    this.element = el("li", "card", [this.link]);
    this.zoneRows = new Map();
  }

  update(state, machines, placeText) {
    const now = machines.now();
    const verdict = withAlert(judge(state, now, machines.heard), machines.alerts.of(state));
    if (this.link.getAttribute("href") !== state.url) this.link.href = state.url;
    setData(this.element, "equipment", state.equipment_id);
    setData(this.element, "severity", verdict.severity);
    setData(this.element, "level", verdict.level);
    setText(this.name, state.equipment_name);
    setText(this.place, placeText);
    setIcon(this.shape, verdict.shape);
    setText(this.word, verdict.word);
    setText(this.sentence, verdict.sentence);
    show(this.sentence, Boolean(verdict.sentence));
    this.reading.update(state, machines.trendOf(state));
    this.#updateZones(state);
    this.#updateBake(state, now);
    factsOf(state).forEach((text, index) => {
      setText(this.facts[index], text);
      show(this.facts[index], text !== "");
    });
    setText(this.age, ageOf(verdict));
    return verdict;
  }

  #updateZones(state) {
    const groups = worthABar(zones(state), isBusy(state));
    const scale = scaleOf(groups, state);
    for (const [name, row] of this.zoneRows) {
      if (groups.some((group) => group.name === name && group.parts.length === row.parts.length)) continue;
      row.element.remove();
      this.zoneRows.delete(name);
    }
    for (const group of groups) this.#zoneRow(group).update(group, scale, state);
    show(this.zones, groups.length > 0);
  }

  #zoneRow(group) {
    if (!this.zoneRows.has(group.name)) {
      const row = new ZoneRow(group);
      this.zoneRows.set(group.name, row);
      this.zones.append(row.element);
    }
    return this.zoneRows.get(group.name);
  }

  #updateBake(state, now) {
    const done = isBusy(state) ? progress(state, now) : null;
    const product = state.active_batch_name ?? "";
    const left = isBusy(state) ? minutesLeft(state, now) : null;
    show(this.bake, Boolean(product) || isKnown(done) || isKnown(left));
    setText(this.product, product);
    setText(this.left, leftText(left));
    show(this.bar.parentNode, isKnown(done));
    setVariable(this.bar, "--part", `${isKnown(done) ? number(done) : 0}%`);
  }
}

/** The chamber's temperature, large, with its unit, target and trend. */
export class MainReading {
  constructor() {
    this.number = el("span", "number");
    this.unit = el("span", "unit");
    this.target = el("span", "target");
    this.trend = icon("level", "icon trend");
    this.element = el("div", "reading", [
      el("span", "temperature", [this.number, this.unit]),
      el("span", "reading-aim", [this.target, this.trend]),
    ]);
  }

  update(state, trend) {
    const decimals = decimalsOf(state);
    setText(this.number, number(state.temperature, decimals), { fades: true });
    setText(this.unit, isKnown(state.temperature) ? "\u2009°C" : "");
    setText(this.target, isKnown(state.target_temperature) ? `of ${celsius(state.target_temperature, decimals)}` : "");
    show(this.trend, trend === "up" || trend === "down");
    if (trend) setIcon(this.trend, trend);
  }
}

/** A finished bake waits for a hand, however long. */
export function leftText(left) {
  if (!isKnown(left)) return "";
  return left > 0 ? minutes(left) : "Done";
}

/** A single chamber is already the large number, and a core probe outside a product tells nothing. */
function worthABar(groups, hasProduct) {
  const cores = groups.filter(({ name }) => name.startsWith("core"));
  const chambers = groups.filter((group) => !cores.includes(group));
  const isSingle = chambers.length === 1 && chambers[0].parts.length === 1;
  return [...(isSingle ? [] : chambers), ...(hasProduct ? cores : [])];
}

/** A zone as its name, a thin bar for each sensor with the target as a mark, and the numbers. */
export class ZoneRow {
  constructor(group) {
    this.parts = group.parts.map((part) => {
      const bar = el("span", "bar");
      const mark = el("span", "mark");
      return { bar, mark, track: el("span", "track", [bar, mark]), value: el("span", "zone-part") };
    });
    const name = el("span", "zone-name", zoneName(group.name));
    const values = this.parts.map(({ value }) => value);
    this.element = el("li", "zone", [name, el("span", "tracks", this.parts.map(({ track }) => track)), el("span", "zone-value", values)]);
  }

  update(group, scale, state) {
    this.parts.forEach(({ bar, mark, track, value }, index) => {
      const part = group.parts[index];
      setVariable(bar, "--part", `${100 * scale(part.actual)}%`);
      setVariable(mark, "--part", `${100 * scale(part.target)}%`);
      show(bar, isKnown(part.actual));
      show(mark, isKnown(part.target));
      setData(track, "bad", String(part.isBad));
      const decimals = decimalsOf(state, group.name);
      const isLast = index === this.parts.length - 1;
      setText(value, isLast ? celsius(part.actual, decimals) : number(part.actual, decimals), { fades: true });
    });
  }
}

/** From °C to 0..1 of a bar, the same for all zones of a machine. */
export function scaleOf(groups, state) {
  const parts = groups.flatMap((group) => group.parts);
  const values = parts.flatMap((part) => [part.actual, part.target]).filter(isKnown);
  const usual = COLD.has(state.equipment_type) || !groups.some(({ name }) => !name.startsWith("core")) ? CORE_TOP : OVEN_TOP;
  const [low, high] = [Math.min(ROOM, ...values), Math.max(usual, ...values)];
  return (value) => (isKnown(value) ? Math.min(1, Math.max(0, (value - low) / ((high - low) * HEADROOM))) : 0);
}

/** What stands at the foot: only what the machine measures, and the door only when it is open. */
function factsOf(state) {
  const energy = energyToday(state);
  return [
    isKnown(state.humidity) ? `${withUnit(state.humidity, "%")} humidity` : "",
    state.door_status === "open" ? "Door open" : "",
    isKnown(energy) ? `${withUnit(energy, "kWh", 1)} today` : "",
  ];
}

export function ageOf({ level, seconds }) {
  if (level === "none") return "no value yet";
  return level === "stale" ? `no value for ${age(seconds)}` : age(seconds);
}
