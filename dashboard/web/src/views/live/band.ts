import type {Series} from '../../wire';
import type {Band} from './wire';

type Column = (number | null | undefined)[];

/** The columns of a chart: times, values, the low and high ends of the usual range, and what is expected. */
export type Charted = [number[], Column, Column, Column, Column];

/**
 * Puts a series and its usual range on one axis of times. At a time of the range
 * alone the value is undefined, which leaves no gap in its line; null is a gap. The
 * range goes on to the end of its last window.
 */
export function withUsual(series: Series, usual: Band | null): Charted {
  const windows = usual === null ? [] : usual.times.map((t, k): readonly [number, number] => [t, k]);
  const last = windows[windows.length - 1];
  if (usual !== null && last !== undefined) windows.push([last[0] + usual.everySeconds, last[1]]);
  const times = [...new Set([...series.times, ...windows.map(([t]) => t)])].sort((a, b) => a - b);
  const valueAt = new Map(series.times.map((t, k) => [t, series.values[k] ?? null]));
  const windowAt = new Map(windows);
  const column = (of: readonly number[] | undefined): Column => times.map((t) => {
    const k = windowAt.get(t);
    return k === undefined ? undefined : of?.[k];
  });
  return [times, times.map((t) => valueAt.get(t)), column(usual?.low), column(usual?.high), column(usual?.middle)];
}

/** What is usual at one moment. */
export interface UsualAt {
  readonly low: number;
  readonly middle: number;
  readonly high: number;
}

/** What is usual in the window that holds a moment, null when there is none. */
export function usualAt(band: Band, atMs: number): UsualAt | null {
  const at = atMs / 1000;
  // The newest window may be a minute old when it was asked for, and is still the one that holds.
  const k = band.times.filter((t) => t <= at).length - 1;
  const [begin, low, middle, high] = [band.times[k], band.low[k], band.middle[k], band.high[k]];
  if (begin === undefined || low === undefined || middle === undefined || high === undefined) return null;
  return at < begin + 2 * band.everySeconds ? {low, middle, high} : null;
}
