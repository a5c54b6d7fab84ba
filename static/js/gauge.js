/** A half-round gauge: the value as an arc, the target as a mark, the number in words below for every reader. */

import { isKnown } from "./format.js";
import { el, setData, setText } from "./dom.js";

const SVG = "http://www.w3.org/2000/svg";
const ARC = "M 10 54 A 44 44 0 0 1 98 54";

function shape(tag, attributes) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

export class Gauge {
  /** inside: an element that shows the value itself, larger than the gauge would. */
  constructor(label, inside = null) {
    this.arc = shape("path", { d: ARC, pathLength: 100, class: "gauge-arc" });
    this.mark = shape("line", { x1: 4, y1: 54, x2: 16, y2: 54, class: "gauge-mark" });
    const picture = shape("svg", { viewBox: "0 0 108 60", "aria-hidden": "true", class: "gauge-picture" });
    picture.append(shape("path", { d: ARC, class: "gauge-track" }), this.arc, this.mark);
    this.value = el("span", "gauge-value");
    this.element = el("li", "gauge", [picture, inside ?? this.value, el("span", "gauge-label", label)]);
  }

  /** part and target run from 0 to 1. */
  update({ part, target = null, text = "" }) {
    const length = isKnown(part) ? Math.min(100, Math.max(0, part * 100)) : 0;
    this.arc.setAttribute("stroke-dasharray", `${length} 200`);
    setData(this.arc, "empty", String(length === 0));
    this.mark.setAttribute("visibility", isKnown(target) ? "visible" : "hidden");
    if (isKnown(target)) this.mark.setAttribute("transform", `rotate(${180 * Math.min(1, Math.max(0, target))} 54 54)`);
    setText(this.value, text, { fades: true });
  }
}
