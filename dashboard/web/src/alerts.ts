import {unreachable} from './cells';
import type {Alert, AlertsFrame, Severity} from './wire';

/** Closed alerts beyond this many are forgotten, oldest first. */
export const CLOSED_KEPT = 500;

/** What is known of the alerts topic. */
export interface AlertBook {
  readonly epoch: string;
  readonly seq: number;
  readonly byId: ReadonlyMap<string, Alert>;
  /** How many more are open than the server has told, which tells the gravest of too many. */
  readonly untold: number;
}

/** What became of a frame: `news` are the alerts whose revision was not known; what people do about one is no news. */
export type AlertsStep =
  | {readonly outcome: 'applied'; readonly book: AlertBook; readonly news: readonly Alert[]}
  | {readonly outcome: 'mismatch'};

/** Whether a is a revision that was not known. */
function isNews(known: Alert | undefined, a: Alert): boolean {
  return known === undefined || a.revision > known.revision;
}

/** Whether a says more than what is known: a later revision, or a later handling of the same. */
export function newer(known: Alert | undefined, a: Alert): boolean {
  return isNews(known, a) || (known !== undefined && a.revision === known.revision && a.handling.version > known.handling.version);
}

function trimmed(byId: ReadonlyMap<string, Alert>): ReadonlyMap<string, Alert> {
  const closed = [...byId.values()].filter((a) => a.state === 'closed');
  if (closed.length <= CLOSED_KEPT) return byId;
  closed.sort((a, b) => a.updatedAtMs - b.updatedAtMs);
  const out = new Map(byId);
  for (const a of closed.slice(0, closed.length - CLOSED_KEPT)) out.delete(a.id);
  return out;
}

function applySnapshot(book: AlertBook | null, frame: AlertsFrame & {kind: 'alerts-snapshot'}): AlertsStep {
  const known = book !== null && book.epoch === frame.epoch ? book.byId : new Map<string, Alert>();
  const byId = new Map<string, Alert>();
  const news: Alert[] = [];
  const told = frame.alerts.filter((a) => a.state === 'open').length;
  const untold = Math.max(0, (frame.open ?? told) - told);
  for (const a of frame.alerts) {
    const old = known.get(a.id);
    byId.set(a.id, old !== undefined && !newer(old, a) ? old : a);
    if (book !== null && isNews(old, a)) news.push(a);
  }
  return {outcome: 'applied', book: {epoch: frame.epoch, seq: frame.seq, byId: trimmed(byId), untold}, news};
}

/** Whether an open alert is one of those that were there before and not told. */
function wasUntold(known: Alert | undefined, a: Alert): boolean {
  return known === undefined && a.state === 'open' && (a.revision > 1 || a.handling.version > 0);
}

/** The book once the server has counted the open alerts anew: those that close untold are not told of. */
export function recounted(book: AlertBook, open: number): AlertBook {
  const untold = Math.max(0, open - openAlerts(book).length);
  return untold === book.untold ? book : {...book, untold};
}

/**
 * Applies one frame. It is pure. A snapshot replaces what is known, but never a
 * revision by an older one; a repeated event changes nothing but the number.
 * The alerts of the very first snapshot are no news.
 */
export function applyAlerts(book: AlertBook | null, frame: AlertsFrame): AlertsStep {
  switch (frame.kind) {
    case 'alerts-snapshot':
      return applySnapshot(book, frame);
    case 'alert': {
      if (book === null) return {outcome: 'mismatch'};
      const seq = Math.max(book.seq, frame.seq);
      const known = book.byId.get(frame.alert.id);
      if (!newer(known, frame.alert)) return {outcome: 'applied', book: {...book, seq}, news: []};
      const byId = new Map(book.byId).set(frame.alert.id, frame.alert);
      const untold = wasUntold(known, frame.alert) ? Math.max(0, book.untold - 1) : book.untold;
      return {outcome: 'applied', book: {...book, seq, byId: trimmed(byId), untold}, news: isNews(known, frame.alert) ? [frame.alert] : []};
    }
    default:
      return unreachable(frame);
  }
}

const RANK: Readonly<Record<Severity, number>> = {notice: 0, warning: 1, critical: 2};

/** The alerts of a book, newest first; of equal times the graver first. */
export interface SortedAlerts {
  readonly open: readonly Alert[];
  readonly closed: readonly Alert[];
}

/** Books never change, and every part of the page asks for the same order at every movement of the pointer. */
const sorted = new WeakMap<AlertBook, SortedAlerts>();

const NO_ALERTS: SortedAlerts = {open: [], closed: []};

/** The alerts in their order. */
export function sortedAlerts(book: AlertBook | null): SortedAlerts {
  if (book === null) return NO_ALERTS;
  const known = sorted.get(book);
  if (known !== undefined) return known;
  const all = [...book.byId.values()].sort(
    (a, b) => b.raisedAtMs - a.raisedAtMs || RANK[b.severity] - RANK[a.severity] || (a.id < b.id ? 1 : -1),
  );
  const made = {open: all.filter((a) => a.state === 'open'), closed: all.filter((a) => a.state === 'closed')};
  sorted.set(book, made);
  return made;
}

/** The open ones, newest first. */
export function openAlerts(book: AlertBook | null): readonly Alert[] {
  return sortedAlerts(book).open;
}

/** How many alerts are open, told or not. */
export function openCount(book: AlertBook | null): number {
  return openAlerts(book).length + (book?.untold ?? 0);
}
