/** The small history of a stubborn problem: one mark for each time, over the period. */
import {rowsOf, tableOf} from './values';
import type {Result} from './wire';

/** One time, from 0 to 1 of the period. */
export interface Mark {
  readonly from: number;
  readonly to: number;
  /** It came back soon after the one before. */
  readonly isReturn: boolean;
}

/** The times of every problem, by its rank. What began before the period is cut at its start, what goes on at its end. */
export function stripsOf(r: Result): ReadonlyMap<number, readonly Mark[]> {
  const out = new Map<number, Mark[]>();
  const span = Math.max(1, r.toMs - r.fromMs);
  const within = (ms: number): number => Math.min(1, Math.max(0, (ms - r.fromMs) / span));
  for (const row of rowsOf(tableOf(r, 'history'))) {
    const [rank, from] = [row.number('rank'), row.ms('from')];
    if (rank === null || from === null) continue;
    const mark = {from: within(from), to: within(row.ms('to') ?? r.toMs), isReturn: row.number('returned') !== null};
    const marks = out.get(rank);
    if (marks === undefined) out.set(rank, [mark]);
    else marks.push(mark);
  }
  return out;
}
