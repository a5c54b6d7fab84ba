/** Choosing a template fills in the machine's form. What stood there before comes back with Undo; nothing is saved. */

const ABOUT = ["manufacturer", "model"]; // left alone where somebody has entered something else

function read(input) {
  return input.type === "checkbox" ? input.checked : input.value;
}

function write(input, value) {
  if (input.type === "checkbox") input.checked = Boolean(value);
  else if (value !== null && typeof value === "object") input.value = JSON.stringify(value, null, 2);
  else input.value = value ?? "";
  input.dispatchEvent(new Event("input", { bubbles: true }));
  input.dispatchEvent(new Event("change", { bubbles: true }));
}

/** Puts the values into the form. Returns what takes them out again. */
function fill(form, values, earlier) {
  const before = [];
  for (const [name, value] of Object.entries(values)) {
    const input = form.elements[name];
    if (!input) continue;
    const isTheirs = ABOUT.includes(name) && input.value && input.value !== earlier?.[name];
    if (isTheirs) continue;
    before.push([input, read(input)]);
    write(input, value);
  }
  return () => before.forEach(([input, value]) => write(input, value));
}

function showAbout(key) {
  for (const about of document.querySelectorAll("#about-templates > [data-preset]")) {
    about.hidden = about.dataset.preset !== key;
  }
}

/** Says that the form was filled in, with a button that undoes it. */
function offerUndo(place, undo) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = "Undo";
  button.addEventListener("click", undo);
  place.replaceChildren("The form was filled in from this template; everything can be changed. ", button);
}

function start() {
  const select = document.getElementById("id_preset");
  const data = document.getElementById("connection-form-data");
  if (!select || !data) return;
  const { presets } = JSON.parse(data.textContent);
  const place = document.createElement("p");
  place.className = "template-filled";
  place.role = "status";
  select.parentElement.after(place);
  let chosen = select.value;
  showAbout(chosen);
  select.addEventListener("change", () => {
    const earlier = chosen;
    chosen = select.value;
    showAbout(chosen);
    place.replaceChildren();
    if (!presets[chosen]) return;
    const takeOut = fill(select.form, presets[chosen].values, presets[earlier]?.values);
    offerUndo(place, () => {
      takeOut();
      select.value = chosen = earlier;
      showAbout(chosen);
      place.replaceChildren("The form is as it was before.");
      select.focus();
    });
  });
}

start();
