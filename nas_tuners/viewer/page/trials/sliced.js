/** A value that takes long to compute: the last one stays until the next is there. */

import { useEffect, useState } from "../html.js";
import { schedule } from "./schedule.js";

/**
 * @template T
 * @param {() => Generator<void, T>} compute   yields where it may be interrupted
 * @param {any[]} about   computed anew when one of these changes
 * @returns {T|undefined} undefined until there is one
 */
export function useSliced(compute, about) {
  const [value, set] = useState(undefined);
  useEffect(() => schedule(function* work() {
    const found = yield* compute();
    set(() => found);
  }), about);
  return value;
}
