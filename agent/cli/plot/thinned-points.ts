/** A value at a time; NaN for a time at which there is no number. */
export type Point = { readonly x: number; readonly y: number };

/** So many points are held before they are thinned, and each span of time keeps at most five of them. */
const MOST_POINTS = 65_536;
const KEPT_PER_SPAN = 5;

/** The points of one signal, however long the log: every span of time keeps its first, least, greatest and last value. */
export class ThinnedPoints {
  #points: Point[] = [];
  /** All that were added, also those that were thinned out. */
  count = 0;

  add(x: number, y: number): void {
    this.count += 1;
    this.#points.push({ x, y });
    if (this.#points.length >= MOST_POINTS) this.#points = [...thinned(this.#points, MOST_POINTS / KEPT_PER_SPAN / 2)];
  }

  /** In the order of time, whatever the order in which they came. */
  get points(): readonly Point[] {
    return this.#points.toSorted((a, b) => a.x - b.x);
  }
}

/**
 * At most five points for each of `spans` equal spans of what x goes over: the first, the least, the greatest, the last, and one without
 * a number where there is one. No extreme is lost by it, again and again.
 */
export function thinned(points: readonly Point[], spans: number): readonly Point[] {
  if (points.length <= spans * KEPT_PER_SPAN) return points;
  const sorted = points.toSorted((a, b) => a.x - b.x);
  const first = sorted[0]?.x ?? 0;
  const width = ((sorted.at(-1)?.x ?? 0) - first) / spans;
  if (!(width > 0)) return keptOf(sorted);
  const kept: Point[] = [];
  let from = 0;
  for (let at = 1; at <= sorted.length; at++) {
    const next = sorted[at];
    const isSame = next !== undefined && spanOf(next, first, width) === spanOf(sorted[from] ?? next, first, width);
    if (isSame) continue;
    kept.push(...keptOf(sorted.slice(from, at)));
    from = at;
  }
  return kept;
}

function spanOf({ x }: Point, first: number, width: number): number {
  return Math.floor((x - first) / width);
}

function keptOf(points: readonly Point[]): readonly Point[] {
  let least: Point | undefined;
  let greatest: Point | undefined;
  let absent: Point | undefined;
  for (const point of points) {
    if (Number.isNaN(point.y)) absent ??= point;
    else if (least === undefined || greatest === undefined) [least, greatest] = [point, point];
    else if (point.y < least.y) least = point;
    else if (point.y > greatest.y) greatest = point;
  }
  const kept = new Set([points[0], least, greatest, absent, points.at(-1)]);
  return points.filter((point) => kept.has(point));
}
