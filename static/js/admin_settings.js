/**
 * One input for each of a protocol's further settings. The JSON below them is what is sent: an input changes its key in
 * it, and an empty one takes the key out, so that the default holds.
 */

const START_HEIGHT = 6;

function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

function words(key) {
  const text = key.replaceAll("_", " ");
  return text[0].toUpperCase() + text.slice(1);
}

function shown(value) {
  if (value === true) return "yes";
  if (value === false) return "no";
  return String(value);
}

function isPlain(value) {
  return ["string", "number", "boolean"].includes(typeof value) && value !== "";
}

/** The object in the text; null if it is none. */
function parseSettings(text) {
  if (!text.trim()) return {};
  try {
    const found = JSON.parse(text);
    return found !== null && typeof found === "object" && !Array.isArray(found) ? found : null;
  } catch {
    return null;
  }
}

function choiceInput(option, value, looks) {
  const choices = option.kind === "yes_no" ? [true, false] : option.choices;
  const select = element("select", { className: looks.select });
  select.append(new Option(isPlain(option.default) ? `${shown(option.default)} (default)` : "Not set", ""));
  choices.forEach((choice, index) => select.append(new Option(shown(choice), String(index))));
  const found = choices.indexOf(value);
  select.value = found < 0 ? "" : String(found);
  const read = () => (select.value === "" ? undefined : choices[Number(select.value)]);
  return { input: select, read, frame: looks.frame(select) };
}

function numberInput(option, value, looks) {
  const input = element("input", { type: "number", step: option.kind === "integer" ? "1" : "any", className: looks.text });
  input.value = typeof value === "number" ? String(value) : "";
  return { input, read: () => (input.value === "" ? undefined : Number(input.value)) };
}

function textInput(option, value, looks) {
  const isLong = option.kind === "lines";
  const input = element(isLong ? "textarea" : "input", { className: isLong ? looks.lines : looks.text });
  if (isLong) input.rows = 3;
  input.value = typeof value === "string" ? value : "";
  return { input, read: () => (input.value === "" ? undefined : input.value) };
}

/** Lists and tables stay JSON. A text that is none yet goes along as it is: the server then names the setting. */
function jsonInput(option, value, looks) {
  const text = typeof value === "string" ? value : value === undefined ? "" : JSON.stringify(value, null, 2);
  const input = element("textarea", { className: looks.lines, spellcheck: false });
  input.rows = Math.min(Math.max(text.split("\n").length, 2), START_HEIGHT * 3);
  input.value = text;
  const read = () => {
    input.removeAttribute("aria-invalid");
    try {
      return input.value.trim() ? JSON.parse(input.value) : undefined;
    } catch {
      input.setAttribute("aria-invalid", "true");
      return input.value;
    }
  };
  return { input, read };
}

const INPUTS = { yes_no: choiceInput, choice: choiceInput, number: numberInput, integer: numberInput, json: jsonInput };

/** Does the value fit the input? Else it stays in the JSON alone, so that nothing is lost. */
function fits(option, value) {
  if (value === undefined || value === null || option.kind === "json") return true;
  if (option.kind === "yes_no") return typeof value === "boolean";
  if (option.kind === "choice") return option.choices.includes(value);
  return typeof value === (option.kind === "text" || option.kind === "lines" ? "string" : "number");
}

/** The admin's own looks, taken from inputs that it has made. */
function borrowLooks(form) {
  const { endpoint, protocol, additional_config: json } = form.elements;
  const frame = (select) => {
    const copy = protocol.parentElement.cloneNode(true);
    copy.querySelector("select").replaceWith(select);
    return copy;
  };
  return { text: endpoint.className, select: protocol.className, lines: json.className, frame };
}

class SettingsPanel {
  constructor(form, data) {
    this.form = form;
    this.data = data;
    this.json = form.elements.additional_config;
    this.looks = borrowLooks(form);
    this.list = element("fieldset", { className: "settings" });
    const whole = element("details", { className: "settings-json" }, element("summary", { textContent: "As JSON" }));
    this.json.before(this.list, whole);
    whole.append(this.json);
    this.whole = whole;
    form.elements.protocol.addEventListener("change", () => this.draw());
    this.json.addEventListener("input", () => this.draw());
    this.draw();
  }

