/** The edge of the view: what the server says of devices and of the quarantine. */
import {instantMs, int, isRecord, list, names, num, numberOrNull, oneOf, optional, record, str, WireError, type Names} from '../../wire';

/** How a device does, the most pressing first. */
export const CONDITIONS = ['offline', 'odd', 'late', 'silent', 'online'] as const;

/** How a device does. */
export type Condition = (typeof CONDITIONS)[number];

/** The geodetic datums that places are stated in. */
export const DATUMS = ['wgs84', 'gcj02', 'bd09'] as const;

/** A geodetic datum. */
export type Datum = (typeof DATUMS)[number];

/** A place as it was stated, in degrees of its datum. */
export interface StatedPlace {
  readonly lat: number;
  readonly lon: number;
  readonly datum: Datum;
}

/** A place in WGS-84 degrees. */
export interface Point {
  readonly lat: number;
  readonly lon: number;
}

/** A while in which somebody works on a device. */
export interface Maintenance {
  readonly fromMs: number;
  readonly toMs: number;
  readonly note: string;
}

/** An open alert about the quality of a device. */
export interface DeviceAlert {
  readonly id: string;
  readonly rule: string;
  readonly severity: 'notice' | 'warning' | 'critical';
  readonly reason: Names;
  readonly raisedAtMs: number;
}

/** One device of the register. */
export interface Device {
  readonly id: string;
  readonly name: string;
  readonly place: StatedPlace | null;
  readonly wgs84: Point | null;
  readonly cell: string;
  readonly area: string;
  readonly auto: boolean;
  readonly version: number;
  readonly lastSeenMs: number | null;
  readonly condition: Condition;
  readonly sinceMs: number | null;
  readonly profile: string;
  readonly kinds: readonly string[];
  readonly owner: string;
  readonly areaStated: string;
  readonly installed: string;
  readonly maintenance: readonly Maintenance[];
  /** 0 when nobody stated one. */
  readonly intervalSeconds: number;
  readonly tags: readonly string[];
  readonly health: Health;
  readonly alerts: readonly DeviceAlert[];
}

/** What is known of how a device does. */
export interface Health {
  readonly offline: '' | 'said' | 'overdue';
  readonly firstSeenMs: number | null;
  readonly batteryPercent: number | null;
  readonly signalDbm: number | null;
  readonly reported: StatedPlace | null;
  readonly note: string;
  readonly noteAtMs: number | null;
  readonly observations: number;
  readonly bad: number;
  readonly badShare: number;
  readonly perMinute: number;
  readonly underMaintenance: boolean;
}

/** A page of devices. */
export interface DevicePage {
  readonly items: readonly Device[];
  readonly total: number;
  readonly counts: Readonly<Record<Condition, number>>;
}

/** Where devices stand, as columns. */
export interface DeviceColumns {
  readonly ids: readonly string[];
  readonly lat: readonly number[];
  readonly lon: readonly number[];
  readonly conditions: readonly Condition[];
  readonly unplaced: number;
  /** Where the next page begins, '' after the last. */
  readonly next: string;
}

/** A device that nobody entered. */
export interface Unknown {
  readonly id: string;
  readonly rejects: number;
  readonly lastSeenMs: number;
  readonly topic: string;
  readonly reason: string;
}

/** What a device said last. */
export interface LastMessage {
  readonly topic: string;
  readonly qos: number | null;
  readonly receivedMs: number;
  readonly format: string;
  readonly size: number;
  /** null when it is private. */
  readonly payload: Uint8Array | null;
  readonly observations: readonly Understood[];
  readonly observed: number;
  readonly faults: readonly {readonly reason: string; readonly detail: string}[];
  readonly refused: number;
}

/** An observation of a message. */
export interface Understood {
  readonly kind: string;
  readonly value: number;
  readonly unit: string;
  readonly atMs: number;
  readonly lat: number;
  readonly lon: number;
  /** The place as the message stated it, null when the registered one was taken. */
  readonly stated: StatedPlace | null;
  readonly cell: string;
  readonly area: string;
}

