import type {Area, LonLat} from '../../wire';

/** An area that is being drawn: its outer line, corners in WGS 84. Holes and further parts stay as they are. */
export interface Drawn {
  readonly code: string;
  readonly zh: string;
  readonly en: string;
  readonly parent: string;
  readonly corners: readonly LonLat[];
  /** What cannot be drawn here and is kept: holes of the first polygon, and other polygons. */
  readonly holes: readonly (readonly LonLat[])[];
  readonly others: readonly (readonly (readonly LonLat[])[])[];
}

const isSame = (a: LonLat | undefined, b: LonLat | undefined): boolean => a !== undefined && b !== undefined && a[0] === b[0] && a[1] === b[1];

/** A ring without the corner that closes it. */
export function opened(ring: readonly LonLat[]): readonly LonLat[] {
  return ring.length > 1 && isSame(ring[0], ring.at(-1)) ? ring.slice(0, -1) : ring;
}

function closed(ring: readonly LonLat[]): readonly LonLat[] {
  const [first] = ring;
  return first === undefined || isSame(first, ring.at(-1)) ? ring : [...ring, first];
}

/** The drawings of areas as they were saved; parents by code. */
export function drawnOf(areas: readonly Area[], parents: ReadonlyMap<string, string>): readonly Drawn[] {
  return areas.map((a) => {
    const [first, ...others] = a.polygons;
    const [outer, ...holes] = first ?? [];
    return {code: a.code, zh: a.names.zh, en: a.names.en, parent: parents.get(a.code) ?? '', corners: opened(outer ?? []), holes, others};
  });
}

/** The GeoJSON of drawings, as the server takes it. */
export function geojsonOf(drawn: readonly Drawn[]): Readonly<Record<string, unknown>> {
  return {
    type: 'FeatureCollection', datum: 'wgs84',
    features: drawn.map((d) => ({
      type: 'Feature', properties: {code: d.code, name: d.zh, name_en: d.en, parent: d.parent},
      geometry: {type: 'MultiPolygon', coordinates: [[closed(d.corners), ...d.holes.map(closed)], ...d.others.map((p) => p.map(closed))]},
    })),
  };
}

/** Moves one corner. */
export function moved(d: Drawn, k: number, to: LonLat): Drawn {
  return {...d, corners: d.corners.map((c, i) => (i === k ? to : c))};
}

/** Puts a corner between corner k and the next, in the middle unless it is said where. */
export function inserted(d: Drawn, k: number, at?: LonLat): Drawn {
  const [a, b] = [d.corners[k], d.corners[(k + 1) % d.corners.length]];
  if (a === undefined || b === undefined) return d;
  const half = (x: number, y: number): number => Math.round(((x + y) / 2) * 1e7) / 1e7;
  const middle: LonLat = at ?? [half(a[0], b[0]), half(a[1], b[1])];
  return {...d, corners: [...d.corners.slice(0, k + 1), middle, ...d.corners.slice(k + 1)]};
}

/** Takes a corner away; of three none can be. */
export function removed(d: Drawn, k: number): Drawn {
  return d.corners.length <= 3 ? d : {...d, corners: d.corners.filter((_, i) => i !== k)};
}

/** An area that two people left differently; null where it is not. */
export interface AreaDifference {
  readonly code: string;
  readonly theirs: Drawn | null;
  readonly mine: Drawn | null;
}

/** The areas that differ in name, parent or shape, by a decimetre. */
export function differingAreas(theirs: readonly Drawn[], mine: readonly Drawn[]): readonly AreaDifference[] {
  const [a, b] = [byCode(theirs), byCode(mine)];
  const codes = [...new Set([...a.keys(), ...b.keys()])].sort();
  return codes.map((code) => ({code, theirs: a.get(code) ?? null, mine: b.get(code) ?? null})).filter((d) => said(d.theirs) !== said(d.mine));
}

function byCode(drawn: readonly Drawn[]): ReadonlyMap<string, Drawn> {
  return new Map(drawn.map((d) => [d.code, d]));
}

function said(d: Drawn | null): string {
  return d === null ? '' : JSON.stringify([d.zh, d.en, d.parent, [d.corners, ...d.holes, ...d.others.flat()].map((ring) => cornersText(opened(ring)))]);
}

/** The corners as a list of "longitude, latitude", one a line. */
export function cornersText(corners: readonly LonLat[]): string {
  return corners.map(([lon, lat]) => `${lon.toFixed(6)}, ${lat.toFixed(6)}`).join('\n');
}

/** Reads a list of corners; the number of the first line that is none, from 1, when there is one. */
export function cornersOf(text: string): readonly LonLat[] | number {
  const lines = text.split('\n').map((l) => l.trim());
  const corners: LonLat[] = [];
  for (const [k, line] of lines.entries()) {
    if (line === '') continue;
    const parts = line.split(/[\s,，;]+/).map(Number);
    const [lon, lat] = parts;
    if (parts.length !== 2 || lon === undefined || lat === undefined || !(Math.abs(lon) <= 180) || !(Math.abs(lat) <= 90)) return k + 1;
    corners.push([lon, lat]);
  }
  return corners.length >= 3 ? opened(corners) : lines.length + 1;
}

/** How a file says what areas need, as the query of a check. */
export function namingQuery(datum: string, properties: Readonly<Record<string, string>>): string {
  const query = new URLSearchParams();
  if (datum !== '') query.set('datum', datum);
  for (const [key, value] of Object.entries(properties)) if (value.trim() !== '') query.set(`${key}_property`, value.trim());
  return query.toString();
}
