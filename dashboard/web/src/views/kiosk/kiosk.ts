import {zoneName} from '../../zone.svelte';
import type {AreaTally} from './wire';
import {openAlerts, type AlertBook} from '../../alerts';
import type {Link} from '../../connection';
import {LAYERS, type Layer} from '../../model';
import {flag, int, isRecord, record, str, type Alert, type Kind, type KindKey, type Severity} from '../../wire';

/** The views of the wall. */
export const VIEWS = ['map', 'alerts', 'today', 'system'] as const;

/** A view of the wall. */
export type View = (typeof VIEWS)[number];

/** A picture of the map. */
export interface MapScene {
  readonly view: 'map';
  readonly kind: KindKey;
  readonly layer: Layer;
}

/** One picture of the wall. */
export type Scene = MapScene | {readonly view: Exclude<View, 'map'>};

/** What an address of the wall asks for: ?kiosk&every=20&views=map,alerts&kinds=noise,pm25&layers=cells,heat. */
export interface Programme {
  readonly everyMs: number;
  readonly scenes: readonly Scene[];
  /** The kinds whose day is shown. */
  readonly main: readonly Kind[];
}

/** How long a picture stays, in seconds. */
const EVERY = {usual: 20, least: 5, most: 3600};

/** Kinds of a wall that names none, and those that a day has room for. */
const KINDS = 6;
const MAIN_KINDS = 4;

function named(query: URLSearchParams, key: string): readonly string[] {
  return (query.get(key) ?? '').split(',').map((s) => s.trim()).filter((s) => s !== '');
}

/** Reads the programme of an address; what it does not name, or names wrongly, is as usual. */
export function programmeOf(query: URLSearchParams, kinds: readonly Kind[]): Programme {
  const every = Number(query.get('every') ?? '');
  const seconds = Number.isFinite(every) && every > 0 ? Math.max(EVERY.least, Math.min(EVERY.most, every)) : EVERY.usual;
  const wanted = named(query, 'kinds');
  const byName = kinds.filter((k) => wanted.includes(k.key));
  const chosen = byName.length > 0 ? byName : kinds.slice(0, KINDS);
  const layers = LAYERS.filter((l) => named(query, 'layers').includes(l));
  const maps = chosen.flatMap((k) => (layers.length > 0 ? layers : [LAYERS[0]]).map((layer): MapScene => ({view: 'map', kind: k.key, layer})));
  const views = named(query, 'views').filter((v): v is View => VIEWS.some((known) => known === v));
  return {everyMs: seconds * 1000, scenes: scenesOf(views.length > 0 ? views : VIEWS, maps), main: chosen.slice(0, MAIN_KINDS)};
}

/** The pictures of the map with the other views spread among them, in the order of views. */
function scenesOf(views: readonly View[], maps: readonly MapScene[]): readonly Scene[] {
  const others = views.filter((v) => v !== 'map').map((view): Scene => ({view}));
  if (!views.includes('map')) return others;
  const share = maps.length / Math.max(1, others.length);
  return maps.flatMap((map, k): readonly Scene[] => [map, ...others.filter((_, n) => Math.ceil((n + 1) * share) === k + 1)]);
}

/** The picture of the map at a place of the programme, or the next after it, which is made ready; null without any. */
export function mapAt(scenes: readonly Scene[], at: number): MapScene | null {
  for (let k = 0; k < scenes.length; k++) {
    const scene = scenes[(at + k) % scenes.length];
    if (scene?.view === 'map') return scene;
  }
  return null;
}

/** A next picture is begun only if the server was heard so lately, or nothing might come of it. */
const HEARD_MS = 2500;

/**
 * What a wall does with its picture that is shown since a moment: hold it, its time
 * beginning anew, while the line is cut; go on showing it; or turn to the next.
 */
export function turnOf(link: Pick<Link, 'phase' | 'stale' | 'lastFrameAtMs'>, nowMs: number, sinceMs: number, everyMs: number): 'hold' | 'stay' | 'turn' {
  if (link.phase !== 'live' || link.stale || link.lastFrameAtMs === null) return 'hold';
  return nowMs - sinceMs >= everyMs && nowMs - link.lastFrameAtMs <= HEARD_MS ? 'turn' : 'stay';
}

