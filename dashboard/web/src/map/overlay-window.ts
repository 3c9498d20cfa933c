import {worldPixels} from '../geo';
import type {Camera} from './gestures';
import type {FlatShape} from './overlay-flat';

/** The part of Path2D that is used. */
export type Traced = Pick<Path2D, 'moveTo' | 'lineTo' | 'closePath'>;

/** A place in pixels from the middle of a window. */
export interface Spot {
  readonly x: number;
  readonly y: number;
}

/** Where a line could bear its name, best first, and how long it is. */
export interface Anchors {
  readonly spots: readonly Spot[];
  readonly pixels: number;
}

/** How far along a line its name is tried. */
const ANCHOR_SHARES = [0.5, 0.35, 0.65, 0.2, 0.8];

/** Corners nearer to one another than this are one. */
const LEAST_PIXELS = 1.2;

/** A shape smaller than this is not seen. */
const SPECK_PIXELS = 1;

/** A part of the world at a zoom, and how shapes are traced in it. */
export class Window {
  readonly halfWidth: number;
  readonly halfHeight: number;
  readonly #size: number;
  readonly #dx: number;
  readonly #dy: number;

  constructor(camera: Camera, halfWidth: number, halfHeight: number) {
    this.halfWidth = halfWidth;
    this.halfHeight = halfHeight;
    this.#size = worldPixels(camera.zoom);
    this.#dx = camera.x * this.#size;
    this.#dy = camera.y * this.#size;
  }

  spot(x: number, y: number): Spot {
    return {x: x * this.#size - this.#dx, y: y * this.#size - this.#dy};
  }

  holds({x, y}: Spot): boolean {
    return this.#side(x, y) === 0;
  }

  /** Whether any of a shape may be seen. */
  touches(s: FlatShape): boolean {
    const [a, b] = [this.spot(s.west, s.north), this.spot(s.east, s.south)];
    return b.x >= -this.halfWidth && a.x <= this.halfWidth && b.y >= -this.halfHeight && a.y <= this.halfHeight;
  }

  /** Whether a shape is too small to be seen. */
  isSpeck(s: FlatShape): boolean {
    return (s.east - s.west) * this.#size < SPECK_PIXELS && (s.south - s.north) * this.#size < SPECK_PIXELS;
  }

  /**
   * Traces a ring or line. Corners that lie together are made one, and one
   * outside is left out when those before and after it lie outside on the same
   * side: that changes nothing within the window. The answer is how many were
   * traced.
   */
  trace(s: FlatShape, part: number, path: Traced): number {
    const [start, end] = [s.starts[part] ?? 0, s.starts[part + 1] ?? 0];
    const {points} = s;
    const [size, dx, dy] = [this.#size, this.#dx, this.#dy];
    let keptX = (points[start] ?? 0) * size - dx;
    let keptY = (points[start + 1] ?? 0) * size - dy;
    let keptSide = this.#side(keptX, keptY);
    path.moveTo(keptX, keptY);
    let traced = 1;
    let x = (points[start + 2] ?? 0) * size - dx;
    let y = (points[start + 3] ?? 0) * size - dy;
    let side = this.#side(x, y);
    for (let k = start + 2; k < end; k += 2) {
      const isLast = k + 2 >= end;
      const nextX = isLast ? x : (points[k + 2] ?? 0) * size - dx;
      const nextY = isLast ? y : (points[k + 3] ?? 0) * size - dy;
      const nextSide = isLast ? side : this.#side(nextX, nextY);
      const isNear = Math.abs(x - keptX) < LEAST_PIXELS && Math.abs(y - keptY) < LEAST_PIXELS;
      if (isLast || (!isNear && (keptSide & side & nextSide) === 0)) {
        path.lineTo(x, y);
        traced++;
        [keptX, keptY, keptSide] = [x, y, side];
      }
      [x, y, side] = [nextX, nextY, nextSide];
    }
    if (s.form === 'area') path.closePath();
    return traced;
  }

  /** Places along the longest stretch of a line within the window, none when it is not there. */
  anchorsOf(s: FlatShape): Anchors {
    let longest: readonly Spot[] = [];
    let pixels = 0;
    for (let part = 0; part + 1 < s.starts.length; part++) {
      for (const stretch of this.#within(s, part)) {
        const length = lengthOf(stretch);
        if (length > pixels) [longest, pixels] = [stretch, length];
      }
    }
    return {spots: ANCHOR_SHARES.flatMap((share) => along(longest, pixels * share) ?? []), pixels};
  }

  /** The stretches of a line that lie within the window. */
  #within(s: FlatShape, part: number): readonly (readonly Spot[])[] {
    const stretches: Spot[][] = [];
    let open: Spot[] | null = null;
    let a: Spot | null = null;
    for (let k = s.starts[part] ?? 0; k < (s.starts[part + 1] ?? 0); k += 2) {
      const b = this.spot(s.points[k] ?? 0, s.points[k + 1] ?? 0);
      const seen = a === null ? null : this.#clipped(a, b);
      a = b;
      if (seen === null) {
        open = null;
        continue;
      }
      if (open === null) stretches.push(open = [seen.from]);
      open.push(seen.to);
      if (seen.isLeaving) open = null;
    }
    return stretches;
  }

  /** The part of a segment within the window, after Liang and Barsky; null for none. */
  #clipped(a: Spot, b: Spot): {readonly from: Spot; readonly to: Spot; readonly isLeaving: boolean} | null {
    let [enter, leave] = [0, 1];
    const [dx, dy] = [b.x - a.x, b.y - a.y];
    const sides: readonly (readonly [number, number])[] = [[-dx, a.x + this.halfWidth], [dx, this.halfWidth - a.x], [-dy, a.y + this.halfHeight], [dy, this.halfHeight - a.y]];
    for (const [way, room] of sides) {
      if (way === 0 && room < 0) return null;
      if (way < 0) enter = Math.max(enter, room / way);
      if (way > 0) leave = Math.min(leave, room / way);
    }
    if (enter >= leave) return null;
    const at = (t: number): Spot => ({x: a.x + dx * t, y: a.y + dy * t});
    return {from: at(enter), to: at(leave), isLeaving: leave < 1};
  }

  /** On which sides of the window a place lies: 0 within, else bits. */
  #side(x: number, y: number): number {
    const across = x < -this.halfWidth ? 1 : x > this.halfWidth ? 2 : 0;
    return across | (y < -this.halfHeight ? 4 : y > this.halfHeight ? 8 : 0);
  }
}

function lengthOf(stretch: readonly Spot[]): number {
  let sum = 0;
  let a = stretch[0];
  for (const b of stretch) {
    if (a !== undefined) sum += Math.hypot(b.x - a.x, b.y - a.y);
    a = b;
  }
  return sum;
}

/** The place so many pixels along a line. */
function along(stretch: readonly Spot[], pixels: number): Spot | null {
  let left = pixels;
  let a = stretch[0];
  for (const b of stretch) {
    if (a !== undefined) {
      const d = Math.hypot(b.x - a.x, b.y - a.y);
      if (d > 0 && left <= d) return {x: a.x + ((b.x - a.x) * left) / d, y: a.y + ((b.y - a.y) * left) / d};
      left -= d;
    }
    a = b;
  }
  return a ?? null;
}