  get fillIn() {
    return this.data.presets[this.form.elements.preset?.value]?.fill_in ?? {};
  }

  draw() {
    const options = this.data.options[this.form.elements.protocol.value];
    const settings = parseSettings(this.json.value);
    this.list.replaceChildren();
    this.list.disabled = settings === null;
    if (!options || settings === null) {
      this.whole.open = settings === null;
      const sentence = options ? "What stands below is no JSON object: correct it there." : "Choose a protocol first.";
      this.list.append(element("p", { textContent: sentence }));
      return;
    }
    const example = this.data.examples[this.form.elements.protocol.value] ?? {};
    const isFirst = ({ key, needed }) => needed || key in settings || key in example || key in this.fillIn;
    this.list.append(this.drawUnknown(options, settings), this.drawRows(options.filter(isFirst), settings));
    const others = options.filter((option) => !isFirst(option));
    if (others.length) {
      const summary = element("summary", { textContent: `More settings (${others.length})` });
      this.list.append(element("details", {}, summary, this.drawRows(others, settings)));
    }
    this.list.append(drawExample(example));
  }

  drawRows(options, settings) {
    return element("div", { className: "settings-list" }, ...options.map((option) => this.drawRow(option, settings)));
  }

  drawRow(option, settings) {
    const { key } = option;
    const id = `setting-${key}`;
    const row = element("div", { className: "settings-row" }, element("label", { htmlFor: id, textContent: words(key), title: key }));
    const hint = element("p", { id: `${id}-hint`, className: "hint" });
    hint.append(...describe(option, this.fillIn[key]));
    if (!fits(option, settings[key])) {
      row.append(element("p", { className: "hint needed", textContent: "The JSON holds something else here: correct it there." }), hint);
      this.whole.open = true;
      return row;
    }
    const { input, read, frame = input } = (INPUTS[option.kind] ?? textInput)(option, settings[key] ?? undefined, this.looks);
    input.id = id;
    input.setAttribute("aria-describedby", hint.id);
    input.classList.remove("errors");
    input.addEventListener("input", () => this.take(key, read));
    if (isPlain(option.default) && "placeholder" in input) input.placeholder = shown(option.default);
    row.append(frame, hint);
    return row;
  }

  take(key, read) {
    const settings = parseSettings(this.json.value);
    if (settings === null) return;
    const value = read();
    if (value === undefined) delete settings[key];
    else settings[key] = value;
    this.json.value = Object.keys(settings).length ? JSON.stringify(settings, null, 2) : "";
  }

  /** What another protocol left behind. */
  drawUnknown(options, settings) {
    const known = new Set(options.map(({ key }) => key));
    const unknown = Object.keys(settings).filter((key) => !known.has(key));
    const place = element("p", { hidden: !unknown.length });
    const button = element("button", { type: "button", textContent: "Take them out" });
    button.addEventListener("click", () => {
      for (const key of unknown) delete settings[key];
      this.json.value = Object.keys(settings).length ? JSON.stringify(settings, null, 2) : "";
      this.draw();
    });
    place.append(`This protocol has no such settings: ${unknown.join(", ")}. `, button);
    return place;
  }
}

function describe(option, where) {
  if (where) return [element("strong", { className: "needed", textContent: `Fill in. ${where}` })];
  const parts = option.needed ? [element("strong", { className: "needed", textContent: "Needed. " })] : [];
  parts.push(`${option.description} `);
  if (option.kind === "json" && !option.description) parts.push("As JSON; see the example. ");
  return parts;
}

function drawExample(example) {
  const text = element("pre", { textContent: JSON.stringify(example, null, 2) });
  return element("details", {}, element("summary", { textContent: "Example" }), text);
}

const data = document.getElementById("connection-form-data");
const json = document.getElementById("id_additional_config");
if (data && json) new SettingsPanel(json.form, JSON.parse(data.textContent));
