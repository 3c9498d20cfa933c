import {ApiError, get, send} from '../../api';
import {newKey} from '../../key';
import type {Alert, Handling} from '../../wire';
import {decodeActed, decodeLog, decodeResults, type Action, type ActResult, type Entry} from './wire';

/** What the mute of an alert covers. */
export const SCOPES = ['place', 'area', 'rule'] as const;

/** One of them. */
export type Scope = (typeof SCOPES)[number];

/** What one person wants to do about alerts. */
export interface Order {
  readonly action: Action;
  readonly by: string;
  readonly note: string;
  /** For dispatch. */
  readonly toArea: string;
  readonly toUnit: string;
  /** For mute. */
  readonly mute: {readonly scope: Scope; readonly toMs: number} | null;
  /** Makes the order count once, however often it is sent. */
  readonly key: string;
}

/** An order without a note or a destination. */
export function plainOrder(action: Action, by: string): Order {
  return {action, by, note: '', toArea: '', toUnit: '', mute: null, key: newKey()};
}

/** The order as the server wants it. */
export function bodyOf(o: Order): Readonly<Record<string, unknown>> {
  return {
    action: o.action, by: o.by,
    ...(o.note === '' ? {} : {note: o.note}),
    ...(o.action === 'dispatch' ? {to: {...(o.toArea === '' ? {} : {area: o.toArea}), ...(o.toUnit === '' ? {} : {unit: o.toUnit})}} : {}),
    ...(o.mute === null ? {} : {mute: {scope: o.mute.scope, to: new Date(o.mute.toMs).toISOString()}}),
  };
}

/** At most this many alerts go in one request. */
const BULK = 200;

/** How often an order is sent while the server does not answer. */
const ATTEMPTS = 3;

/** Sends again what did not reach the server: the key makes it count once. */
async function insisting<T>(attempt: () => Promise<T>, wait: (ms: number) => Promise<void>): Promise<T> {
  for (let n = 1; ; n++) {
    try {
      return await attempt();
    } catch (error) {
      const away = error instanceof ApiError && (error.status === 0 || error.status === 503);
      if (!away || n === ATTEMPTS) throw error;
      await wait(500 * n);
    }
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}

/** Does one thing about one alert as it is known; an ApiError with isConflict says that somebody was first. */
export async function actOnOne(a: Alert, order: Order, wait = pause): Promise<Handling> {
  const path = `alerts/${encodeURIComponent(a.id)}/actions`;
  const sending = {body: bodyOf(order), ifMatch: `"${a.handling.version}"`, idempotencyKey: order.key, decode: decodeActed};
  return (await insisting(() => send('POST', path, sending), wait)).value;
}

/**
 * Does one thing about many alerts; each is taken or refused by itself. They go
 * to the server in parts: once one has been answered, the alerts of a part that
 * fails and of those after it are answered with status 0. It throws when the
 * first part fails.
 */
export async function actOnMany(alerts: readonly Alert[], order: Order, wait = pause): Promise<readonly ActResult[]> {
  const results: ActResult[] = [];
  for (let at = 0; at < alerts.length; at += BULK) {
    const part = alerts.slice(at, at + BULK).map((a) => ({id: a.id, version: a.handling.version}));
    const sending = {body: {...bodyOf(order), alerts: part}, idempotencyKey: order.key, decode: decodeResults};
    try {
      results.push(...(await insisting(() => send('POST', 'alerts/actions', sending), wait)).value);
    } catch (error) {
      if (at === 0) throw error;
      const detail = error instanceof ApiError ? error.detail || error.message : String(error);
      return [...results, ...alerts.slice(at).map((a) => ({id: a.id, status: 0, detail, handling: null}))];
    }
  }
  return results;
}

/** Who did what about an alert, after an entry. */
export function logOf(id: string, after: number, signal?: AbortSignal): Promise<readonly Entry[]> {
  return get(`alerts/${encodeURIComponent(id)}/log?limit=1000&after=${after}`, decodeLog, signal);
}
