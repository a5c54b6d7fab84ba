/** The temperature curves of one machine on uPlot: actual solid, target dashed, gaps left empty and hatched. */

import { celsius, clock, isKnown, zoneName } from "./format.js";
import { el, setData, setText, setVariable } from "./dom.js";

// Okabe and Ito's colours; a zone has the same one on every page. The style sheet holds them as --series-1 to -8.
const COLOURS = {
  temperature: 1, cabinet: 1, deck_1: 1, deck_1_top: 1, deck_1_bottom: 2, deck_2: 3, deck_2_top: 3, deck_2_bottom: 4,
  deck_3: 5, deck_3_top: 5, deck_3_bottom: 6, core: 7, deck_4: 8, deck_4_top: 8, deck_4_bottom: 2, boiler: 4,
};
const NARROW_PX = 72;
const HATCH_STEP = 9;
const LOWEST_SPAN = 20;

export const colourOf = (zone, index = 0) => COLOURS[zone] ?? 1 + (index % 8);

const token = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

export class Chart {
  /** places: { plot, legend, stages, time } are the elements to fill. */
  constructor(places, timeZone) {
    this.places = places;
    this.timeZone = timeZone;
    this.hidden = new Set();
    this.range = [0, 1];
    this.gaps = [];
    new ResizeObserver(() => this.#resize()).observe(places.plot);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#rebuild());
  }

  /** zones: the keys to draw, in order; range: the moments at both ends, in milliseconds. */
  draw(history, zones, range) {
    this.range = range.map((moment) => moment / 1000);
    this.gaps = history.gapsUntil(range[1]);
    this.history = history;
    if (!this.plot || this.zones?.join() !== zones.join()) {
      this.zones = zones;
      this.#rebuild();
    } else {
      this.plot.setData(this.#columns());
    }
    this.#drawStages(history.phases(range[1]), range);
    if (this.plot.cursor.idx == null) this.#tellValues(null);
  }

  #columns() {
    const actual = (zone) => (row) => (zone === "temperature" ? row.temperature : row.temperature_zones?.[zone]);
    const target = (zone) => (row) => (zone === "temperature" ? row.target_temperature : row.target_temperature_zones?.[zone]);
    return this.history.columns([...this.zones.map(target), ...this.zones.map(actual)]);
  }

  #rebuild() {
    if (!this.zones) return;
    this.plot?.destroy();
    this.#buildLegend();
    this.plot = new globalThis.uPlot(this.#options(), this.#columns(), this.places.plot);
    this.#followFingers();
  }

  #options() {
    const quiet = token("--quiet");
    const rootSize = parseFloat(getComputedStyle(document.documentElement).fontSize);
    const axis = { stroke: quiet, grid: { stroke: token("--line"), width: 1 }, ticks: { show: false }, font: `${Math.round(0.8 * rootSize)}px ${token("--font")}` };
    return {
      ...this.#size(),
      legend: { show: false },
      cursor: { drag: { x: false, y: false }, points: { size: 7 } },
      tzDate: (seconds) => globalThis.uPlot.tzDate(new Date(seconds * 1000), this.timeZone),
      scales: { x: { range: () => this.range }, y: { range: (_, low, high) => roomy(low, high) } },
      axes: [
        { ...axis, grid: { show: false }, size: 2 * rootSize, space: 5 * rootSize, values: (_, splits) => splits.map((at) => clock(at * 1000, this.timeZone)) },
        { ...axis, size: 3 * rootSize, space: 2.6 * rootSize, values: (_, splits) => splits.map((value) => `${value}°`) },
      ],
      series: [{}, ...this.zones.map((zone, i) => this.#series(zone, i, true)), ...this.zones.map((zone, i) => this.#series(zone, i, false))],
      hooks: { drawClear: [(plot) => this.#hatch(plot)], setCursor: [(plot) => this.#tellValues(plot.cursor.idx)] },
    };
  }

  #series(zone, index, isTarget) {
    const stroke = token(`--series-${colourOf(zone, index)}`);
    const shown = { stroke, show: !this.hidden.has(zone), points: { show: false } };
    return isTarget ? { ...shown, width: 1.2, dash: [6, 5], alpha: 0.75 } : { ...shown, width: 2.2 };
  }

  #size() {
    return { width: Math.max(200, this.places.plot.clientWidth), height: Math.max(180, this.places.plot.clientHeight) };
  }

  #resize() {
    if (!this.plot) return;
    const { width, height } = this.#size();
    if (width !== this.plot.width || height !== this.plot.height) this.plot.setSize({ width, height });
    this.#placeStages();
  }

  #hatch({ ctx, bbox, valToPos }) {
    ctx.save();
    ctx.strokeStyle = token("--hatch");
    ctx.lineWidth = devicePixelRatio;
    for (const { from, to } of this.gaps) {
      const [left, right] = [from, to].map((at) => Math.min(Math.max(valToPos(at / 1000, "x", true), bbox.left), bbox.left + bbox.width));
      if (right > left) hatchArea(ctx, left, bbox.top, right - left, bbox.height);
    }
    ctx.restore();
  }

