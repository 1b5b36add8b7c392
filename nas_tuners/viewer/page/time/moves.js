/** Where the slider goes, and what is said of where it is. */

import { nearest, recordOf } from "../data.js";
import { grouped } from "../format.js";

const WHOLE = 20; // seconds in which a log is played
const SLOWEST = 2; // records a second

/** The number of the record that is asked for. */
export function numberShown({ log, at }) {
  if (!log?.count) return -1;
  return Math.min(log.count - 1, Math.max(0, at ?? log.count - 1));
}

/**
 * What a state becomes when another record is asked for. A page without a server has only the
 * records of its overview: there the nearest of them is taken.
 */
export function movedTo(log, number, live = true) {
  if (!log?.count) return {};
  const wanted = Math.min(log.count - 1, Math.max(0, Math.round(number)));
  const at = live || !log.index.length ? wanted : log.index[nearest(log.index, wanted)];
  return { at, following: false, record: recordOf(log, at) };
}

/** The record that many places on; between records of the overview if there are no others. */
export function stepped(log, from, by, live = true) {
  if (live) return from + by;
  const place = nearest(log.index, from) + by;
  return log.index[Math.min(log.index.length - 1, Math.max(0, place))];
}

/** Records a second. */
export function rateOf(count, speed) {
  return Math.max(SLOWEST, count / WHOLE) * speed;
}

/** Five in a hundred records, at least one. */
export function pageOf(count) {
  return Math.max(1, Math.round(count / 20));
}

/** "record 781 of 782 · epoch 50 · step 39,100 · probability · 12:03:11", in parts. */
export function told(number, count, record) {
  const parts = [`record ${grouped(number + 1)} of ${grouped(count)}`];
  if (!record) return parts;
  if (Number.isFinite(record.epoch)) parts.push(`epoch ${grouped(record.epoch)}`);
  if (Number.isFinite(record.step)) parts.push(`step ${grouped(record.step)}`);
  if (record.kind) parts.push(String(record.kind));
  if (Number.isFinite(record.time)) parts.push(clock(record.time));
  return parts.filter(Boolean);
}

/** Seconds since 1970 -> "12:03:11", here; nothing of a time that no calendar has. */
function clock(seconds) {
  const date = new Date(seconds * 1000);
  return Number.isNaN(date.getTime()) ? "" : date.toTimeString().slice(0, 8);
}
