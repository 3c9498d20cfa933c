import type {Place} from '../../geo';
import {inLang, type Lang} from '../../i18n';
import type {Area, CellId} from '../../wire';
import type {NearbyDevice} from './wire';

/** Something that was found. */
export type Found =
  | {readonly is: 'area'; readonly area: Area}
  | {readonly is: 'cell'; readonly cell: CellId}
  | {readonly is: 'place'; readonly at: Place}
  | {readonly is: 'device'; readonly device: NearbyDevice}
  | {readonly is: 'alert'; readonly id: string};

/** At most so many areas are offered. */
const AREAS = 6;

const COORDINATES = /^\s*(-?\d{1,3}(?:\.\d+)?)\s*[,， ]\s*(-?\d{1,3}(?:\.\d+)?)\s*$/;

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** Reads "31.24, 121.40"; where only the other order makes sense it is taken so. */
export function placeOf(text: string): Place | null {
  const parts = COORDINATES.exec(text);
  const [first, second] = [Number(parts?.[1]), Number(parts?.[2])];
  if (parts === null || Number.isNaN(first) || Number.isNaN(second)) return null;
  const [latDegrees, lonDegrees] = Math.abs(first) > 90 ? [second, first] : [first, second];
  return Math.abs(latDegrees) > 85 || Math.abs(lonDegrees) > 180 ? null : {latDegrees, lonDegrees};
}

/** What can be found without asking anybody. */
export function foundHere(text: string, areas: readonly Area[], isCell: (text: string) => boolean): readonly Found[] {
  const asked = text.trim().toLowerCase();
  if (asked === '') return [];
  const found: Found[] = [];
  const at = placeOf(asked);
  if (at !== null) found.push({is: 'place', at});
  if (isCell(asked)) found.push({is: 'cell', cell: asked});
  if (UUID.test(asked)) found.push({is: 'alert', id: asked});
  for (const area of areas) {
    if (found.length >= AREAS) break;
    if ([area.code, area.names.zh, area.names.en].some((name) => name.toLowerCase().includes(asked))) found.push({is: 'area', area});
  }
  return found;
}

/** How a find is called. */
export function nameOf(found: Found, lang: Lang): string {
  switch (found.is) {
    case 'area':
      return inLang(found.area.names, lang);
    case 'cell':
      return found.cell;
    case 'place':
      return `${found.at.latDegrees.toFixed(5)}, ${found.at.lonDegrees.toFixed(5)}`;
    case 'device':
      return found.device.name === '' ? found.device.id : `${found.device.name} · ${found.device.id}`;
    case 'alert':
      return found.id;
  }
}

/** What tells a find from all others of its sort. */
export function idOf(found: Found): string {
  return found.is === 'area' ? found.area.code : found.is === 'device' ? found.device.id : nameOf(found, 'en');
}
