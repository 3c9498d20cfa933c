import {sortedAlerts, type AlertBook} from './alerts';
import type {CellsState} from './cells';
import type {PaletteName, Scale} from './color';
import {NO_LINK, type Link} from './connection';
import type {Bounds, Place} from './geo';
import {CATALOGUES, type Lang, type Messages} from './i18n';
import type {Basemap} from './map/basemap';
import type {Theme} from './map/city-map';
import type {Overlay} from './map/overlay';
import type {PlaybackState, Speed} from './views/live/playback';
import type {Heard, NearbyDevice, Usual} from './views/live/wire';
import type {Alert, Area, CellId, CellTable, Kind, KindKey, Names, Resolution, Series} from './wire';

/** Something that is fetched. */
export type Loadable<T> =
  | {readonly state: 'loading'}
  | {readonly state: 'failed'}
  | {readonly state: 'loaded'; readonly value: T};

/** A cell table with where each of its cells lies. */
export interface PlacedTable extends CellTable {
  /** The area of each cell, null outside all. */
  readonly areas: readonly (Area | null)[];
}

/** How far back a series goes. */
export type Span = '15m' | '1h' | '24h';

/** The spans: length, the width of a point, and that of the usual range. */
export const SPANS: Readonly<Record<Span, {readonly ms: number; readonly every: string; readonly usual: string}>> = {
  '15m': {ms: 900_000, every: '10s', usual: '5m'},
  '1h': {ms: 3_600_000, every: '1m', usual: '5m'},
  '24h': {ms: 86_400_000, every: '10m', usual: '10m'},
};

/** How far back the series of a cell goes that is shown: all of the playback during one. */
export function spanShown(model: Model): Span {
  return model.playback === null ? model.span : '24h';
}

/** The cell a person looks at. */
export interface Selection {
  readonly cell: CellId;
  readonly at: Place;
  readonly area: Area | null;
  /** The alert that led here, '' for none. */
  readonly alert: string;
}

/** A cell under the pointer. */
export interface Hover {
  readonly cell: CellId;
  readonly xPixels: number;
  readonly yPixels: number;
}

/** The layers of cells, each a topic of the same name: docs/PROTOCOL.md. */
export const LAYERS = ['cells', 'count', 'excess', 'heat'] as const;

/** What the cells of the map show. */
export type Layer = (typeof LAYERS)[number];

/** Everything the page shows. */
export interface Model {
  readonly lang: Lang;
  readonly theme: Theme;
  readonly nowMs: number;
  /** What the district is called, null while nobody has said it. */
  readonly district: Names | null;
  readonly link: Link;
  readonly kinds: Loadable<readonly Kind[]>;
  readonly kind: KindKey | null;
  readonly layer: Layer;
  readonly areas: Loadable<readonly Area[]>;
  /** What the source of the areas says about their boundaries. */
  readonly areasNote: Names | null;
  readonly resolution: Resolution;
  /** The person's choice; auto goes by zoom. */
  readonly resolutionWish: Resolution | 'auto';
  readonly zoom: number;
  readonly centre: Place;
  /** What the map covers, null before it is drawn. */
  readonly bounds: Bounds | null;
  /** A person or an address chose the view, so it is kept. */
  readonly moved: boolean;
  readonly cells: CellsState | null;
  readonly table: PlacedTable | null;
  readonly alerts: AlertBook | null;
  /** The alerts that came a moment ago, and when. */
  readonly fresh: ReadonlyMap<string, number>;
  /** The past moment that is shown, null for the present. */
  readonly playback: PlaybackState | null;
  readonly pastTable: PlacedTable | null;
  /** The devices on the map, none while it is looked at from far. */
  readonly devices: readonly NearbyDevice[];
  readonly showClosed: boolean;
  readonly selection: Selection | null;
  readonly hover: Hover | null;
  readonly span: Span;
  readonly series: Loadable<Series>;
  /** The range in which the series usually lies. */
  readonly usual: Loadable<Usual>;
  /** Who spoke in the chosen cell. */
  readonly heard: Loadable<readonly Heard[]>;
  readonly panel: 'alerts' | 'cells';
  /** What lies below the cells, null for nothing. */
  readonly basemap: Basemap | null;
  /** The GeoJSON files of the basemap, in the order of drawing. */
  readonly overlays: readonly Overlay[];
  /** The files among them that the person has switched off. */
  readonly hiddenOverlays: ReadonlySet<string>;
  readonly map: 'loading' | 'failed' | 'webgl2' | 'canvas2d';
  readonly announcement: string;
}

