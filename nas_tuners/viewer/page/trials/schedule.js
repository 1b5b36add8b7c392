/**
 * Long work in short slices, so that the page answers meanwhile.
 *
 * Work is a generator: it yields where it may be interrupted. One piece of work is done at a
 * time, in the order in which they were asked for.
 */

import { soon } from "../time/slices.js";

const SLICE = 10; // milliseconds
const queue = [];
let running = false;

/**
 * Do work soon.
 *
 * @param {() => Iterator<void>} begin   gives the generator
 * @returns {() => void} what cancels it
 */
export function schedule(begin) {
  const job = { begin, steps: null, cancelled: false };
  queue.push(job);
  if (!running) {
    running = true;
    soon(slice);
  }
  return () => {
    job.cancelled = true;
  };
}

function slice() {
  const end = performance.now() + SLICE;
  while (queue.length && performance.now() < end) {
    const job = queue[0];
    if (job.cancelled || advance(job, end)) queue.shift();
  }
  running = queue.length > 0;
  if (running) soon(slice);
}

/** Whether the job is done. */
function advance(job, end) {
  try {
    job.steps ??= job.begin();
    do {
      if (job.steps.next().done) return true;
    } while (performance.now() < end);
    return false;
  } catch (error) {
    console.error(error); // the others go on
    return true;
  }
}
