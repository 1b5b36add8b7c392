/** From box to box. */

const indexes = new WeakMap();

/** Where in a layout an item is; -1 where it is not. */
export function indexOfItem(layout, item) {
  if (item === null || item === undefined) return -1;
  if (!indexes.has(layout)) {
    const places = new Map();
    layout.ids.forEach((id, at) => places.set(id, at));
    indexes.set(layout, places);
  }
  return indexes.get(layout).get(item) ?? -1;
}

/**
 * The nearest box in a direction, of those in the same box; null if there is none.
 *
 * @param {number} dx   -1, 0 or 1
 * @param {(item: number) => boolean} [isHidden]   boxes that are not drawn
 */
export function neighbour({ layout, plan }, item, dx, dy, isHidden = () => false) {
  const at = indexOfItem(layout, item);
  if (at <= 0) return null;
  const { box, outer, end, ids } = layout;
  let best = null;
  let least = Infinity;
  for (let i = outer[at] + 1; i < end[outer[at]]; i = end[i]) {
    if (i === at || ids[i] >= plan.modules + plan.nodes || isHidden(ids[i])) continue;
    const far = distance(box.subarray(4 * at, 4 * at + 4), box.subarray(4 * i, 4 * i + 4), dx, dy);
    if (far < least) [best, least] = [ids[i], far];
  }
  return best;
}

/** How far one box is from another in a direction; infinite if it does not lie there. */
function distance([x, y, w, h], [ox, oy, ow, oh], dx, dy) {
  const [asideX, asideY] = [ox + ow / 2 - x - w / 2, oy + oh / 2 - y - h / 2];
  if (asideX * dx + asideY * dy <= 1) return Infinity;
  const [gapX, gapY] = [Math.max(ox - x - w, x - ox - ow), Math.max(oy - y - h, y - oy - oh)];
  const [along, across, aside] = dx ? [gapX, gapY, asideY] : [gapY, gapX, asideX];
  return Math.max(0, along) + 2 * Math.max(0, across) + Math.abs(aside) / 10
    + (along < -1 ? 1000 : 0);
}
