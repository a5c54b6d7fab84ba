/** All machines of the user's bakeries, worst first. */

import { minutes } from "./format.js";
import { Card } from "./card.js";
import { el, setText, show } from "./dom.js";
import { startLivePage } from "./live_page.js";
import { byUrgency, isBusy, minutesLeft } from "./state.js";

// A hand on the page keeps the order; a mouse that was left lying there does not keep it for ever.
const REST_MS = 30_000;
const AFTER_TOUCH_MS = 3_000;

const grid = document.getElementById("cards");
const chosen = grid.dataset.bakery;
const cards = new Map();
const announced = new Map();
let heldUntil = 0;

function holdWhileInUse() {
  const hold = (milliseconds) => () => (heldUntil = Date.now() + milliseconds);
  grid.addEventListener("pointermove", (event) => event.pointerType === "mouse" && hold(REST_MS)());
  grid.addEventListener("pointerdown", hold(REST_MS));
  grid.addEventListener("pointerup", hold(AFTER_TOUCH_MS));
  grid.addEventListener("pointerleave", (event) => (event.pointerType === "mouse" ? hold(0) : hold(AFTER_TOUCH_MS))());
  grid.addEventListener("focusin", hold(REST_MS));
  grid.addEventListener("focusout", hold(0));
}

function draw(machines) {
  const shown = [...machines.states.values()].filter((state) => !chosen || state.bakery === chosen);
  const items = shown.map((state) => ({ state, verdict: cardOf(state).update(state, machines, placeOf(state, machines)) }));
  for (const [id, card] of cards) {
    if (shown.some((state) => state.equipment_id === id)) continue;
    card.element.remove();
    cards.delete(id);
  }
  const sorted = items.sort(byUrgency(machines.now()));
  const isNew = sorted.some(({ state }) => !cards.get(state.equipment_id).element.isConnected);
  if (isNew || Date.now() >= heldUntil) arrange(sorted);
  drawHeadline(sorted, machines);
  announceTrouble(items);
  show(document.getElementById("empty"), items.length === 0);
}

function cardOf(state) {
  if (!cards.has(state.equipment_id)) cards.set(state.equipment_id, new Card());
  return cards.get(state.equipment_id);
}

function placeOf(state, machines) {
  const bakery = chosen || machines.bakeries.size < 2 ? "" : machines.bakeries.get(state.bakery)?.name;
  return [bakery, state.place].filter(Boolean).join(" · ");
}

/** Moves only the cards that stand wrong: a moved card loses the focus. */
function arrange(items) {
  const focused = grid.contains(document.activeElement) ? document.activeElement : null;
  items.forEach(({ state }, index) => {
    const { element } = cards.get(state.equipment_id);
    if (grid.children[index] !== element) grid.insertBefore(element, grid.children[index] ?? null);
  });
  if (focused && document.activeElement !== focused) focused.focus({ preventScroll: true });
}

function drawHeadline(items, machines) {
  const inTrouble = items.filter(({ verdict }) => verdict.severity !== "normal").length;
  const one = items.length === 1;
  const headline = inTrouble
    ? `${inTrouble} of ${items.length} ${inTrouble === 1 ? "needs" : "need"} you`
    : one ? "All is well" : `All ${items.length} are well`;
  setText(document.getElementById("headline"), items.length ? headline : "");
  setText(document.getElementById("subline"), [...tally(items), nextAction(items, machines)].filter(Boolean).join(" · "));
}

function tally(items) {
  const words = new Map();
  for (const { verdict } of items) {
    if (verdict.severity === "normal") words.set(verdict.word, (words.get(verdict.word) ?? 0) + 1);
  }
  return [...words].sort((a, b) => b[1] - a[1]).map(([word, number]) => `${number} ${word.toLowerCase()}`);
}

function nextAction(items, machines) {
  const now = machines.now();
  const next = items.find(({ state, verdict }) => verdict.severity === "normal" && isBusy(state) && minutesLeft(state, now) !== null);
  if (!next) return "";
  const left = minutesLeft(next.state, now);
  if (left === 0) return `${next.state.equipment_name} waits for a hand`;
  return `next: ${next.state.equipment_name} in ${minutes(left)}`;
}

/** For screen readers: new trouble is said once, and nothing else is. */
function announceTrouble(items) {
  const isFirst = announced.size === 0;
  for (const { state, verdict } of items) {
    const text = verdict.severity === "normal" ? "" : `${state.equipment_name}: ${verdict.word}.`;
    if (announced.get(state.equipment_id) === text) continue;
    announced.set(state.equipment_id, text);
    if (text && !isFirst) document.getElementById("announcements").replaceChildren(el("p", "", `${text} ${verdict.sentence}`));
  }
}

function timeZones({ bakeries }) {
  const shown = [...bakeries.values()].filter(({ slug }) => !chosen || slug === chosen);
  return [...new Set(shown.map((bakery) => bakery.time_zone))];
}

document.body.classList.toggle("wall", new URLSearchParams(location.search).has("wall"));
document.querySelector("#bakery-filter select")?.addEventListener("change", (event) => event.target.form.submit());
holdWhileInUse();
startLivePage({ draw, timeZones });
