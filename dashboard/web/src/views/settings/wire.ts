import {
  decodeAreas, flag, instantMs, int, isRecord, list, names, num, numberOrNull, oneOf, optional, record, some, str,
  type Area, type Names, type Severity,
} from '../../wire';

/** The severities, mildest first. */
export const SEVERITIES: readonly Severity[] = ['notice', 'warning', 'critical'];

/** What a rule judges by. */
export const DETECTORS = ['threshold', 'exceedance', 'hotspot', 'change', 'baseline', 'drift', 'silence', 'outlier'] as const;

/** One of them. */
export type Detector = (typeof DETECTORS)[number];

/** The parameters of a detector by the keys of the API; what is missing is left out. */
export type Params = Readonly<Record<string, number | readonly number[]>>;

/** What of a rule may be changed. */
export interface RuleBody {
  readonly names: Names;
  readonly severity: Severity;
  readonly params: Params;
}

/** Who changed a setting last. */
export interface LastChange {
  /** 0 when nobody ever did. */
  readonly version: number;
  readonly by: string;
  readonly note: string;
  readonly atMs: number | null;
}

/** One rule of the book. */
export interface Rule extends LastChange {
  readonly name: string;
  readonly kind: string;
  readonly detector: Detector;
  readonly body: RuleBody;
  readonly file: RuleBody;
  readonly off: boolean;
  readonly changed: boolean;
  /** Why what somebody changed is not used, '' otherwise. */
  readonly stale: string;
  /** Saved, and not judged by yet. */
  readonly pending: boolean;
  readonly leadMs: number;
}

function lastChange(o: Readonly<Record<string, unknown>>): LastChange {
  return {
    version: int(o['version'], 'version'), by: optional(o['by'], 'by'), note: optional(o['note'], 'note'),
    atMs: o['at'] === null || o['at'] === undefined ? null : instantMs(o['at'], 'at'),
  };
}

function params(x: unknown): Params {
  const out: Record<string, number | readonly number[]> = {};
  for (const [key, value] of Object.entries(record(x, 'params'))) {
    if (value === null) continue;
    out[key] = Array.isArray(value) ? list(value, key).map((v) => num(v, key)) : num(value, key);
  }
  return out;
}

function ruleBody(x: unknown, detector: Detector): RuleBody {
  const o = record(x, 'rule');
  return {names: names(o['names'], 'rule.names'), severity: oneOf(o['severity'], SEVERITIES, 'rule.severity'), params: params(o[detector])};
}

/** Decodes one rule. */
export function decodeRule(x: unknown): Rule {
  const o = record(x, 'rule');
  const detector = oneOf(o['detector'], DETECTORS, 'rule.detector');
  return {
    ...lastChange(o), name: str(o['name'], 'rule.name'), kind: str(o['kind'], 'rule.kind'), detector,
    body: ruleBody(o['rule'], detector), file: ruleBody(o['file'], detector),
    off: flag(o['off'], 'rule.off'), changed: flag(o['changed'], 'rule.changed'), stale: optional(o['stale'], 'rule.stale'),
    pending: flag(o['pending'], 'rule.pending'), leadMs: num(o['lead_seconds'], 'rule.lead_seconds') * 1000,
  };
}

/** Decodes the answer of GET /api/v1/rules. */
export function decodeRules(x: unknown): readonly Rule[] {
  return list(record(x, 'answer')['rules'], 'rules').map(decodeRule);
}

/** The body of a rule as the API takes it. */
export function encodeRule(body: RuleBody, detector: Detector): Readonly<Record<string, unknown>> {
  return {names: body.names, severity: body.severity, [detector]: body.params};
}

/** One alert that a preview has found. */
export interface Episode {
  readonly place: string;
  readonly device: string;
  readonly area: string;
  readonly severity: Severity;
  readonly value: number;
  readonly reason: Names;
  readonly raisedMs: number;
  readonly clearedMs: number | null;
}

/** Alerts of one way to judge. */
export interface Episodes {
  readonly total: number;
  readonly open: number;
  readonly listed: readonly Episode[];
}

