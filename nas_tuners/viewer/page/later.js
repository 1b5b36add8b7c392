/** Components whose modules are only loaded, and run, when they are first shown. */

import { html, useErrorBoundary, useLayoutEffect, useState } from "./html.js";

/**
 * @param {() => Promise<Function>} load   gives the component
 * @returns {Function}   a component that shows it, and nothing until it is there; what goes wrong
 *   in it is told in its place, and leaves the rest of the page as it is
 */
export function later(load) {
  let component = null;
  return function Later(props) {
    const [, show] = useState(component !== null);
    const [error, again] = useErrorBoundary((what) => console.error(what));
    useLayoutEffect(() => {
      if (component) return;
      load().then((loaded) => {
        component = loaded;
        show(true);
      });
    }, []);
    if (error) {
      return html`<p class="empty problem" role="alert">
        ${`This cannot be drawn, please report it: ${error.message} `}
        <button onClick=${again}>Try again</button></p>`;
    }
    return component && html`<${component} ...${props} />`;
  };
}
