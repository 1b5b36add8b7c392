/** Long work in short pieces, so that the page answers in between. */

/** After what waits already: sooner than a timer. */
export function soon(work) {
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = () => {
    port1.close();
    work();
  };
  port2.postMessage(null);
}

/**
 * Do something for each item. The first piece is done at once.
 *
 * @param {Iterable<T>} items
 * @param {(item: T) => void} work
 * @param {{budget?: number, clock?: () => number, later?: (work: () => void) => void,
 *   pause?: () => void, done?: () => void}} how   `pause` is called after a piece that is not the
 *   last; milliseconds
 * @returns {() => void}   gives it up
 * @template T
 */
export function inSlices(items, work, how = {}) {
  const { budget = 12, clock = () => performance.now(), later = soon } = how;
  const rest = items[Symbol.iterator]();
  let given = false;
  const piece = () => {
    if (given) return;
    const end = clock() + budget;
    do {
      const { value, done } = rest.next();
      if (done) {
        how.done?.();
        return;
      }
      work(value);
    } while (clock() < end);
    how.pause?.();
    later(piece);
  };
  piece();
  return () => {
    given = true;
  };
}
