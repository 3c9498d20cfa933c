import type {Alert, Kind, Series} from '../../wire';
import {instantMs, list, num, record} from '../../wire';

/** A time of a series that is shown beside an alert. */
export interface Period {
  readonly fromMs: number;
  readonly toMs: number;
  readonly everySeconds: number;
}

const HOUR_MS = 3_600_000;
const STEPS: readonly number[] = [300, 600, 900, 1800, 3600];
const MOST_POINTS = 180;

/** The time around an alert: three hours before it, until an hour after it cleared or now. */
export function periodOf(a: Alert, nowMs: number): Period {
  const end = Math.min(nowMs, (a.clearedAtMs ?? nowMs) + HOUR_MS);
  const start = Math.max(a.raisedAtMs - 3 * HOUR_MS, end - 47 * HOUR_MS);
  const everySeconds = STEPS.find((s) => (end - start) / 1000 / s <= MOST_POINTS) ?? 3600;
  const step = everySeconds * 1000;
  return {fromMs: Math.floor(start / step) * step, toMs: Math.max(Math.ceil(end / step), Math.floor(start / step) + 2) * step, everySeconds};
}

/** What is asked for: the device where the alert is about one, else its cell, or the surroundings of a hotspot's peak. */
export function queryOf(a: Alert, p: Period, cell: string): string {
  const query = new URLSearchParams({
    kind: a.kind, from: new Date(p.fromMs).toISOString(), to: new Date(p.toMs).toISOString(), every: `${p.everySeconds}s`,
  });
  if (a.device !== '') query.set('device', a.device);
  else if (cell !== '') query.set('cell', cell);
  return query.toString();
}

/** What is usual at a time. */
export interface Usual {
  readonly atMs: number;
  readonly low: number;
  readonly middle: number;
  readonly high: number;
}

/** Decodes the answer of GET /api/v1/series/usual. */
export function decodeUsual(x: unknown): readonly Usual[] {
  return list(record(x, 'usual')['points'], 'points').map((entry) => {
    const o = record(entry, 'point');
    return {atMs: instantMs(o['at'], 'at'), low: num(o['low'], 'low'), middle: num(o['middle'], 'middle'), high: num(o['high'], 'high')};
  });
}

/** A series as SVG draws it, in pixels. */
export interface Plot {
  readonly line: string;
  readonly bars: readonly {readonly x: number; readonly y: number; readonly width: number; readonly height: number}[];
  readonly band: string;
  readonly middle: string;
  /** What the alert is held against; null where it is of another measure than the series. */
  readonly baseline: {readonly y: number; readonly value: number} | null;
  readonly raisedX: number;
  readonly clearedX: number | null;
  readonly xTicks: readonly {readonly x: number; readonly ms: number}[];
  readonly yTicks: readonly {readonly y: number; readonly value: number}[];
}

/** Room at the edges for the numbers. */
export const MARGIN = {left: 40, right: 8, top: 8, bottom: 20};

/** Whether the baseline of an alert is one of single values, as a threshold is, so that it may stand in a series. */
export function hasLevel(a: Alert, kind: Kind | null): boolean {
  return kind?.type === 'measure' && a.cells.length === 0 && a.category === 'city';
}

/** Lays out a series with its usual band and the baseline of an alert. */
export function plotOf(a: Alert, kind: Kind | null, series: Series, usual: readonly Usual[], p: Period, width: number, height: number): Plot {
  const isBars = kind?.type === 'event';
  const level = hasLevel(a, kind) ? a.baseline : null;
  const points = series.times.flatMap((t, k): readonly (readonly [number, number])[] => {
    const v = series.values[k];
    return v === null || v === undefined ? [] : [[t * 1000, v]];
  });
  const values = [...points.map(([, v]) => v), ...usual.flatMap((u) => [u.low, u.high]), ...(level === null ? [] : [level])];
  const [low, high] = isBars ? [0, Math.max(1, ...values) * 1.1] : padded(Math.min(...values), Math.max(...values));
  const x = (ms: number): number => round(MARGIN.left + ((ms - p.fromMs) / (p.toMs - p.fromMs)) * (width - MARGIN.left - MARGIN.right));
  const y = (v: number): number => round(height - MARGIN.bottom - ((v - low) / (high - low)) * (height - MARGIN.top - MARGIN.bottom));
  const step = p.everySeconds * 1000;
  const pixels = x(p.fromMs + step) - x(p.fromMs);
  return {
    line: isBars ? '' : lineOf(points, step, x, y),
    bars: isBars ? points.map(([ms, v]) => ({x: x(ms), y: y(v), width: Math.max(1, round(pixels - 1)), height: round(y(0) - y(v))})) : [],
    band: usual.length < 2 ? '' : `M${usual.map((u) => `${x(u.atMs)} ${y(u.high)}`).join('L')}L${[...usual].reverse().map((u) => `${x(u.atMs)} ${y(u.low)}`).join('L')}Z`,
    middle: usual.length < 2 ? '' : `M${usual.map((u) => `${x(u.atMs)} ${y(u.middle)}`).join('L')}`,
    baseline: level === null ? null : {y: y(level), value: level},
    raisedX: x(Math.max(a.raisedAtMs, p.fromMs)),
    clearedX: a.clearedAtMs === null ? null : x(a.clearedAtMs),
    xTicks: timeTicks(p, width).map((ms) => ({x: x(ms), ms})),
    yTicks: valueTicks(low, high).map((value) => ({y: y(value), value})),
  };
}

function padded(low: number, high: number): readonly [number, number] {
  if (!Number.isFinite(low) || !Number.isFinite(high)) return [0, 1];
  const room = Math.max((high - low) * 0.1, Math.abs(high) * 0.01, 0.5);
  return [low - room, high + room];
}

/** A line that breaks where windows are missing. */
function lineOf(points: readonly (readonly [number, number])[], step: number, x: (ms: number) => number, y: (v: number) => number): string {
  let last = -Infinity;
  return points.map(([ms, v]) => {
    const move = ms - last > 2.5 * step ? 'M' : 'L';
    last = ms;
    return `${move}${x(ms)} ${y(v)}`;
  }).join('');
}

/** Full hours, few enough that their times do not touch. */
function timeTicks(p: Period, width: number): readonly number[] {
  const room = Math.max(2, Math.floor((width - MARGIN.left) / 64));
  const hours = [0.5, 1, 2, 3, 6, 12, 24].find((h) => (p.toMs - p.fromMs) / (h * HOUR_MS) <= room) ?? 24;
  const step = hours * HOUR_MS;
  const ticks: number[] = [];
  for (let ms = Math.ceil(p.fromMs / step) * step; ms < p.toMs; ms += step) ticks.push(ms);
  return ticks;
}

/** Three to five round values. */
function valueTicks(low: number, high: number): readonly number[] {
  const rough = (high - low) / 4;
  const ten = 10 ** Math.floor(Math.log10(rough));
  const step = (rough > 5 * ten ? 10 : rough > 2 * ten ? 5 : rough > ten ? 2 : 1) * ten;
  const ticks: number[] = [];
  for (let k = Math.ceil(low / step); k * step <= high; k++) ticks.push(Number((k * step).toPrecision(12)));
  return ticks;
}

function round(x: number): number {
  return Math.round(x * 10) / 10;
}
