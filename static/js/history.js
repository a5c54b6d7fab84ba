/** The readings behind a chart: what the API gave, and what came live since. Pure but for load(). */

import { parseTime } from "./format.js";
import { phase } from "./state.js";

const POINTS = 600;
const MISSED_READS_OF_A_GAP = 3;
const SHORTEST_GAP_SECONDS = 15;
const FIELDS = [
  "temperature",
  "target_temperature",
  "temperature_zones",
  "target_temperature_zones",
  "operational_status",
  "cycle_stage",
];

export async function load(url, hours, now) {
  const range = { start_time: new Date(now - hours * 3_600_000).toISOString(), end_time: new Date(now).toISOString() };
  const query = new URLSearchParams({ ...range, points: POINTS, fields: FIELDS.join(",") });
  const answer = await fetch(`${url}?${query}`, { headers: { Accept: "application/json" } });
  if (!answer.ok) throw new Error(`sensor-history answered ${answer.status}`);
  return answer.json();
}

export class History {
  constructor({ readings = [], gaps = [], step_seconds: step = 0 } = {}, intervalSeconds = 30) {
    this.rows = readings.map((reading) => ({ ...reading, at: parseTime(reading.reading_time) }));
    const last = this.rows.at(-1)?.at ?? 0;
    // The gap that reaches to the end of the range is still open: it is measured against the clock instead.
    this.gaps = gaps.map(({ start, end }) => ({ from: parseTime(start), to: parseTime(end) })).filter(({ from }) => from < last);
    // Gathered readings bear the time at which their step began.
    this.longestMs = 1000 * (Math.max(MISSED_READS_OF_A_GAP * intervalSeconds, SHORTEST_GAP_SECONDS) + (step ?? 0));
  }

  /** Whether readings are missing before this state: either the machine was silent, or this page was. */
  isBehind(state) {
    const last = this.rows.at(-1)?.at ?? null;
    return last !== null && (parseTime(state.timestamp) ?? 0) - last > this.longestMs;
  }

  /** Says whether the state held a newer reading. */
  append(state) {
    const at = parseTime(state.timestamp);
    const last = this.rows.at(-1)?.at ?? null;
    if (at === null || (last !== null && at <= last)) return false;
    if (last !== null && at - last > this.longestMs) this.gaps.push({ from: last, to: at });
    this.rows.push({ ...state, at });
    return true;
  }

  dropBefore(moment) {
    const first = this.rows.findIndex((row) => row.at >= moment);
    this.rows = first < 0 ? this.rows.slice(-1) : this.rows.slice(Math.max(0, first - 1));
    this.gaps = this.gaps.filter(({ to }) => to >= moment);
  }

  /** The gaps with the one that is open now, if the machine is silent. */
  gapsUntil(now) {
    const last = this.rows.at(-1)?.at;
    return last && now - last > this.longestMs ? [...this.gaps, { from: last, to: now }] : this.gaps;
  }

  /** [[seconds], [values of pick 1], ...] with a hole in every gap. */
  columns(picks) {
    const columns = [[], ...picks.map(() => [])];
    let gap = 0;
    for (const row of this.rows) {
      for (; gap < this.gaps.length && this.gaps[gap].to <= row.at; gap++) {
        columns[0].push((this.gaps[gap].from + 1) / 1000);
        for (const column of columns.slice(1)) column.push(null);
      }
      columns[0].push(row.at / 1000);
      picks.forEach((pick, index) => columns[index + 1].push(pick(row) ?? null));
    }
    return columns;
  }

  /** Stretches of one phase: {from, to, shape, word}; none across a gap. */
  phases(now) {
    const found = [];
    const gaps = this.gapsUntil(now);
    const endOf = (row, next) => gaps.find(({ from }) => from >= row.at && from < (next ?? now))?.from ?? next ?? now;
    this.rows.forEach((row, index) => {
      const { shape, word } = phase(row);
      const to = endOf(row, this.rows[index + 1]?.at);
      const previous = found.at(-1);
      if (previous?.word === word && previous.to === row.at) previous.to = to;
      else if (row.operational_status) found.push({ from: row.at, to, shape, word });
    });
    return found;
  }
}
