import {
  decodeAlerts, decodeHandling, instantMs, int, isRecord, list, names, oneOf, optional, record, str,
  type Alert, type Handling, type HandlingState, type Names,
} from '../../wire';

/** Reads what the rules are called, by key, of the answer of GET /api/v1/rules. */
export function decodeRuleNames(x: unknown): ReadonlyMap<string, Names> {
  return new Map(list(record(x, 'answer')['rules'], 'rules').map((r) => {
    const o = record(r, 'rule');
    return [str(o['name'], 'rule.name'), names(record(o['rule'], 'rule.rule')['names'], 'rule.names')] as const;
  }));
}

/** What a person can do about an alert. */
export const ACTIONS = ['acknowledge', 'dispatch', 'comment', 'confirmed', 'false_alarm', 'mute', 'close', 'reopen'] as const;

/** One of them. */
export type Action = (typeof ACTIONS)[number];

/** The states of handling, in the order of the work. */
export const STATES: readonly HandlingState[] = ['new', 'acknowledged', 'dispatched', 'done'];

/** What one person did about an alert at one time. */
export interface Entry {
  readonly seq: number;
  readonly atMs: number;
  readonly by: string;
  readonly action: Action;
  readonly note: string;
  readonly toArea: string;
  readonly toUnit: string;
  /** Of the handling after it. */
  readonly state: HandlingState;
}

/** A page of alerts; `next` is '' after the last. */
export interface AlertPage {
  readonly alerts: readonly Alert[];
  readonly next: string;
}

/** What became of an action on one of many alerts. */
export interface ActResult {
  readonly id: string;
  /** As of HTTP; 0 when the server did not answer. */
  readonly status: number;
  readonly detail: string;
  readonly handling: Handling | null;
}

/** Decodes the answer of GET /api/v1/alerts. */
export function decodePage(x: unknown): AlertPage {
  return {alerts: decodeAlerts(x), next: optional(record(x, 'alerts')['next'], 'alerts.next')};
}

/** Decodes one entry of the log of an alert. */
export function decodeEntry(x: unknown): Entry {
  const o = record(x, 'entry');
  const to = isRecord(o['to']) ? o['to'] : {};
  return {
    seq: int(o['seq'], 'entry.seq'),
    atMs: instantMs(o['at'], 'entry.at'),
    by: str(o['by'], 'entry.by'),
    action: oneOf(o['action'], ACTIONS, 'entry.action'),
    note: optional(o['note'], 'entry.note'),
    toArea: optional(to['area'], 'entry.to.area'),
    toUnit: optional(to['unit'], 'entry.to.unit'),
    state: oneOf(o['state'], STATES, 'entry.state'),
  };
}

/** Decodes the answer of GET /api/v1/alerts/{id}/log. */
export function decodeLog(x: unknown): readonly Entry[] {
  return list(record(x, 'log')['entries'], 'entries').map(decodeEntry);
}

/** Decodes the handling that POST /api/v1/alerts/{id}/actions answers. */
export function decodeActed(x: unknown): Handling {
  return decodeHandling(record(x, 'answer')['handling']);
}

/** Decodes the answer of POST /api/v1/alerts/actions. */
export function decodeResults(x: unknown): readonly ActResult[] {
  return list(record(x, 'answer')['results'], 'results').map((entry) => {
    const o = record(entry, 'result');
    return {
      id: str(o['id'], 'result.id'),
      status: int(o['status'], 'result.status'),
      detail: optional(o['detail'], 'result.detail'),
      handling: o['handling'] === null || o['handling'] === undefined ? null : decodeHandling(o['handling']),
    };
  });
}
