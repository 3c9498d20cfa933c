/**
 * The edge: everything that comes from the server is decoded here once, from
 * unknown JSON into readonly data whose types are then trusted.
 */

/** An H3 cell index in hexadecimal. */
export type CellId = string;

/** A kind's key in the catalogue. */
export type KindKey = string;

/** The display resolutions, coarsest first. */
export const RESOLUTIONS = [7, 8, 9, 10] as const;

/** A display resolution. */
export type Resolution = (typeof RESOLUTIONS)[number];

/** A text in the two languages people read. */
export interface Names {
  readonly zh: string;
  readonly en: string;
}

/** One entry of the kind catalogue. */
export interface Kind {
  readonly key: KindKey;
  readonly names: Names;
  readonly type: 'measure' | 'event';
  readonly unitLabel: Names;
  /** Values at the two ends of the legend. */
  readonly scale: readonly [number, number];
  readonly bad: 'high' | 'low';
}

/** The severities, mildest first. */
export type Severity = 'notice' | 'warning' | 'critical';

/** One observation behind an alert. */
export interface Evidence {
  readonly device: string;
  readonly atMs: number;
  readonly value: number;
  readonly latDegrees: number;
  readonly lonDegrees: number;
  /** Address of a snapshot, '' when there is none. */
  readonly link: string;
}

/** How far people are with an alert. */
export type HandlingState = 'new' | 'acknowledged' | 'dispatched' | 'done';

/** What people do about an alert; it changes apart from the alert's revision. */
export interface Handling {
  readonly state: HandlingState;
  /** Number of the newest entry of the alert's log, 0 for none. */
  readonly version: number;
  /** Who brought it into this state, '' while nobody has. */
  readonly by: string;
  readonly atMs: number | null;
  /** Where it was last sent, '' for none. */
  readonly toArea: string;
  readonly toUnit: string;
  readonly answer: '' | 'confirmed' | 'false_alarm';
}

/** Of an alert that nobody has looked at. */
export const UNHANDLED: Handling = {state: 'new', version: 0, by: '', atMs: null, toArea: '', toUnit: '', answer: ''};

/** One revision of an alert. */
export interface Alert {
  readonly id: string;
  readonly revision: number;
  readonly rule: string;
  readonly kind: KindKey;
  readonly place: string;
  readonly state: 'open' | 'closed';
  readonly severity: Severity;
  readonly device: string;
  readonly cell: CellId;
  readonly area: string;
  readonly latDegrees: number;
  readonly lonDegrees: number;
  readonly value: number;
  readonly baseline: number;
  /** Probability of such a value under the baseline, null when the rule states none. */
  readonly p: number | null;
  /** Length of the judged window, 0 for none. */
  readonly windowSeconds: number;
  readonly reason: Names;
  readonly raisedAtMs: number;
  readonly updatedAtMs: number;
  readonly clearedAtMs: number | null;
  /** What it is about: the city, or sensors and data. */
  readonly category: 'city' | 'quality';
  /** How an open one does; '' once closed and for rules without phases. */
  readonly phase: '' | 'active' | 'cooling';
  /** Of a hotspot, ascending; `cell` is the peak. Empty for other alerts. */
  readonly cells: readonly CellId[];
  /** Whose observations speak for it, the most telling first. */
  readonly devices: readonly string[];
  /** The newest observations behind it. */
  readonly evidence: readonly Evidence[];
  readonly score: number | null;
  /** Quiet history reaches the score once in that time, null when not known. */
  readonly recurrenceSeconds: number | null;
  /** How many more than expected, 0 for levels. */
  readonly excess: number;
  readonly flapping: boolean;
  readonly muted: boolean;
  /** The alert that it became a part of, '' for none. */
  readonly mergedInto: string;
  readonly handling: Handling;
}

/** A cell table: columns of frames go by the position of a cell in it. */
export interface CellTable {
  readonly hash: string;
  readonly resolution: number;
  readonly cells: readonly CellId[];
}

/** The columns of a cells frame with the gap code undone. */
export interface Columns {
  readonly indices: readonly number[];
  /** What to colour by; null: the cell shows nothing any more. */
  readonly values: readonly (number | null)[];
  readonly counts: readonly number[];
}

/** How many cells the district has, by resolution; empty when the server does not say. */
export type CellCounts = Readonly<Record<number, number>>;