/** What a person did to a device. */
export interface Change {
  readonly number: number;
  readonly version: number;
  readonly atMs: number;
  readonly by: string;
  readonly action: string;
  readonly fields: readonly string[];
}

/** Where a device stood. */
export interface Placement {
  readonly fromMs: number;
  readonly place: StatedPlace | null;
}

/** What is at a place. */
export interface Located {
  readonly wgs84: Point;
  readonly cell: string;
  readonly area: string;
}

/** What became of one of many that were to be adopted. */
export interface Adopted {
  readonly id: string;
  readonly outcome: 'adopted' | 'taken' | 'unknown' | 'invalid';
  readonly detail: string;
}

/** Something that could not become an observation. */
export interface Reject {
  readonly id: number;
  readonly atMs: number;
  readonly reason: string;
  readonly detail: string;
  readonly topic: string;
  readonly device: string;
  readonly size: number;
  readonly payload: Uint8Array;
}

/** A page of the quarantine. */
export interface RejectPage {
  readonly rejects: readonly Reject[];
  /** Of those that are kept, by reason. */
  readonly kept: Readonly<Record<string, {readonly kept: number; readonly readable: number}>>;
  /** Ever quarantined. */
  readonly total: number;
  readonly next: number;
}

/** A reject with its message. */
export interface WholeReject extends Reject {
  /** null when it was not kept whole, and then it cannot be read again. */
  readonly message: Uint8Array | null;
}

/** What came of reading messages again. */
export interface Reread {
  readonly total: number;
  readonly read: number;
  readonly unread: number;
  readonly observations: number;
  readonly refused: Readonly<Record<string, number>>;
}

/** A job that reads messages again. */
export interface Job {
  readonly id: string;
  readonly state: 'running' | 'done' | 'failed' | 'cancelled';
  readonly by: string;
  /** Who ended it before it was done; '' while nobody has. */
  readonly cancelledBy: string;
  readonly error: string;
  readonly startedAtMs: number;
  readonly progress: Reread;
}

/** What came of reading a file of devices. */
export interface Imported {
  readonly rows: number;
  readonly imported: number;
  readonly faultCount: number;
  readonly faults: readonly Fault[];
  readonly ignored: readonly string[];
}

/** What is wrong with one field of one row. */
export interface Fault {
  readonly row: number;
  readonly column: string;
  readonly detail: string;
}

/** What a device may publish with. */
export interface Credential {
  readonly user: string;
  readonly topics: readonly string[];
  /** '' but in the answer that issued it. */
  readonly password: string;
}

function bool(x: unknown, what: string): boolean {
  if (x !== undefined && typeof x !== 'boolean') throw new WireError(`${what} is not true or false`);
  return x ?? false;
}

function texts(x: unknown, what: string): readonly string[] {
  return x === undefined || x === null ? [] : list(x, what).map((t) => str(t, what));
}

function momentOrNull(x: unknown, what: string): number | null {
  return x === undefined || x === null ? null : instantMs(x, what);
}

/** The bytes of a base64 text. */
export function bytesOf(base64: string): Uint8Array {
  return Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
}

function stated(x: unknown): StatedPlace | null {
  if (x === undefined || x === null) return null;
  const o = record(x, 'place');
  return {lat: num(o['lat'], 'place.lat'), lon: num(o['lon'], 'place.lon'), datum: oneOf(o['datum'] ?? 'wgs84', DATUMS, 'place.datum')};
}

function point(x: unknown): Point | null {
  if (x === undefined || x === null) return null;
  const o = record(x, 'point');
  return {lat: num(o['lat'], 'point.lat'), lon: num(o['lon'], 'point.lon')};
}

function decodeHealth(x: unknown): Health {
  const o = record(x, 'health');
  return {
    offline: oneOf(o['offline'] ?? '', ['', 'said', 'overdue'], 'health.offline'),
    firstSeenMs: momentOrNull(o['first_seen'], 'health.first_seen'),
    batteryPercent: numberOrNull(o['battery_percent'], 'health.battery_percent'),
    signalDbm: numberOrNull(o['signal_dbm'], 'health.signal_dbm'),
    reported: stated(o['reported']),
    note: optional(o['note'], 'health.note'),
    noteAtMs: momentOrNull(o['note_at'], 'health.note_at'),
    observations: int(o['observations'], 'health.observations'),
    bad: int(o['bad'], 'health.bad'),
    badShare: num(o['bad_share'], 'health.bad_share'),
    perMinute: num(o['per_minute'], 'health.per_minute'),
    underMaintenance: bool(o['under_maintenance'], 'health.under_maintenance'),
  };
}

