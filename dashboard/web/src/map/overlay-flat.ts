/** Overlays as Canvas 2D wants them. */
import {project, type Mercator} from '../geo';
import type {LonLat, Names} from '../wire';
import {POINT_PIXELS, type Look, type OverlayShape, type OverlayStyle} from './overlay';

/** A shape in Web Mercator. */
export interface FlatShape {
  readonly form: OverlayShape['form'];
  readonly names: Names;
  readonly look: Look;
  /** x, y, x, y …; rings are not closed, outer ones run one way and holes the other. */
  readonly points: Float64Array;
  /** Where each ring, line or point begins, and the end. */
  readonly starts: Uint32Array;
  readonly west: number;
  readonly north: number;
  readonly east: number;
  readonly south: number;
  /** Where the name of an area is written. */
  readonly label: Mercator | null;
}

/** Flattens a shape. */
export function flattened(shape: OverlayShape): FlatShape {
  const parts = partsOf(shape);
  const points = new Float64Array(parts.reduce((n, p) => n + p.length * 2, 0));
  const starts = new Uint32Array(parts.length + 1);
  let [at, west, north, east, south] = [0, Infinity, Infinity, -Infinity, -Infinity];
  parts.forEach((part, k) => {
    for (const [lon, lat] of part) {
      const {x, y} = project(lon, lat);
      points[at++] = x;
      points[at++] = y;
      if (x < west) west = x;
      if (x > east) east = x;
      if (y < north) north = y;
      if (y > south) south = y;
    }
    starts[k + 1] = at;
  });
  const {form, names, look} = shape;
  const label = shape.form !== 'area' || shape.label === null ? null : project(...shape.label);
  return {form, names, look, points, starts, west, north, east, south, label};
}

function partsOf(shape: OverlayShape): readonly (readonly LonLat[])[] {
  switch (shape.form) {
    case 'area':
      // Filled by their winding, areas of one colour may share a path where they overlap.
      return shape.polygons.flatMap((rings) => rings.map((ring, k) => wound(ring.slice(0, -1), k === 0)));
    case 'line':
      return shape.lines;
    case 'point':
      return shape.points.map((p) => [p]);
  }
}

function wound(ring: LonLat[], isOuter: boolean): readonly LonLat[] {
  let sum = 0;
  let a = ring[ring.length - 1];
  for (const b of ring) {
    if (a !== undefined) sum += a[0] * b[1] - b[0] * a[1];
    a = b;
  }
  return sum > 0 === isOuter ? ring : ring.reverse();
}

/** What a path is drawn with. */
export interface Pen {
  readonly fill: string;
  readonly fillOpacity: number;
  readonly stroke: string;
  /** In pixels, 0 for none. */
  readonly width: number;
  readonly opacity: number;
}

/** The pen of a shape: what it says itself, else the theme's. */
export function penOf(form: OverlayShape['form'], look: Look, style: OverlayStyle): Pen {
  switch (form) {
    case 'area':
      return {
        fill: look.fill ?? style.fill, fillOpacity: look.fillOpacity ?? style.fillOpacity,
        stroke: look.stroke ?? look.fill ?? style.edge, width: look.strokeWidth ?? style.edgeWidth, opacity: look.strokeOpacity ?? style.edgeOpacity,
      };
    case 'line':
      return {
        fill: '', fillOpacity: 0,
        stroke: look.stroke ?? style.line, width: look.strokeWidth ?? style.lineWidth, opacity: look.strokeOpacity ?? (look.stroke === null ? style.lineOpacity : 1),
      };
    case 'point':
      return {fill: look.markerColor ?? style.point, fillOpacity: 1, stroke: '', width: POINT_PIXELS[look.markerSize ?? 'medium'], opacity: 1};
  }
}
