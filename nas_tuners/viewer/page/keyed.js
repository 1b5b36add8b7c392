/** Objects by keys that come from files: one may be called "constructor" or "__proto__". */

/** What an object itself holds of a key; undefined where it holds nothing. */
export const own = (object, key) => (
  object && Object.hasOwn(object, key) ? object[key] : undefined
);

/** An empty object that takes any key. */
export const keyed = () => Object.create(null);
