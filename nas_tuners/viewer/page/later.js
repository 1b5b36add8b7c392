/** Components whose modules are only loaded, and run, when they are first shown. */

import { html, useErrorBoundary, useLayoutEffect, useState } from "./html.js";
import { turn } from "./turn.js";

/**
 * @param {() => Promise<Function>} load   gives the component
 * @returns {Function}   a component that shows it, and nothing until it is there; what goes wrong
 *   in it is told in its place, and leaves the rest of the page as it is
 */
export function later(load) {
  let component = null;
  const Loaded = (props) => {
    const [, show] = useState(false);
    const [failed, fail] = useState(null);
    useLayoutEffect(() => {
      if (component) return;
      turn().then(load).then((loaded) => { // each in a task of its own
        component = loaded;
        show(true);
      }, (error) => fail({ error }));
    }, []);
    if (failed) throw failed.error;
    return component && html`<${component} ...${props} />`;
  };
  return function Later(props) {
    const [error, again] = useErrorBoundary((what) => console.error(what));
    if (error) {
      return html`<p class="empty problem" role="alert">
        ${`This cannot be drawn, please report it: ${error.message} `}
        <button onClick=${again}>Try again</button></p>`;
    }
    return html`<${Loaded} ...${props} />`;
  };
}
