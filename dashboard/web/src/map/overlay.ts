/** GeoJSON files of the data folder that are drawn below the cells: what the server says of them, and what is in them. */
import type {Bounds} from '../geo';
import {inLang, type Lang} from '../i18n';
import {list, names, num, oneOf, optional, record, str, type LonLat, type Names} from '../wire';

/** Why a file is not drawn; '' when it is. */
export const FAULTS = ['', 'unreadable', 'too_large', 'too_many', 'not_utf8', 'not_geojson', 'datum', 'crs', 'out_of_range', 'empty'] as const;

/** Why a file is not drawn. */
export type OverlayFault = (typeof FAULTS)[number];

/** A file as the list has it. */
export interface OverlayFile {
  readonly name: string;
  readonly url: string;
  readonly title: Names;
  /** Plain text that must be shown with the map, '' for none. */
  readonly attribution: string;
  readonly etag: string;
  readonly bounds: Bounds | null;
  readonly fault: OverlayFault;
  /** The fault in the server's words, '' for none. */
  readonly error: string;
}

/** A file with its shapes, null while they have not come. */
export interface Overlay extends OverlayFile {
  readonly shapes: readonly OverlayShape[] | null;
  /** They were asked for and did not come; they are asked for again. */
  readonly isMissing: boolean;
}

const SIZES = ['small', 'medium', 'large'] as const;

/** The sizes of points that a file can ask for. */
export type MarkerSize = (typeof SIZES)[number];

/** How the file itself wants a shape to look; null where it says nothing. */
export interface Look {
  readonly stroke: string | null;
  readonly strokeWidth: number | null;
  readonly strokeOpacity: number | null;
  readonly fill: string | null;
  readonly fillOpacity: number | null;
  readonly markerColor: string | null;
  readonly markerSize: MarkerSize | null;
}

/** One shape. Rings are closed. */
export type OverlayShape = {readonly names: Names; readonly look: Look} & (
  | {readonly form: 'area'; readonly polygons: readonly (readonly (readonly LonLat[])[])[]; readonly label: LonLat | null}
  | {readonly form: 'line'; readonly lines: readonly (readonly LonLat[])[]}
  | {readonly form: 'point'; readonly points: readonly LonLat[]}
);

/** Decodes what the answer of /basemap says of files. */
export function decodeOverlayFiles(x: unknown): readonly OverlayFile[] {
  return list(record(x, 'basemap')['overlays'], 'basemap.overlays').map((entry) => {
    const o = record(entry, 'overlay');
    return {
      name: str(o['name'], 'overlay.name'), url: str(o['url'], 'overlay.url'), title: names(o['title'], 'overlay.title'),
      attribution: optional(o['attribution'], 'overlay.attribution'), etag: str(o['etag'], 'overlay.etag'),
      bounds: boundsOf(o['bounds']), fault: oneOf(o['reason'], FAULTS, 'overlay.reason'), error: optional(o['error'], 'overlay.error'),
    };
  });
}

function boundsOf(x: unknown): Bounds | null {
  if (x === null || x === undefined) return null;
  const [w, s, e, n] = list(x, 'bounds');
  return [num(w, 'bounds'), num(s, 'bounds'), num(e, 'bounds'), num(n, 'bounds')];
}

function lonLat(x: unknown): LonLat {
  const l = list(x, 'position');
  return [num(l[0], 'longitude'), num(l[1], 'latitude')];
}

function path(x: unknown): readonly LonLat[] {
  return list(x, 'path').map(lonLat);
}

/** Decodes a file, which the server has brought into one form. */
export function decodeShapes(x: unknown): readonly OverlayShape[] {
  return list(record(x, 'overlay')['features'], 'features').map((entry): OverlayShape => {
    const feature = record(entry, 'feature');
    const properties = record(feature['properties'], 'properties');
    const geometry = record(feature['geometry'], 'geometry');
    const coordinates = list(geometry['coordinates'], 'coordinates');
    const head = {names: namesOf(properties), look: lookOf(properties)};
    switch (oneOf(geometry['type'], ['MultiPolygon', 'MultiLineString', 'MultiPoint'], 'geometry.type')) {
      case 'MultiPolygon': {
        const label = properties['label'];
        return {
          ...head, form: 'area', polygons: coordinates.map((polygon) => list(polygon, 'polygon').map(path)),
          label: label === undefined || label === null ? null : lonLat(label),
        };
      }
      case 'MultiLineString':
        return {...head, form: 'line', lines: coordinates.map(path)};
      case 'MultiPoint':
        return {...head, form: 'point', points: coordinates.map(lonLat)};
    }
  });
}

