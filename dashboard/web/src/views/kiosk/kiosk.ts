import {zoneName} from '../../zone.svelte';
import {openAlerts, type AlertBook} from '../../alerts';
import {LAYERS, type Layer} from '../../model';
import {flag, int, isRecord, record, str, type Alert, type Kind, type KindKey, type Severity} from '../../wire';

/** One picture of the wall. */
export interface Scene {
  readonly kind: KindKey;
  readonly layer: Layer;
}

/** What an address of the wall asks for: ?kiosk&every=20&kinds=noise,pm25&layers=cells,heat. */
export interface Programme {
  readonly everyMs: number;
  readonly scenes: readonly Scene[];
}

/** How long a picture stays, in seconds. */
const EVERY = {usual: 20, least: 5, most: 3600};

/** Kinds of a wall that names none. */
const KINDS = 6;

function named(query: URLSearchParams, key: string): readonly string[] {
  return (query.get(key) ?? '').split(',').map((s) => s.trim()).filter((s) => s !== '');
}

/** Reads the programme of an address; what it does not name, or names wrongly, is as usual. */
export function programmeOf(query: URLSearchParams, kinds: readonly Kind[]): Programme {
  const every = Number(query.get('every') ?? '');
  const seconds = Number.isFinite(every) && every > 0 ? Math.max(EVERY.least, Math.min(EVERY.most, every)) : EVERY.usual;
  const wanted = named(query, 'kinds');
  const chosen = kinds.filter((k) => wanted.includes(k.key));
  const layers = LAYERS.filter((l) => named(query, 'layers').includes(l));
  return {
    everyMs: seconds * 1000,
    scenes: (chosen.length > 0 ? chosen : kinds.slice(0, KINDS)).flatMap((k) =>
      (layers.length > 0 ? layers : [LAYERS[0]]).map((layer): Scene => ({kind: k.key, layer}))),
  };
}

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
