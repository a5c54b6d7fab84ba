/**
 * The page's one line to the server. Whatever breaks it (sleep, a restart, a dead network) it comes back by itself,
 * and it never claims to be alive when it is not: only a received message counts.
 */

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 10_000;
const WATCH_MS = 1_000;
// A timer that did not run for so long means that the machine slept.
const SLEPT_MS = 15_000;
// Longer than a healthy server needs for the snapshot.
const OPENING_MS = 8_000;
const MISSED_BEATS = 2;
export const NOT_SIGNED_IN = 4401;
export const NO_BAKERY = 4404;

/** The pause before a try, in milliseconds: doubling, capped, and spread so that a hundred pages do not come at once. */
export function pauseBefore(attempt, random = Math.random) {
  const longest = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** attempt);
  return Math.max(FIRST_PAUSE_MS, longest * (0.5 + random() / 2));
}

export class LiveConnection {
  /**
   * onMessage(message): every message of the server. onLink({ isAlive, isOpen, lastSeen }): whenever one of them changes,
   * lastSeen in this device's milliseconds. onRefused(code): the server wants no reconnect.
   */
  constructor(url, { onMessage, onLink, onRefused }) {
    Object.assign(this, { url, onMessage, onLink, onRefused });
    this.heartbeatMs = 5_000;
    this.lastSeen = this.lastTick = Date.now();
    this.attempt = 0;
    this.isAlive = true;
    this.socket = null;
  }

  start() {
    this.#open();
    setInterval(() => this.#watch(), WATCH_MS);
    addEventListener("online", () => this.#wake());
    addEventListener("pageshow", (event) => event.persisted && this.#wake());
    document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && this.#wake());
  }

  #open() {
    clearTimeout(this.retry);
    this.openedAt = Date.now();
    const socket = (this.socket = new WebSocket(this.url));
    const ifCurrent = (handle) => (event) => socket === this.socket && handle(event);
    socket.onmessage = ifCurrent(({ data }) => this.#receive(JSON.parse(data)));
    socket.onclose = ifCurrent(({ code }) => this.#closed(code));
  }

  #receive(message) {
    // A line that was dead may have lost messages: only a snapshot makes it whole again.
    if (!this.isAlive && message.type !== "snapshot") return this.#reopen();
    this.attempt = 0;
    this.lastSeen = Date.now();
    if (message.heartbeat_seconds) this.heartbeatMs = message.heartbeat_seconds * 1000;
    this.#setAlive(true);
    this.onMessage(message);
  }

  #closed(code) {
    this.socket = null;
    this.#tell();
    if (code === NOT_SIGNED_IN || code === NO_BAKERY) return this.onRefused(code);
    this.retry = setTimeout(() => this.#open(), pauseBefore(this.attempt++));
  }

  /** A half-open socket says nothing: let it go without waiting for its close, which may never come. */
  #reopen() {
    const old = this.socket;
    this.socket = null;
    old?.close();
    this.attempt = 0;
    this.#open();
    this.#tell();
  }

  #watch() {
    const now = Date.now();
    const hasSlept = now - this.lastTick > SLEPT_MS;
    this.lastTick = now;
    const silence = now - this.lastSeen;
    if (hasSlept || silence > MISSED_BEATS * this.heartbeatMs) this.#setAlive(false);
    if (hasSlept || (!this.isAlive && this.socket && now - this.openedAt > OPENING_MS)) this.#reopen();
  }

  /** Someone looks again, or the network is back: do not wait for the next try. */
  #wake() {
    const isSilent = Date.now() - this.lastSeen > MISSED_BEATS * this.heartbeatMs;
    if (isSilent) this.#setAlive(false);
    if (isSilent || !this.socket) this.#reopen();
  }

  #setAlive(isAlive) {
    this.isAlive = isAlive;
    this.#tell();
  }

  #tell() {
    const isOpen = this.socket?.readyState === WebSocket.OPEN;
    if (this.told === `${this.isAlive} ${isOpen}`) return;
    this.told = `${this.isAlive} ${isOpen}`;
    this.onLink({ isAlive: this.isAlive, isOpen, lastSeen: this.lastSeen });
  }
}