/** Pictures that have a dot each on a wall; more are counted. */
export const MOST_DOTS = 16;

/** How many open alerts about the city there are, by severity. */
export function bySeverity(book: AlertBook | null): Readonly<Record<Severity, number>> {
  const count = {critical: 0, warning: 0, notice: 0};
  for (const a of openAlerts(book)) if (a.category === 'city' && a.mergedInto === '') count[a.severity]++;
  return count;
}

const RANK: Readonly<Record<Severity, number>> = {critical: 0, warning: 1, notice: 2};

/** The open alerts about the city that a wall names: the gravest first, of those the newest. */
export function shownAlerts(book: AlertBook | null, most: number): readonly Alert[] {
  return openAlerts(book).filter((a) => a.category === 'city' && a.mergedInto === '')
    .sort((a, b) => RANK[a.severity] - RANK[b.severity] || b.raisedAtMs - a.raisedAtMs).slice(0, most);
}

/** How many alerts, by severity. */
export interface Sums {
  readonly critical: number;
  readonly warning: number;
  readonly notice: number;
  readonly open: number;
  readonly all: number;
}

/** All areas together. */
export function totalOf(areas: readonly AreaTally[]): Sums {
  const sums = {critical: 0, warning: 0, notice: 0, open: 0};
  for (const a of areas) for (const key of ['critical', 'warning', 'notice', 'open'] as const) sums[key] += a[key];
  return {...sums, all: sums.critical + sums.warning + sums.notice};
}

/** The bar of an area; null stands for those that have no row of their own. */
export interface Bar extends Sums {
  readonly area: string | null;
  /** Shares of the room, the longest bar filling it. */
  readonly percent: Readonly<Record<Severity, number>>;
}

/** The areas with most alerts as bars, at most rows of them, the last for all others. */
export function barsOf(areas: readonly AreaTally[], rows: number): readonly Bar[] {
  const own = areas.length > rows ? rows - 1 : rows;
  const rest = areas.slice(own);
  const all = [
    ...areas.slice(0, own).map((a) => ({area: a.area, ...totalOf([a])})),
    ...(rest.length === 0 ? [] : [{area: null, ...totalOf(rest)}]),
  ];
  const most = Math.max(1, ...all.map((a) => a.all));
  const share = (n: number): number => Math.round((n / most) * 1000) / 10;
  return all.map((a) => ({...a, percent: {critical: share(a.critical), warning: share(a.warning), notice: share(a.notice)}}));
}

/** How the system is. */
export interface Health {
  /** Parts by name, and whether each answers. */
  readonly parts: readonly {readonly name: string; readonly ok: boolean}[];
  /** Entries of the journal that are not in the series yet, and not judged yet. */
  readonly unrecorded: number;
  readonly unjudged: number;
  readonly version: string;
}

/** Decodes the answers of /readyz and /status. */
export function decodeHealth(ready: unknown, status: unknown): Health {
  const checks = record(record(ready, 'readyz')['checks'], 'readyz.checks');
  const s = record(status, 'status');
  const stages = record(s['stages'], 'status.stages');
  const seq = int(stages['journal_seq'], 'journal_seq');
  return {
    parts: Object.entries(checks).map(([name, c]) => ({name, ok: isRecord(c) && flag(c['ok'], 'check.ok')})).sort((a, b) => (a.name < b.name ? -1 : 1)),
    unrecorded: Math.max(0, seq - int(stages['recorded_seq'], 'recorded_seq')),
    unjudged: Math.max(0, seq - int(stages['judged_seq'], 'judged_seq')),
    version: str(s['version'], 'status.version'),
  };
}

/** The hour, in the district, at which a wall takes the page anew: nobody looks. */
const QUIET_HOUR = 4;

/** A page younger than this is not taken anew. */
const LEAST_AGE_MS = 2 * 3_600_000;

/** Whether it is time to take the page anew, so that a wall gets new versions by itself. */
export function isReloadDue(openedAtMs: number, nowMs: number): boolean {
  if (nowMs - openedAtMs < LEAST_AGE_MS) return false;
  const hour = new Intl.DateTimeFormat('en-GB', {timeZone: zoneName(), hour: '2-digit', hourCycle: 'h23'}).format(nowMs);
  return Number(hour) === QUIET_HOUR;
}
