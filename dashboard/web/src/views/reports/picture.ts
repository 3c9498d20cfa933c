/** The map of a report: areas and classed shapes, as paths that the page and a PNG both draw. */
import {boundsOf, labelPoint, project, unproject, type Bounds, type Place} from '../../geo';
import {inLang, type Lang} from '../../i18n';
import {LABEL_FONT} from '../../map/city-map';
import type {Area, LonLat} from '../../wire';
import type {GroundColors} from './colors';

/** One row of the result on the map. */
export interface Shape {
  readonly row: number;
  /** Closed or open rings, or a single place for a point. */
  readonly rings: readonly (readonly LonLat[])[];
  /** Key of the class that colours it. */
  readonly cls: string;
  /** Written on it, '' for nothing. */
  readonly mark: string;
}

/** A class of shapes; without a fill it is drawn as the ground of what does not stand out. */
export interface MapClass {
  readonly key: string;
  readonly name: string;
  readonly fill: string;
}

/** What is drawn. */
export interface MapContent {
  readonly areas: readonly Area[];
  readonly classes: readonly MapClass[];
  readonly shapes: readonly Shape[];
  /** Rings around clusters, with their rank. */
  readonly outlines: readonly {readonly rings: readonly (readonly LonLat[])[]; readonly mark: string; readonly at: LonLat}[];
  /** The class that stands out, '' for all alike. */
  readonly picked: string;
  /** The row that is marked, -1 for none. */
  readonly pickedRow: number;
}

interface Spot {
  readonly x: number;
  readonly y: number;
}

/** A drawn map: paths in pixels. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly areas: readonly {readonly code: string; readonly d: string; readonly name: string; readonly label: Spot | null}[];
  readonly classes: readonly {readonly key: string; readonly fill: string; readonly d: string; readonly isFaded: boolean}[];
  readonly points: readonly {readonly at: Spot; readonly fill: string; readonly mark: string}[];
  readonly marks: readonly {readonly at: Spot; readonly text: string}[];
  readonly outlines: readonly {readonly d: string; readonly at: Spot; readonly mark: string}[];
  readonly picked: string;
  readonly scale: {readonly metres: number; readonly pixels: number};
  /** The place at a pixel. */
  readonly placeAt: (x: number, y: number) => Place;
}

/** The part of the map that is seen: 1 is all of it, and where its middle is moved to, in pixels. */
export interface Camera {
  readonly zoom: number;
  readonly dx: number;
  readonly dy: number;
}

/** All of the map. */
export const WHOLE: Camera = {zoom: 1, dx: 0, dy: 0};

const EARTH_METRES = 40_075_016.686;

/** A mark is written where a cell is at least so wide. */
const MARK_PIXELS = 11;

function ringPath(ring: readonly Spot[]): string {
  return ring.length === 0 ? '' : `M${ring.map((p) => `${round(p.x)} ${round(p.y)}`).join('L')}Z`;
}

function round(x: number): number {
  return Math.round(x * 10) / 10;
}

function middleOf(ring: readonly Spot[]): Spot {
  const n = Math.max(1, ring.length);
  return {x: ring.reduce((sum, p) => sum + p.x, 0) / n, y: ring.reduce((sum, p) => sum + p.y, 0) / n};
}

function niceLength(metres: number): number {
  const power = 10 ** Math.floor(Math.log10(metres));
  return (metres >= 5 * power ? 5 : metres >= 2 * power ? 2 : 1) * power;
}

const LABEL_PIXELS = 12;

/** Width of a label in pixels, near enough to keep labels apart. */
function labelWidth(text: string): number {
  return Array.from(text).reduce((sum, c) => sum + (c.charCodeAt(0) > 0x2e80 ? LABEL_PIXELS : LABEL_PIXELS * 0.56), 0);
}

/** Takes away the labels that would lie on ones before them. */
function withRoom<T extends {readonly name: string; readonly label: Spot}>(all: readonly T[]): readonly (Omit<T, 'label'> & {readonly label: Spot | null})[] {
  const placed: {readonly at: Spot; readonly half: number}[] = [];
  return all.map((area) => {
    const half = labelWidth(area.name) / 2;
    const isFree = placed.every((p) => Math.abs(p.at.y - area.label.y) > LABEL_PIXELS * 1.2 || Math.abs(p.at.x - area.label.x) > p.half + half + 4);
    if (isFree) placed.push({at: area.label, half});
    return {...area, label: isFree ? area.label : null};
  });
}

/** The box around everything that is drawn. */
function extentOf(content: MapContent): Bounds {
  if (content.areas.length > 0) return boundsOf(content.areas);
  const points = content.shapes.flatMap((s) => s.rings.flat());
  if (points.length === 0) return boundsOf([]);
  const [lons, lats] = [points.map((p) => p[0]), points.map((p) => p[1])];
  return [Math.min(...lons), Math.min(...lats), Math.max(...lons), Math.max(...lats)];
}

