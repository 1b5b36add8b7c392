/** Words in messages about what somebody wrote. */

const LONGEST = 200;

/** A value as JSON, not too long. */
export function text(value) {
  const whole = JSON.stringify(value) ?? String(value);
  return whole.length > LONGEST ? `${whole.slice(0, LONGEST)}…` : whole;
}

/** "; did you mean "x"?" for the nearest known word, else nothing. */
export function didYouMean(word, known) {
  let best = null;
  let least = 0.4;
  for (const one of known) {
    const longest = Math.max(word.length, one.length);
    if (longest > 80 || Math.abs(word.length - one.length) > least * longest) continue;
    const share = distance(word, one) / longest;
    if (share <= least && (best === null || share < least)) [best, least] = [one, share];
  }
  return best === null ? "" : `; did you mean ${text(best)}?`;
}

/** How many letters to change, add or take away (Levenshtein). */
function distance(a, b) {
  let row = Array.from({ length: b.length + 1 }, (_, at) => at);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      next.push(Math.min(next[j - 1] + 1, row[j] + 1, row[j - 1] + same));
    }
    row = next;
  }
  return row[b.length];
}
