/** Where the layout's worker is; a page that is one file holds its source. */

export function workerUrl() {
  const held = document.getElementById("worker");
  if (!held) return new URL("graph/worker.js", document.baseURI).href;
  const source = JSON.parse(held.textContent);
  return URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
}
