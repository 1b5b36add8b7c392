/** Opening an architecture: from a file, dropped on the page, or pasted. */

import { html, useRef, useState } from "../html.js";
import { LARGEST, fromText } from "./sources.js";

/**
 * Handlers for an element on which files may be dropped, and what reads them.
 *
 * @param {object} space   search-space JSON
 * @param {(architecture: object) => void} onOpen
 */
export function useOpening(space, onOpen) {
  const [problems, tell] = useState([]);
  const [isOver, over] = useState(false);
  const readText = (text, title) => {
    const { architecture, problems: found } = fromText(text, space, title);
    tell(found);
    if (architecture) onOpen(architecture);
    return Boolean(architecture);
  };
  const readFile = async (file) => {
    if (!file) return;
    if (file.size > LARGEST) {
      tell([`${file.name}: ${file.size} bytes are too many for an architecture`]);
      return;
    }
    readText(await file.text(), file.name);
  };
  const drop = {
    onDragOver: (event) => {
      event.preventDefault();
      over(true);
    },
    onDragLeave: (event) => {
      if (!event.currentTarget.contains(event.relatedTarget)) over(false);
    },
    onDrop: (event) => {
      event.preventDefault();
      over(false);
      const [file] = event.dataTransfer.files;
      if (file) readFile(file);
      else readText(event.dataTransfer.getData("text"), "dropped text");
    },
  };
  return { problems, clear: () => tell([]), isOver, drop, readText, readFile };
}

/** A button for a file, one for a text, and what was wrong with them. */
export function OpenButtons({ opening, name = "" }) {
  const [isPasting, paste] = useState(false);
  const text = useRef(null);
  const input = useRef(null);
  const of = name && html`<span class="hidden-text"> as ${name}</span>`;
  const show = () => {
    if (opening.readText(text.current.value, "pasted text")) paste(false);
  };
  const choose = async (event) => {
    const { files } = event.currentTarget;
    await opening.readFile(files[0]);
    if (input.current) input.current.value = ""; // the same file may be opened again, changed
  };
  return html`
    <input hidden type="file" accept=".json,application/json"
      aria-label=${`Architecture file${name && ` as ${name}`}`} ref=${input} onChange=${choose} />
    <button onClick=${() => input.current.click()}>Open a file …${of}</button>
    <button aria-expanded=${String(isPasting)} onClick=${() => paste(!isPasting)}>
      Paste …${of}</button>
    ${isPasting && html`
      <div class="architecture-paste">
        <textarea ref=${text} rows="5" spellcheck="false" aria-label="Architecture as JSON"
          placeholder='{"first_conv": "conv3x3", "skip": [0, 2]}'></textarea>
        <button onClick=${show}>Show it</button>
      </div>`}
  `;
}

const SHOWN = 100;

/** All that is wrong with what was opened. */
export function Wrong({ opening: { problems, clear } }) {
  if (!problems.length) return null;
  const count = problems.length === 1 ? "one mistake" : `${problems.length} mistakes`;
  return html`
    <section class="architecture-wrong panel" role="alert">
      <p class="problem"><strong>This is no architecture of this search: ${count}</strong>
        <button onClick=${clear}>Close</button></p>
      <ul>${problems.slice(0, SHOWN).map((text) => html`<li>${text}</li>`)}
        ${problems.length > SHOWN && html`<li>and ${problems.length - SHOWN} more</li>`}</ul>
    </section>
  `;
}
