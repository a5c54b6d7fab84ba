/** Making and changing elements. Text only ever goes in as text, so that a name can never become markup. */

const SVG = "http://www.w3.org/2000/svg";

/** el("p", "place", "Bakehouse") or el("li", "", [child, child]). */
export function el(tag, className = "", content = null) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (Array.isArray(content)) element.append(...content);
  else if (content !== null) element.textContent = content;
  return element;
}

/** A shape of the sprite in templates/shapes.svg. */
export function icon(name, className = "icon") {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", className);
  svg.setAttribute("aria-hidden", "true");
  svg.append(document.createElementNS(SVG, "use"));
  setIcon(svg, name);
  return svg;
}

export function setIcon(svg, name) {
  const target = `#shape-${name}`;
  if (svg.firstChild.getAttribute("href") !== target) svg.firstChild.setAttribute("href", target);
}

const prefersStillness = matchMedia("(prefers-reduced-motion: reduce)");

/** Only touches the page when something changed; a changed number fades in. */
export function setText(node, text, { fades = false } = {}) {
  if (node.textContent === text) return;
  const isFirst = node.textContent === "";
  node.textContent = text;
  if (fades && !isFirst && !prefersStillness.matches) node.animate([{ opacity: 0.4 }, { opacity: 1 }], 150);
}

/** By the attribute, because a shape has no `hidden` property. */
export function show(node, isShown) {
  if (node.hasAttribute("hidden") === isShown) node.toggleAttribute("hidden", !isShown);
}

/** Styles that carry a number go in as custom properties; the style sheet says what they mean. */
export function setVariable(node, name, value) {
  const text = String(value);
  if (node.style.getPropertyValue(name) !== text) node.style.setProperty(name, text);
}

export function setData(node, name, value) {
  if (node.dataset[name] !== value) node.dataset[name] = value;
}

/** The JSON that the server wrote into the page. */
export const readJson = (id) => JSON.parse(document.getElementById(id).textContent);
