import type {CellsFrame, Columns} from './wire';

/**
 * What is known of one cells topic. Arrays go by the index of the table; those
 * beyond their end show nothing. They are never changed after they were made.
 */
export interface CellsState {
  readonly epoch: string;
  readonly seq: number;
  readonly table: string;
  readonly atMs: number;
  /** NaN: the cell shows nothing. */
  readonly values: Float64Array;
  readonly counts: Float64Array;
}

/** What became of a frame. After a mismatch the topic must be subscribed again. */
export type CellsStep =
  | {readonly outcome: 'applied'; readonly state: CellsState}
  | {readonly outcome: 'mismatch'};

const EMPTY = new Float64Array(0);

function grown(old: Float64Array, size: number, filler: number): Float64Array {
  const out = new Float64Array(Math.max(size, old.length)).fill(filler);
  out.set(old);
  return out;
}

function merge(base: {readonly values: Float64Array; readonly counts: Float64Array}, columns: Columns): Pick<CellsState, 'values' | 'counts'> {
  const last = columns.indices[columns.indices.length - 1];
  const size = last === undefined ? 0 : last + 1;
  const values = grown(base.values, size, NaN);
  const counts = grown(base.counts, size, 0);
  columns.indices.forEach((index, k) => {
    values[index] = columns.values[k] ?? NaN;
    counts[index] = columns.counts[k] ?? 0;
  });
  return {values, counts};
}

/** Applies one frame. It is pure: the same frames always give the same cells. */
export function applyCells(state: CellsState | null, frame: CellsFrame): CellsStep {
  switch (frame.kind) {
    case 'cells-snapshot':
      return {
        outcome: 'applied',
        state: {
          epoch: frame.epoch,
          seq: frame.seq,
          table: frame.table,
          atMs: frame.atMs,
          ...merge({values: EMPTY, counts: EMPTY}, frame.columns),
        },
      };
    case 'cells-delta':
      if (state === null || frame.from !== state.seq) return {outcome: 'mismatch'};
      return {
        outcome: 'applied',
        state: {...state, seq: frame.seq, atMs: frame.atMs, ...merge(state, frame.columns)},
      };
    default:
      return unreachable(frame);
  }
}

/** How many cells show a value. */
export function liveCount(state: CellsState | null): number {
  let n = 0;
  for (const v of state?.values ?? EMPTY) if (!Number.isNaN(v)) n++;
  return n;
}

/** Makes a switch that forgets a case a type error. */
export function unreachable(x: never): never {
  throw new Error(`unexpected ${JSON.stringify(x)}`);
}
