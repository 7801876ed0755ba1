/** Mean radius of the Earth by WGS 84 (R1 of IUGG), m. */
const EARTH_METRES = 6_371_008.8;
const RADIANS = Math.PI / 180;
/** Of a grid over a polygon, each way. */
const GRID_FIELDS = 11;

/** WGS 84, degrees. */
export type Point = readonly [latitude: number, longitude: number];

/** A part of the Earth's surface. Edges of a polygon are straight in degrees, along the shorter way round. */
export type Shape = {
  readonly circle?:
    | { readonly latitude: number; readonly longitude: number; readonly radiusMetres: number }
    | undefined;
  readonly polygon?: readonly Point[] | undefined;
};

/** Metres between two points along a great circle (haversine, on a sphere: within 0.6 % of the ellipsoid). */
export function metresBetween([latitude, longitude]: Point, [toLatitude, toLongitude]: Point): number {
  const half = (degrees: number): number => Math.sin((degrees * RADIANS) / 2) ** 2;
  const chord =
    half(toLatitude - latitude) +
    Math.cos(latitude * RADIANS) * Math.cos(toLatitude * RADIANS) * half(toLongitude - longitude);
  return 2 * EARTH_METRES * Math.asin(Math.min(1, Math.sqrt(chord)));
}

/** How far a point is from the edge, m: below 0 inside. Far from the edge of a polygon only the sign is exact. */
export function metresOutside({ circle, polygon }: Shape, point: Point): number {
  if (circle !== undefined) return metresBetween([circle.latitude, circle.longitude], point) - circle.radiusMetres;
  if (polygon === undefined) return Number.POSITIVE_INFINITY;
  // Around the point, so that no polygon has a seam in the antimeridian.
  const flat = polygon.map(([latitude, longitude]) => [latitude - point[0], shorterWay(longitude - point[1])] as const);
  const ring = unrolled(flat);
  const distance = Math.min(...edges(ring).map(([from, to]) => metresToEdge(from, to, point[0])));
  return holdsOrigin(ring) ? -distance : distance;
}

/**
 * How far the middle of a shape is from its edge, m. Of a polygon the greatest such distance of some points: those of a grid over it, and
 * the middles of three corners in a row, of which one at least is inside.
 */
export function metresInside(shape: Shape): number {
  const { circle, polygon } = shape;
  if (circle !== undefined) return circle.radiusMetres;
  if (polygon === undefined) return 0;
  const east = polygon[0][1];
  const ring = unrolled(polygon.map(([latitude, longitude]) => [latitude, shorterWay(longitude - east)] as const));
  const ears = ring.map((corner, at) => {
    const three = [corner, ring[(at + 1) % ring.length], ring[(at + 2) % ring.length]];
    return [meanOf(three.map(([latitude]) => latitude)), meanOf(three.map(([, longitude]) => longitude))] as const;
  });
  const points = [...ears, ...gridOver(ring)];
  return Math.max(0, ...points.map(([latitude, longitude]) => -metresOutside(shape, [latitude, east + longitude])));
}

function gridOver(ring: readonly Offset[]): readonly Offset[] {
  const lines = (values: readonly number[]): readonly number[] => {
    const least = Math.min(...values);
    const step = (Math.max(...values) - least) / GRID_FIELDS;
    return Array.from({ length: GRID_FIELDS }, (_, at) => least + (at + 0.5) * step);
  };
  const longitudes = lines(ring.map(([, longitude]) => longitude));
  return lines(ring.map(([latitude]) => latitude)).flatMap((latitude) =>
    longitudes.map((longitude) => [latitude, longitude] as const),
  );
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Differences of degrees from a point. */
type Offset = readonly [latitude: number, longitude: number];

/** Each corner follows the one before by the shorter way. */
function unrolled(ring: readonly Offset[]): readonly Offset[] {
  let before = ring[0][1];
  return ring.map(([latitude, longitude]) => {
    before += shorterWay(longitude - before);
    return [latitude, before] as const;
  });
}

function edges(ring: readonly Offset[]): readonly (readonly [Offset, Offset])[] {
  return ring.map((from, at) => [from, ring[(at + 1) % ring.length]] as const);
}

/** Ray cast along growing longitude; a ring that was unrolled may lie a turn away. */
function holdsOrigin(ring: readonly Offset[]): boolean {
  return [-360, 0, 360].some((turn) => {
    let isInside = false;
    for (const [[latitude, longitude], [toLatitude, toLongitude]] of edges(ring)) {
      if (latitude > 0 === toLatitude > 0) continue;
      const crossing = longitude + ((toLongitude - longitude) * -latitude) / (toLatitude - latitude);
      if (crossing + turn > 0) isInside = !isInside;
    }
    return isInside;
  });
}

/** From the origin, on a plane that touches the Earth there. */
function metresToEdge(from: Offset, to: Offset, latitude: number): number {
  const perDegree = EARTH_METRES * RADIANS;
  const narrow = Math.cos(latitude * RADIANS);
  const [x, y] = [from[1] * perDegree * narrow, from[0] * perDegree];
  const [dx, dy] = [(to[1] - from[1]) * perDegree * narrow, (to[0] - from[0]) * perDegree];
  const square = dx * dx + dy * dy;
  const share = square === 0 ? 0 : Math.min(1, Math.max(0, -(x * dx + y * dy) / square));
  return Math.hypot(x + share * dx, y + share * dy);
}

function shorterWay(degrees: number): number {
  return ((((degrees + 180) % 360) + 360) % 360) - 180;
}
