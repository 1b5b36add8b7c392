/** Records in full, read when the one that is asked for has stayed the same for a moment. */

/**
 * @param {{read: (run: string, index: number) => Promise<object>,
 *   found: (run: string, index: number, record: object) => void,
 *   wait?: number, kept?: number, timers?: object}} how   `found` hears of the record asked for
 *   last only; milliseconds
 */
export function exactRecords({ read, found, wait = 60, kept = 64, timers = globalThis }) {
  const known = new Map(); // the least recently used first
  let asked = 0;
  let age = 0;
  let timer;

  async function load(run, index, mine) {
    const born = age;
    let record;
    try {
      record = await read(run, index);
    } catch {
      return; // the overview's record stays; that the server is gone is said elsewhere
    }
    if (!record || born !== age) return;
    keep(`${run}\n${index}`, record);
    if (mine === asked) found(run, index, record);
  }

  function keep(name, record) {
    known.delete(name);
    known.set(name, record);
    if (known.size > kept) known.delete(known.keys().next().value);
  }

  return {
    ask(run, index) {
      asked += 1;
      const mine = asked;
      timers.clearTimeout(timer);
      const name = `${run}\n${index}`;
      const record = known.get(name);
      if (record) {
        keep(name, record);
        found(run, index, record);
      } else {
        timer = timers.setTimeout(() => load(run, index, mine), wait);
      }
    },
    /** Records have other numbers now: nothing known is true any more. */
    forget() {
      known.clear();
      age += 1;
    },
    stop() {
      asked += 1;
      timers.clearTimeout(timer);
    },
  };
}
