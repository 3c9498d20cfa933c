/** What the maps of reports show: rows of results as classed shapes. */
import {inLang, type Lang} from '../../i18n';
import type {Area, CellId, LonLat} from '../../wire';
import type {Choice} from './choice';
import {AMOUNT_FILLS, CATEGORY_FILLS, GI_CLASSES, SHARE_CLASSES} from './colors';
import type {Texts} from './messages';
import type {MapClass, MapContent, Shape} from './picture';
import {lineId} from './trendchart';
import {featuresOf, numberText, rowsOf, tableOf, type Row} from './values';
import type {Feature, Result} from './wire';

/** What of H3 the maps use, so that it can be fetched apart. */
export interface Cells {
  cornersOf(cell: CellId): readonly (readonly [number, number])[] | null;
  ringsAround(cells: readonly CellId[]): readonly (readonly LonLat[])[];
}

/** What a map needs besides the result. */
export interface Scene {
  readonly cells: Cells;
  readonly areas: readonly Area[];
  readonly m: Texts;
  readonly lang: Lang;
}

/** The key of the class of what does not stand out. */
const PLAIN = 'plain';

function ringsOf(f: Feature, s: Scene): readonly (readonly LonLat[])[] {
  if (f.point !== null) return [[[f.point.lonDegrees, f.point.latDegrees]]];
  if (f.area !== '') return s.areas.find((a) => a.code === f.area)?.polygons.flat() ?? [];
  return f.cells.flatMap((c) => {
    const corners = s.cells.cornersOf(c);
    return corners === null ? [] : [corners.map(([lat, lon]): LonLat => [lon, lat])];
  });
}

function shapesOf(r: Result, table: string, s: Scene, clsOf: (row: Row) => string, markOf: (row: Row) => string = () => '', isOn: (row: Row) => boolean = () => true): readonly Shape[] {
  const rows = rowsOf(tableOf(r, table));
  return featuresOf(r, table).flatMap((f) => {
    const row = rows[f.row];
    return row === undefined || !isOn(row) ? [] : [{row: f.row, rings: ringsOf(f, s), cls: clsOf(row), mark: markOf(row)}];
  });
}

/** Steps of an amount with as many values each as can be, and the class of a value. */
export function amountsOf(values: readonly number[], lang: Lang, digits: number): {readonly classes: readonly MapClass[]; readonly classOf: (v: number | null) => string} {
  const known = values.filter((v) => v > 0).sort((a, b) => a - b);
  const distinct = [...new Set(known)];
  const steps = Math.min(AMOUNT_FILLS.length, distinct.length);
  const source = distinct.length <= AMOUNT_FILLS.length ? distinct : known;
  const least = [...new Set(Array.from({length: steps}, (_, k) => source[Math.floor((k * source.length) / steps)] ?? 0))];
  const fillOf = (k: number): string => AMOUNT_FILLS[least.length <= 1 ? AMOUNT_FILLS.length - 1 : Math.round((k * (AMOUNT_FILLS.length - 1)) / (least.length - 1))] ?? '';
  const classes = least.map((from, k): MapClass => {
    const next = least[k + 1];
    const text = (v: number): string => numberText(v, lang, digits);
    return {key: `amount${k}`, fill: fillOf(k), name: next === undefined ? `≥ ${text(from)}` : `${text(from)} – <${text(next)}`};
  });
  return {
    classes: [{key: PLAIN, fill: '', name: '0'}, ...classes].reverse(),
    classOf: (v) => {
      const k = v === null ? -1 : least.reduce((found, from, n) => (v >= from ? n : found), -1);
      return k < 0 ? PLAIN : `amount${k}`;
    },
  };
}

/** The class of a cell by Gi*. */
export function giClassOf(z: number | null, q: number | null): string {
  if (z === null || q === null || q > 0.05) return PLAIN;
  return `${z > 0 ? 'hot' : 'cold'}${q <= 0.01 ? '99' : '95'}`;
}

