import {areaAt, labelPoint, project} from '../../geo';
import type {Corners} from '../../map/city-map';
import type {Alert, Area, LonLat} from '../../wire';

/** A point in pixels of the picture. */
export interface Spot {
  readonly x: number;
  readonly y: number;
}

/** A small map, as SVG draws it. */
export interface Drawing {
  readonly width: number;
  readonly height: number;
  readonly areas: readonly {readonly code: string; readonly d: string; readonly holds: boolean; readonly label: Spot | null}[];
  readonly cells: readonly {readonly d: string; readonly isPeak: boolean}[];
  readonly evidence: readonly Spot[];
  readonly at: Spot;
  /** A length of the map in metres and what it is in pixels. */
  readonly scale: {readonly metres: number; readonly pixels: number};
}

/** The map shows at least this much around an alert. */
const LEAST_METRES = 1200;

const EARTH_METRES = 40_075_016.686;

/** Draws the cells of an alert among the areas around it. Corners come in the order of the cells, the peak's is `peak`. */
export function drawingOf(alert: Alert, cells: readonly Corners[], peak: number, areas: readonly Area[], width: number, height: number): Drawing {
  const points: LonLat[] = [[alert.lonDegrees, alert.latDegrees], ...cells.flatMap((c) => c.map(([lat, lon]): LonLat => [lon, lat]))];
  const flat = points.map(([lon, lat]) => project(lon, lat));
  const [xs, ys] = [flat.map((p) => p.x), flat.map((p) => p.y)];
  const [west, east, north, south] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
  const metre = 1 / (EARTH_METRES * Math.cos((alert.latDegrees * Math.PI) / 180));
  const least = LEAST_METRES * metre;
  const perPixel = Math.max(Math.max(east - west, least) / (width * 0.62), Math.max(south - north, least * (height / width)) / (height * 0.62));
  const [cx, cy] = [(west + east) / 2, (north + south) / 2];
  const spot = (lon: number, lat: number): Spot => {
    const p = project(lon, lat);
    return {x: round((p.x - cx) / perPixel + width / 2), y: round((p.y - cy) / perPixel + height / 2)};
  };
  const within = (s: Spot): boolean => s.x > 20 && s.x < width - 20 && s.y > 10 && s.y < height - 10;
  const home = areaAt(areas, alert);
  const pixels = niceLength(width * 0.28 * perPixel / metre);
  return {
    width, height,
    areas: areas.flatMap((area) => {
      const spots = area.polygons.map((rings) => rings.map((ring) => ring.map(([lon, lat]) => spot(lon, lat))));
      if (!spots.some((rings) => overlaps(rings[0] ?? [], width, height))) return [];
      const [lon, lat] = labelPoint(area);
      const label = spot(lon, lat);
      return [{code: area.code, d: spots.flatMap((rings) => rings.map(pathOf)).join(''), holds: area === home, label: within(label) ? label : null}];
    }),
    cells: cells.map((c, k) => ({d: pathOf(c.map(([lat, lon]) => spot(lon, lat))), isPeak: k === peak})),
    evidence: alert.evidence.filter((e) => e.latDegrees !== 0 || e.lonDegrees !== 0).map((e) => spot(e.lonDegrees, e.latDegrees)),
    at: spot(alert.lonDegrees, alert.latDegrees),
    scale: {metres: pixels, pixels: round(pixels * metre / perPixel)},
  };
}

/** The greatest of 1, 2, 5 × 10ⁿ that is not longer. */
export function niceLength(metres: number): number {
  const ten = 10 ** Math.floor(Math.log10(metres));
  return (metres >= 5 * ten ? 5 : metres >= 2 * ten ? 2 : 1) * ten;
}

function round(x: number): number {
  return Math.round(x * 10) / 10;
}

function pathOf(spots: readonly Spot[]): string {
  return spots.length === 0 ? '' : `M${spots.map((s) => `${s.x} ${s.y}`).join('L')}Z`;
}

/** Whether the box around a ring and the picture meet. */
function overlaps(ring: readonly Spot[], width: number, height: number): boolean {
  const [xs, ys] = [ring.map((s) => s.x), ring.map((s) => s.y)];
  return Math.max(...xs) >= 0 && Math.min(...xs) <= width && Math.max(...ys) >= 0 && Math.min(...ys) <= height;
}
