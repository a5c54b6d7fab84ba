/** The bell of every page: how many alerts nobody has seen; on the wall it also rings. */

import { OpenAlerts } from "./alerts.js";
import { readJson, setData, setText, show } from "./dom.js";
import { LiveConnection } from "./live.js";

const TONES_HZ = [880, 660, 880];
const TONE_SECONDS = 0.22;
const LOUDNESS = 0.4;

const bell = document.getElementById("bell");
const alerts = new OpenAlerts(readJson("open-alerts"));
const isWall = new URLSearchParams(location.search).has("wall");
let sound = null;

function draw() {
  const unseen = alerts.unseen();
  setText(bell.querySelector(".bell-count"), unseen.length ? String(unseen.length) : "");
  show(bell.querySelector(".bell-count"), unseen.length > 0);
  setData(bell, "severity", unseen[0]?.severity ?? "none");
  const label = unseen.length ? `${unseen.length} ${unseen.length === 1 ? "alert" : "alerts"} nobody has seen` : "Alerts";
  if (bell.getAttribute("aria-label") !== label) bell.setAttribute("aria-label", label);
}

/** Only what is new rings: what clears, or is acknowledged, never does. */
function hear(message) {
  const fresh = alerts.apply(message).filter(({ severity }) => severity !== "info");
  draw();
  if (isWall && fresh.length) ring();
}

function ring() {
  bell.dataset.rang = String(Number(bell.dataset.rang ?? 0) + 1);
  if (sound?.state !== "running") return;
  TONES_HZ.forEach((frequency, index) => {
    const [tone, volume] = [sound.createOscillator(), sound.createGain()];
    const start = sound.currentTime + index * TONE_SECONDS;
    tone.frequency.value = frequency;
    volume.gain.setValueAtTime(LOUDNESS, start);
    volume.gain.exponentialRampToValueAtTime(0.001, start + TONE_SECONDS);
    tone.connect(volume).connect(sound.destination);
    tone.start(start);
    tone.stop(start + TONE_SECONDS);
  });
}

/** A browser plays nothing before somebody has touched the page: the wall says so until somebody has. */
function prepareSound() {
  const note = document.getElementById("sound-note");
  sound = new AudioContext();
  const tell = () => show(note, sound.state !== "running");
  sound.addEventListener("statechange", tell);
  document.addEventListener("pointerdown", () => sound.resume());
  tell();
}

if (bell) {
  draw();
  if (isWall) prepareSound();
  if (document.getElementById("live-snapshot")) document.addEventListener("live-message", ({ detail }) => hear(detail));
  else {
    const url = `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/ws/live/`;
    new LiveConnection(url, { onMessage: hear, onLink: () => {}, onRefused: () => {} }).start();
  }
}
