/**
 * What a machine's live state means to a person: a shape, a word, how bad it is, and a sentence when somebody must act.
 * Pure. "now" is the server's time in milliseconds.
 */

import { age as ageText, isKnown, parseTime, zoneName } from "./format.js";

/** Worst first; the order of the list is the order of the cards. */
export const SEVERITIES = ["critical", "warning", "normal"];
// A reading may be a moment late without having been missed.
const GRACE_SECONDS = 2;
const MISSED_FOR_AMBER = 2;
const MISSED_FOR_STALE = 5;
const TREND_MS = 5 * 60_000;
const TREND_DEGREES = 2;
const READY_DEGREES = 10;

const RUNNING_WORDS = {
  preheating: "Preheating",
  proofing: "Proofing",
  steaming: "Steaming",
  baking: "Baking",
  resting: "Resting",
  holding: "Holding",
  cooling: "Cooling",
  cleaning: "Cleaning",
  finished: "Finished",
};
const STATUS = {
  off: ["off", "Off"],
  standby: ["idle", "Standby"],
  idle: ["idle", "Idle"],
  preheating: ["preheating", "Preheating"],
  running: ["running", "Running"],
  paused: ["idle", "Paused"],
  cooling: ["idle", "Cooling"],
  cleaning: ["cleaning", "Cleaning"],
  maintenance: ["cleaning", "Maintenance"],
  error: ["critical", "Fault"],
  unknown: ["idle", "Unknown"],
};
/** From the connectors' error codes: the word on the card. The sentence comes with the state. */
const TROUBLE_WORDS = { auth: "Sign-in refused", forbidden: "Not permitted", tls: "Not trusted", rate_limited: "Slowed down" };
const SETTINGS_CODES = new Set(["configuration", "address", "mapping", "not_found"]);

/** How old the value is. The older of the machine's clock and ours counts, so that neither can make a value younger. */
export function freshness(state, now) {
  const moments = [parseTime(state.timestamp), parseTime(state.received_at)].filter(isKnown);
  if (!moments.length) return { level: "none", seconds: null };
  const seconds = Math.max(0, (now - Math.min(...moments)) / 1000);
  const interval = Math.max(1, state.poll_interval_seconds || 1);
  if (seconds > MISSED_FOR_STALE * interval + GRACE_SECONDS) return { level: "stale", seconds };
  if (seconds > MISSED_FOR_AMBER * interval + GRACE_SECONDS) return { level: "late", seconds };
  return { level: "fresh", seconds };
}

/**
 * {shape, word, severity, sentence, code, level, seconds}: everything a card's head says. "heard" is when the server last
 * spoke: a page that is cut off must not say that the machines are silent.
 */
export function judge(state, now, heard = now) {
  const fresh = freshness(state, now);
  const then = { level: freshness(state, heard).level, seconds: fresh.seconds };
  return { code: "", sentence: "", severity: "normal", ...fresh, ...(connectionTrouble(state, then) ?? condition(state)) };
}

function connectionTrouble(state, { level, seconds }) {
  if (!state.iot_enabled) {
    return { shape: "off", word: "Not connected", level: level === "none" ? level : "stale" };
  }
  const trouble = { severity: "warning", sentence: state.connection_error, code: state.connection_error_code };
  if (state.connection_status === "error") return { ...trouble, shape: "warning", word: troubleWord(trouble.code) };
  if (state.connection_status === "disconnected") {
    const fallback = "The machine does not answer. Is it switched on and in the network?";
    return { ...trouble, shape: "offline", word: "Offline", sentence: trouble.sentence || fallback };
  }
  if (level === "stale") {
    const sentence = `No value for ${ageText(seconds)}. Is the machine switched on and in the network?`;
    return { ...trouble, shape: "stale", word: "No value", sentence };
  }
  if (level === "none") return { shape: "idle", word: "Waiting", sentence: waitingFor(state) };
  return null;
}

function troubleWord(code) {
  return TROUBLE_WORDS[code] ?? (SETTINGS_CODES.has(code) ? "Check settings" : "No reading");
}

const waitingFor = (state) => `No value yet. It is read every ${ageText(state.poll_interval_seconds)}.`;

function condition(state) {
  const [shape, word] = STATUS[state.operational_status] ?? STATUS.unknown;
  const alarm = state.additional_sensors?.alarm;
  if (shape === "critical") return { shape, word, severity: "critical", sentence: faultSentence(alarm) };
  const doubt = doubtSentence(state, alarm);
  if (doubt) return { shape: "warning", word: conditionWord(state, word), severity: "warning", sentence: doubt };
  return { shape, word: conditionWord(state, word) };
}

/** {shape, word} of a stored reading: a stretch of the strip under the chart. */
export function phase(reading) {
  const [shape, word] = STATUS[reading.operational_status] ?? STATUS.unknown;
  return { shape, word: conditionWord(reading, word) };
}

