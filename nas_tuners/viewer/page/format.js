/** Numbers and times as people read them. */

const UNITS = [["", 1], ["k", 1e3], ["M", 1e6], ["G", 1e9], ["T", 1e12], ["P", 1e15]];

/** 1234567 -> "1.23 M". */
export function count(number) {
  if (!Number.isFinite(number)) return "?";
  let unit = 0;
  const fits = () => Math.abs(Number((number / UNITS[unit][1]).toPrecision(3))) < 1000;
  while (unit + 1 < UNITS.length && !fits()) unit += 1;
  const [letter, factor] = UNITS[unit];
  if (!letter) return plain(number);
  return `${plain(number / factor)} ${letter}`;
}

/**
 * 39100 -> "39,100". By hand, as `Intl` and `toLocaleString` take 50 ms when they are first asked.
 */
export function grouped(number) {
  const [whole, rest] = String(number).split(".");
  return whole.replace(/\B(?=(\d{3})+$)/g, ",") + (rest ? `.${rest}` : "");
}

/** Three significant digits, without needless zeros. */
export function plain(number) {
  if (typeof number !== "number" || Number.isNaN(number)) return "?";
  if (!Number.isFinite(number)) return number > 0 ? "∞" : "-∞";
  if (Number.isInteger(number) && Math.abs(number) < 1e6) return String(number);
  const size = Math.abs(number);
  if (size !== 0 && (size < 1e-3 || size >= 1e6)) return number.toExponential(2);
  return String(Number(number.toPrecision(3)));
}

/** 0.1234 -> "12 %"; a little is never "0 %". */
export function percent(number) {
  if (!Number.isFinite(number)) return "?";
  const hundred = number * 100;
  if (hundred > 0 && hundred < 0.5) return "<1 %";
  return `${Math.round(hundred)} %`;
}

/** 3725 -> "1 h 2 min". */
export function duration(seconds) {
  if (!Number.isFinite(seconds)) return "";
  if (Math.round(seconds * 1000) < 1000) return `${Math.round(seconds * 1000)} ms`;
  if (Number(seconds.toPrecision(3)) < 60) return `${plain(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return `${hours} h ${minutes % 60} min`;
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** Seconds since 1970 -> local date and time. */
export function moment(seconds) {
  return Number.isFinite(seconds) ? new Date(seconds * 1000).toLocaleString() : "";
}

/** [2, 16, 32, 32] -> "2×16×32×32". */
export function shape(sizes) {
  return Array.isArray(sizes) ? sizes.join("×") : "";
}

/** A name that is not too long to draw. */
export function short(text, letters = 24) {
  const whole = String(text);
  return whole.length <= letters ? whole : `${whole.slice(0, letters - 1)}…`;
}

/** A candidate by its name; unnamed inputs by their number. */
export function candidate(names, index) {
  const name = names?.[index];
  return name === undefined || name === "" ? `#${index}` : name;
}
