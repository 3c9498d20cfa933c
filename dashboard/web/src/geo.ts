import type {Area, LonLat, Resolution} from './wire';

/** A point of the web mercator square, both 0 to 1, y down. */
export interface Mercator {
  readonly x: number;
  readonly y: number;
}

/** A place in WGS-84 degrees. */
export interface Place {
  readonly latDegrees: number;
  readonly lonDegrees: number;
}

/** West, south, east, north in degrees. */
export type Bounds = readonly [number, number, number, number];

/** What the map shows while nothing is known: Putuo. */
export const HOME: Bounds = [121.32, 31.21, 121.47, 31.31];

/** Projects to web mercator. */
export function project(lonDegrees: number, latDegrees: number): Mercator {
  const sin = Math.sin((latDegrees * Math.PI) / 180);
  return {x: lonDegrees / 360 + 0.5, y: 0.5 - Math.log((1 + sin) / (1 - sin)) / (4 * Math.PI)};
}

/** The inverse of project. */
export function unproject(m: Mercator): Place {
  return {
    lonDegrees: (m.x - 0.5) * 360,
    latDegrees: (Math.atan(Math.sinh(Math.PI * (1 - 2 * m.y))) * 180) / Math.PI,
  };
}

/** Pixels of the whole world at a zoom (512-pixel tiles, as MapLibre counts). */
export function worldPixels(zoom: number): number {
  return 512 * 2 ** zoom;
}

/** Metres of one pixel. */
export function metresPerPixel(zoom: number, latDegrees: number): number {
  return (40_075_016.686 * Math.cos((latDegrees * Math.PI) / 180)) / worldPixels(zoom);
}

function inRing(ring: readonly LonLat[], lon: number, lat: number): boolean {
  let inside = false;
  let previous = ring[ring.length - 1];
  for (const point of ring) {
    if (previous !== undefined && point[1] > lat !== previous[1] > lat) {
      const cross = ((previous[0] - point[0]) * (lat - point[1])) / (previous[1] - point[1]) + point[0];
      if (lon < cross) inside = !inside;
    }
    previous = point;
  }
  return inside;
}

/** Whether a place is in an area; holes count. */
export function contains(area: Area, lonDegrees: number, latDegrees: number): boolean {
  return area.polygons.some((rings) => rings.reduce((in_, r) => (inRing(r, lonDegrees, latDegrees) ? !in_ : in_), false));
}

/** The area of a place, null outside all. */
export function areaAt(areas: readonly Area[], p: Place): Area | null {
  return areas.find((a) => contains(a, p.lonDegrees, p.latDegrees)) ?? null;
}

/** The box around areas, HOME around none. */
export function boundsOf(areas: readonly Area[]): Bounds {
  let [w, s, e, n] = [Infinity, Infinity, -Infinity, -Infinity];
  for (const [lon, lat] of areas.flatMap((a) => a.polygons.flat(2))) {
    w = Math.min(w, lon);
    e = Math.max(e, lon);
    s = Math.min(s, lat);
    n = Math.max(n, lat);
  }
  return w > e ? HOME : [w, s, e, n];
}

/** Where to write an area's name: the place it states, or the centre of mass of its largest ring. */
export function labelPoint(area: Area): LonLat {
  if (area.label !== null) return area.label;
  let best: LonLat = [0, 0];
  let most = -1;
  for (const rings of area.polygons) {
    const outer = rings[0];
    if (outer === undefined) continue;
    const c = centroid(outer);
    if (c.size > most) {
      most = c.size;
      best = [c.lon, c.lat];
    }
  }
  return best;
}

function centroid(ring: readonly LonLat[]): {readonly lon: number; readonly lat: number; readonly size: number} {
  const [lon0, lat0] = ring[0] ?? [0, 0];
  let [sum, x, y] = [0, 0, 0];
  for (let k = 1; k < ring.length; k++) {
    const a = ring[k - 1] ?? [0, 0];
    const b = ring[k] ?? [0, 0];
    const cross = (a[0] - lon0) * (b[1] - lat0) - (b[0] - lon0) * (a[1] - lat0);
    sum += cross;
    x += (a[0] + b[0] - 2 * lon0) * cross;
    y += (a[1] + b[1] - 2 * lat0) * cross;
  }
  if (sum === 0) return {lon: lon0, lat: lat0, size: 0};
  return {lon: lon0 + x / (3 * sum), lat: lat0 + y / (3 * sum), size: Math.abs(sum)};
}