/** What came of trying a changed rule. */
export interface Preview {
  readonly fromMs: number;
  readonly toMs: number;
  readonly learnedFromMs: number | null;
  readonly observations: number;
  readonly days: readonly {readonly dayMs: number; readonly changed: number; readonly present: number; readonly fired: number}[];
  readonly changed: Episodes;
  readonly present: Episodes;
  readonly fired: Episodes;
}

/** How a preview stands. */
export interface PreviewJob {
  readonly id: string;
  readonly state: 'waiting' | 'running' | 'done' | 'failed' | 'cancelled';
  /** Share that is done, 0 to 1. */
  readonly share: number;
  readonly error: string;
  readonly preview: Preview | null;
}

function episodes(x: unknown): Episodes {
  const o = record(x, 'episodes');
  return {
    total: int(o['total'], 'total'), open: int(o['open'], 'open'),
    listed: list(o['listed'], 'listed').map((e): Episode => {
      const p = record(e, 'episode');
      return {
        place: str(p['place'], 'place'), device: optional(p['device'], 'device'), area: optional(p['area'], 'area'),
        severity: oneOf(p['severity'], SEVERITIES, 'severity'), value: num(p['value'], 'value'), reason: names(p['reason'], 'reason'),
        raisedMs: instantMs(p['raised_at'], 'raised_at'), clearedMs: p['cleared_at'] === null ? null : instantMs(p['cleared_at'], 'cleared_at'),
      };
    }),
  };
}

function preview(x: unknown): Preview {
  const o = record(x, 'preview');
  return {
    fromMs: instantMs(o['from'], 'from'), toMs: instantMs(o['to'], 'to'),
    learnedFromMs: o['learned_from'] === null ? null : instantMs(o['learned_from'], 'learned_from'),
    observations: int(o['observations'], 'observations'),
    days: list(o['days'], 'days').map((d) => {
      const p = record(d, 'day');
      return {dayMs: instantMs(p['day'], 'day'), changed: int(p['changed'], 'changed'), present: int(p['present'], 'present'), fired: int(p['fired'], 'fired')};
    }),
    changed: episodes(o['changed']), present: episodes(o['present']), fired: episodes(o['fired']),
  };
}

/** Decodes how a preview stands. */
export function decodePreviewJob(x: unknown): PreviewJob {
  const o = record(x, 'job');
  const progress = record(o['progress'], 'progress');
  const total = int(progress['total'], 'total');
  return {
    id: str(o['id'], 'id'), state: oneOf(o['state'], ['waiting', 'running', 'done', 'failed', 'cancelled'], 'state'),
    share: total === 0 ? 0 : int(progress['done'], 'done') / total, error: optional(o['error'], 'error'),
    preview: isRecord(o['preview']) ? preview(o['preview']) : null,
  };
}

/** What of a kind may be changed. */
export interface KindBody {
  readonly names: Names;
  readonly unitLabel: Names;
  readonly scale: readonly [number, number];
}

/** One kind as people changed it. */
export interface KindSetting extends LastChange {
  readonly key: string;
  readonly kind: KindBody;
  readonly file: KindBody;
  readonly changed: boolean;
  readonly pending: boolean;
}

function kindBody(x: unknown): KindBody {
  const o = record(x, 'kind');
  const [low, high] = list(o['scale'], 'scale');
  return {names: names(o['names'], 'names'), unitLabel: names(o['unit_label'], 'unit_label'), scale: [num(low, 'scale'), num(high, 'scale')]};
}

/** Decodes one kind. */
export function decodeKindSetting(x: unknown): KindSetting {
  const o = record(x, 'kind');
  return {...lastChange(o), key: str(o['key'], 'key'), kind: kindBody(o['kind']), file: kindBody(o['file']), changed: flag(o['changed'], 'changed'), pending: flag(o['pending'], 'pending')};
}

/** Decodes the answer of GET /api/v1/settings/kinds. */
export function decodeKindSettings(x: unknown): readonly KindSetting[] {
  return list(record(x, 'answer')['kinds'], 'kinds').map(decodeKindSetting);
}