/** What the server may say. `kind` tells the members apart. */
export type ServerFrame =
  | {readonly kind: 'hello'; readonly version: number; readonly server: string; readonly epoch: string; readonly nowMs: number; readonly heartbeatMs: number; readonly lagMs: number | null; readonly district: CellCounts}
  | CellsFrame
  | AlertsFrame
  | {readonly kind: 'gap'; readonly id: number; readonly after: number}
  | {readonly kind: 'heartbeat'; readonly nowMs: number; readonly lagMs: number | null}
  | {readonly kind: 'error'; readonly id: number | null; readonly code: string; readonly message: string}
  | {readonly kind: 'bye'; readonly code: number; readonly retryMs: number}
  | {readonly kind: 'unknown'; readonly type: string};

/** Frames of a cells topic. */
export type CellsFrame =
  | {readonly kind: 'cells-snapshot'; readonly id: number; readonly epoch: string; readonly seq: number; readonly table: string; readonly atMs: number; readonly columns: Columns}
  | {readonly kind: 'cells-delta'; readonly id: number; readonly seq: number; readonly from: number; readonly atMs: number; readonly columns: Columns};

/** Frames of the alerts topic. */
export type AlertsFrame =
  | {readonly kind: 'alerts-snapshot'; readonly id: number; readonly epoch: string; readonly seq: number; readonly alerts: readonly Alert[]; /** How many are open, told or not; null of a server that does not say. */ readonly open: number | null}
  | {readonly kind: 'alert'; readonly id: number; readonly seq: number; readonly alert: Alert};

/** A place in WGS-84 degrees, longitude first as in GeoJSON. */
export type LonLat = readonly [number, number];

/** A responsibility area. */
export interface Area {
  readonly code: string;
  readonly names: Names;
  /** Where to write the name, null when the server does not say. */
  readonly label: LonLat | null;
  /** Polygons, each a list of rings, the outer one first. */
  readonly polygons: readonly (readonly (readonly LonLat[])[])[];
}

/** One line of a series answer. */
export interface Series {
  readonly unit: string;
  /** Ascending; time in epoch seconds, null where there is no value. */
  readonly times: readonly number[];
  readonly values: readonly (number | null)[];
}

/** WireError says that something from the server was not what was agreed. */
export class WireError extends Error {
  override readonly name = 'WireError';
}

type Json = Readonly<Record<string, unknown>>;

/** Whether x is a JSON object. */
export function isRecord(x: unknown): x is Json {
  return typeof x === 'object' && x !== null && !Array.isArray(x);
}

/** x as an object; like those below it throws WireError, naming `what`, on anything else. */
export function record(x: unknown, what: string): Json {
  if (!isRecord(x)) throw new WireError(`${what} is not an object`);
  return x;
}

/** x as an array. */
export function list(x: unknown, what: string): readonly unknown[] {
  if (!Array.isArray(x)) throw new WireError(`${what} is not an array`);
  return x;
}

/** x as a finite number. */
export function num(x: unknown, what: string): number {
  if (typeof x !== 'number' || !Number.isFinite(x)) throw new WireError(`${what} is not a finite number`);
  return x;
}

/** x as a number, null when it is null or missing. */
export function numberOrNull(x: unknown, what: string): number | null {
  return x === null || x === undefined ? null : num(x, what);
}

/** x as an integer. */
export function int(x: unknown, what: string): number {
  const n = num(x, what);
  if (!Number.isSafeInteger(n)) throw new WireError(`${what} is not an integer`);
  return n;
}

/** A text without the signs that turn around the order of what is written, which would dress one name up as another. */
export function unturned(text: string): string {
  return text.replace(/[\u202A-\u202E\u2066-\u2069]/g, '');
}

/** x as a text, which is unturned: much of it was written by people and devices. */
export function str(x: unknown, what: string): string {
  if (typeof x !== 'string') throw new WireError(`${what} is not a string`);
  return unturned(x);
}

/** x as a text, '' when it is null or missing. */
export function optional(x: unknown, what: string): string {
  return x === undefined || x === null ? '' : str(x, what);
}

/** x as a name in each language. */
export function names(x: unknown, what: string): Names {
  const o = record(x, what);
  return {zh: str(o['zh'], `${what}.zh`), en: str(o['en'], `${what}.en`)};
}

/** x, an RFC 3339 time, in milliseconds since 1970. */
export function instantMs(x: unknown, what: string): number {
  const ms = Date.parse(str(x, what));
  if (Number.isNaN(ms)) throw new WireError(`${what} is not a time`);
  return ms;
}

