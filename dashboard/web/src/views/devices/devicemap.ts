import {project, worldPixels, type Mercator} from '../../geo';
import type {Camera} from '../../map/gestures';
import type {Condition, DeviceColumns, Point} from './wire';

/** Devices as a map draws them: their places in mercator. */
export interface Dots {
  readonly columns: DeviceColumns;
  readonly x: Float64Array;
  readonly y: Float64Array;
  readonly indexOf: ReadonlyMap<string, number>;
}

/** Fetches page after page until all are there. */
export async function allColumns(fetch: (after: string) => Promise<DeviceColumns>): Promise<DeviceColumns> {
  let all = await fetch('after=');
  while (all.next !== '') {
    const more = await fetch(`after=${encodeURIComponent(all.next)}`);
    all = {
      ids: [...all.ids, ...more.ids], lat: [...all.lat, ...more.lat], lon: [...all.lon, ...more.lon], conditions: [...all.conditions, ...more.conditions],
      unplaced: more.unplaced, next: more.next,
    };
  }
  return all;
}

/** Places devices on the map. */
export function dotsOf(columns: DeviceColumns): Dots {
  const x = new Float64Array(columns.ids.length);
  const y = new Float64Array(columns.ids.length);
  columns.ids.forEach((_, k) => {
    const p = project(columns.lon[k] ?? 0, columns.lat[k] ?? 0);
    x[k] = p.x;
    y[k] = p.y;
  });
  return {columns, x, y, indexOf: new Map(columns.ids.map((id, k) => [id, k]))};
}

/** Where a place of the mercator square lies on a map of a size. */
export function screenOf(p: Mercator, camera: Camera, width: number, height: number): {readonly x: number; readonly y: number} {
  const size = worldPixels(camera.zoom);
  return {x: (p.x - camera.x) * size + width / 2, y: (p.y - camera.y) * size + height / 2};
}

/** The device nearest to a place on the screen, null when none is within reach. */
export function dotAt(dots: Dots, camera: Camera, width: number, height: number, xPixels: number, yPixels: number, reachPixels: number): string | null {
  const size = worldPixels(camera.zoom);
  const wantX = (xPixels - width / 2) / size + camera.x;
  const wantY = (yPixels - height / 2) / size + camera.y;
  let best = -1;
  let least = (reachPixels / size) ** 2;
  for (let k = 0; k < dots.x.length; k++) {
    const [dx, dy] = [(dots.x[k] ?? 0) - wantX, (dots.y[k] ?? 0) - wantY];
    const distance = dx * dx + dy * dy;
    if (distance <= least) {
      least = distance;
      best = k;
    }
  }
  return dots.columns.ids[best] ?? null;
}

/** How large dots are drawn, in pixels. */
export function dotRadius(zoom: number, count: number): number {
  const least = count > 5000 ? 1.1 : 2.2;
  return Math.max(least, Math.min(6.5, least + (zoom - 11.5) * 0.9)) + (count <= 300 ? 1 : 0);
}

/** The camera that shows some places, with room around; null for none. */
export function cameraFor(points: readonly Point[], width: number, height: number, most = 16): Camera | null {
  if (points.length === 0) return null;
  const flat = points.map((p) => project(p.lon, p.lat));
  let [w, n, e, s] = [Infinity, Infinity, -Infinity, -Infinity];
  for (const p of flat) {
    w = Math.min(w, p.x);
    e = Math.max(e, p.x);
    n = Math.min(n, p.y);
    s = Math.max(s, p.y);
  }
  const room = Math.min((width - 56) / Math.max(e - w, 1e-9), (height - 56) / Math.max(s - n, 1e-9));
  return {x: (w + e) / 2, y: (n + s) / 2, zoom: Math.max(8, Math.min(most, Math.log2(Math.max(room, 1) / 512)))};
}

/** Whether all places are on the map, away from its edges. */
export function allInSight(points: readonly Point[], camera: Camera, width: number, height: number): boolean {
  const edge = 24;
  return points.every((p) => {
    const at = screenOf(project(p.lon, p.lat), camera, width, height);
    return at.x >= edge && at.y >= edge && at.x <= width - edge && at.y <= height - edge;
  });
}

/** The metres between two places, along the ground. */
export function metresBetween(a: Point, b: Point): number {
  const rad = Math.PI / 180;
  const h = Math.sin(((b.lat - a.lat) * rad) / 2) ** 2 + Math.cos(a.lat * rad) * Math.cos(b.lat * rad) * Math.sin(((b.lon - a.lon) * rad) / 2) ** 2;
  return 2 * 6_371_008.8 * Math.asin(Math.min(1, Math.sqrt(h)));
}

/** The colours of conditions on the map, which is dark or light. */
export const CONDITION_COLORS: Readonly<Record<'dark' | 'light', Readonly<Record<Condition, string>>>> = {
  dark: {offline: '#ff4d5e', odd: '#c79bff', late: '#ff9d2e', silent: '#8ea3b8', online: '#3fbf8a'},
  light: {offline: '#d92a3f', odd: '#7a3fc4', late: '#d97600', silent: '#6b7d8e', online: '#0f8a5f'},
};

/** Draws the sign of a condition, so that colour is not alone: a square, a diamond, a triangle, a ring, a disc. */
export function tracePath(ctx: Pick<CanvasRenderingContext2D, 'moveTo' | 'lineTo' | 'closePath' | 'arc' | 'rect'>, condition: Condition, x: number, y: number, r: number): void {
  switch (condition) {
    case 'offline':
      ctx.rect(x - r * 0.9, y - r * 0.9, r * 1.8, r * 1.8);
      return;
    case 'odd':
      ctx.moveTo(x, y - r * 1.25);
      ctx.lineTo(x + r * 1.25, y);
      ctx.lineTo(x, y + r * 1.25);
      ctx.lineTo(x - r * 1.25, y);
      ctx.closePath();
      return;
    case 'late':
      ctx.moveTo(x, y - r * 1.15);
      ctx.lineTo(x + r * 1.15, y + r * 0.9);
      ctx.lineTo(x - r * 1.15, y + r * 0.9);
      ctx.closePath();
      return;
    case 'silent':
    case 'online':
      ctx.moveTo(x + r, y);
      ctx.arc(x, y, r, 0, 2 * Math.PI);
  }
}
