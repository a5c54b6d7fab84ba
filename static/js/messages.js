/** A person's page about messages: switches them on for this browser, and sends a test that says what came of it. */

import { setText, show } from "./dom.js";

const LOOK_EVERY_MS = 1_000;
const LOOK_FOR_MS = 45_000;
const part = (id) => document.getElementById(id);
const state = part("push-state");
const token = () => document.querySelector("[name=csrfmiddlewaretoken]").value;

async function ask(path, method = "GET", body = undefined) {
  const answer = await fetch(`/api/v1/${path}`, {
    method,
    headers: { "Content-Type": "application/json", Accept: "application/json", "X-CSRFToken": token() },
    body: body && JSON.stringify(body),
  }).catch(() => null);
  if (!answer) throw new Error("The server does not answer. Try again in a minute.");
  const found = await answer.json().catch(() => ({}));
  if (answer.ok) return found;
  throw new Error(Object.values(found.fields ?? {})[0] ?? found.detail ?? "That did not work. Reload the page and try again.");
}

/** "Chrome on Android": enough to tell one's own devices apart. */
function nameOfDevice() {
  const agent = navigator.userAgent;
  const browser = [["Edg", "Edge"], ["OPR", "Opera"], ["Firefox", "Firefox"], ["Chrome", "Chrome"], ["Safari", "Safari"]];
  const system = [["Android", "Android"], ["iPhone", "iPhone"], ["iPad", "iPad"], ["Windows", "Windows"], ["Mac", "Mac"], ["Linux", "Linux"]];
  const find = (words) => words.find(([mark]) => agent.includes(mark))?.[1] ?? "unknown";
  return `${find(browser)} on ${find(system)}`;
}

const keyBytes = (text) => Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (one) => one.charCodeAt(0));

async function switchOn() {
  if ((await Notification.requestPermission()) !== "granted")
    throw new Error("This browser keeps messages of this site back. Allow them in its settings for this site, then try again.");
  const worker = await navigator.serviceWorker.register(state.dataset.worker);
  await untilActive(worker);
  const options = { userVisibleOnly: true, applicationServerKey: keyBytes(state.dataset.key) };
  const subscription = await worker.pushManager.subscribe(options).catch(() => {
    throw new Error("This browser's push service cannot be reached. Check the network of this device, then try again.");
  });
  const { endpoint, keys } = subscription.toJSON();
  await ask("push-subscriptions", "POST", { endpoint, keys, device: nameOfDevice() });
  location.reload();
}

/** `navigator.serviceWorker.ready` never comes here: the worker's scope is its own folder, not this page. */
function untilActive(registration) {
  const worker = registration.installing ?? registration.waiting;
  if (!worker) return registration;
  return new Promise((resolve) => {
    worker.addEventListener("statechange", () => worker.state === "activated" && resolve(registration));
  });
}

async function findSubscription() {
  const worker = await navigator.serviceWorker.getRegistration(state.dataset.worker);
  return worker?.pushManager.getSubscription() ?? null;
}

async function switchOff() {
  await (await findSubscription())?.unsubscribe();
  setText(state, "Messages are off here. The device can be removed from your list above.");
  location.reload();
}

async function sendTest(channel) {
  setText(part("test-result"), "On its way …");
  const rows = await ask("notifications/test", "POST", { channel });
  const end = Date.now() + LOOK_FOR_MS;
  while (Date.now() < end) {
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
    const found = await Promise.all(rows.map(({ id }) => ask(`notifications/${id}`)));
    if (found.every(({ result }) => result)) return setText(part("test-result"), found.map(describe).join(" "));
  }
  return setText(part("test-result"), "Nothing has taken the message yet. Whoever runs this server should see whether its worker is running.");
}

const describe = ({ device, result, sent_at: sent, next_try_at: next }) =>
  `${device ? `${device}: ` : ""}${result}${!sent && next ? " It is tried again by itself." : ""}`;

/** Every failure is a sentence beside the buttons. */
function onClick(button, work) {
  button?.addEventListener("click", async () => {
    button.disabled = true;
    await work().catch((error) => setText(part("test-result"), error.message));
    button.disabled = false;
  });
}

async function describeThisDevice() {
  if (!("serviceWorker" in navigator) || !("PushManager" in window))
    return setText(state, window.isSecureContext
      ? "This browser cannot show messages while the page is closed. On an iPhone, add the page to the home screen first."
      : "Messages need a page opened over https. Ask whoever runs this server.");
  const isOn = Notification.permission === "granted" && (await findSubscription());
  setText(state, isOn ? "Messages are shown here, also while the page is closed." : "Messages are not shown here yet.");
  show(part("push-on"), !isOn);
  show(part("push-off"), Boolean(isOn));
}

onClick(part("push-on"), switchOn);
onClick(part("push-off"), switchOff);
for (const button of document.querySelectorAll("[data-test]")) onClick(button, () => sendTest(button.dataset.test));
for (const button of document.querySelectorAll("[data-remove]"))
  onClick(button, async () => {
    await ask(`push-subscriptions/${button.dataset.remove}`, "DELETE");
    location.reload();
  });
describeThisDevice().catch(() => setText(state, "This browser refuses messages here."));
