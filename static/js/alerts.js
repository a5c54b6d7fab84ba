/** What is open, as the socket tells it, and what people do with it. Pure but for act(). */

const SEVERITIES = ["critical", "warning", "info"];
const STATUSES = ["active", "acknowledged"];
export const SHAPES = { critical: "critical", warning: "warning", info: "idle" };

/** The open alerts of all bakeries of the user. A message holds all of one bakery, a snapshot all of all. */
export class OpenAlerts {
  constructor(alerts = []) {
    this.byId = new Map();
    this.#put(alerts);
  }

  /** Takes any message; returns the alerts that nobody has seen yet and that are new since the last one. */
  apply(message) {
    const before = new Map(this.byId);
    if (message.type === "snapshot" && message.alerts) this.byId.clear();
    else if (message.type !== "alerts") return [];
    for (const [id, alert] of this.byId) if (alert.bakery === message.bakery) this.byId.delete(id);
    this.#put(message.alerts);
    return this.sorted().filter((alert) => alert.status === "active" && before.get(alert.alert_id)?.status !== "active");
  }

  #put(alerts) {
    for (const alert of alerts) this.byId.set(alert.alert_id, alert);
  }

  /** Unseen before seen, then the worst, then the newest. */
  sorted() {
    return [...this.byId.values()].sort(
      (a, b) =>
        STATUSES.indexOf(a.status) - STATUSES.indexOf(b.status) ||
        SEVERITIES.indexOf(a.severity) - SEVERITIES.indexOf(b.severity) ||
        Date.parse(b.opened_at) - Date.parse(a.opened_at),
    );
  }

  unseen() {
    return this.sorted().filter(({ status }) => status === "active");
  }

  /** The worst of one machine, or of its bakery as a whole. */
  of(state) {
    const concerned = (alert) => (alert.equipment_id ? alert.equipment_id === state.equipment_id : alert.bakery === state.bakery);
    return this.sorted().find(concerned) ?? null;
  }
}

/** A card's verdict with the alert's sentence in place of its own. Who sees to it is said; then it is no longer critical. */
export function withAlert(verdict, alert) {
  if (!alert || alert.severity === "info") return verdict;
  const isSeen = alert.status === "acknowledged";
  const severity = alert.severity === "critical" && !isSeen ? "critical" : verdict.severity === "critical" ? "critical" : "warning";
  const sentence = isSeen ? `${alert.message} ${alert.acknowledged_by ?? "Somebody"} sees to it.` : alert.message;
  const shape = verdict.severity === "normal" || severity === "critical" ? SHAPES[severity] : verdict.shape;
  return { ...verdict, severity, sentence, shape };
}

/** Does one thing with an alert; the answer is the alert, or an error with the server's sentence. */
export async function act(id, action, values = {}) {
  const token = document.querySelector("[name=csrfmiddlewaretoken]").value;
  const answer = await fetch(`/api/v1/equipment/iot-alerts/${id}/${action}`, {
    method: "POST",
    headers: { "Content-Type": "application/json", Accept: "application/json", "X-CSRFToken": token },
    body: JSON.stringify(values),
  }).catch(() => null);
  if (!answer) throw new Error("The server does not answer. Try again when the page is live.");
  const found = await answer.json().catch(() => ({}));
  if (answer.ok) return found;
  const fields = Object.values(found.fields ?? {});
  throw new Error(fields[0] ?? found.detail ?? "That did not work. Reload the page and try again.");
}
