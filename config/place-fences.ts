import { z } from "zod";
import { conditionConfig } from "./catalogue.ts";

/** Rings are judged in degrees: close to a pole that says nothing. */
const MOST_LATITUDE = 85;

const latitude = z.number().min(-MOST_LATITUDE).max(MOST_LATITUDE);
const longitude = z.number().min(-180).max(180);
const point = z.tuple([latitude, longitude]);
type Point = z.infer<typeof point>;

const circle = z.strictObject({
  latitude,
  longitude,
  radiusMetres: z.number().min(10).max(1_000_000).describe("from its middle"),
});

const polygon = z
  .array(point)
  .min(3)
  .max(200)
  .refine((points) => !crossesItself(points), "must not cross or touch itself")
  .refine((points) => winding(points) === 0, "must not go round a pole")
  .describe("corners [latitude, longitude] in their order, degrees; the last is joined to the first");

const shape = {
  circle: circle.optional().describe("in place of polygon"),
  polygon: polygon.optional(),
};

const oneShape = (given: { readonly circle?: unknown; readonly polygon?: unknown }): boolean =>
  (given.circle === undefined) !== (given.polygon === undefined);
const ONE_SHAPE = "must have either circle or polygon";

/** A place whose entering and leaving is told. */
const fence = z
  .strictObject({
    name: z.string().regex(/^[A-Za-z_]\w{0,63}$/, "must be 1 to 64 letters, digits or '_', and not begin with a digit"),
    ...shape,
    fixes: z.int().min(1).max(100).default(3).describe("so many in a row must say so"),
  })
  .refine(oneShape, ONE_SHAPE);

/** Places, and what is told when the vehicle comes to one or leaves it. */
export const fences = z
  .array(fence)
  .max(100)
  .refine((all) => new Set(all.map(({ name }) => name)).size === all.length, "names must differ");
export type FenceConfig = z.infer<typeof fence>;

/** A zone in which no position leaves the vehicle. */
export const privateZone = z
  .strictObject({
    ...shape,
    bufferMetres: z
      .number()
      .min(0)
      .max(10_000)
      .default(200)
      .describe(
        "positions are told again up to so far beyond its edge, drawn anew each time, so that they do not show it",
      ),
  })
  .refine(oneShape, ONE_SHAPE);

/** The driver's switch. */
export const privacySwitch = conditionConfig.describe(
  "keeps positions in the vehicle while it holds; as it was last while its signals are silent",
);

/** Whether two edges that are no neighbours meet, or two corners are one. */
function crossesItself(points: readonly Point[]): boolean {
  const edges = points.map((from, at) => [from, points[(at + 1) % points.length]] as const);
  if (edges.some(([from, to]) => from[0] === to[0] && from[1] === to[1])) return true;
  return edges.some(([a, b], first) =>
    edges.some(([c, d], second) => {
      const apart = second - first;
      return apart > 1 && apart < edges.length - 1 && meet(a, b, c, d);
    }),
  );
}

function meet(a: Point, b: Point, c: Point, d: Point): boolean {
  const near = ([lat, lon]: Point): Point => [lat, a[1] + turn(lon - a[1])];
  const [b2, c2, d2] = [near(b), near(c), near(d)];
  const [one, two] = [side(a, b2, c2), side(a, b2, d2)];
  const [three, four] = [side(c2, d2, a), side(c2, d2, b2)];
  if (one * two < 0 && three * four < 0) return true;
  return (
    (one === 0 && within(a, b2, c2)) ||
    (two === 0 && within(a, b2, d2)) ||
    (three === 0 && within(c2, d2, a)) ||
    (four === 0 && within(c2, d2, b2))
  );
}

function side(a: Point, b: Point, c: Point): number {
  return Math.sign((b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]));
}

function within(a: Point, b: Point, c: Point): boolean {
  const inRange = (x: number, from: number, to: number): boolean => x >= Math.min(from, to) && x <= Math.max(from, to);
  return inRange(c[0], a[0], b[0]) && inRange(c[1], a[1], b[1]);
}

/** Turns round the axis of the Earth, along the shorter way of each edge. */
function winding(points: readonly Point[]): number {
  const turned = points.reduce((sum, [, lon], at) => sum + turn(points[(at + 1) % points.length][1] - lon), 0);
  return Math.round(turned / 360);
}

/** Degrees of longitude as -180 <= x < 180. */
function turn(degrees: number): number {
  return ((((degrees + 180) % 360) + 360) % 360) - 180;
}
