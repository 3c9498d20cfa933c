import {CONDITIONS, type Condition} from './wire';

/** The parts of the view. */
export const PARTS = ['register', 'unknown', 'quarantine'] as const;

/** A part of the view. */
export type Part = (typeof PARTS)[number];

/** What a device is sorted by. */
export const COLUMNS = ['condition', 'id', 'area', 'last_seen', 'rate', 'bad', 'battery'] as const;

/** A column that a list can be sorted by. */
export type Column = (typeof COLUMNS)[number];

/** Which devices are listed, and how; '' and null do not narrow. */
export interface Filter {
  readonly q: string;
  readonly condition: Condition | null;
  readonly area: string;
  readonly kind: string;
  readonly maintenance: boolean;
  readonly unplaced: boolean;
  readonly sort: Column;
  readonly down: boolean;
}

/** Which rejects are listed. */
export interface RejectFilter {
  readonly reason: string;
  readonly device: string;
  readonly q: string;
}

/** The part that an address names: /devices is the register. */
export function partOf(path: readonly string[]): Part {
  return PARTS.find((p) => p === path[0]) ?? 'register';
}

/** The address of a part. */
export function hrefOfPart(part: Part): string {
  return part === 'register' ? '/devices' : `/devices/${part}`;
}

/** Reads the filter of the address; what it does not understand does not narrow. */
export function filterOf(query: URLSearchParams): Filter {
  const sort = query.get('sort') ?? 'condition';
  const name = sort.replace(/^-/, '');
  return {
    q: query.get('q') ?? '',
    condition: CONDITIONS.find((c) => c === query.get('condition')) ?? null,
    area: query.get('area') ?? '',
    kind: query.get('kind') ?? '',
    maintenance: query.get('maintenance') === 'true',
    unplaced: query.get('place') === 'false',
    sort: COLUMNS.find((c) => c === name) ?? 'condition',
    down: sort.startsWith('-'),
  };
}

/** Whether a filter narrows anything. */
export function narrows(f: Filter): boolean {
  return f.q !== '' || f.condition !== null || f.area !== '' || f.kind !== '' || f.maintenance || f.unplaced;
}

/** What the address says of a filter: the changes for Router.replaceQuery. */
export function queryOf(f: Filter): Readonly<Record<string, string | null>> {
  return {
    q: f.q, condition: f.condition, area: f.area, kind: f.kind,
    maintenance: f.maintenance ? 'true' : null, place: f.unplaced ? 'false' : null,
    sort: f.sort === 'condition' && !f.down ? null : `${f.down ? '-' : ''}${f.sort}`,
  };
}

/** Everything off, the order stays. */
export function cleared(f: Filter): Filter {
  return {...f, q: '', condition: null, area: '', kind: '', maintenance: false, unplaced: false};
}

/** Sorts by another column, or the same the other way round. Numbers begin with the greatest. */
export function sortedBy(f: Filter, column: Column): Filter {
  if (f.sort === column) return {...f, down: !f.down};
  return {...f, sort: column, down: column === 'last_seen' || column === 'rate' || column === 'bad'};
}

function asked(f: Filter): URLSearchParams {
  const query = new URLSearchParams();
  const set = (key: string, value: string): void => {
    if (value !== '') query.set(key, value);
  };
  set('q', f.q);
  set('condition', f.condition ?? '');
  set('area', f.area);
  set('kind', f.kind);
  if (f.maintenance) query.set('maintenance', 'true');
  if (f.unplaced) query.set('place', 'false');
  return query;
}

/** The question for some rows of the list. */
export function listPath(f: Filter, offset: number, limit: number): string {
  const query = asked(f);
  query.set('sort', `${f.down ? '-' : ''}${f.sort}`);
  query.set('offset', String(offset));
  query.set('limit', String(limit));
  return `devices?${query.toString()}`;
}

/** The question for the map, without where its page begins. */
export function mapPath(f: Filter): string {
  const query = asked(f);
  query.set('limit', '20000');
  return `devices/map?${query.toString()}`;
}

/** Reads the filter of the quarantine. */
export function rejectFilterOf(query: URLSearchParams): RejectFilter {
  return {reason: query.get('reason') ?? '', device: query.get('of') ?? '', q: query.get('q') ?? ''};
}

/** What the address says of it. */
export function rejectQueryOf(f: RejectFilter): Readonly<Record<string, string>> {
  return {reason: f.reason, of: f.device, q: f.q};
}

/** The question for a page of the quarantine, older than `before` unless that is 0. */
export function rejectPath(f: RejectFilter, before: number, limit: number): string {
  const query = new URLSearchParams();
  for (const [key, value] of Object.entries({reason: f.reason, device: f.device, q: f.q})) if (value !== '') query.set(key, value);
  if (before > 0) query.set('before', String(before));
  query.set('limit', String(limit));
  return `quarantine?${query.toString()}`;
}