function decodeDeviceAlert(x: unknown): DeviceAlert {
  const o = record(x, 'alert');
  return {
    id: str(o['id'], 'alert.id'), rule: str(o['rule'], 'alert.rule'), reason: names(o['reason'], 'alert.reason'),
    severity: oneOf(o['severity'], ['notice', 'warning', 'critical'], 'alert.severity'), raisedAtMs: instantMs(o['raised_at'], 'alert.raised_at'),
  };
}

function decodeMaintenance(x: unknown): Maintenance {
  const o = record(x, 'maintenance');
  return {fromMs: instantMs(o['from'], 'maintenance.from'), toMs: instantMs(o['to'], 'maintenance.to'), note: optional(o['note'], 'maintenance.note')};
}

/** Decodes one device. It throws a WireError, as those below do. */
export function decodeDevice(x: unknown): Device {
  const o = record(x, 'device');
  return {
    id: str(o['id'], 'device.id'),
    name: str(o['name'], 'device.name'),
    place: stated(o['place']),
    wgs84: point(o['wgs84']),
    cell: str(o['cell'], 'device.cell'),
    area: str(o['area'], 'device.area'),
    auto: bool(o['auto'], 'device.auto'),
    version: int(o['version'], 'device.version'),
    lastSeenMs: momentOrNull(o['last_seen'], 'device.last_seen'),
    condition: oneOf(o['condition'], CONDITIONS, 'device.condition'),
    sinceMs: momentOrNull(o['since'], 'device.since'),
    profile: optional(o['profile'], 'device.profile'),
    kinds: texts(o['kinds'], 'device.kinds'),
    owner: optional(o['owner'], 'device.owner'),
    areaStated: optional(o['area_stated'], 'device.area_stated'),
    installed: optional(o['installed'], 'device.installed'),
    maintenance: o['maintenance'] === undefined ? [] : list(o['maintenance'], 'device.maintenance').map(decodeMaintenance),
    intervalSeconds: numberOrNull(o['interval_seconds'], 'device.interval_seconds') ?? 0,
    tags: texts(o['tags'], 'device.tags'),
    health: decodeHealth(o['health']),
    alerts: list(o['alerts'], 'device.alerts').map(decodeDeviceAlert),
  };
}

/** Decodes a page of devices. */
export function decodeDevices(x: unknown): DevicePage {
  const o = record(x, 'devices');
  const counts = record(o['counts'], 'counts');
  const of = (c: Condition): number => int(counts[c] ?? 0, `counts.${c}`);
  return {
    items: list(o['devices'], 'devices').map(decodeDevice),
    total: int(o['total'], 'total'),
    counts: {offline: of('offline'), odd: of('odd'), late: of('late'), silent: of('silent'), online: of('online')},
  };
}

/** Decodes where devices stand. */
export function decodeColumns(x: unknown): DeviceColumns {
  const o = record(x, 'map');
  const called = texts(o['condition_names'], 'condition_names').map((c) => oneOf(c, CONDITIONS, 'condition_names'));
  return {
    ids: texts(o['ids'], 'ids'),
    lat: list(o['lat'], 'lat').map((n) => num(n, 'lat')),
    lon: list(o['lon'], 'lon').map((n) => num(n, 'lon')),
    conditions: list(o['conditions'], 'conditions').map((n) => called[int(n, 'conditions')] ?? 'online'),
    unplaced: int(o['unplaced'], 'unplaced'),
    next: str(o['next'], 'next'),
  };
}

