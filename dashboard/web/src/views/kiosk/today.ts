import {clockTime} from '../../format';
import type {Series} from '../../wire';
import type {UsualHour} from './wire';

const HOUR_MS = 3_600_000;

/** The hours of a day, those without a value null. */
export type Hours = readonly (number | null)[];

/** A day of one kind, hour by hour. */
export interface Day {
  /** The hours that are over. */
  readonly today: Hours;
  /** The same day a week ago. */
  readonly before: Hours;
  readonly usual: readonly (UsualHour | null)[];
}

/** Hours of a day. */
export const HOURS = 24;

/** The beginning, in the district, of the day that a moment is in. */
export function dayBegin(nowMs: number): number {
  const [h = 0, m = 0, s = 0] = clockTime(nowMs).split(':').map(Number);
  return Math.floor(nowMs / 1000) * 1000 - ((h * 60 + m) * 60 + s) * 1000;
}

/** How many hours of the day are over. */
export function hoursOver(nowMs: number): number {
  return Math.floor((nowMs - dayBegin(nowMs)) / HOUR_MS);
}

/**
 * Puts a series on the hours of a day, as many as asked for. An hour without a value is
 * null, or, where what is counted is known to be heard of, has none.
 */
export function hoursOf(series: Series, beginMs: number, hours: number, isCounted: boolean): Hours {
  const values = new Map(series.times.map((t, k) => [Math.floor((t * 1000 - beginMs) / HOUR_MS), series.values[k] ?? null]));
  const none = isCounted ? 0 : null;
  return Array.from({length: hours}, (_, h) => values.get(h) ?? none);
}

/** Puts what is usual on the hours of a day. */
export function usualHours(usual: readonly UsualHour[], beginMs: number): readonly (UsualHour | null)[] {
  const at = new Map(usual.map((u) => [Math.floor((u.atMs - beginMs) / HOUR_MS), u]));
  return Array.from({length: HOURS}, (_, h) => at.get(h) ?? null);
}

/** What a day comes to by now, beside what is usual by now and what it was a week ago. */
export interface Summary {
  readonly value: number | null;
  readonly usual: number | null;
  readonly before: number | null;
}

/** Events add up over the hours that are over; of a measure the last one counts. */
export function summaryOf(day: Day, isEvent: boolean): Summary {
  const n = day.today.length;
  const usual = day.usual.map((u) => u?.middle ?? null);
  if (isEvent) return {value: sum(day.today, n), usual: sum(usual, n), before: sum(day.before, n)};
  const last = lastKnown(day.today);
  return {value: day.today[last] ?? null, usual: usual[last] ?? null, before: day.before[last] ?? null};
}

/** The sum of the first n hours, null when one of them is missing or there is none. */
function sum(hours: Hours, n: number): number | null {
  let total = 0;
  for (let h = 0; h < n; h++) {
    const v = hours[h];
    if (v === null || v === undefined) return null;
    total += v;
  }
  return n === 0 ? null : total;
}

/** A day as SVG draws it. */
export interface DayPlot {
  readonly band: string;
  readonly middle: string;
  readonly before: string;
  readonly today: string;
  /** The newest hour, null for none. */
  readonly last: {readonly x: number; readonly y: number} | null;
  readonly xTicks: readonly {readonly x: number; readonly hour: number}[];
  readonly yTicks: readonly {readonly y: number; readonly value: number}[];
}

/** Lays a day out in a box with room for numbers of a size at its left and bottom. */
export function plotOf(day: Day, isEvent: boolean, width: number, height: number, textPixels: number): DayPlot {
  const box = {left: textPixels * 3, right: width - textPixels, top: textPixels * 0.6, bottom: height - textPixels * 1.6};
  const values = [...day.today, ...day.before, ...day.usual.flatMap((u) => (u === null ? [] : [u.low, u.high]))].filter((v): v is number => v !== null);
  const ticks = values.length === 0 ? [] : ticksOf(isEvent ? 0 : Math.min(...values), Math.max(...values), isEvent);
  const [low, high] = [ticks[0] ?? 0, ticks[ticks.length - 1] ?? 1];
  const x = (hour: number): number => round(box.left + (hour / HOURS) * (box.right - box.left));
  const y = (v: number): number => round(box.bottom - ((v - low) / (high - low)) * (box.bottom - box.top));
  // An hour stands in its middle.
  const line = (hours: Hours): string => {
    let pen = 'M';
    return hours.map((v, h) => {
      const step = v === null ? '' : `${pen}${x(h + 0.5)} ${y(v)}`;
      pen = v === null ? 'M' : 'L';
      return step;
    }).join('');
  };
  const known = day.usual.flatMap((u, h) => (u === null ? [] : [{...u, h}]));
  const last = lastKnown(day.today);
  const newest = day.today[last] ?? null;
  return {
    band: known.length < 2 ? '' : `M${known.map((u) => `${x(u.h + 0.5)} ${y(u.high)}`).join('L')}L${[...known].reverse().map((u) => `${x(u.h + 0.5)} ${y(u.low)}`).join('L')}Z`,
    middle: line(day.usual.map((u) => u?.middle ?? null)), before: line(day.before), today: line(day.today),
    last: newest === null ? null : {x: x(last + 0.5), y: y(newest)},
    xTicks: [0, 6, 12, 18, 24].map((hour) => ({x: x(hour), hour})),
    yTicks: ticks.map((value) => ({y: y(value), value})),
  };
}

/** Three to five round values around a range. */
function ticksOf(low: number, high: number, isEvent: boolean): readonly number[] {
  const rough = Math.max((high - low) / 3, isEvent ? 1 : Math.max(Math.abs(high) * 0.02, 1e-6));
  // A measure has room on both sides, a count stands on its zero.
  const [from, to] = isEvent ? [low, high] : [low - rough / 2, high + rough / 2];
  const ten = 10 ** Math.floor(Math.log10(rough));
  const step = (rough > 5 * ten ? 10 : rough > 2 * ten ? 5 : rough > ten ? 2 : 1) * ten;
  const ticks: number[] = [];
  for (let k = Math.floor(from / step); ticks.length < 2 || (k - 1) * step < to; k++) ticks.push(Number((k * step).toPrecision(12)));
  return ticks;
}

function round(v: number): number {
  return Math.round(v * 10) / 10;
}

/** The newest hour with a value, -1 for none. */
function lastKnown(hours: Hours): number {
  let last = -1;
  hours.forEach((v, h) => {
    if (v !== null) last = h;
  });
  return last;
}