function hotspots(r: Result, c: Pick<Choice, 'layer'>, s: Scene): Pick<MapContent, 'classes' | 'shapes' | 'outlines'> {
  const clusters = rowsOf(tableOf(r, 'clusters'));
  const outlines = featuresOf(r, 'clusters').flatMap((f) => {
    const row = clusters[f.row];
    const [lat, lon] = [row?.number('lat'), row?.number('lon')];
    return row === undefined || typeof lat !== 'number' || typeof lon !== 'number' ? [] : [{rings: s.cells.ringsAround(f.cells), mark: String(row.number('rank') ?? ''), at: [lon, lat] as const}];
  });
  if (c.layer === 'gi') {
    const classes = GI_CLASSES.map((k): MapClass => ({...k, name: s.m.giClasses[k.key]}));
    return {classes, outlines, shapes: shapesOf(r, 'cells', s, (row) => giClassOf(row.number('z'), row.number('q')))};
  }
  const key = c.layer;
  const amounts = amountsOf(rowsOf(tableOf(r, 'cells')).map((row) => row.number(key) ?? 0), s.lang, key === 'density' ? 1 : 2);
  return {classes: amounts.classes, outlines, shapes: shapesOf(r, 'cells', s, (row) => amounts.classOf(row.number(key)))};
}

/** A category's number as it stands in a cell: hot ones have none in front, cold ones a minus. */
export function codeText(code: number | null): string {
  return code === null || code === 0 ? '' : code < 0 ? `−${-code}` : String(code);
}

function emerging(r: Result, s: Scene): Pick<MapContent, 'classes' | 'shapes' | 'outlines'> {
  const codes = new Map(rowsOf(tableOf(r, 'cells')).map((row) => [row.text('category'), row.number('code')]));
  const present = rowsOf(tableOf(r, 'categories')).filter((row) => (row.number('cells') ?? 0) > 0);
  const classes = present.map((row): MapClass => {
    const key = row.text('category');
    return {key, fill: CATEGORY_FILLS[key] ?? '', name: `${codeText(codes.get(key) ?? null)} ${row.text('name', s.lang)}`.trim()};
  });
  return {classes, outlines: [], shapes: shapesOf(r, 'cells', s, (row) => row.text('category'), (row) => codeText(row.number('code')))};
}

function amountsIn(r: Result, table: string, column: string, s: Scene, digits: number, mark: (row: Row) => string = () => ''): Pick<MapContent, 'classes' | 'shapes' | 'outlines'> {
  const amounts = amountsOf(rowsOf(tableOf(r, table)).map((row) => row.number(column) ?? 0), s.lang, digits);
  return {classes: amounts.classes, outlines: [], shapes: shapesOf(r, table, s, (row) => amounts.classOf(row.number(column)), mark)};
}

/** The kind that the map of a trend shows, '' where rows have none: of several kinds, whose numbers say different things, that of the line that is picked, else of the line with most. */
export function kindOnMap(r: Result, pick: string): string {
  const rows = rowsOf(tableOf(r, 'summary'));
  const line = rows.find((row) => lineId(row) === pick) ?? rows.reduce<Row | undefined>((most, row) => ((row.number('count') ?? 0) > (most?.number('count') ?? -1) ? row : most), undefined);
  return line?.text('kind') ?? '';
}

function trend(r: Result, pick: string, s: Scene): Pick<MapContent, 'classes' | 'shapes' | 'outlines'> {
  const kind = kindOnMap(r, pick);
  const isOn = (row: Row): boolean => row.text('kind') === kind;
  const amounts = amountsOf(rowsOf(tableOf(r, 'summary')).filter(isOn).map((row) => row.number('value') ?? 0), s.lang, 1);
  return {classes: amounts.classes, outlines: [], shapes: shapesOf(r, 'summary', s, (row) => amounts.classOf(row.number('value')), () => '', isOn)};
}

function health(r: Result, s: Scene): Pick<MapContent, 'classes' | 'shapes' | 'outlines'> {
  const classes = SHARE_CLASSES.map((k): MapClass => ({key: k.key, fill: k.fill, name: s.m.shareClasses[k.key]}));
  const classOf = (share: number | null): string => [...SHARE_CLASSES].reverse().find((k) => (share ?? 0) >= k.least)?.key ?? PLAIN;
  return {classes, outlines: [], shapes: shapesOf(r, 'areas', s, (row) => classOf(row.number('online_share')))};
}

/** How many ranks of stubborn problems are written on the map. */
const RANKS_WRITTEN = 10;