/** x as one of some texts. */
export function oneOf<T extends string>(x: unknown, allowed: readonly T[], what: string): T {
  const found = allowed.find((a) => a === x);
  if (found === undefined) throw new WireError(`${what} is none of ${allowed.join(', ')}`);
  return found;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new WireError('not JSON');
  }
}

/** Undoes the gap code: the first is an index, each further one a distance. */
export function decodeColumns(i: unknown, v: unknown, n: unknown): Columns {
  const gaps = list(i, 'i');
  const values = list(v, 'v');
  const counts = list(n, 'n');
  if (values.length !== gaps.length || counts.length !== gaps.length) {
    throw new WireError(`columns differ in length: i ${gaps.length}, v ${values.length}, n ${counts.length}`);
  }
  let at = 0;
  const indices = gaps.map((gap, k) => {
    const g = int(gap, 'i');
    if (g < 0 || (k > 0 && g === 0)) throw new WireError('i does not ascend');
    at += g;
    return at;
  });
  return {
    indices,
    values: values.map((x) => (x === null ? null : num(x, 'v'))),
    counts: counts.map((x) => (x === null ? 0 : int(x, 'n'))),
  };
}

/** x as a truth value. */
export function flag(x: unknown, what: string): boolean {
  if (x === undefined) return false;
  if (typeof x !== 'boolean') throw new WireError(`${what} is not true or false`);
  return x;
}

/** A list that may be missing. */
export function some(x: unknown, what: string): readonly unknown[] {
  return x === undefined || x === null ? [] : list(x, what);
}

function decodeEvidence(x: unknown): Evidence {
  const o = record(x, 'evidence');
  return {
    device: str(o['device'], 'evidence.device'),
    atMs: instantMs(o['at'], 'evidence.at'),
    value: num(o['value'], 'evidence.value'),
    latDegrees: num(o['lat'], 'evidence.lat'),
    lonDegrees: num(o['lon'], 'evidence.lon'),
    link: optional(o['link'], 'evidence.link'),
  };
}

/** Decodes the handling of an alert. */
export function decodeHandling(x: unknown): Handling {
  if (x === undefined || x === null) return UNHANDLED;
  const o = record(x, 'handling');
  const to = isRecord(o['to']) ? o['to'] : {};
  const at = o['at'];
  return {
    state: oneOf(o['state'], ['new', 'acknowledged', 'dispatched', 'done'], 'handling.state'),
    version: int(o['version'], 'handling.version'),
    by: optional(o['by'], 'handling.by'),
    atMs: at === null || at === undefined ? null : instantMs(at, 'handling.at'),
    toArea: optional(to['area'], 'handling.to.area'),
    toUnit: optional(to['unit'], 'handling.to.unit'),
    answer: oneOf(o['answer'] ?? '', ['', 'confirmed', 'false_alarm'], 'handling.answer'),
  };
}

/** Decodes one alert object, also of a server that says less. It throws a WireError. */
export function decodeAlert(x: unknown): Alert {
  const o = record(x, 'alert');
  const cleared = o['cleared_at'];
  return {
    id: str(o['id'], 'alert.id'),
    revision: int(o['revision'], 'alert.revision'),
    rule: str(o['rule'], 'alert.rule'),
    kind: str(o['kind'], 'alert.kind'),
    place: str(o['place'], 'alert.place'),
    state: oneOf(o['state'], ['open', 'closed'], 'alert.state'),
    severity: oneOf(o['severity'], ['notice', 'warning', 'critical'], 'alert.severity'),
    device: optional(o['device'], 'alert.device'),
    cell: optional(o['cell'], 'alert.cell'),
    area: optional(o['area'], 'alert.area'),
    latDegrees: num(o['lat'], 'alert.lat'),
    lonDegrees: num(o['lon'], 'alert.lon'),
    value: num(o['value'], 'alert.value'),
    baseline: num(o['baseline'], 'alert.baseline'),
    p: numberOrNull(o['p'], 'alert.p'),
    windowSeconds: numberOrNull(o['window_seconds'], 'alert.window_seconds') ?? 0,
    reason: names(o['reason'], 'alert.reason'),
    raisedAtMs: instantMs(o['raised_at'], 'alert.raised_at'),
    updatedAtMs: instantMs(o['updated_at'], 'alert.updated_at'),
    clearedAtMs: cleared === null || cleared === undefined ? null : instantMs(cleared, 'alert.cleared_at'),
    category: oneOf(o['category'] ?? 'city', ['city', 'quality'], 'alert.category'),
    phase: oneOf(o['phase'] ?? '', ['', 'active', 'cooling'], 'alert.phase'),
    cells: some(o['cells'], 'alert.cells').map((c) => str(c, 'alert.cells')),
    devices: some(o['devices'], 'alert.devices').map((d) => str(d, 'alert.devices')),
    evidence: some(o['evidence'], 'alert.evidence').map(decodeEvidence),
    score: numberOrNull(o['score'], 'alert.score'),
    recurrenceSeconds: numberOrNull(o['recurrence_seconds'], 'alert.recurrence_seconds'),
    excess: numberOrNull(o['excess'], 'alert.excess') ?? 0,
    flapping: flag(o['flapping'], 'alert.flapping'),
    muted: flag(o['muted'], 'alert.muted'),
    mergedInto: optional(o['merged_into'], 'alert.merged_into'),
    handling: decodeHandling(o['handling']),
  };
}

