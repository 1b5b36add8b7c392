/** What goes on by itself: reading records in full, and playing. */

import { useEffect, useMemo, useRef } from "../html.js";
import { useStore } from "../store.js";
import { exactRecords } from "./exact.js";
import { movedTo, numberShown, rateOf } from "./moves.js";

const LONGEST = 1; // seconds that a picture may take before the player waits for it

/**
 * The overview's record is there at once, with four digits, or one that is near; this gets the one
 * that was asked for, in full.
 */
export function useExactRecord(store, data) {
  const run = useStore(store, (state) => state.run);
  const number = useStore(store, numberShown);
  const record = useStore(store, (state) => state.record);
  const count = useStore(store, (state) => state.log?.count ?? 0);
  const reader = useMemo(() => exactRecords({
    read: data.record,
    found(of, index, found) {
      const state = store.get();
      if (state.run !== of || numberShown(state) !== index) return;
      store.set({ record: { ...found, exact: true } });
    },
  }), [data]);
  const before = useRef(count);
  useEffect(() => {
    if (count < before.current) reader.forget();
    before.current = count;
  }, [count, reader]);
  useEffect(() => {
    if (data.live && record && !record.exact && number >= 0) reader.ask(run, number);
  }, [run, number, record, reader]);
  useEffect(() => () => reader.stop(), [reader]);
}

/** Goes on by itself while the page is playing, up to the last record. */
export function usePlayer(store, data) {
  const playing = useStore(store, (state) => state.playing);
  useEffect(() => {
    if (!playing) return undefined;
    const { log } = store.get();
    const start = numberShown(store.get());
    let position = start >= (log?.count ?? 0) - 1 ? 0 : start;
    let before = null;
    let frame = requestAnimationFrame(function next(now) {
      const state = store.get();
      const last = (state.log?.count ?? 0) - 1;
      const seconds = before === null ? 0 : Math.min(LONGEST, (now - before) / 1000);
      before = now;
      position += seconds * rateOf(last + 1, state.timeline?.speed ?? 1);
      const at = Math.min(last, Math.floor(position));
      if (at !== numberShown(state) || state.following) {
        store.set(movedTo(state.log, at, data.live));
      }
      if (at >= last) store.set({ playing: false });
      else frame = requestAnimationFrame(next);
    });
    return () => cancelAnimationFrame(frame);
  }, [playing]);
}