/** Draws the map into so many pixels. */
export function pictureOf(content: MapContent, lang: Lang, width: number, height: number, camera: Camera = WHOLE): Picture {
  const [west, south, east, north] = extentOf(content);
  const [a, b] = [project(west, north), project(east, south)];
  const perPixel = Math.max((b.x - a.x) / (width - 24), (b.y - a.y) / (height - 24), 1e-9) / camera.zoom;
  const [cx, cy] = [(a.x + b.x) / 2, (a.y + b.y) / 2];
  const [mx, my] = [width / 2 + camera.dx, height / 2 + camera.dy];
  const spot = ([lon, lat]: LonLat): Spot => {
    const p = project(lon, lat);
    return {x: (p.x - cx) / perPixel + mx, y: (p.y - cy) / perPixel + my};
  };
  const metrePixels = 1 / (EARTH_METRES * Math.cos((((south + north) / 2) * Math.PI) / 180)) / perPixel;
  const metres = niceLength((width * 0.25) / metrePixels);
  const placed = content.shapes.map((s) => ({...s, spots: s.rings.map((ring) => ring.map(spot))}));
  const isPoint = (s: (typeof placed)[number]): boolean => s.spots.length === 1 && s.spots[0]?.length === 1;
  const fillOf = (key: string): string => content.classes.find((c) => c.key === key)?.fill ?? '';
  const wide = (ring: readonly Spot[]): boolean => Math.max(...ring.map((p) => p.x)) - Math.min(...ring.map((p) => p.x)) >= MARK_PIXELS;
  return {
    width, height,
    areas: withRoom(content.areas.map((area) => {
      const d = area.polygons.flatMap((rings) => rings.map((ring) => ringPath(ring.map(spot)))).join('');
      return {code: area.code, d, name: inLang(area.names, lang), label: spot(labelPoint(area))};
    })),
    classes: content.classes.map((c) => ({
      key: c.key, fill: c.fill, isFaded: content.picked !== '' && content.picked !== c.key,
      d: placed.filter((s) => s.cls === c.key && !isPoint(s)).flatMap((s) => s.spots.map(ringPath)).join(''),
    })),
    points: placed.filter(isPoint).map((s) => ({at: s.spots[0]?.[0] ?? {x: 0, y: 0}, fill: fillOf(s.cls), mark: s.mark})),
    marks: placed.filter((s) => s.mark !== '' && !isPoint(s) && wide(s.spots[0] ?? [])).map((s) => ({at: middleOf(s.spots[0] ?? []), text: s.mark})),
    outlines: content.outlines.map((o) => ({d: o.rings.map((ring) => ringPath(ring.map(spot))).join(''), at: spot(o.at), mark: o.mark})),
    picked: placed.filter((s) => s.row === content.pickedRow && !isPoint(s)).flatMap((s) => s.spots.map(ringPath)).join(''),
    scale: {metres, pixels: round(metres * metrePixels)},
    placeAt: (x, y) => unproject({x: (x - mx) * perPixel + cx, y: (y - my) * perPixel + cy}),
  };
}

/** A camera that is moved and zoomed, around a pixel; never farther out than all of the map. */
export function zoomed(camera: Camera, factor: number, x: number, y: number, width: number, height: number): Camera {
  const zoom = Math.min(12, Math.max(1, camera.zoom * factor));
  if (zoom === 1) return WHOLE;
  const k = zoom / camera.zoom;
  const [px, py] = [x - width / 2, y - height / 2];
  return {zoom, dx: px - (px - camera.dx) * k, dy: py - (py - camera.dy) * k};
}

/** A text as it may stand in XML. */
export function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
}

/** The map with its legend as an SVG document. */
export function svgOf(p: Picture, classes: readonly MapClass[], c: GroundColors): string {
  const text = (at: Spot, words: string, size: number, color: string, anchor = 'middle'): string =>
    `<text x="${round(at.x)}" y="${round(at.y)}" text-anchor="${anchor}" dominant-baseline="central" font-size="${size}" fill="${color}" stroke="${c.halo}" stroke-width="3" paint-order="stroke">${escaped(words)}</text>`;
  const rows = classes.map((k, n) => {
    const y = p.height - 14 - (classes.length - n) * 18;
    return `<rect x="12" y="${y}" width="14" height="12" fill="${k.fill === '' ? c.plain : k.fill}" stroke="${c.border}"/>${text({x: 32, y: y + 6}, k.name, 12, c.label, 'start')}`;
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${p.width}" height="${p.height}" viewBox="0 0 ${p.width} ${p.height}" font-family='${LABEL_FONT}'>`,
    `<rect width="${p.width}" height="${p.height}" fill="${c.ground}"/>`,
    ...p.areas.map((a) => `<path d="${a.d}" fill="${c.land}" fill-rule="evenodd"/>`),
    ...p.classes.map((k) => `<path d="${k.d}" fill="${k.fill === '' ? c.plain : k.fill}" opacity="${k.isFaded ? 0.25 : 0.9}"/>`),
    ...p.areas.map((a) => `<path d="${a.d}" fill="none" stroke="${c.border}" stroke-width="1"/>`),
    ...p.areas.flatMap((a) => (a.label === null ? [] : [text(a.label, a.name, LABEL_PIXELS, c.label)])),
    ...p.marks.map((m) => text(m.at, m.text, 9, c.outline)),
    ...p.points.map((q) => `<circle cx="${round(q.at.x)}" cy="${round(q.at.y)}" r="5" fill="${q.fill}" stroke="${c.outline}"/>`),
    ...p.outlines.map((o) => `<path d="${o.d}" fill="none" stroke="${c.outline}" stroke-width="2"/>${text(o.at, o.mark, 13, c.outline)}`),
    ...rows, `<path d="M${p.width - 16 - p.scale.pixels} ${p.height - 18}v6h${p.scale.pixels}v-6" fill="none" stroke="${c.label}"/>`,
    text({x: p.width - 16 - p.scale.pixels / 2, y: p.height - 26}, p.scale.metres >= 1000 ? `${p.scale.metres / 1000} km` : `${p.scale.metres} m`, 11, c.label),
    '</svg>',
  ].join('');
}
