import {newer} from '../../alerts';
import type {Alert, Handling} from '../../wire';
import {matches, type Filter} from './filter';

/** Handlings that the server answered before they came as events, by alert. */
export type Handled = ReadonlyMap<string, Handling>;

/** All alerts at hand, each as it is known best: live, fetched, and as the last action left it. */
export function merged(live: ReadonlyMap<string, Alert> | undefined, fetched: readonly Alert[], handled: Handled): ReadonlyMap<string, Alert> {
  const all = new Map(live);
  for (const a of fetched) if (newer(all.get(a.id), a)) all.set(a.id, a);
  for (const [id, handling] of handled) {
    const a = all.get(id);
    if (a !== undefined && handling.version > a.handling.version) all.set(id, {...a, handling});
  }
  return all;
}

/**
 * What was fetched, with what the live events know better: those that are closed
 * are forgotten there after a while, and must not come back as they were fetched.
 */
export function learned(fetched: readonly Alert[], live: ReadonlyMap<string, Alert> | undefined): readonly Alert[] {
  const next = fetched.map((a) => {
    const known = live?.get(a.id);
    return known !== undefined && newer(a, known) ? known : a;
  });
  return next.some((a, k) => a !== fetched[k]) ? next : fetched;
}

/** The alerts that a filter lists, newest first. */
export function listed(all: ReadonlyMap<string, Alert>, filter: Filter): readonly Alert[] {
  return [...all.values()]
    .filter((a) => matches(a, filter))
    .sort((a, b) => b.raisedAtMs - a.raisedAtMs || (a.id < b.id ? 1 : -1));
}

/** The handlings that say more than the events so far; the others have served. */
export function pruned(handled: Handled, live: ReadonlyMap<string, Alert> | undefined): Handled {
  const left = [...handled].filter(([id, h]) => (live?.get(id)?.handling.version ?? -1) < h.version);
  return left.length === handled.size ? handled : new Map(left);
}

/** The distinct values of something of alerts, in order. */
export function valuesOf(alerts: Iterable<Alert>, of: (a: Alert) => string): readonly string[] {
  return [...new Set([...alerts].map(of))].filter((v) => v !== '').sort();
}