function decodeCellCounts(x: unknown): CellCounts {
  if (x === undefined || x === null) return {};
  return Object.fromEntries(Object.entries(record(x, 'district')).map(([resolution, n]) => [resolution, int(n, 'district')]));
}

function decodeSnapshot(o: Json): ServerFrame {
  const head = {id: int(o['id'], 'id'), epoch: str(o['epoch'], 'epoch'), seq: int(o['seq'], 'seq')};
  if (o['alerts'] !== undefined) {
    const alerts = o['alerts'] === null ? [] : list(o['alerts'], 'alerts');
    return {kind: 'alerts-snapshot', ...head, alerts: alerts.map(decodeAlert), open: o['open'] === undefined ? null : int(o['open'], 'open')};
  }
  return {
    kind: 'cells-snapshot',
    ...head,
    table: str(o['tbl'], 'tbl'),
    atMs: num(o['ts'], 'ts'),
    columns: decodeColumns(o['i'], o['v'], o['n']),
  };
}

/** Decodes one text frame. A frame of a type it does not know is 'unknown', not an error. */
export function decodeFrame(text: string): ServerFrame {
  const o = record(parse(text), 'frame');
  const type = str(o['t'], 't');
  switch (type) {
    case 'hello':
      return {
        kind: 'hello',
        version: int(o['v'], 'v'),
        server: str(o['server'], 'server'),
        epoch: str(o['epoch'], 'epoch'),
        nowMs: num(o['now'], 'now'),
        heartbeatMs: num(o['hb'], 'hb'),
        lagMs: numberOrNull(o['lag'], 'lag'),
        district: decodeCellCounts(o['district']),
      };
    case 'snap':
      return decodeSnapshot(o);
    case 'd':
      return {
        kind: 'cells-delta',
        id: int(o['id'], 'id'),
        seq: int(o['seq'], 'seq'),
        from: int(o['from'], 'from'),
        atMs: num(o['ts'], 'ts'),
        columns: decodeColumns(o['i'], o['v'], o['n']),
      };
    case 'ev':
      return {kind: 'alert', id: int(o['id'], 'id'), seq: int(o['seq'], 'seq'), alert: decodeAlert(o['alert'])};
    case 'gap':
      return {kind: 'gap', id: int(o['id'], 'id'), after: o['after'] === undefined ? 0 : int(o['after'], 'after')};
    case 'hb':
      return {kind: 'heartbeat', nowMs: num(o['now'], 'now'), lagMs: numberOrNull(o['lag'], 'lag')};
    case 'err':
      return {
        kind: 'error',
        id: o['id'] === null || o['id'] === undefined ? null : int(o['id'], 'id'),
        code: str(o['code'], 'code'),
        message: optional(o['message'], 'message'),
      };
    case 'bye':
      return {kind: 'bye', code: int(o['code'], 'code'), retryMs: num(o['retry_ms'], 'retry_ms')};
    default:
      return {kind: 'unknown', type};
  }
}

/** What the page says to the server. */
export type ClientFrame =
  | {readonly t: 'sub'; readonly id: number; readonly topic: string; readonly since?: {readonly epoch: string; readonly seq: number}}
  | {readonly t: 'unsub'; readonly id: number}
  | {readonly t: 'hb'; readonly now: number};

/** Encodes a frame for the server. */
export function encodeFrame(frame: ClientFrame): string {
  return JSON.stringify(frame);
}

/** A list that comes bare or in an envelope under key. */
function enveloped(x: unknown, key: string): readonly unknown[] {
  if (Array.isArray(x)) return x;
  const inner = record(x, 'answer')[key];
  return inner === null ? [] : list(inner, key);
}