/** Which areas are saved. */
export interface AreaSetting extends LastChange {
  readonly areas: number;
  readonly saved: boolean;
  readonly pending: boolean;
  readonly fileAreas: number;
}

/** Decodes the answer of GET /api/v1/settings/areas. */
export function decodeAreaSetting(x: unknown): AreaSetting {
  const o = record(x, 'areas');
  return {...lastChange(o), areas: int(o['areas'], 'areas'), saved: flag(o['saved'], 'saved'), pending: flag(o['pending'], 'pending'), fileAreas: int(o['file_areas'], 'file_areas')};
}

/** What is wrong or odd about areas. */
export const MATTERS = ['unreadable', 'self_intersection', 'hole_outside', 'overlap', 'outside_parent', 'parent_missing', 'too_small', 'too_many_corners', 'too_large', 'code_unusual'] as const;

/** One of them. */
export type Matter = (typeof MATTERS)[number];

/** One finding of a check. */
export interface Finding {
  readonly matter: Matter;
  readonly fault: boolean;
  readonly area: string;
  readonly other: string;
  readonly at: readonly [lon: number, lat: number] | null;
  readonly squareMetres: number;
  readonly message: string;
}

/** How many cells there are of a resolution. */
export interface Level {
  readonly resolution: number;
  readonly cells: number;
}

/** What a check of areas has found. */
export interface AreaCheck {
  readonly findings: readonly Finding[];
  readonly cells: readonly Level[];
  readonly areas: readonly {readonly code: string; readonly names: Names; readonly cells: readonly Level[]}[];
  readonly gaps: readonly string[];
  readonly gapCount: number;
  readonly overlaps: readonly string[];
  readonly overlapCount: number;
  readonly added: readonly string[];
  readonly removed: readonly string[];
  readonly reshaped: readonly string[];
  readonly devices: number;
  readonly movedCount: number;
  readonly outCount: number;
  readonly moved: readonly {readonly device: string; readonly from: string; readonly to: string}[];
  /** As they would be saved, WGS 84; null when they cannot be read. */
  readonly geojson: unknown;
  readonly drawn: readonly Area[];
}

const levels = (x: unknown): readonly Level[] => list(x, 'cells').map((l) => {
  const o = record(l, 'level');
  return {resolution: int(o['resolution'], 'resolution'), cells: int(o['cells'], 'cells')};
});

const texts = (x: unknown, what: string): readonly string[] => list(x, what).map((t) => str(t, what));

/** Decodes the answer of POST /api/v1/settings/areas/check. */
export function decodeAreaCheck(x: unknown): AreaCheck {
  const o = record(x, 'check');
  return {
    findings: list(o['findings'], 'findings').map((f): Finding => {
      const p = record(f, 'finding');
      const at = isRecord(p['at']) ? p['at'] : null;
      return {
        matter: oneOf(p['matter'], MATTERS, 'matter'), fault: flag(p['fault'], 'fault'), area: optional(p['area'], 'area'), other: optional(p['other'], 'other'),
        at: at === null ? null : [num(at['lon'], 'lon'), num(at['lat'], 'lat')], squareMetres: num(p['square_meters'], 'square_meters'), message: optional(p['message'], 'message'),
      };
    }),
    cells: levels(o['cells']),
    areas: list(o['areas'], 'areas').map((a) => {
      const p = record(a, 'area');
      return {code: str(p['code'], 'code'), names: names(p['names'], 'names'), cells: levels(p['cells'])};
    }),
    gaps: texts(o['gaps'], 'gaps'), gapCount: int(o['gap_count'], 'gap_count'),
    overlaps: list(o['overlaps'], 'overlaps').map((c) => str(record(c, 'overlap')['cell'], 'cell')), overlapCount: int(o['overlap_count'], 'overlap_count'),
    added: texts(o['added'], 'added'), removed: texts(o['removed'], 'removed'), reshaped: texts(o['reshaped'], 'reshaped'),
    devices: int(o['devices'], 'devices'), movedCount: int(o['moved_count'], 'moved_count'), outCount: int(o['out_count'], 'out_count'),
    moved: list(o['moved'], 'moved').map((d) => {
      const p = record(d, 'moved');
      return {device: str(p['device'], 'device'), from: optional(p['from'], 'from'), to: optional(p['to'], 'to')};
    }),
    geojson: o['geojson'] ?? null,
    drawn: isRecord(o['geojson']) ? decodeAreas(o['geojson']) : [],
  };
}