/** Decodes devices that nobody entered. */
export function decodeUnknown(x: unknown): readonly Unknown[] {
  return list(record(x, 'unknown')['devices'], 'devices').map((d) => {
    const o = record(d, 'unknown');
    return {
      id: str(o['id'], 'unknown.id'), rejects: int(o['rejects'], 'unknown.rejects'), lastSeenMs: instantMs(o['last_seen'], 'unknown.last_seen'),
      topic: str(o['topic'], 'unknown.topic'), reason: str(o['reason'], 'unknown.reason'),
    };
  });
}

function decodeUnderstood(x: unknown): Understood {
  const o = record(x, 'observation');
  return {
    kind: str(o['kind'], 'observation.kind'), value: num(o['value'], 'observation.value'), unit: str(o['unit'], 'observation.unit'),
    atMs: instantMs(o['time'], 'observation.time'), lat: num(o['lat'], 'observation.lat'), lon: num(o['lon'], 'observation.lon'),
    stated: stated(o['stated']), cell: str(o['cell'], 'observation.cell'), area: str(o['area'], 'observation.area'),
  };
}

/** Decodes what a device said last. */
export function decodeMessage(x: unknown): LastMessage {
  const o = record(x, 'message');
  const payload = o['payload'];
  return {
    topic: str(o['topic'], 'message.topic'),
    qos: numberOrNull(o['qos'], 'message.qos'),
    receivedMs: instantMs(o['received'], 'message.received'),
    format: str(o['format'], 'message.format'),
    size: int(o['size'], 'message.size'),
    payload: payload === null ? null : bytesOf(str(payload, 'message.payload')),
    observations: list(o['observations'], 'message.observations').map(decodeUnderstood),
    observed: int(o['observed'], 'message.observed'),
    faults: list(o['faults'], 'message.faults').map((f) => {
      const fault = record(f, 'fault');
      return {reason: str(fault['reason'], 'fault.reason'), detail: str(fault['detail'], 'fault.detail')};
    }),
    refused: int(o['refused'], 'message.refused'),
  };
}

/** Decodes the kept messages of a device, the newest first. */
export function decodeMessages(x: unknown): readonly LastMessage[] {
  return list(record(x, 'messages')['messages'], 'messages').map(decodeMessage);
}

/** Decodes who changed what. */
export function decodeChanges(x: unknown): readonly Change[] {
  return list(record(x, 'changes')['changes'], 'changes').map((c) => {
    const o = record(c, 'change');
    return {
      number: int(o['number'], 'change.number'), version: int(o['version'], 'change.version'), atMs: instantMs(o['at'], 'change.at'),
      by: str(o['by'], 'change.by'), action: str(o['action'], 'change.action'), fields: texts(o['fields'], 'change.fields'),
    };
  });
}

/** Decodes where a device stood. */
export function decodePlacements(x: unknown): readonly Placement[] {
  return list(record(x, 'places')['places'], 'places').map((p) => {
    const o = record(p, 'placement');
    return {fromMs: instantMs(o['from'], 'placement.from'), place: stated(o['place'])};
  });
}

/** Decodes what is at a place. */
export function decodeLocated(x: unknown): Located {
  const o = record(x, 'located');
  return {wgs84: point(o['wgs84']) ?? {lat: 0, lon: 0}, cell: str(o['cell'], 'located.cell'), area: str(o['area'], 'located.area')};
}

/** Decodes what became of those that were to be adopted. */
export function decodeAdopted(x: unknown): readonly Adopted[] {
  return list(record(x, 'adopted')['devices'], 'devices').map((d) => {
    const o = record(d, 'adopted');
    return {
      id: str(o['id'], 'adopted.id'), detail: str(o['detail'], 'adopted.detail'),
      outcome: oneOf(o['outcome'], ['adopted', 'taken', 'unknown', 'invalid'], 'adopted.outcome'),
    };
  });
}

function decodeReject(x: unknown): Reject {
  const o = record(x, 'reject');
  const payload = str(o['payload'], 'reject.payload');
  return {
    id: int(o['id'], 'reject.id'), atMs: instantMs(o['at'], 'reject.at'), reason: str(o['reason'], 'reject.reason'),
    detail: str(o['detail'], 'reject.detail'), topic: str(o['topic'], 'reject.topic'), device: str(o['device'], 'reject.device'),
    size: int(o['size'], 'reject.size'),
    payload: oneOf(o['encoding'], ['text', 'base64'], 'reject.encoding') === 'text' ? new TextEncoder().encode(payload) : bytesOf(payload),
  };
}

