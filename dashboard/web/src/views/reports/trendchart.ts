/** The chart of a trend: its values, the Theil-Sen line with its interval, changes and exceedances. */
import type {Lang} from '../../i18n';
import type {ChartColors} from './colors';
import type {Texts} from './messages';
import {numberText, rowsOf, tableOf, windowLabel, type Row} from './values';
import type {Result} from './wire';

/** One line of a trend with what the methods say of it. */
export interface TrendLine {
  /** What tells it apart from others: area, kind, or both. */
  readonly id: string;
  readonly name: string;
  readonly unit: string;
  readonly labels: readonly string[];
  /** null where nothing was observed. */
  readonly values: readonly (number | null)[];
  /** null where there is no decomposition. */
  readonly smooth: readonly (number | null)[] | null;
  /** A window, null where there are too few. */
  readonly slope: {readonly middle: number; readonly low: number; readonly high: number} | null;
  /** Where the level changed, as indices of windows. */
  readonly changes: readonly {readonly at: number; readonly ratio: number | null}[];
  readonly exceedances: readonly {readonly at: number; readonly observed: number; readonly upper: number}[];
}

/** The line of what is outside every area, which has no code. */
const NO_AREA = '-';

/** What tells the line of a row apart. */
export function lineId(row: Row): string {
  const [key, kind] = [row.text('key') || NO_AREA, row.text('kind')];
  return kind === '' ? key : `${key}/${kind}`;
}

/** What people call the line of a row. */
export function lineName(row: Row, lang: Lang): string {
  const kind = row.text('kind_name', lang);
  return kind === '' ? row.text('name', lang) : `${row.text('name', lang)} · ${kind}`;
}

/** The lines of a trend, in the order of the summary. */
export function lineRows(r: Result): readonly Row[] {
  return rowsOf(tableOf(r, 'summary'));
}

/** Reads one line out of a trend, null when the summary does not have it. */
export function trendLine(r: Result, id: string, lang: Lang): TrendLine | null {
  const summary = lineRows(r).find((row) => lineId(row) === id);
  if (summary === undefined) return null;
  const own = (key: string): readonly Row[] => rowsOf(tableOf(r, key)).filter((row) => lineId(row) === id);
  const series = own('series');
  const index = new Map(series.map((row, k) => [row.ms('at'), k]));
  const [middle, low, high] = [summary.number('slope'), summary.number('slope_low'), summary.number('slope_high')];
  const smooth = series.map((row) => row.number('stl_trend'));
  return {
    id, name: lineName(summary, lang), unit: summary.text('unit', lang),
    labels: series.map((row) => windowLabel(row.ms('at') ?? 0, r)),
    values: series.map((row) => row.number('value')),
    smooth: smooth.some((v) => v !== null) ? smooth : null,
    slope: middle === null || low === null || high === null ? null : {middle, low, high},
    changes: own('changes').flatMap((row) => {
      const at = index.get(row.ms('at'));
      return at === undefined ? [] : [{at, ratio: row.number('ratio')}];
    }),
    exceedances: own('exceedances').flatMap((row) => {
      const [at, observed, upper] = [index.get(row.ms('at')), row.number('observed'), row.number('upper')];
      return at === undefined || observed === null || upper === null ? [] : [{at, observed, upper}];
    }),
  };
}

function median(sorted: readonly number[]): number {
  const half = sorted.length / 2;
  return ((sorted[Math.floor(half)] ?? 0) + (sorted[Math.ceil(half) - 1] ?? 0)) / 2;
}

/** A straight line and the band of its slope's interval, by window. */
export interface Fan {
  readonly middle: readonly number[];
  readonly low: readonly number[];
  readonly high: readonly number[];
}

/**
 * The Theil-Sen line with the lines of its interval. The line goes through the
 * median of what is left of the values without the slope, as Sen's intercept; the
 * interval is of the slope alone, so its lines meet it in the middle window.
 */
export function fanOf(values: readonly (number | null)[], slope: NonNullable<TrendLine['slope']>): Fan {
  const known = values.flatMap((v, k) => (v === null ? [] : [{v, k}]));
  const pivot = median(known.map((p) => p.k));
  const level = median(known.map((p) => p.v - slope.middle * (p.k - pivot)).sort((a, b) => a - b));
  const lines = [slope.low, slope.high].map((s) => values.map((_, k) => level + s * (k - pivot)));
  return {
    middle: values.map((_, k) => level + slope.middle * (k - pivot)),
    low: values.map((_, k) => Math.min(lines[0]?.[k] ?? level, lines[1]?.[k] ?? level)),
    high: values.map((_, k) => Math.max(lines[0]?.[k] ?? level, lines[1]?.[k] ?? level)),
  };
}

