/** The Test connection button of a machine's form: posts the form as it stands and shows what was found. */

"use strict";

function say(place, tag, text) {
  const element = document.createElement(tag);
  element.textContent = text;
  place.append(element);
  return element;
}

function showValues(place, values) {
  const table = say(place, "table", "");
  table.style.inlineSize = "fit-content";
  for (const [name, value] of values) {
    const row = table.insertRow();
    const label = say(row, "th", name);
    label.scope = "row";
    label.style.cssText = "font-weight: normal; padding-inline-end: 16px; text-align: start";
    say(row, "td", typeof value === "object" ? JSON.stringify(value) : String(value));
  }
}

function showResult(place, answer, next) {
  place.replaceChildren();
  const sentence = say(place, "p", `${answer.success ? "●" : "▲"} ${answer.message}`);
  sentence.style.fontWeight = "600";
  if (answer.success && next) say(place, "p", next);
  for (const [field, problem] of Object.entries(answer.fields || {})) {
    const label = document.querySelector(`label[for="id_${CSS.escape(field)}"]`);
    say(place, "p", label ? `${label.textContent.trim()}: ${problem}` : problem);
  }
  if (answer.values?.length) showValues(place, answer.values);
  showDetails(place, answer.details || {});
  sentence.scrollIntoView({ block: "center" });  // above the bar with the buttons; tables may be long
}

async function askServer(box, form) {
  const response = await fetch(box.dataset.url, {
    method: "POST",
    body: new FormData(form),
    headers: { Accept: "application/json" },
  });
  const isJson = (response.headers.get("Content-Type") || "").includes("json");
  if (isJson) return response.json();
  if (response.status === 403) return { message: "You may not test connections, or you were signed out. Reload the page." };
  return { message: `The server did not take the test (${response.status}). Reload the page and try again.` };
}

async function testConnection(box, form) {
  const button = box.querySelector("button");
  const place = box.querySelector("[role=status]");
  button.disabled = true;
  place.replaceChildren();
  say(place, "p", "Asking the machine. This takes a few seconds.");
  try {
    showResult(place, await askServer(box, form), box.dataset.next);
  } catch {
    showResult(place, { message: "The server cannot be reached. Check your network and try again." });
  }
  button.disabled = false;
}

/** Only the inputs that the chosen protocol knows; what is hidden is emptied, so that it is not sent. */
function followProtocol(form) {
  const protocol = form.elements.protocol;
  const inputs = form.querySelectorAll("[data-protocols]");
  const update = () => {
    for (const input of inputs) {
      const known = !protocol.value || input.dataset.protocols.split(" ").includes(protocol.value);
      const row = input.closest(".form-row, .field-line") || input.parentElement;
      row.hidden = !known;
      if (!known) input.value = "";
    }
  };
  protocol.addEventListener("change", update);
  update();
}

document.addEventListener("DOMContentLoaded", () => {
  const box = document.getElementById("test-connection");
  if (!box) return;
  const form = box.closest("form");
  box.querySelector("button")?.addEventListener("click", () => testConnection(box, form));
  followProtocol(form);
});