function conditionWord(state, word) {
  if (state.cycle_stage === "finished") return RUNNING_WORDS.finished;
  if (state.operational_status === "running") return RUNNING_WORDS[state.cycle_stage] ?? word;
  return state.operational_status === "idle" && isAtTarget(state) ? "Ready" : word;
}

const isAtTarget = ({ temperature, target_temperature: target }) =>
  isKnown(temperature) && isKnown(target) && Math.abs(temperature - target) <= READY_DEGREES;

function faultSentence(alarm) {
  const found = alarm ? `The machine reports a fault: “${alarm}”.` : "The machine reports a fault.";
  return `${found} Look at its display, and call service if it stays.`;
}

function doubtSentence(state, alarm) {
  const bad = Object.keys(state.quality ?? {}).filter((field) => state.quality[field] === "bad" && /^temperature/.test(field));
  const reported = alarm ? `The machine reports: “${alarm}”. ` : "";
  if (bad.length) {
    const zones = bad.filter((field) => field.includes(".")).map((field) => zoneName(field.split(".")[1]));
    return `${reported}${zones.length ? zones.join(", ") : "The chamber"}: no usable temperature. Check the sensor.`;
  }
  return reported ? `${reported}Look at its display.` : "";
}

export const isBusy = (state) => ["running", "paused"].includes(state.operational_status) || state.cycle_stage === "finished";

/** Minutes to the next action, or null. Without the machine's word the batch's plan counts. */
export function minutesLeft(state, now) {
  if (isKnown(state.time_remaining_minutes)) return state.time_remaining_minutes;
  const plan = batchMinutes(state, now);
  return plan && Math.max(0, Math.ceil(plan.expected - plan.spent));
}

/** 0..100, or null. */
export function progress(state, now) {
  if (isKnown(state.cycle_progress_percentage)) return Math.min(100, Math.max(0, state.cycle_progress_percentage));
  const plan = batchMinutes(state, now);
  return plan && Math.min(100, (100 * plan.spent) / plan.expected);
}

function batchMinutes(state, now) {
  const start = parseTime(state.batch_started_at);
  if (!isKnown(start) || !state.batch_expected_minutes) return null;
  return { spent: Math.max(0, (now - start) / 60_000), expected: state.batch_expected_minutes };
}

/** Zones as they stand in the oven: decks with top and bottom together, the core probe last. */
export function zones(state) {
  const groups = new Map();
  for (const key of Object.keys({ ...state.target_temperature_zones, ...state.temperature_zones })) {
    const side = key.match(/^(.*)_(top|bottom)$/);
    const name = side ? side[1] : key;
    if (!groups.has(name)) groups.set(name, { name, parts: [] });
    const part = {
      key,
      side: side?.[2] ?? null,
      actual: state.temperature_zones?.[key] ?? null,
      target: state.target_temperature_zones?.[key] ?? null,
      isBad: state.quality?.[`temperature_zones.${key}`] === "bad",
    };
    groups.get(name).parts.push(part);
  }
  return [...groups.values()].map(withSides).sort(byZone);
}

/** A deck that tells its top and bottom does not need their mean as a third bar. */
function withSides(group) {
  const sides = group.parts.filter((part) => part.side).sort((a) => (a.side === "top" ? -1 : 1));
  return { ...group, parts: sides.length ? sides : group.parts };
}

const isCore = (name) => name.startsWith("core");
const byZone = (a, b) => isCore(a.name) - isCore(b.name) || a.name.localeCompare(b.name, "en", { numeric: true });

/** "up", "down" or "level" against five minutes ago; null while that is unknown. Samples are {at, value}, oldest first. */
export function trend(samples, value, now) {
  if (!isKnown(value)) return null;
  const before = samples.filter((sample) => sample.at <= now - TREND_MS).at(-1) ?? samples[0];
  if (!before || now - before.at < TREND_MS / 5) return null;
  const change = value - before.value;
  if (Math.abs(change) < TREND_DEGREES) return "level";
  return change > 0 ? "up" : "down";
}

/** kWh since the bakery's midnight. A counter that ran backwards was replaced or reset: unknown. */
export function energyToday(state) {
  const [counter, start] = [state.energy_consumption_kwh, state.energy_at_midnight_kwh];
  return isKnown(counter) && isKnown(start) && counter >= start ? counter - start : null;
}

/** For sort(): worst first, then minutes left, then place, and always the same. Items are {state, verdict}. */
export function byUrgency(now) {
  const left = ({ state, verdict }) =>
    (verdict.severity === "normal" && isBusy(state) ? minutesLeft(state, now) : null) ?? Number.POSITIVE_INFINITY;
  const text = ({ state }) => `${state.bakery}\n${state.place}\n${state.equipment_name}\n${state.equipment_id}`;
  return (a, b) =>
    SEVERITIES.indexOf(a.verdict.severity) - SEVERITIES.indexOf(b.verdict.severity) ||
    (left(a) === left(b) ? 0 : left(a) - left(b)) ||
    text(a).localeCompare(text(b), "en", { numeric: true });
}