/** What the chart says to people who do not see it. */
export function trendLabel(line: TrendLine, direction: string, m: Texts, lang: Lang): string {
  const known = line.values.filter((v) => v !== null);
  const [least, most] = [Math.min(...known), Math.max(...known)];
  const range = known.length === 0 ? m.noData : m.chartRange(numberText(least, lang, 1), numberText(most, lang, 1), line.unit);
  return [m.chartOf(line.name, line.labels[0] ?? '', line.labels[line.labels.length - 1] ?? ''), range, direction, m.chartChanges(line.changes.length), m.chartExceedances(line.exceedances.length)].join(m.comma);
}

/** The chart of a line. */
export function trendOption(line: TrendLine, m: Texts, lang: Lang, c: ChartColors, label: string) {
  const fan = line.slope === null ? null : fanOf(line.values, line.slope);
  const changes = line.changes.map(({at, ratio}) => ({
    xAxis: at, label: {formatter: ratio === null ? m.changePoint : `${m.changePoint} ×${numberText(ratio, lang, 2)}`},
  }));
  const exceeded: (number | null)[] = line.values.map(() => null);
  for (const e of line.exceedances) exceeded[e.at] = line.values[e.at] ?? null;
  const shown = (x: unknown): string => (typeof x === 'number' ? numberText(x, lang, 2) : '—');
  return {
    animation: false,
    // Lines differ by their dashes and marks; a pattern over the band would hide them.
    aria: {enabled: true, decal: {show: false}, label: {description: label}},
    textStyle: {color: c.text},
    grid: {left: 8, right: 20, top: 44, bottom: 8, containLabel: true},
    legend: {top: 4, left: 0, itemHeight: 10, textStyle: {color: c.text}, data: [m.values, ...(line.smooth === null ? [] : [m.smooth]), ...(fan === null ? [] : [m.theilSen]), ...(line.exceedances.length === 0 ? [] : [m.exceedance])]},
    tooltip: {trigger: 'axis', renderMode: 'richText', backgroundColor: c.ground, borderColor: c.line, textStyle: {color: c.text, fontSize: 12}, valueFormatter: shown},
    xAxis: {type: 'category', data: line.labels, boundaryGap: false, axisLine: {lineStyle: {color: c.muted}}, axisLabel: {color: c.muted, hideOverlap: true}},
    yAxis: {type: 'value', scale: true, axisLabel: {color: c.muted}, splitLine: {lineStyle: {color: c.line}}},
    series: [
      {
        name: m.values, type: 'line', data: line.values, symbol: line.values.length > 120 ? 'none' : 'circle', symbolSize: 4, lineStyle: {width: 1.6, color: c.first}, itemStyle: {color: c.first}, z: 3,
        markLine: {symbol: 'none', silent: true, animation: false, lineStyle: {color: c.text, type: 'dotted', width: 1.4}, label: {color: c.text, position: 'insideEndTop', rotate: 0, fontSize: 11}, data: changes},
      },
      ...(line.smooth === null ? [] : [{name: m.smooth, type: 'line', data: line.smooth, symbol: 'none', lineStyle: {width: 2.4, color: c.third}, itemStyle: {color: c.third}, z: 4}]),
      ...(fan === null ? [] : [
        {name: 'low', type: 'line', data: fan.low, symbol: 'none', silent: true, stack: 'fan', stackStrategy: 'all', lineStyle: {opacity: 0}, tooltip: {show: false}, z: 1},
        {name: 'band', type: 'line', data: fan.high.map((v, k) => v - (fan.low[k] ?? v)), symbol: 'none', silent: true, stack: 'fan', stackStrategy: 'all', lineStyle: {opacity: 0}, areaStyle: {color: c.band}, tooltip: {show: false}, z: 1},
        {name: m.theilSen, type: 'line', data: fan.middle, symbol: 'none', lineStyle: {width: 2, type: 'dashed', color: c.second}, itemStyle: {color: c.second}, z: 4},
      ]),
      ...(line.exceedances.length === 0 ? [] : [{
        name: m.exceedance, type: 'line', data: exceeded, symbol: 'diamond', symbolSize: 11, showAllSymbol: true, lineStyle: {opacity: 0}, itemStyle: {color: c.bad, borderColor: c.ground, borderWidth: 1}, z: 5,
      }]),
    ],
  };
}
