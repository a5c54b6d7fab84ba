/** Numbers, ages and times as people read them. Pure: the language is the page's, "now" is always handed in. */

export const UNKNOWN = "–";
const THIN_SPACE = "\u2009";
const MINUTE = 60;
const HOUR = 60 * MINUTE;
const language = () => globalThis.document?.documentElement.lang || "en";

const formatters = new Map();

function formatter(kind, options) {
  const key = JSON.stringify([kind.name, language(), options]);
  if (!formatters.has(key)) formatters.set(key, new kind(language(), options));
  return formatters.get(key);
}

export const isKnown = (value) => typeof value === "number" && Number.isFinite(value);

/** A number in the page's language; an en dash when unknown, never 0. */
export function number(value, decimals = 0) {
  if (!isKnown(value)) return UNKNOWN;
  const options = { minimumFractionDigits: decimals, maximumFractionDigits: decimals, signDisplay: "negative" };
  return formatter(Intl.NumberFormat, options).format(value).replace("-", "−");
}

export function withUnit(value, unit, decimals = 0) {
  return isKnown(value) ? `${number(value, decimals)}${THIN_SPACE}${unit}` : UNKNOWN;
}

export const celsius = (value, decimals = 0) => withUnit(value, "°C", decimals);

/** Minutes under 90, else hours and minutes. */
export function minutes(value) {
  if (!isKnown(value)) return UNKNOWN;
  const whole = Math.max(0, Math.round(value));
  if (whole < 90) return withUnit(whole, "min");
  const hours = withUnit(Math.floor(whole / 60), "h");
  return whole % 60 ? `${hours} ${withUnit(whole % 60, "min")}` : hours;
}

/** How old something is, in the largest unit that still tells: 3 s, 2 min, 5 h, 4 d. */
export function age(seconds) {
  if (!isKnown(seconds)) return UNKNOWN;
  const whole = Math.max(0, Math.floor(seconds));
  if (whole < MINUTE) return withUnit(whole, "s");
  if (whole < 90 * MINUTE) return withUnit(Math.floor(whole / MINUTE), "min");
  if (whole < 48 * HOUR) return withUnit(Math.floor(whole / HOUR), "h");
  return withUnit(Math.floor(whole / (24 * HOUR)), "d");
}

const CLOCK = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };

/** 03:12 on the bakery's wall. */
export const clock = (moment, timeZone) => formatter(Intl.DateTimeFormat, { ...CLOCK, timeZone }).format(moment);

const day = (moment, timeZone) =>
  formatter(Intl.DateTimeFormat, { weekday: "short", day: "numeric", month: "short", timeZone }).format(moment);

/** The time at the bakery, with the day when that is not today. */
export function moment(value, timeZone, now) {
  const at = clock(value, timeZone);
  return day(value, timeZone) === day(now, timeZone) ? at : `${day(value, timeZone)}, ${at}`;
}

/** "Atlantic/Canary" -> "Canary": the place people know a time zone by. */
export const cityOf = (timeZone) => timeZone.split("/").at(-1).replaceAll("_", " ");

/** "deck_1_top" -> "Deck 1 top". */
export function zoneName(key) {
  const words = key.replaceAll("_", " ").trim();
  return words.charAt(0).toUpperCase() + words.slice(1);
}

export const parseTime = (text) => (text ? Date.parse(text) : null);