/** How a channel reaches people. */
export const CHANNEL_TYPES = ['webhook', 'email', 'wecom', 'dingtalk', 'feishu'] as const;

/** One of them. */
export type ChannelType = (typeof CHANNEL_TYPES)[number];

/** Where e-mail is handed in. */
export interface Mail {
  readonly server: string;
  readonly security: 'starttls' | 'tls' | 'none';
  readonly user: string;
  readonly from: string;
  readonly to: readonly string[];
}

/** A channel without its secrets. */
export interface ChannelBody {
  readonly name: string;
  readonly type: ChannelType;
  readonly on: boolean;
  readonly lang: 'zh' | 'en';
  readonly mail: Mail | null;
  readonly severity: Severity;
  readonly areas: readonly string[];
  readonly quality: boolean;
  readonly quiet: {readonly from: string; readonly to: string; readonly critical: boolean} | null;
  readonly page: string;
}

/** A channel as it is kept. */
export interface Channel extends LastChange, ChannelBody {
  readonly id: string;
  readonly host: string;
  readonly hasSecret: boolean;
  /** What is kept of address, key or password cannot be read and must be given again. */
  readonly secretsLost: boolean;
  readonly waiting: number;
  readonly delivered: number;
  readonly dead: number;
  readonly withheld: number;
}

/** Decodes one channel. */
export function decodeChannel(x: unknown): Channel {
  const o = record(x, 'channel');
  const mail = isRecord(o['mail']) ? o['mail'] : null;
  const quiet = isRecord(o['quiet']) ? o['quiet'] : null;
  return {
    ...lastChange(o), id: str(o['id'], 'id'), name: str(o['name'], 'name'), type: oneOf(o['type'], CHANNEL_TYPES, 'type'), on: flag(o['on'], 'on'),
    lang: oneOf(o['lang'], ['zh', 'en'], 'lang'), severity: oneOf(o['severity'], SEVERITIES, 'severity'), areas: texts(o['areas'], 'areas'),
    quality: flag(o['quality'], 'quality'), page: optional(o['page'], 'page'), host: optional(o['host'], 'host'), hasSecret: flag(o['has_secret'], 'has_secret'),
    secretsLost: flag(o['secrets_lost'], 'secrets_lost'),
    waiting: int(o['waiting'], 'waiting'), delivered: int(o['delivered'], 'delivered'), dead: int(o['dead'], 'dead'), withheld: int(o['withheld'], 'withheld'),
    mail: mail === null ? null : {
      server: str(mail['server'], 'server'), security: oneOf(mail['security'], ['starttls', 'tls', 'none'], 'security'), user: optional(mail['user'], 'user'),
      from: str(mail['from'], 'from'), to: texts(mail['to'], 'to'),
    },
    quiet: quiet === null ? null : {from: str(quiet['from'], 'from'), to: str(quiet['to'], 'to'), critical: flag(quiet['critical'], 'critical')},
  };
}

/** Decodes the answer of GET /api/v1/channels. */
export function decodeChannels(x: unknown): readonly Channel[] {
  return list(record(x, 'answer')['channels'], 'channels').map(decodeChannel);
}

/** What became of a test. */
export interface Tried {
  readonly arrived: boolean;
  readonly error: string;
}

/** Decodes the answer of POST /api/v1/channels/{id}/test. */
export function decodeTried(x: unknown): Tried {
  const o = record(x, 'test');
  return {arrived: flag(o['arrived'], 'arrived'), error: optional(o['error'], 'error')};
}

