/**
 * How overlays are drawn on Canvas 2D: flattened once a file, then made into
 * paths for a part of the world somewhat larger than the screen, which are
 * drawn each frame and made anew when the view leaves them.
 */
import {worldPixels} from '../geo';
import {inLang, type Lang} from '../i18n';
import type {Camera} from './gestures';
import {POINT_PIXELS, type Look} from './overlay';
import type {FlatShape} from './overlay-flat';
import {LabelRows, textPixels, type Label} from './overlay-labels';
import {Window, type Spot, type Traced} from './overlay-window';

/** Shapes that follow one another and look alike, as one path. */
export interface PlannedPath<P extends Traced> {
  readonly form: 'area' | 'line';
  readonly look: Look;
  readonly path: P;
}

/** A point of a plan. */
export interface PlannedPoint extends Spot {
  readonly look: Look;
}

/** What is drawn of overlays in a part of the world, in pixels of its zoom from its middle. */
export interface Plan<P extends Traced> {
  readonly camera: Camera;
  readonly window: Window;
  readonly paths: readonly PlannedPath<P>[];
  readonly points: readonly PlannedPoint[];
  readonly labels: readonly Label[];
  /** Of all paths: what drawing them costs goes by that. */
  readonly corners: number;
}

/** A plan is a quarter of a screen larger on every side. */
const MARGIN = 0.25;

/** A plan serves within so many levels of its zoom. */
const ZOOM_REACH = 0.5;

/** Corners of one path: longer ones rasterise slower. */
const PATH_CORNERS = 500;

/** Points nearer to one another than this are one. */
const POINT_APART_PIXELS = 4;

/** A name is written where a shape is at least so wide beside it. */
const LABEL_SHARE = 0.8;

/** Whether a plan covers what a camera sees. */
export function covers(plan: Plan<Traced>, camera: Camera, width: number, height: number): boolean {
  if (Math.abs(camera.zoom - plan.camera.zoom) > ZOOM_REACH) return false;
  const size = worldPixels(plan.camera.zoom);
  const grown = 2 ** (plan.camera.zoom - camera.zoom);
  return Math.abs(camera.x - plan.camera.x) * size + (width / 2) * grown <= plan.window.halfWidth
    && Math.abs(camera.y - plan.camera.y) * size + (height / 2) * grown <= plan.window.halfHeight;
}

/** Makes the plan of what a camera sees and somewhat more. */
export function planned<P extends Traced>(shapes: readonly FlatShape[], camera: Camera, width: number, height: number, lang: Lang, newPath: () => P): Plan<P> {
  const window = new Window(camera, width * (0.5 + MARGIN), height * (0.5 + MARGIN));
  const seen = shapes.filter((s) => window.touches(s));
  return {camera, window, ...pathsOf(seen, window, newPath), points: pointsOf(seen, window), labels: labelsOf(seen, window, lang)};
}

function pathsOf<P extends Traced>(shapes: readonly FlatShape[], window: Window, newPath: () => P): Pick<Plan<P>, 'paths' | 'corners'> {
  const paths: PlannedPath<P>[] = [];
  let [corners, inPath] = [0, 0];
  for (const shape of shapes) {
    const {form, look} = shape;
    if (form === 'point' || window.isSpeck(shape)) continue;
    const last = paths[paths.length - 1];
    const isSame = last !== undefined && last.form === form && inPath < PATH_CORNERS && looksAlike(last.look, look);
    const path = isSame ? last.path : newPath();
    if (!isSame) inPath = 0;
    for (let k = 0; k + 1 < shape.starts.length; k++) {
      const traced = window.trace(shape, k, path);
      inPath += traced;
      corners += traced;
    }
    if (!isSame) paths.push({form, look, path});
  }
  return {paths, corners};
}

function looksAlike(a: Look, b: Look): boolean {
  return a.stroke === b.stroke && a.strokeWidth === b.strokeWidth && a.strokeOpacity === b.strokeOpacity
    && a.fill === b.fill && a.fillOpacity === b.fillOpacity;
}

function pointsOf(shapes: readonly FlatShape[], window: Window): readonly PlannedPoint[] {
  const points: PlannedPoint[] = [];
  const taken = new Set<string>();
  for (const shape of shapes) {
    if (shape.form !== 'point') continue;
    for (const spot of spotsOf(shape, window)) {
      const place = `${Math.round(spot.x / POINT_APART_PIXELS)} ${Math.round(spot.y / POINT_APART_PIXELS)}`;
      if (taken.has(place)) continue;
      taken.add(place);
      points.push({...spot, look: shape.look});
    }
  }
  return points;
}

function spotsOf(shape: FlatShape, window: Window): readonly Spot[] {
  const spots: Spot[] = [];
  for (let k = 0; k < shape.points.length; k += 2) {
    const spot = window.spot(shape.points[k] ?? 0, shape.points[k + 1] ?? 0);
    if (window.holds(spot)) spots.push(spot);
  }
  return spots;
}

/** The names that have room: of the last file first, because it lies on top. */
function labelsOf(shapes: readonly FlatShape[], window: Window, lang: Lang): readonly Label[] {
  const rows = new LabelRows();
  for (let k = shapes.length - 1; k >= 0 && !rows.isFull; k--) {
    const shape = shapes[k];
    const text = shape === undefined ? '' : inLang(shape.names, lang);
    if (shape === undefined || text === '') continue;
    for (const spots of labelSpots(shape, window, textPixels(text))) rows.place({text, spots});
  }
  return rows.placed;
}

/** Where the names of a shape could be written: each with its places, best first. */
function labelSpots(shape: FlatShape, window: Window, pixels: number): readonly (readonly Spot[])[] {
  switch (shape.form) {
    case 'point': {
      const below = POINT_PIXELS[shape.look.markerSize ?? 'medium'] + 10;
      return spotsOf(shape, window).map(({x, y}) => [{x, y: y + below}]);
    }
    case 'line': {
      const anchors = window.anchorsOf(shape);
      return anchors.pixels < pixels * LABEL_SHARE ? [] : [anchors.spots];
    }
    case 'area': {
      const at = shape.label === null ? null : window.spot(shape.label.x, shape.label.y);
      const isWide = window.spot(shape.east, 0).x - window.spot(shape.west, 0).x >= pixels * LABEL_SHARE;
      return at === null || !isWide || !window.holds(at) ? [] : [[at]];
    }
  }
}
