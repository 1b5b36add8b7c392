/** Components whose modules are only loaded, and run, when they are first shown. */

import { html, useLayoutEffect, useState } from "./html.js";

/**
 * @param {() => Promise<Function>} load   gives the component
 * @returns {Function}   a component that shows it, and nothing until it is there
 */
export function later(load) {
  let component = null;
  return function Later(props) {
    const [, show] = useState(component !== null);
    useLayoutEffect(() => {
      if (component) return;
      load().then((loaded) => {
        component = loaded;
        show(true);
      });
    }, []);
    return component && html`<${component} ...${props} />`;
  };
}