  #buildLegend() {
    this.values = new Map();
    const entries = this.zones.map((zone, index) => {
      const value = el("span", "legend-value");
      const button = el("button", "legend-entry", [el("span", "swatch"), el("span", "", zoneName(zone)), value]);
      button.type = "button";
      button.setAttribute("aria-pressed", String(!this.hidden.has(zone)));
      setVariable(button, "--series", `var(--series-${colourOf(zone, index)})`);
      button.addEventListener("click", () => this.#toggle(zone, index, button));
      this.values.set(zone, value);
      return button;
    });
    this.places.legend.replaceChildren(...entries);
  }

  #toggle(zone, index, button) {
    const isShown = this.hidden.delete(zone) || !this.hidden.add(zone);
    button.setAttribute("aria-pressed", String(isShown));
    for (const series of [1 + index, 1 + this.zones.length + index]) this.plot.setSeries(series, { show: isShown });
  }

  /** The values under the finger, else the last ones. */
  #tellValues(pointed) {
    const data = this.plot?.data ?? this.#columns();
    const index = pointed ?? data[0].length - 1;
    const at = data[0][index];
    setText(this.places.time, pointed != null && at ? clock(at * 1000, this.timeZone) : "now");
    this.zones.forEach((zone, i) => {
      const value = data[1 + this.zones.length + i]?.[index];
      setText(this.values.get(zone), isKnown(value) ? celsius(value, zone.startsWith("core") ? 1 : 0) : "–");
    });
  }

  #followFingers() {
    const { over } = this.plot;
    const follow = (event) => {
      if (event.pointerType === "mouse") return;
      const box = over.getBoundingClientRect();
      this.plot.setCursor({ left: event.clientX - box.left, top: event.clientY - box.top });
    };
    over.addEventListener("pointerdown", follow);
    over.addEventListener("pointermove", follow);
  }

  #drawStages(phases, [start, end]) {
    const part = (moment) => Math.min(1, Math.max(0, (moment - start) / (end - start)));
    const visible = phases.filter(({ to }) => to > start);
    const { stages } = this.places;
    this.#placeStages();
    while (stages.children.length > visible.length) stages.lastChild.remove();
    visible.forEach(({ from, to, shape, word }, index) => {
      const segment = stages.children[index] ?? stages.appendChild(el("li", "stage"));
      setText(segment, word);
      segment.title = `${word}, ${clock(from, this.timeZone)} to ${clock(to, this.timeZone)}`;
      setData(segment, "shape", shape);
      setData(segment, "narrow", String((part(to) - part(from)) * stages.clientWidth < NARROW_PX));
      setVariable(segment, "--from", part(from));
      setVariable(segment, "--to", part(to));
    });
  }

  /** The strip stands under the plot's area, not under its numbers. */
  #placeStages() {
    setVariable(this.places.stages, "--left", `${this.plot.bbox.left / devicePixelRatio}px`);
    setVariable(this.places.stages, "--width", `${this.plot.bbox.width / devicePixelRatio}px`);
  }
}

/** A flat line must not look like a mountain range. */
export function roomy(low, high) {
  if (!isKnown(low) || !isKnown(high)) return [0, 100];
  const spare = Math.max(4, (LOWEST_SPAN - (high - low)) / 2, (high - low) * 0.08);
  return [low - spare, high + spare];
}

function hatchArea(ctx, left, top, width, height) {
  ctx.save();
  ctx.beginPath();
  ctx.rect(left, top, width, height);
  ctx.clip();
  ctx.beginPath();
  const step = HATCH_STEP * devicePixelRatio;
  // Counted from the picture's edge, or the lines would crawl while the gap grows.
  for (let x = Math.floor((left - height) / step) * step; x < left + width; x += step) {
    ctx.moveTo(x, top + height);
    ctx.lineTo(x + height, top);
  }
  ctx.stroke();
  ctx.restore();
}