function countsOf<T>(x: unknown, what: string, of: (value: unknown) => T): Readonly<Record<string, T>> {
  if (!isRecord(x)) return {};
  return Object.fromEntries(Object.entries(record(x, what)).map(([key, value]) => [key, of(value)]));
}

/** Decodes a page of the quarantine. */
export function decodeRejects(x: unknown): RejectPage {
  const o = record(x, 'quarantine');
  return {
    rejects: list(o['rejects'], 'rejects').map(decodeReject),
    kept: countsOf(o['kept'], 'kept', (k) => {
      const c = record(k, 'kept');
      return {kept: int(c['kept'], 'kept.kept'), readable: int(c['readable'], 'kept.readable')};
    }),
    total: int(o['total'], 'total'),
    next: int(o['next'], 'next'),
  };
}

/** Decodes one reject with its message. */
export function decodeWholeReject(x: unknown): WholeReject {
  const message = record(x, 'reject')['message'];
  return {...decodeReject(x), message: message === null || message === undefined ? null : bytesOf(str(message, 'reject.message'))};
}

/** Decodes what came of reading messages again. */
export function decodeReread(x: unknown): Reread {
  const o = record(x, 'reread');
  return {
    total: int(o['total'], 'reread.total'), read: int(o['read'], 'reread.read'), unread: int(o['unread'], 'reread.unread'),
    observations: int(o['observations'], 'reread.observations'), refused: countsOf(o['refused'], 'reread.refused', (n) => int(n, 'reread.refused')),
  };
}

/** Decodes a job. */
export function decodeJob(x: unknown): Job {
  const o = record(x, 'job');
  return {
    id: str(o['id'], 'job.id'), state: oneOf(o['state'], ['running', 'done', 'failed', 'cancelled'], 'job.state'), by: str(o['by'], 'job.by'),
    cancelledBy: str(o['cancelled_by'], 'job.cancelled_by'),
    error: str(o['error'], 'job.error'), startedAtMs: instantMs(o['started_at'], 'job.started_at'), progress: decodeReread(o['progress']),
  };
}

/** Decodes the jobs, the newest first. */
export function decodeJobs(x: unknown): readonly Job[] {
  return list(record(x, 'jobs')['jobs'], 'jobs').map(decodeJob);
}

function decodeFault(x: unknown): Fault {
  const o = record(x, 'fault');
  return {row: int(o['row'], 'fault.row'), column: optional(o['column'], 'fault.column'), detail: str(o['detail'], 'fault.detail')};
}

/** Decodes what came of reading a file. */
export function decodeImported(x: unknown): Imported {
  const o = record(x, 'import');
  return {
    rows: int(o['rows'], 'import.rows'), imported: int(o['imported'], 'import.imported'), faultCount: int(o['fault_count'], 'import.fault_count'),
    faults: list(o['faults'], 'import.faults').map(decodeFault), ignored: texts(o['ignored'], 'import.ignored'),
  };
}

/** Decodes the faults of a file that was refused; none when the answer is no such refusal. */
export function decodeFaults(x: unknown): readonly Fault[] {
  if (!isRecord(x) || !Array.isArray(x['errors'])) return [];
  return list(x['errors'], 'errors').flatMap((e) => {
    const value = record(e, 'error')['value'];
    return isRecord(value) && typeof value['row'] === 'number' ? [decodeFault(value)] : [];
  });
}

/** Decodes what a device may publish with, nothing when no password is issued. */
export function decodeCredentials(x: unknown): readonly Credential[] {
  return list(record(x, 'credentials')['credentials'], 'credentials').map(decodeCredential);
}

/** Decodes what a device may publish with. */
export function decodeCredential(x: unknown): Credential {
  const o = record(x, 'credential');
  return {user: str(o['user'], 'credential.user'), topics: texts(o['topics'], 'credential.topics'), password: optional(o['password'], 'credential.password')};
}
