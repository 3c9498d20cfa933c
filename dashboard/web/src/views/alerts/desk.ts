import {ApiError} from '../../api';
import type {Alert, Handling} from '../../wire';
import {actOnMany, actOnOne, logOf, type Order} from './act';
import {applies, isIdle} from './keys';
import type {Action, Entry} from './wire';

/** An alert that somebody else handled first: as it is now, and what was done since it was looked at. */
export interface Clash {
  readonly alert: Alert;
  readonly since: readonly Entry[];
}

/** What became of an order. */
export interface Outcome {
  /** What the alerts that were taken are now, and those that were refused, as far as that is known. */
  readonly handled: ReadonlyMap<string, Handling>;
  readonly done: number;
  readonly clashes: readonly Clash[];
  /** What else went wrong, in the server's words. */
  readonly failures: readonly string[];
}

/** The alerts that an action changes anything about. */
export function targetsOf(action: Action, alerts: readonly Alert[], me: string): readonly Alert[] {
  return alerts.filter((a) => applies(action, a.handling.state) && !isIdle(action, a.handling, me));
}

/** The alerts that an order is under way for: a second one would only clash with the first. */
export class Underway {
  readonly #ids = new Set<string>();

  /** Those of the alerts that no order is under way for, which there is now until end. */
  begin(alerts: readonly Alert[]): readonly Alert[] {
    const free = alerts.filter((a) => !this.#ids.has(a.id));
    for (const a of free) this.#ids.add(a.id);
    return free;
  }

  /** The order for these was answered. */
  end(alerts: readonly Alert[]): void {
    for (const a of alerts) this.#ids.delete(a.id);
  }
}

/** What the order needs of the server, so that tests can be it. */
export interface Server {
  readonly one: typeof actOnOne;
  readonly many: typeof actOnMany;
  readonly log: (id: string, after: number) => Promise<readonly Entry[]>;
}

const REAL: Server = {one: actOnOne, many: actOnMany, log: (id, after) => logOf(id, after)};

/** At most so many of the alerts that others handled first are told of with what was done. */
const TOLD = 20;

/** Gives an order about alerts as they were looked at. It throws nothing: what went wrong is in the outcome. */
export async function give(order: Order, alerts: readonly Alert[], server: Server = REAL): Promise<Outcome> {
  const [only] = alerts;
  return only !== undefined && alerts.length === 1 ? giveOne(order, only, server) : giveMany(order, alerts, server);
}

async function giveOne(order: Order, a: Alert, server: Server): Promise<Outcome> {
  try {
    const handling = await server.one(a, order);
    return {handled: new Map([[a.id, handling]]), done: 1, clashes: [], failures: []};
  } catch (error) {
    if (!(error instanceof ApiError) || !error.isConflict) return failed(error);
    return clashed([a], new Map(), 0, server);
  }
}

async function giveMany(order: Order, alerts: readonly Alert[], server: Server): Promise<Outcome> {
  try {
    const results = await server.many(alerts, order);
    const handled = new Map<string, Handling>();
    for (const r of results) if (r.handling !== null) handled.set(r.id, r.handling);
    const failures = new Set<string>();
    const late: Alert[] = [];
    for (const [k, r] of results.entries()) {
      const a = alerts[k];
      if (r.status === 412 || r.status === 409) {
        if (a !== undefined) late.push(a);
      } else if (r.status !== 200) failures.add(r.detail);
    }
    const outcome = await clashed(late, handled, results.filter((r) => r.status === 200).length, server);
    return {...outcome, failures: [...outcome.failures, ...failures]};
  } catch (error) {
    return failed(error);
  }
}

function failed(error: unknown): Outcome {
  return {handled: new Map(), done: 0, clashes: [], failures: [error instanceof ApiError ? (error.detail || error.message) : String(error)]};
}

/** Asks what was done about alerts since they were looked at. */
async function clashed(late: readonly Alert[], handled: ReadonlyMap<string, Handling>, done: number, server: Server): Promise<Outcome> {
  const known = new Map(handled);
  const failures: string[] = [];
  const clashes = await Promise.all(late.map(async (a, k): Promise<Clash> => {
    const now = known.get(a.id);
    if (k >= TOLD && now !== undefined) return {alert: {...a, handling: now}, since: []};
    try {
      const since = await server.log(a.id, a.handling.version);
      const handling = now ?? handlingAfter(a.handling, since);
      known.set(a.id, handling);
      return {alert: {...a, handling}, since};
    } catch (error) {
      failures.push(error instanceof ApiError ? error.message : String(error));
      return {alert: now === undefined ? a : {...a, handling: now}, since: []};
    }
  }));
  return {handled: known, done, clashes, failures};
}

/** What a handling is after entries of the log, as the server reckons it. */
export function handlingAfter(h: Handling, entries: readonly Entry[]): Handling {
  return entries.reduce((was, e): Handling => {
    const takes = e.state !== was.state || e.action === 'acknowledge' || e.action === 'dispatch';
    return {
      state: e.state, version: e.seq,
      by: takes ? e.by : was.by, atMs: takes ? e.atMs : was.atMs,
      toArea: e.action === 'dispatch' ? e.toArea : was.toArea, toUnit: e.action === 'dispatch' ? e.toUnit : was.toUnit,
      answer: e.action === 'confirmed' || e.action === 'false_alarm' ? e.action : was.answer,
    };
  }, h);
}