/** What the map of a result shows, null when it has no places. */
export function contentOf(r: Result, c: Pick<Choice, 'layer' | 'pick'>, s: Scene): MapContent | null {
  const of = (): Pick<MapContent, 'classes' | 'shapes' | 'outlines'> | null => {
    switch (r.report) {
      case 'hotspots':
        return hotspots(r, c, s);
      case 'emerging':
        return emerging(r, s);
      case 'stubborn':
        return amountsIn(r, 'problems', 'episodes', s, 0, (row) => ((row.number('rank') ?? Infinity) <= RANKS_WRITTEN ? String(row.number('rank')) : ''));
      case 'trend':
        return trend(r, c.pick, s);
      case 'health':
        return health(r, s);
      default:
        return null;
    }
  };
  const found = of();
  if (found === null || found.shapes.length === 0) return null;
  const row = /^row-(\d+)$/.exec(c.pick)?.[1];
  return {...found, areas: s.areas, picked: found.classes.some((k) => k.key === c.pick) ? c.pick : '', pickedRow: row === undefined ? -1 : Number(row)};
}

/** What a row of the map says under the pointer. */
export function rowText(r: Result, row: number, m: Texts, lang: Lang): string {
  const at = (table: string): Row | undefined => rowsOf(tableOf(r, table))[row];
  const said = (words: readonly (string | null | undefined)[]): string => words.filter((w) => w !== null && w !== undefined && w !== '').join(' · ');
  const number = (of: Row | undefined, key: string, digits: number, unit = ''): string | null => {
    const n = of?.number(key) ?? null;
    return n === null ? null : `${numberText(n, lang, digits)}${unit}`;
  };
  switch (r.report) {
    case 'hotspots': {
      const cell = at('cells');
      return said([cell?.text('area_name', lang), number(cell, 'value', 2), cell === undefined ? null : `z ${number(cell, 'z', 2) ?? m.notEnough}`]);
    }
    case 'emerging': {
      const cell = at('cells');
      return said([cell?.text('area_name', lang), cell?.text('name', lang), number(cell, 'count', 0)]);
    }
    case 'stubborn': {
      const p = at('problems');
      return said([number(p, 'rank', 0), p?.text('kind_name', lang), p?.text('area_name', lang), number(p, 'episodes', 0)]);
    }
    case 'trend': {
      const line = at('summary');
      return said([line?.text('name', lang), line?.text('kind_name', lang), `${number(line, 'value', 1) ?? m.noData} ${line?.text('unit', lang) ?? ''}`]);
    }
    default: {
      const area = at('areas');
      return said([area?.text('area_name', lang), number(area, 'online_share', 1, '%')]);
    }
  }
}

/** The name of a table in a language. */
export function titleOf(r: Result, key: string, lang: Lang): string {
  return inLang(tableOf(r, key).title, lang);
}

/** The table whose rows the map of a report shows. */
export function mapTable(report: string): string {
  const tables: Readonly<Record<string, string>> = {hotspots: 'cells', emerging: 'cells', stubborn: 'problems', trend: 'summary', health: 'areas'};
  return tables[report] ?? '';
}

/** The resolution of a cell: the second digit of its name. */
export function resolutionOf(cell: CellId): number {
  return parseInt(cell.charAt(1), 16);
}

/** Which row is where: by cell and by area. Of several at a place the first counts. */
export function rowIndex(r: Result, pick = ''): {readonly byCell: ReadonlyMap<CellId, number>; readonly byArea: ReadonlyMap<string, number>; readonly resolution: number} {
  const byCell = new Map<CellId, number>();
  const byArea = new Map<string, number>();
  let resolution = 0;
  const table = mapTable(r.report);
  const rows = rowsOf(tableOf(r, table));
  const kind = r.report === 'trend' ? kindOnMap(r, pick) : '';
  for (const f of featuresOf(r, table)) {
    if (r.report === 'trend' && rows[f.row]?.text('kind') !== kind) continue;
    if (f.area !== '' && !byArea.has(f.area)) byArea.set(f.area, f.row);
    for (const c of f.cells) {
      resolution = resolutionOf(c);
      if (!byCell.has(c)) byCell.set(c, f.row);
    }
  }
  return {byCell, byArea, resolution};
}