/** The model before anything is known. */
export function firstModel(lang: Lang, theme: Theme, nowMs: number): Model {
  return {
    lang, theme, nowMs,
    district: null,
    link: NO_LINK,
    kinds: {state: 'loading'},
    kind: null,
    layer: 'cells',
    areas: {state: 'loading'},
    areasNote: null,
    resolution: 9,
    resolutionWish: 'auto',
    zoom: 12,
    centre: {latDegrees: 31.25, lonDegrees: 121.4},
    bounds: null,
    moved: false,
    cells: null,
    table: null,
    alerts: null,
    fresh: new Map(),
    playback: null,
    pastTable: null,
    devices: [],
    showClosed: true,
    selection: null,
    hover: null,
    span: '15m',
    series: {state: 'loading'},
    usual: {state: 'loading'},
    heard: {state: 'loading'},
    panel: 'alerts',
    basemap: null,
    overlays: [],
    hiddenOverlays: new Set(),
    map: 'loading',
    announcement: '',
  };
}

/** What a person can ask for. */
export interface Intents {
  chooseKind(kind: KindKey): void;
  chooseLayer(layer: Layer): void;
  chooseResolution(wish: Resolution | 'auto'): void;
  chooseSpan(span: Span): void;
  showPanel(panel: Model['panel']): void;
  showClosed(show: boolean): void;
  switchLang(): void;
  switchTheme(): void;
  openAlert(alert: Alert): void;
  openCell(cell: CellId): void;
  closeCell(): void;
  /** Shows a place of the map. */
  goTo(at: Place): void;
  goToArea(area: Area): void;
  goToDevice(device: NearbyDevice): void;
  /** Shows a past moment; from the present it is the beginning of looking back. */
  seek(atMs: number): void;
  play(): void;
  pause(): void;
  setSpeed(speed: Speed): void;
  retryPast(): void;
  /** Returns to the present. */
  goLive(): void;
  /** Switches a GeoJSON file of the basemap on or off. */
  showOverlay(name: string, isShown: boolean): void;
  zoom(levels: number): void;
  home(): void;
  reconnect(): void;
  reloadKinds(): void;
  reloadSeries(): void;
  /** Hands the element to draw the map in; the answer undoes it. */
  mountMap(element: HTMLElement): () => void;
}

/** The catalogue of the chosen language. */
export function messages(model: Model): Messages {
  return CATALOGUES[model.lang];
}

/** The topic of the cells to show, null before the kinds are known. */
export function cellsTopic(model: Model): string | null {
  return model.kind === null ? null : `${model.layer}/${model.kind}/r${model.resolution}`;
}

/** The chosen kind. */
export function currentKind(model: Model): Kind | null {
  return kindOf(model, model.kind);
}

/** A kind of the catalogue by its key. */
export function kindOf(model: Model, key: KindKey | null): Kind | null {
  return model.kinds.state === 'loaded' ? (model.kinds.value.find((k) => k.key === key) ?? null) : null;
}

/** How the kind's values become colours. */
export function scaleOf(kind: Kind): Scale {
  return {low: kind.scale[0], high: kind.scale[1], reversed: kind.bad === 'low'};
}

/** Standard scores beyond this all look alike. */
const HEAT_LIMIT = 5;

/** How what the map shows of the kind becomes colours. */
export function shownScale(model: Model, kind: Kind): Scale {
  switch (shownLayer(model)) {
    case 'heat':
    case 'excess':
      return {low: -HEAT_LIMIT, high: HEAT_LIMIT, reversed: kind.bad === 'low'};
    case 'count':
      return {low: 0, high: COUNT_LIMIT, reversed: false};
    default:
      return scaleOf(kind);
  }
}

/** Counts of observations beyond this all look alike. */
const COUNT_LIMIT = 60;

/** The layer that is shown: the past is kept as what was observed alone. */
export function shownLayer(model: Model): Layer {
  return model.playback !== null && (model.layer === 'heat' || model.layer === 'excess') ? 'cells' : model.layer;
}

/** The palette of the layer that is shown. */
export function shownPalette(model: Model): PaletteName {
  const layer = shownLayer(model);
  return layer === 'heat' || layer === 'excess' ? 'diverging' : 'sequential';
}

/** The unit of what the map shows of the kind. */
export function shownUnit(model: Model, kind: Kind): string {
  const m = messages(model);
  switch (shownLayer(model)) {
    case 'heat':
      return m.heatUnit;
    case 'excess':
      return m.excessUnit;
    case 'count':
      return m.countUnit;
    default:
      return unitOf(kind, model.lang);
  }
}

/** The count that marks a score as significant, see docs/PROTOCOL.md. */
const SIGNIFICANT = 2;

/** The cells that the map shows: of the present, or of the past. */
export function shownCells(model: Model): CellsState | null {
  return model.playback === null ? model.cells : model.playback.cells;
}

