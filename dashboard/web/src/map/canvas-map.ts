import {cssColor, paletteOf, type PaletteName} from '../color';
import {boundsOf, graticule, focusOffset, HOME, labelPoint, outline, paddingFor, project, unproject, worldPixels, type Bounds, type Mercator, type Place} from '../geo';
import {inLang, type Lang} from '../i18n';
import type {Area, LonLat} from '../wire';
import {
  drawDevice, drawMarker, LABEL_FONT, MAP_COLORS, pulseAt, reducedMotion, scaleIn, SEVERITY_COLORS,
  type CityMap, type Corners, type DevicePoint, type MapEvents, type Marker, type Outline, type Theme,
} from './city-map';
import type {Basemap} from './basemap';
import {Gestures, type Camera} from './gestures';
import {OVERLAY_STYLES, OVERLAY_TEXT_PIXELS, type Overlay} from './overlay';
import {OverlayPainter, type Screen} from './overlay-painter';
import {RasterTiles} from './raster-tiles';

/** Hexagons of one colour go into paths of this many: longer ones rasterise slower. */
const HEXAGONS_A_FILL = 64;

const ZOOM = {least: 8, most: 19};

/** Points as x, y, x, y … in mercator, with where each ring begins. */
interface Rings {
  readonly points: Float64Array;
  readonly starts: Uint32Array;
}

function ringsOf(rings: readonly (readonly LonLat[])[]): Rings {
  const points = new Float64Array(rings.reduce((n, r) => n + r.length * 2, 0));
  const starts = new Uint32Array(rings.length + 1);
  let at = 0;
  rings.forEach((ring, k) => {
    for (const [lon, lat] of ring) {
      const p = project(lon, lat);
      points[at++] = p.x;
      points[at++] = p.y;
    }
    starts[k + 1] = at;
  });
  return {points, starts};
}

const NO_RINGS = ringsOf([]);

/** A hotspot as it is drawn. */
interface DrawnOutline {
  readonly outline: Outline;
  readonly rings: Rings;
  /** When it began to pulse, by performance.now; -Infinity when it does not. */
  readonly since: number;
}

/** Room that a name takes. */
interface Taken {
  readonly x: number;
  readonly y: number;
  readonly half: number;
}

interface Label {
  readonly at: Mercator;
  readonly text: string;
}

function css(c: readonly [number, number, number, number]): string {
  return `rgba(${Math.round(c[0] * 255)},${Math.round(c[1] * 255)},${Math.round(c[2] * 255)},${c[3]})`;
}

/** The map on Canvas 2D: for machines without WebGL, and faster than software WebGL. */
export class CanvasCityMap implements CityMap {
  readonly renderer = 'canvas2d';
  readonly #canvas = document.createElement('canvas');
  readonly #ctx: CanvasRenderingContext2D;
  readonly #container: HTMLElement;
  readonly #events: MapEvents;
  readonly #gestures: Gestures;
  #palette = paletteOf('sequential');
  #theme: Theme;
  #camera: Camera = {x: 0.8372, y: 0.4083, zoom: 12};
  #width = 1;
  #height = 1;
  /** How large names, signs and lines are. */
  #scale = 1;
  #fitted: Bounds | null = HOME;
  #frames = 0;
  #request = 0;
  #flight = 0;
  #areas: Rings = NO_RINGS;
  #outline: Rings = NO_RINGS;
  #grid: Rings = NO_RINGS;
  #labels: readonly Label[] = [];
  #cells: Rings = NO_RINGS;
  #order: Uint32Array = new Uint32Array(0);
  #bytes: Uint8Array = new Uint8Array(0);
  #markers: readonly Marker[] = [];
  #selected: Rings = NO_RINGS;
  #outlines: readonly DrawnOutline[] = [];
  #devices: readonly DevicePoint[] = [];
  #tiles: RasterTiles | null = null;
  readonly #overlays = new OverlayPainter(() => this.#draw());

