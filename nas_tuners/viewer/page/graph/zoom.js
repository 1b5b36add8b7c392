/** What stands over a drawing: zooming by mouse, and the drawing as a file. */

import { download } from "../cells/svg_file.js";
import { themeColors } from "../colors.js";
import { html } from "../html.js";
import { svgText } from "./svg.js";

/**
 * @param {object} props
 * @param {{current: object}} props.api   as GraphCanvas gives it
 * @param {object|null} props.scene       null: there is nothing to download yet
 * @param {object} props.look
 * @param {string} props.name             of the file, and its title
 */
export function Zoom({ api, scene, look, name }) {
  const save = () => download(`${name || "supernet"}.svg`,
    svgText(scene, { ...look, colors: themeColors() }, name), "image/svg+xml");
  return html`
    <div class="graph-zoom">
      <span class="supernet-group" role="group" aria-label="Zoom">
        <button onClick=${() => api.current?.zoom(1.25)} aria-label="Zoom in" title="Zoom in: +"
          >+</button>
        <button onClick=${() => api.current?.zoom(0.8)} aria-label="Zoom out" title="Zoom out: -"
          >−</button>
        <button onClick=${() => api.current?.fit()} title="Show all: 0">Fit</button>
      </span>
      <button disabled=${!scene} onClick=${save}
        title="All that is open, as a picture for papers">SVG</button>
    </div>
  `;
}