function namesOf(o: Readonly<Record<string, unknown>>): Names {
  const zh = optional(o['name'], 'name');
  const en = optional(o['name_en'], 'name_en');
  return {zh, en: en === '' ? zh : en};
}

function lookOf(o: Readonly<Record<string, unknown>>): Look {
  const text = (key: string): string | null => optional(o[key], key) || null;
  const number = (key: string): number | null => (o[key] === undefined || o[key] === null ? null : num(o[key], key));
  const size = text('marker-size');
  return {
    stroke: text('stroke'), strokeWidth: number('stroke-width'), strokeOpacity: number('stroke-opacity'),
    fill: text('fill'), fillOpacity: number('fill-opacity'),
    markerColor: text('marker-color'), markerSize: size === null ? null : oneOf(size, SIZES, 'marker-size'),
  };
}

/** How shapes look that say nothing themselves. */
export interface OverlayStyle {
  readonly fill: string;
  readonly fillOpacity: number;
  readonly edge: string;
  readonly edgeWidth: number;
  readonly edgeOpacity: number;
  readonly line: string;
  readonly lineWidth: number;
  readonly lineOpacity: number;
  readonly point: string;
  readonly label: string;
}

/** Colours of the theme: quiet, and none that a cell can have. */
export const OVERLAY_STYLES: Readonly<Record<'dark' | 'light', OverlayStyle>> = {
  dark: {
    fill: '#8fb3d1', fillOpacity: 0.1, edge: '#8fb3d1', edgeWidth: 1, edgeOpacity: 0.35,
    line: '#7f9db8', lineWidth: 1.6, lineOpacity: 0.75, point: '#b9cbdc', label: '#a9bccf',
  },
  light: {
    fill: '#46708f', fillOpacity: 0.1, edge: '#46708f', edgeWidth: 1, edgeOpacity: 0.4,
    line: '#5f8099', lineWidth: 1.6, lineOpacity: 0.75, point: '#3c566c', label: '#3f5466',
  },
};

/** How strongly a line shines through the cells that lie on it. */
export const SHINE = 0.4;

/** Radius of a point in pixels, by its size. */
export const POINT_PIXELS: Readonly<Record<MarkerSize, number>> = {small: 2.6, medium: 3.6, large: 5.2};

/** Size of the names in pixels. */
export const OVERLAY_TEXT_PIXELS = 12;

/** The overlays that are drawn, in the order of drawing. */
export function shownOverlays(overlays: readonly Overlay[], hidden: ReadonlySet<string>): readonly Overlay[] {
  return overlays.filter((o) => o.shapes !== null && !hidden.has(o.name));
}

/** What has to be named beside the map for the overlays that are drawn. */
export function overlayCredits(overlays: readonly Overlay[], hidden: ReadonlySet<string>, lang: Lang): readonly string[] {
  return shownOverlays(overlays, hidden).map((o) => {
    const title = inLang(o.title, lang);
    if (o.attribution === '') return title;
    return lang === 'zh' ? `${title}（${o.attribution}）` : `${title} (${o.attribution})`;
  });
}

/** Names of files as an address holds them. */
export function joinedNames(files: ReadonlySet<string>): string | null {
  return files.size === 0 ? null : [...files].sort().map((n) => n.replace(/[%,]/g, encodeURIComponent)).join(',');
}

/** The inverse of joinedNames; what cannot be read names nothing. */
export function splitNames(text: string): ReadonlySet<string> {
  return new Set(text.split(',').flatMap((n) => {
    try {
      return n === '' ? [] : [decodeURIComponent(n)];
    } catch {
      return [];
    }
  }));
}
