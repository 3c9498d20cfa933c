import type {Series} from '../../wire';
import type {Usual} from './wire';

type Column = (number | null | undefined)[];

/** The columns of a chart: times, values, and the low and high ends of the usual range. */
export type Charted = [number[], Column, Column, Column];

/**
 * Puts a series and its usual range on one axis of times. At a time of the range
 * alone the value is undefined, which leaves no gap in its line; null is a gap.
 */
export function withUsual(series: Series, usual: Usual | null): Charted {
  const times = [...new Set([...series.times, ...(usual?.times ?? [])])].sort((a, b) => a - b);
  const valueAt = new Map(series.times.map((t, k) => [t, series.values[k] ?? null]));
  const rangeAt = new Map(usual?.times.map((t, k) => [t, k]) ?? []);
  const end = (column: readonly (number | null)[] | undefined): Column => times.map((t) => {
    const k = rangeAt.get(t);
    return k === undefined ? undefined : column?.[k];
  });
  return [times, times.map((t) => valueAt.get(t)), end(usual?.low), end(usual?.high)];
}
