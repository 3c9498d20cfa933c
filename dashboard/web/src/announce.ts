/** Screen readers are told at most once in this time. */
export const QUIET_MS = 5000;

/** What waits to be said. */
export interface Announcer {
  readonly saidAtMs: number | null;
  readonly waiting: number;
  readonly newest: string;
}

/** Nothing said, nothing waiting. */
export const SILENT: Announcer = {saidAtMs: null, waiting: 0, newest: ''};

/** Adds a text to what waits. */
export function announce(a: Announcer, text: string): Announcer {
  return {...a, waiting: a.waiting + 1, newest: text};
}

/** Takes what may be said now: null within QUIET_MS of the last time, or when nothing waits. */
export function speak(a: Announcer, nowMs: number): readonly [Announcer, {readonly count: number; readonly newest: string} | null] {
  const quiet = a.saidAtMs !== null && nowMs - a.saidAtMs < QUIET_MS;
  if (a.waiting === 0 || quiet) return [a, null];
  return [{saidAtMs: nowMs, waiting: 0, newest: ''}, {count: a.waiting, newest: a.newest}];
}