/** The values that the map shows; of scores those that are significant. */
export function shownValues(model: Model): Float64Array {
  const cells = shownCells(model);
  if (cells === null) return new Float64Array(0);
  switch (shownLayer(model)) {
    case 'heat':
      return cells.values.map((v, k) => ((cells.counts[k] ?? 0) >= SIGNIFICANT ? v : NaN));
    case 'count':
      return model.playback === null ? cells.values : cells.values.map((v, k) => (Number.isNaN(v) ? v : (cells.counts[k] ?? 0)));
    default:
      return cells.values;
  }
}

/** What stands behind a value on the map: the unit of a measure, "times" for an event. */
export function unitOf(kind: Kind, lang: Lang): string {
  return kind.type === 'event' ? CATALOGUES[lang].times : kind.unitLabel[lang];
}

/** The table, if it is that of the cells. */
export function matchingTable(model: Model): PlacedTable | null {
  const table = model.playback === null ? model.table : model.pastTable;
  return table !== null && table.hash === shownCells(model)?.table ? table : null;
}

/** One line of the table of cells. */
export interface CellRow {
  readonly cell: CellId;
  readonly value: number;
  readonly count: number;
  readonly area: Area | null;
}

/** The cells with a value, the worst first. */
export function cellRows(model: Model): readonly CellRow[] {
  const table = matchingTable(model);
  const kind = currentKind(model);
  const cells = shownCells(model);
  if (table === null || cells === null || kind === null) return [];
  const rows: CellRow[] = [];
  shownValues(model).forEach((value, k) => {
    const cell = table.cells[k];
    if (Number.isNaN(value) || cell === undefined) return;
    rows.push({cell, value, count: cells.counts[k] ?? 0, area: table.areas[k] ?? null});
  });
  const sign = kind.bad === 'low' ? 1 : -1;
  return rows.sort((a, b) => sign * (a.value - b.value) || (a.cell < b.cell ? -1 : 1));
}

/** What a cell shows now, null when it shows nothing or is not in the table. */
export function cellNow(model: Model, cell: CellId): CellRow | null {
  const table = matchingTable(model);
  const cells = shownCells(model);
  if (table === null || cells === null) return null;
  const k = indexOfSorted(table.cells, cell);
  const value = cells.values[k] ?? NaN;
  if (k < 0 || Number.isNaN(value)) return null;
  return {cell, value, count: cells.counts[k] ?? 0, area: table.areas[k] ?? null};
}

/** Where x is in a sorted list, -1 when it is not. */
export function indexOfSorted(sorted: readonly string[], x: string): number {
  let [low, high] = [0, sorted.length - 1];
  while (low <= high) {
    const middle = (low + high) >> 1;
    const at = sorted[middle] ?? '';
    if (at === x) return middle;
    if (at < x) low = middle + 1;
    else high = middle - 1;
  }
  return -1;
}

/** The alerts that were open at the moment that is shown. */
export function alertsThen(model: Model): readonly Alert[] {
  const past = model.playback;
  const all = [...(model.alerts?.byId.values() ?? [])].filter((a) => a.mergedInto === '');
  if (past === null) return all.filter((a) => a.state === 'open');
  return all.filter((a) => a.raisedAtMs <= past.atMs && (a.clearedAtMs === null || a.clearedAtMs > past.atMs));
}

/** How many closed alerts are listed. */
const LISTED_CLOSED = 100;

/** The alerts to list, newest first, open ones before closed ones. */
export function listedAlerts(model: Model): readonly Alert[] {
  const {open, closed} = sortedAlerts(model.alerts);
  return model.showClosed ? [...open, ...closed.slice(0, LISTED_CLOSED)] : open;
}

/** Age of the newest observation now, null when none was heard of. */
export function newestAgeMs(model: Model): number | null {
  const {lagMs, lagAtMs} = model.link;
  return lagMs === null || lagAtMs === null ? null : lagMs + Math.max(0, model.nowMs - lagAtMs);
}

/** Sensor data older than this while the line is fine means an outage upstream. */
export const LAG_WARNING_MS = 60_000;

/** What a person should be told above everything else. */
export type Trouble =
  | {readonly kind: 'none'}
  | {readonly kind: 'stale'; readonly silentMs: number | null}
  | {readonly kind: 'lag'; readonly ageMs: number};

/** The one trouble to show. */
export function trouble(model: Model): Trouble {
  if (model.link.stale) {
    const heard = model.link.lastFrameAtMs;
    return {kind: 'stale', silentMs: heard === null ? null : model.nowMs - heard};
  }
  const age = newestAgeMs(model);
  return age !== null && age > LAG_WARNING_MS ? {kind: 'lag', ageMs: age} : {kind: 'none'};
}
