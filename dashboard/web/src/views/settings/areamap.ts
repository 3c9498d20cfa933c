import {project, unproject} from '../../geo';
import type {LonLat} from '../../wire';

/** How a map of areas lies in its picture. */
export interface Frame {
  readonly width: number;
  readonly height: number;
  /** Mercator of the middle, and Mercator units a pixel. */
  readonly x: number;
  readonly y: number;
  readonly perPixel: number;
}

/** A point of the picture. */
export interface Spot {
  readonly x: number;
  readonly y: number;
}

const LEAST = 1e-7;

/** The frame in which all points are seen with a margin; null without any. */
export function frameOf(points: readonly LonLat[], width: number, height: number): Frame | null {
  if (points.length === 0 || width < 10 || height < 10) return null;
  const flat = points.map(([lon, lat]) => project(lon, lat));
  const [xs, ys] = [flat.map((p) => p.x), flat.map((p) => p.y)];
  const least = (list: readonly number[]): number => list.reduce((a, b) => Math.min(a, b), Infinity);
  const most = (list: readonly number[]): number => list.reduce((a, b) => Math.max(a, b), -Infinity);
  const [west, east, north, south] = [least(xs), most(xs), least(ys), most(ys)];
  const perPixel = Math.max((east - west) / (width * 0.86), (south - north) / (height * 0.86), LEAST);
  return {width, height, x: (west + east) / 2, y: (north + south) / 2, perPixel};
}

/** Where a place lies in the picture. */
export function spotOf(frame: Frame, [lon, lat]: LonLat): Spot {
  const p = project(lon, lat);
  const round = (v: number): number => Math.round(v * 10) / 10;
  return {x: round((p.x - frame.x) / frame.perPixel + frame.width / 2), y: round((p.y - frame.y) / frame.perPixel + frame.height / 2)};
}

/** The place of a point of the picture, to a centimetre. */
export function placeOf(frame: Frame, spot: Spot): LonLat {
  const p = unproject({x: (spot.x - frame.width / 2) * frame.perPixel + frame.x, y: (spot.y - frame.height / 2) * frame.perPixel + frame.y});
  const round = (v: number): number => Math.round(v * 1e7) / 1e7;
  return [round(p.lonDegrees), round(p.latDegrees)];
}

/** A line around places, as SVG draws it. */
export function pathOf(frame: Frame, ring: readonly LonLat[]): string {
  return ring.length === 0 ? '' : `M${ring.map((c) => spotOf(frame, c)).map((s) => `${s.x} ${s.y}`).join('L')}Z`;
}