/** One message to a channel. */
export interface Delivery {
  readonly id: number;
  readonly channel: string;
  readonly alert: string;
  readonly event: 'raised' | 'risen';
  readonly state: 'waiting' | 'delivered' | 'dead' | 'withheld';
  readonly attempts: number;
  readonly nextMs: number | null;
  readonly fault: string;
  readonly createdMs: number;
}

/** Decodes the answer of GET /api/v1/deliveries. */
export function decodeDeliveries(x: unknown): readonly Delivery[] {
  return list(record(x, 'answer')['deliveries'], 'deliveries').map((d) => {
    const o = record(d, 'delivery');
    return {
      id: int(o['id'], 'id'), channel: str(o['channel'], 'channel'), alert: str(o['alert'], 'alert'), event: oneOf(o['event'], ['raised', 'risen'], 'event'),
      state: oneOf(o['state'], ['waiting', 'delivered', 'dead', 'withheld'], 'state'), attempts: int(o['attempts'], 'attempts'),
      nextMs: o['next'] === null ? null : instantMs(o['next'], 'next'), fault: optional(o['fault'], 'fault'), createdMs: instantMs(o['created_at'], 'created_at'),
    };
  });
}

/** The sections whose changes are kept. */
export const SECTIONS = ['rule', 'kind', 'areas', 'channel', 'credential', 'channel_test', 'delivery'] as const;

/** One change of a setting. */
export interface Change extends LastChange {
  readonly id: number;
  readonly section: (typeof SECTIONS)[number];
  readonly key: string;
  readonly reset: boolean;
  readonly before: string;
  readonly after: string;
}

/** Decodes the answer of GET /api/v1/settings/changes. */
export function decodeChanges(x: unknown): readonly Change[] {
  return list(record(x, 'answer')['changes'], 'changes').map((c) => {
    const o = record(c, 'change');
    return {
      ...lastChange(o), id: int(o['id'], 'id'), section: oneOf(o['section'], SECTIONS, 'section'), key: str(o['key'], 'key'), reset: flag(o['reset'], 'reset'),
      before: optional(o['before'], 'before'), after: optional(o['after'], 'after'),
    };
  });
}

/** Whether the test that a channel_test tells of arrived. */
export function testArrived(after: string): boolean {
  const o: unknown = JSON.parse(after);
  return isRecord(o) && o['arrived'] === true;
}

/** How many, since when, of a reason. */
export interface Reason {
  readonly reason: string;
  readonly total: number;
  readonly lately: number;
}

/** The state of the system itself. */
export interface System {
  readonly version: string;
  readonly go: string;
  readonly startedMs: number;
  readonly uptimeMs: number;
  readonly ready: boolean;
  readonly journal: {
    readonly entries: number; readonly unrecorded: number; readonly unjudged: number; readonly lagMs: number;
    readonly bytes: number; readonly maxBytes: number; readonly newestAgeMs: number | null;
  };
  readonly stores: readonly {readonly name: string; readonly url: string; readonly healthy: boolean; readonly error: string; readonly bytes: number}[];
  readonly ingest: {
    readonly perSecond: number; readonly total: number; readonly duplicates: number;
    readonly rejected: readonly Reason[]; readonly lost: readonly Reason[];
  };
  readonly broker: {readonly address: string; readonly embedded: boolean; readonly healthy: boolean; readonly error: string; readonly connections: number};
  readonly live: {readonly viewers: number; readonly bytesPerSecond: number};
  readonly disk: {readonly path: string; readonly free: number; readonly size: number};
  readonly process: {readonly memoryBytes: number; readonly cpuShare: number; readonly processors: number};
  readonly backups: {readonly supported: boolean; readonly lastMs: number | null};
  readonly warnings: readonly {
    readonly atMs: number; readonly level: 'warn' | 'error'; readonly component: string; readonly message: string; readonly facts: readonly (readonly [string, string])[];
  }[];
}

const reasons = (x: unknown): readonly Reason[] => some(x, 'reasons').map((r) => {
  const o = record(r, 'reason');
  return {reason: str(o['reason'], 'reason'), total: num(o['total'], 'total'), lately: num(o['lately'], 'lately')};
});

