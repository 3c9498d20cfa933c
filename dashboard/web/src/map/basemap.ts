import {int, list, num, oneOf, optional, record, str} from '../wire';

/** What lies below the cells. */
export interface Basemap {
  /** A PMTiles file, or raster tiles by {z}, {x} and {y}. */
  readonly form: 'file' | 'tiles';
  readonly url: string;
  /** What is drawn over gcj02 has to be shifted. */
  readonly datum: 'wgs84' | 'gcj02';
  /** Plain texts that must be shown with the map, '' for none. */
  readonly attribution: string;
  readonly approval: string;
  readonly minZoom: number;
  readonly maxZoom: number;
}

/** Decodes the answer of /basemap to the one that is drawn: the service if one is configured, else the first file, null for none. */
export function decodeBasemap(x: unknown): Basemap | null {
  const o = record(x, 'basemap');
  if (o['tiles'] !== null && o['tiles'] !== undefined) {
    const t = record(o['tiles'], 'basemap.tiles');
    return {
      form: 'tiles', url: str(t['url'], 'tiles.url'), datum: oneOf(t['datum'], ['wgs84', 'gcj02'], 'tiles.datum'),
      attribution: optional(t['attribution'], 'tiles.attribution'), approval: optional(t['approval'], 'tiles.approval'),
      minZoom: int(t['min_zoom'], 'tiles.min_zoom'), maxZoom: int(t['max_zoom'], 'tiles.max_zoom'),
    };
  }
  const [first] = list(o['files'], 'basemap.files');
  if (first === undefined) return null;
  const f = record(first, 'basemap.file');
  num(f['bytes'], 'file.bytes');
  return {form: 'file', url: str(f['url'], 'file.url'), datum: 'wgs84', attribution: '', approval: '', minZoom: 0, maxZoom: 15};
}

/** The text of something that may hold markup: names of maps come from files of others. */
export function plainText(markup: string): string {
  return markup.replace(/<[^>]*>/g, ' ').replace(/&copy;/gi, '©').replace(/&amp;/gi, '&').replace(/&[a-z]+;|&#\d+;/gi, ' ').replace(/\s+/g, ' ').trim();
}