function edgeKey(a: LonLat, b: LonLat): string {
  const p = `${a[0].toFixed(6)},${a[1].toFixed(6)}`;
  const q = `${b[0].toFixed(6)},${b[1].toFixed(6)}`;
  return p < q ? `${p} ${q}` : `${q} ${p}`;
}

/** The edges of areas that no two of them share: the outline of them together. */
export function outline(areas: readonly Area[]): readonly (readonly [LonLat, LonLat])[] {
  const edges = new Map<string, {readonly edge: readonly [LonLat, LonLat]; count: number}>();
  for (const ring of areas.flatMap((a) => a.polygons.flat(1))) {
    for (let k = 1; k < ring.length; k++) {
      const [a, b] = [ring[k - 1], ring[k]];
      if (a === undefined || b === undefined) continue;
      const key = edgeKey(a, b);
      const known = edges.get(key);
      if (known === undefined) edges.set(key, {edge: [a, b], count: 1});
      else known.count++;
    }
  }
  return [...edges.values()].filter((e) => e.count === 1).map((e) => e.edge);
}

const METRES_PER_DEGREE = 111_195;

/** Lines a kilometre apart over a box and forty kilometres around it. */
export function graticule(box: Bounds): readonly (readonly [LonLat, LonLat])[] {
  const latStep = 1000 / METRES_PER_DEGREE;
  const lonStep = latStep / Math.cos((((box[1] + box[3]) / 2) * Math.PI) / 180);
  const [w, e] = [Math.floor(box[0] / lonStep) - 40, Math.ceil(box[2] / lonStep) + 40];
  const [s, n] = [Math.floor(box[1] / latStep) - 40, Math.ceil(box[3] / latStep) + 40];
  const lines: [LonLat, LonLat][] = [];
  for (let k = w; k <= e; k++) lines.push([[k * lonStep, s * latStep], [k * lonStep, n * latStep]]);
  for (let k = s; k <= n; k++) lines.push([[w * lonStep, k * latStep], [e * lonStep, k * latStep]]);
  return lines;
}

/** Room in pixels that panels take at the edges of the map. */
export interface Padding {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

/** The room that the page's own panels take on a map of this width. */
export function paddingFor(widthPixels: number, scale = 1): Padding {
  return widthPixels < 620 ? {left: 14, right: 14, top: 66, bottom: 124} : {left: 214 * scale, right: 62 * scale, top: 58 * scale, bottom: 78 * scale};
}

/**
 * Where a place that was flown to comes to lie, in pixels from the middle of
 * the map: beside the panel that opens for it, on a phone above.
 */
export function focusOffset(widthPixels: number, heightPixels: number): readonly [number, number] {
  return widthPixels < 620 ? [0, -heightPixels * 0.08] : [-150, 0];
}

/** Side of a cell in metres, near Shanghai. */
export const SIDE_METRES: Readonly<Record<Resolution, number>> = {7: 1230, 8: 465, 9: 176, 10: 66};

/** A cell is drawn in the finest resolution whose cells are at least this wide. */
const LEAST_PIXELS = 11;

/**
 * The resolution for a zoom. `current` is kept within a band of a fifth of a
 * zoom level, so that the map does not flicker between two.
 */
export function resolutionFor(zoom: number, current: Resolution | null): Resolution {
  const at = (z: number): Resolution => {
    const side = (r: Resolution): number => (SIDE_METRES[r] * 1.73) / metresPerPixel(z, 31.25);
    if (side(10) >= LEAST_PIXELS) return 10;
    if (side(9) >= LEAST_PIXELS) return 9;
    return side(8) >= LEAST_PIXELS ? 8 : 7;
  };
  if (current !== null && (at(zoom - 0.1) === current || at(zoom + 0.1) === current)) return current;
  return at(zoom);
}