  constructor(container: HTMLElement, theme: Theme, events: MapEvents) {
    const ctx = this.#canvas.getContext('2d', {alpha: false});
    if (ctx === null) throw new Error('no 2D canvas');
    this.#ctx = ctx;
    this.#container = container;
    this.#theme = theme;
    this.#events = events;
    this.#canvas.className = 'canvas-map';
    this.#canvas.tabIndex = 0;
    this.#canvas.setAttribute('role', 'application');
    container.append(this.#canvas);
    this.#gestures = new Gestures(this.#canvas, {
      camera: () => this.#camera,
      moved: (camera) => this.#look(camera, true),
      picked: (x, y) => events.picked(this.#placeAt(x, y)),
      hovered: (x, y) => events.hovered(x === null ? null : this.#placeAt(x, y), x ?? 0, y),
    });
    this.resize();
  }

  setTheme(theme: Theme): void {
    this.#theme = theme;
    this.#draw();
  }

  setLabel(text: string): void {
    this.#canvas.setAttribute('aria-label', text);
  }

  setBasemap(basemap: Basemap): void {
    if (basemap.form !== 'tiles') return;
    this.#tiles = new RasterTiles(basemap, () => this.#draw());
    this.#draw();
  }

  setOverlays(overlays: readonly Overlay[], lang: Lang): void {
    this.#overlays.set(overlays, lang);
    this.#draw();
  }

  setAreas(areas: readonly Area[], lang: Lang): void {
    this.#areas = ringsOf(areas.flatMap((a) => a.polygons.flat(1)));
    this.#outline = ringsOf(outline(areas));
    this.#grid = ringsOf(graticule(boundsOf(areas)));
    this.#labels = areas.map((a) => ({at: project(...labelPoint(a)), text: inLang(a.names, lang)}));
    this.#draw();
  }

  setCells(corners: readonly Corners[]): void {
    this.#cells = ringsOf(corners.map((ring) => ring.map(([lat, lon]): LonLat => [lon, lat])));
    this.setValues(new Uint8Array(corners.length));
  }

  setValues(bytes: Uint8Array): void {
    this.#bytes = bytes;
    this.#order = byByte(bytes, this.#cells.starts.length - 1);
    this.#draw();
  }

  setMarkers(markers: readonly Marker[]): void {
    this.#markers = [...markers].sort((a, b) => Number(a.selected) - Number(b.selected));
    this.#draw();
  }

  setPalette(name: PaletteName): void {
    this.#palette = paletteOf(name);
    this.#draw();
  }

  setOutlines(outlines: readonly Outline[]): void {
    const known = new Map(this.#outlines.map((o) => [o.outline.id, o.since]));
    const began = reducedMotion() ? -Infinity : performance.now();
    this.#outlines = outlines.map((o) => ({outline: o, rings: ringsOf(o.rings), since: known.get(o.id) ?? (o.isNew ? began : -Infinity)}));
    this.#draw();
  }

  setDevices(devices: readonly DevicePoint[]): void {
    this.#devices = devices;
    this.#draw();
  }

  setSelected(corners: Corners | null): void {
    this.#selected = corners === null ? NO_RINGS : ringsOf([corners.map(([lat, lon]): LonLat => [lon, lat])]);
    this.#draw();
  }

  fit(bounds: Bounds): void {
    this.#fitted = bounds;
    const a = project(bounds[0], bounds[3]);
    const b = project(bounds[2], bounds[1]);
    const pad = paddingFor(this.#width, this.#scale);
    const wide = Math.max(50, this.#width - pad.left - pad.right);
    const high = Math.max(50, this.#height - pad.top - pad.bottom);
    const pixels = Math.min(wide / (b.x - a.x), high / (b.y - a.y));
    const x = (a.x + b.x) / 2 - (pad.left - pad.right) / 2 / pixels;
    const y = (a.y + b.y) / 2 - (pad.top - pad.bottom) / 2 / pixels;
    this.#look({x, y, zoom: Math.log2(pixels / 512)}, false);
  }

  flyTo(at: Place, zoom: number): void {
    const [dx, dy] = focusOffset(this.#width, this.#height);
    const size = worldPixels(zoom);
    const p = project(at.lonDegrees, at.latDegrees);
    this.#fly({x: p.x - dx / size, y: p.y - dy / size, zoom}, 600);
  }

  jumpTo(at: Place, zoom: number): void {
    const p = project(at.lonDegrees, at.latDegrees);
    this.#look({x: p.x, y: p.y, zoom}, true);
  }

  zoomBy(levels: number): void {
    this.#fly({...this.#camera, zoom: this.#camera.zoom + levels}, 200);
  }

  resize(): void {
    const box = this.#container.getBoundingClientRect();
    this.#width = Math.max(1, box.width);
    this.#height = Math.max(1, box.height);
    this.#scale = scaleIn(this.#container);
    const ratio = Math.min(2, window.devicePixelRatio || 1);
    this.#canvas.width = Math.round(this.#width * ratio);
    this.#canvas.height = Math.round(this.#height * ratio);
    if (this.#fitted === null) this.#draw();
    else this.fit(this.#fitted);
  }

  frames(): number {
    return this.#frames;
  }

  destroy(): void {
    cancelAnimationFrame(this.#request);
    cancelAnimationFrame(this.#flight);
    this.#gestures.destroy();
    this.#overlays.destroy();
    this.#canvas.remove();
  }

  #fly(to: Camera, ms: number): void {
    cancelAnimationFrame(this.#flight);
    const from = this.#camera;
    const start = performance.now();
    if (reducedMotion()) {
      this.#look(to, true);
      return;
    }
    const step = (now: number): void => {
      const t = Math.min(1, (now - start) / ms);
      const k = 1 - (1 - t) ** 3;
      this.#look({x: from.x + (to.x - from.x) * k, y: from.y + (to.y - from.y) * k, zoom: from.zoom + (to.zoom - from.zoom) * k}, true);
      if (t < 1) this.#flight = requestAnimationFrame(step);
    };
    this.#flight = requestAnimationFrame(step);
  }

  #look(camera: Camera, byHand: boolean): void {
    this.#camera = {x: camera.x, y: camera.y, zoom: Math.max(ZOOM.least, Math.min(ZOOM.most, camera.zoom))};
    if (byHand) this.#fitted = null;
    const [northWest, southEast] = [this.#placeAt(0, 0), this.#placeAt(this.#width, this.#height)];
    this.#events.viewed(this.#camera.zoom, unproject(this.#camera), [
      northWest.lonDegrees, southEast.latDegrees, southEast.lonDegrees, northWest.latDegrees,
    ], this.#fitted !== null);
    this.#draw();
  }

  #placeAt(x: number, y: number): Place {
    const size = worldPixels(this.#camera.zoom);
    return unproject({x: this.#camera.x + (x - this.#width / 2) / size, y: this.#camera.y + (y - this.#height / 2) / size});
  }

  #draw(): void {
    if (this.#request !== 0) return;
    this.#request = requestAnimationFrame(() => {
      this.#request = 0;
      this.#frames++;
      this.#paint();
    });
  }

  #paint(): void {
    const ctx = this.#ctx;
    const c = MAP_COLORS[this.#theme];
    const ratio = this.#canvas.width / this.#width;
    const screen: Screen = {ctx, camera: this.#camera, width: this.#width, height: this.#height, theme: this.#theme, ratio};
    ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
    ctx.fillStyle = c.ground;
    ctx.fillRect(0, 0, this.#width, this.#height);
    ctx.lineJoin = 'round';
    if (this.#tiles === null) {
      this.#path(this.#areas, true);
      ctx.fillStyle = c.land;
      ctx.fill('evenodd');
    } else {
      this.#tiles.paint(ctx, this.#camera, this.#width, this.#height);
    }
    this.#path(this.#grid, false);
    ctx.strokeStyle = c.grid;
    ctx.lineWidth = 1;
    ctx.stroke();
    this.#overlays.paintBelow(screen);
    this.#paintCells();
    this.#overlays.paintShine(screen);
    this.#path(this.#areas, true);
    ctx.setLineDash([4, 3]);
    ctx.strokeStyle = c.border;
    ctx.lineWidth = 1.2 * this.#scale;
    ctx.stroke();
    ctx.setLineDash([]);
    this.#path(this.#outline, false);
    ctx.strokeStyle = c.outline;
    ctx.lineWidth = 2.2 * this.#scale;
    ctx.stroke();
    this.#paintOutlines();
    this.#path(this.#selected, true);
    ctx.strokeStyle = c.selected;
    ctx.lineWidth = 3 * this.#scale;
    ctx.stroke();
    this.#overlays.paintPoints(screen);
    this.#paintLabels(screen);
    for (const d of this.#devices) {
      const p = this.#screen(project(d.lonDegrees, d.latDegrees));
      drawDevice(ctx, p.x, p.y, 5.5 * this.#scale, d.isCamera, d.isOnline);
    }
    for (const m of this.#markers) {
      const p = this.#screen(project(m.lonDegrees, m.latDegrees));
      drawMarker(ctx, p.x, p.y, (m.selected ? 11 : 8.5) * this.#scale, m.severity, m.selected);
    }
  }

  #paintOutlines(): void {
    const ctx = this.#ctx;
    const now = performance.now();
    for (const {outline, rings, since} of this.#outlines) {
      this.#path(rings, true);
      const pulse = pulseAt(now - since);
      ctx.strokeStyle = SEVERITY_COLORS[outline.severity];
      if (pulse !== null) {
        ctx.globalAlpha = pulse.alpha;
        ctx.lineWidth = pulse.width * this.#scale;
        ctx.stroke();
        ctx.globalAlpha = 1;
        this.#draw();
      }
      ctx.lineWidth = (outline.selected ? 4.5 : 2.8) * this.#scale;
      ctx.stroke();
    }
  }

  #paintCells(): void {
    const ctx = this.#ctx;
    const c = MAP_COLORS[this.#theme];
    let begin = 0;
    while (begin < this.#order.length) {
      const byte = this.#bytes[this.#order[begin] ?? 0] ?? 0;
      let end = begin;
      while (end < this.#order.length && (this.#bytes[this.#order[end] ?? 0] ?? 0) === byte) end++;
      ctx.fillStyle = byte === 0 ? css(c.empty) : cssColor(this.#palette, byte);
      ctx.strokeStyle = byte === 0 ? css(c.edge) : css([c.edge[0], c.edge[1], c.edge[2], 0.4]);
      ctx.lineWidth = 1;
      ctx.globalAlpha = byte === 0 ? 1 : this.#theme === 'dark' ? 0.86 : 0.82;
      for (let k = begin; k < end; k += HEXAGONS_A_FILL) {
        ctx.beginPath();
        for (let j = k; j < Math.min(end, k + HEXAGONS_A_FILL); j++) this.#trace(this.#cells, this.#order[j] ?? 0, true);
        ctx.fill();
        ctx.stroke();
      }
      begin = end;
    }
    ctx.globalAlpha = 1;
  }

  /** Names of areas first, then those of overlays where there is room. */
  #paintLabels(screen: Screen): void {
    const ctx = this.#ctx;
    const c = MAP_COLORS[this.#theme];
    ctx.textAlign = 'center';
    ctx.textBaseline = 'middle';
    ctx.strokeStyle = c.halo;
    const taken: Taken[] = [];
    ctx.font = `500 ${13 * this.#scale}px ${LABEL_FONT}`;
    ctx.lineWidth = 3.2 * this.#scale;
    ctx.fillStyle = c.label;
    for (const label of this.#labels) this.#paintLabel(label.text, [this.#screen(label.at)], taken);
    ctx.font = `${OVERLAY_TEXT_PIXELS}px ${LABEL_FONT}`;
    ctx.lineWidth = 2.8;
    ctx.fillStyle = OVERLAY_STYLES[this.#theme].label;
    for (const label of this.#overlays.labels(screen)) this.#paintLabel(label.text, label.spots, taken);
  }

  /** Writes a name at the first of its places that is on the screen and free. */
  #paintLabel(text: string, spots: readonly {readonly x: number; readonly y: number}[], taken: Taken[]): void {
    const half = this.#ctx.measureText(text).width / 2 + 4;
    const isFree = (x: number, y: number): boolean => !taken.some((t) => Math.abs(t.x - x) < t.half + half && Math.abs(t.y - y) < 20 * this.#scale);
    const at = spots.find(({x, y}) => x > -half && x < this.#width + half && y > -20 && y < this.#height + 20 && isFree(x, y));
    if (at === undefined) return;
    taken.push({...at, half});
    this.#ctx.strokeText(text, at.x, at.y);
    this.#ctx.fillText(text, at.x, at.y);
  }

  #screen(m: Mercator): {readonly x: number; readonly y: number} {
    const size = worldPixels(this.#camera.zoom);
    return {x: (m.x - this.#camera.x) * size + this.#width / 2, y: (m.y - this.#camera.y) * size + this.#height / 2};
  }

  #path(rings: Rings, closed: boolean): void {
    this.#ctx.beginPath();
    for (let k = 0; k + 1 < rings.starts.length; k++) this.#trace(rings, k, closed);
  }

  #trace(rings: Rings, ring: number, closed: boolean): void {
    const ctx = this.#ctx;
    const size = worldPixels(this.#camera.zoom);
    const [dx, dy] = [this.#width / 2 - this.#camera.x * size, this.#height / 2 - this.#camera.y * size];
    const [start, end] = [rings.starts[ring] ?? 0, rings.starts[ring + 1] ?? 0];
    const x0 = (rings.points[start] ?? 0) * size + dx;
    const y0 = (rings.points[start + 1] ?? 0) * size + dy;
    if (closed && end - start === 12 && (x0 < -400 || y0 < -400 || x0 > this.#width + 400 || y0 > this.#height + 400)) return;
    ctx.moveTo(x0, y0);
    for (let k = start + 2; k < end; k += 2) ctx.lineTo((rings.points[k] ?? 0) * size + dx, (rings.points[k + 1] ?? 0) * size + dy);
    if (closed) ctx.closePath();
  }
}

/** The indices of cells ordered by their byte: a counting sort. */
export function byByte(bytes: Uint8Array, size: number): Uint32Array {
  const ends = new Uint32Array(257);
  for (let k = 0; k < size; k++) ends[(bytes[k] ?? 0) + 1] = (ends[(bytes[k] ?? 0) + 1] ?? 0) + 1;
  for (let b = 1; b < 257; b++) ends[b] = (ends[b] ?? 0) + (ends[b - 1] ?? 0);
  const out = new Uint32Array(size);
  for (let k = 0; k < size; k++) {
    const b = bytes[k] ?? 0;
    out[ends[b] ?? 0] = k;
    ends[b] = (ends[b] ?? 0) + 1;
  }
  return out;
}
