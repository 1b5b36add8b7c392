/** A drawing as an SVG file that looks the same everywhere: all styles are in its elements. */

const KEPT = [
  "fill", "stroke", "stroke-width", "stroke-dasharray", "stroke-linejoin", "stroke-linecap",
  "font-family", "font-size", "font-weight", "font-style",
];
const DROPPED = ["class", "style", "role", "tabindex", "aria-label", "aria-pressed", "aria-hidden",
  "data-edge", "data-key", "data-label"];

/**
 * The text of an SVG file; light, whatever the page's theme is.
 *
 * @param {SVGSVGElement} svg
 * @returns {string}
 */
export function svgText(svg) {
  const copy = svg.cloneNode(true);
  for (const part of copy.querySelectorAll(".reach")) part.remove();
  copy.querySelectorAll(".selected").forEach((part) => part.classList.remove("selected"));
  const stage = document.body.appendChild(document.createElement("div"));
  stage.className = "cell-stage"; // light, and where nobody sees it
  stage.append(copy);
  const styles = [...copy.querySelectorAll("*")].map((part) => [part, getComputedStyle(part)]);
  for (const [part, style] of styles) {
    if (part.tagName === "g" || part.tagName === "title") continue;
    for (const name of KEPT) {
      const value = style.getPropertyValue(name);
      if (value) part.setAttribute(name, value);
    }
  }
  for (const part of [copy, ...copy.querySelectorAll("*")]) {
    DROPPED.forEach((name) => part.removeAttribute(name));
  }
  stage.remove();
  copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  const text = new XMLSerializer().serializeToString(copy);
  return `<?xml version="1.0" encoding="UTF-8"?>\n${text}\n`;
}

/** Offer a text as a file. */
export function download(name, text, type) {
  const url = URL.createObjectURL(new Blob([text], { type }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name.replace(/[^\w.-]+/g, "_");
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}