/** Decodes the answer of GET /api/v1/system. */
export function decodeSystem(x: unknown): System {
  const o = record(x, 'system');
  const [journal, ingest, broker, live] = [record(o['journal'], 'journal'), record(o['ingest'], 'ingest'), record(o['broker'], 'broker'), record(o['live'], 'live')];
  const [disk, process, backups] = [record(o['disk'], 'disk'), record(o['process'], 'process'), record(o['backups'], 'backups')];
  const age = numberOrNull(journal['newest_age_seconds'], 'newest_age_seconds');
  const backup = some(backups['last'], 'backups.last')[0];
  return {
    version: str(o['version'], 'version'), go: str(o['go'], 'go'), startedMs: instantMs(o['started_at'], 'started_at'),
    uptimeMs: num(o['uptime_seconds'], 'uptime_seconds') * 1000, ready: flag(o['ready'], 'ready'),
    journal: {
      entries: num(journal['entries'], 'entries'), unrecorded: num(journal['unrecorded'], 'unrecorded'), unjudged: num(journal['unjudged'], 'unjudged'),
      lagMs: num(journal['lag_seconds'], 'lag_seconds') * 1000, bytes: num(journal['bytes'], 'bytes'), maxBytes: num(journal['max_bytes'], 'max_bytes'),
      newestAgeMs: age === null ? null : age * 1000,
    },
    stores: list(o['stores'], 'stores').map((s) => {
      const p = record(s, 'store');
      return {name: str(p['name'], 'name'), url: optional(p['url'], 'url'), healthy: flag(p['healthy'], 'healthy'), error: optional(p['error'], 'error'), bytes: num(p['bytes'], 'bytes')};
    }),
    ingest: {
      perSecond: num(ingest['observations_per_second'], 'observations_per_second'), total: num(ingest['observations'], 'observations'),
      duplicates: num(ingest['duplicates'], 'duplicates'), rejected: reasons(ingest['rejected']), lost: reasons(ingest['lost']),
    },
    broker: {
      address: str(broker['address'], 'address'), embedded: flag(broker['embedded'], 'embedded'), healthy: flag(broker['healthy'], 'healthy'),
      error: optional(broker['error'], 'error'), connections: num(broker['connections'], 'connections'),
    },
    live: {viewers: num(live['viewers'], 'viewers'), bytesPerSecond: num(live['bytes_per_second'], 'bytes_per_second')},
    disk: {path: str(disk['path'], 'path'), free: num(disk['free'], 'free'), size: num(disk['size'], 'size')},
    process: {memoryBytes: num(process['memory_bytes'], 'memory_bytes'), cpuShare: num(process['cpu_share'], 'cpu_share'), processors: int(process['processors'], 'processors')},
    backups: {supported: flag(backups['supported'], 'supported'), lastMs: backup === undefined ? null : instantMs(record(backup, 'backup')['at'], 'backup.at')},
    warnings: list(o['warnings'], 'warnings').map((w) => {
      const p = record(w, 'warning');
      return {
        atMs: instantMs(p['at'], 'at'), level: oneOf(p['level'], ['warn', 'error'], 'level'), component: optional(p['component'], 'component'), message: str(p['message'], 'message'),
        facts: Object.entries(record(p['facts'], 'facts')).map(([key, value]): readonly [string, string] => [key, str(value, key)]),
      };
    }),
  };
}

/** Decodes the answer of GET /api/v1/settings/areas.geojson: the areas, and the parent of each by its code. */
export function decodeSavedAreas(x: unknown): {readonly areas: readonly Area[]; readonly parents: ReadonlyMap<string, string>} {
  const parents = new Map<string, string>();
  for (const f of list(record(x, 'areas')['features'], 'features')) {
    const p = record(record(f, 'feature')['properties'], 'properties');
    parents.set(optional(p['code'], 'code'), optional(p['parent'], 'parent'));
  }
  return {areas: decodeAreas(x), parents};
}