function pair(x: unknown, what: string): readonly [number, number] {
  const l = list(x, what);
  return [num(l[0], what), num(l[1], what)];
}

/** Decodes the answer of GET /api/v1/kinds. */
export function decodeKinds(x: unknown): readonly Kind[] {
  return enveloped(x, 'kinds').map((entry) => {
    const o = record(entry, 'kind');
    const label = o['unit_label'];
    const unit = optional(o['unit'], 'kind.unit');
    return {
      key: str(o['key'], 'kind.key'),
      names: names(o['names'], 'kind.names'),
      type: oneOf(o['type'], ['measure', 'event'], 'kind.type'),
      unitLabel: isRecord(label) ? names(label, 'kind.unit_label') : {zh: unit, en: unit},
      scale: pair(o['scale'], 'kind.scale'),
      bad: o['bad'] === 'low' ? 'low' : 'high',
    };
  });
}

/** Decodes the answer of GET /api/v1/alerts. */
export function decodeAlerts(x: unknown): readonly Alert[] {
  return enveloped(x, 'alerts').map(decodeAlert);
}

/** Decodes a cell table. */
export function decodeTable(x: unknown): CellTable {
  const o = record(x, 'table');
  return {
    hash: str(o['hash'], 'table.hash'),
    resolution: int(o['resolution'], 'table.resolution'),
    cells: list(o['cells'], 'table.cells').map((c) => str(c, 'table.cells')),
  };
}

function ring(x: unknown): readonly LonLat[] {
  return list(x, 'ring').map((p) => pair(p, 'ring'));
}

function polygon(x: unknown): readonly (readonly LonLat[])[] {
  return list(x, 'polygon').map(ring);
}

function areaNames(o: Json): Names {
  if (isRecord(o['names'])) return names(o['names'], 'area.names');
  if (isRecord(o['name'])) return names(o['name'], 'area.name');
  const zh = optional(o['name'] ?? o['name_zh'], 'area.name');
  const en = optional(o['name_en'], 'area.name_en');
  return {zh, en: en === '' ? zh : en};
}

function areaLabel(x: unknown): LonLat | null {
  return isRecord(x) ? [num(x['lon'], 'label.lon'), num(x['lat'], 'label.lat')] : null;
}

/** Decodes a GeoJSON collection of areas; features that are no polygons are left out. */
export function decodeAreas(x: unknown): readonly Area[] {
  return list(record(x, 'areas')['features'], 'features').flatMap((f): Area[] => {
    const feature = record(f, 'feature');
    const geometry = record(feature['geometry'], 'geometry');
    const properties = record(feature['properties'], 'properties');
    const head = {code: optional(properties['code'] ?? feature['id'], 'area.code'), names: areaNames(properties), label: areaLabel(properties['label'])};
    switch (geometry['type']) {
      case 'Polygon':
        return [{...head, polygons: [polygon(geometry['coordinates'])]}];
      case 'MultiPolygon':
        return [{...head, polygons: list(geometry['coordinates'], 'coordinates').map(polygon)}];
      default:
        return [];
    }
  });
}

/** What the source of the areas says about their boundaries, null for nothing. */
export function decodeAreasNote(x: unknown): Names | null {
  const note = record(x, 'areas')['note'];
  if (!isRecord(note)) return null;
  const n = names(note, 'note');
  return n.zh === '' && n.en === '' ? null : n;
}

/** What GET /api/v1/status says of the district; its names are empty when nobody has said them. */
export function decodeDistrict(x: unknown): {readonly names: Names; readonly zone: string} {
  const o = record(x, 'status');
  return {names: names(o['district'], 'district'), zone: str(o['time_zone'], 'time_zone')};
}

/** Decodes the answer of GET /api/v1/alerts/count. */
export function decodeCount(x: unknown): number {
  return int(record(x, 'count')['count'], 'count');
}

/** Decodes the answer of GET /api/v1/series; without a line it is an empty one. */
export function decodeSeries(x: unknown): Series {
  const lines = enveloped(x, 'series');
  const first = lines[0];
  if (first === undefined) return {unit: '', times: [], values: []};
  const o = record(first, 'series');
  const points = o['points'] === null ? [] : list(o['points'], 'points');
  const times: number[] = [];
  const values: (number | null)[] = [];
  for (const p of points) {
    const [at, value] = list(p, 'point');
    times.push(instantMs(at, 'point time') / 1000);
    values.push(value === null ? null : num(value, 'point value'));
  }
  return {unit: optional(o['unit'], 'unit'), times, values};
}
