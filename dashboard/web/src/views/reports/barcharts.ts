/** Bars: comparisons, weeks of alerts against their budget, times to clear, states of devices. */
import type {Lang} from '../../i18n';
import type {ChartColors} from './colors';
import type {Texts} from './messages';
import {lineId, lineName} from './trendchart';
import {changeText, numberText, rowsOf, tableOf, windowLabel} from './values';
import type {Result} from './wire';

/** Against what a period is held. */
export type Compare = 'previous' | 'last_year' | 'none';

/** One bar of a comparison. */
export interface Compared {
  readonly id: string;
  readonly name: string;
  readonly unit: string;
  readonly value: number | null;
  readonly base: number | null;
  /** Percent, null where there is nothing to compare with. */
  readonly change: number | null;
}

/** How each line of a trend compares, the whole period, those with most first. */
export function comparedOf(r: Result, against: Compare, lang: Lang): readonly Compared[] {
  const seen = new Set<string>();
  const out: Compared[] = [];
  for (const row of rowsOf(tableOf(r, 'comparisons'))) {
    const id = lineId(row);
    if (seen.has(id)) continue; // the first row of a line is the period, the next its last week
    seen.add(id);
    out.push({
      id, name: lineName(row, lang), unit: row.text('unit', lang), value: row.number('value'),
      base: against === 'none' ? null : row.number(against), change: against === 'none' ? null : row.number(`${against}_change`),
    });
  }
  return out.sort((a, b) => (b.value ?? -Infinity) - (a.value ?? -Infinity));
}

/** Whether values may share an axis. */
export function isOneUnit(bars: readonly Compared[]): boolean {
  return new Set(bars.map((b) => b.unit)).size <= 1;
}

/** Height of a chart of n horizontal bars, in pixels. */
export function barsHeight(n: number, perBar = 34): number {
  return 70 + Math.max(2, n) * perBar;
}

function base(c: ChartColors, label: string) {
  return {
    animation: false,
    aria: {enabled: true, decal: {show: true}, label: {description: label}},
    textStyle: {color: c.text},
    grid: {left: 8, right: 64, top: 36, bottom: 8, containLabel: true},
    legend: {top: 4, left: 0, itemHeight: 10, textStyle: {color: c.text}},
    tooltip: {trigger: 'axis', axisPointer: {type: 'shadow'}, renderMode: 'richText', backgroundColor: c.ground, borderColor: c.line, textStyle: {color: c.text, fontSize: 12}},
  };
}

function names(c: ChartColors, data: readonly string[]) {
  return {type: 'category', data, inverse: true, axisLine: {lineStyle: {color: c.muted}}, axisTick: {show: false}, axisLabel: {color: c.text, width: 170, overflow: 'truncate'}};
}

function amounts(c: ChartColors) {
  return {type: 'value', axisLabel: {color: c.muted}, splitLine: {lineStyle: {color: c.line}}};
}

/** What a comparison says to people who do not see it. */
export function comparedLabel(bars: readonly Compared[], against: Compare, m: Texts, lang: Lang): string {
  const said = bars.slice(0, 8).map((b) => `${b.name} ${b.value === null ? m.noData : numberText(b.value, lang, 1)}${b.change === null ? '' : ` (${changeText(b.change, lang)})`}`);
  return `${m.comparison} ${m.compares[against]}${m.colon}${said.join(m.comma)}`;
}

/** Bars of the period and of what it is held against, with the change; of several units, the change alone. */
export function comparedOption(bars: readonly Compared[], against: Compare, m: Texts, lang: Lang, c: ChartColors) {
  const common = base(c, comparedLabel(bars, against, m, lang));
  const shown = (x: unknown): string => (typeof x === 'number' ? numberText(x, lang, 2) : '—');
  if (!isOneUnit(bars) && against !== 'none') {
    return {
      ...common, legend: {...common.legend, data: [m.change]}, tooltip: {...common.tooltip, valueFormatter: (x: unknown) => (typeof x === 'number' ? changeText(x, lang) : '—')},
      xAxis: amounts(c), yAxis: names(c, bars.map((b) => b.name)),
      series: [{
        name: m.change, type: 'bar', barMaxWidth: 18, itemStyle: {color: c.first},
        data: bars.map((b) => ({value: b.change, label: {show: true, position: (b.change ?? 0) < 0 ? 'left' : 'right', color: c.text, formatter: b.change === null ? m.notEnough : changeText(b.change, lang)}})),
      }],
    };
  }
  return {
    ...common, tooltip: {...common.tooltip, valueFormatter: shown},
    xAxis: amounts(c), yAxis: names(c, bars.map((b) => b.name)),
    series: [
      {
        name: m.thisPeriod, type: 'bar', barMaxWidth: 14, itemStyle: {color: c.first},
        data: bars.map((b) => ({value: b.value, label: {show: true, position: 'right', color: c.text, formatter: b.change === null ? (b.value === null ? m.noData : numberText(b.value, lang, 1)) : changeText(b.change, lang)}})),
      },
      ...(against === 'none' ? [] : [{name: m.bases[against], type: 'bar', barMaxWidth: 14, itemStyle: {color: c.idle}, data: bars.map((b) => b.base)}]),
    ],
  };
}

/** Alerts of one week, by what people said of them. */
export interface Week {
  readonly label: string;
  readonly confirmed: number;
  readonly falseAlarms: number;
  readonly unanswered: number;
  /** What is accepted of all kinds together, null where no kind has a budget. */
  readonly budget: number | null;
}

/** Alerts about the city by week, of some kinds or of all: alerts are counted, whatever they are about. */
export function weeksOf(r: Result, kinds: readonly string[]): readonly Week[] {
  const byWeek = new Map<number, Week>();
  for (const row of rowsOf(tableOf(r, 'weeks'))) {
    const at = row.ms('week');
    if (at === null || row.text('category', 'en') !== 'city' || (kinds.length > 0 && !kinds.includes(row.text('kind')))) continue;
    const was = byWeek.get(at) ?? {label: windowLabel(at, r), confirmed: 0, falseAlarms: 0, unanswered: 0, budget: null};
    const budget = row.number('budget');
    byWeek.set(at, {
      ...was, confirmed: was.confirmed + (row.number('confirmed') ?? 0), falseAlarms: was.falseAlarms + (row.number('false') ?? 0),
      unanswered: was.unanswered + (row.number('unanswered') ?? 0), budget: budget === null ? was.budget : (was.budget ?? 0) + budget,
    });
  }
  return [...byWeek.entries()].sort(([a], [b]) => a - b).map(([, w]) => w);
}

/** Weeks of alerts as stacked bars, with the budget of false ones as a line. */
export function weeksOption(weeks: readonly Week[], m: Texts, c: ChartColors) {
  const label = `${m.weeksTitle}${m.colon}${weeks.slice(-8).map((w) => m.weekSaid(w.label, w.falseAlarms, w.confirmed, w.unanswered)).join(m.comma)}`;
  const bar = (name: string, color: string, data: readonly number[]) => ({name, type: 'bar', stack: 'alerts', barMaxWidth: 34, itemStyle: {color}, data});
  const hasBudget = weeks.some((w) => w.budget !== null);
  return {
    ...base(c, label),
    grid: {left: 8, right: 16, top: 44, bottom: 8, containLabel: true},
    xAxis: {type: 'category', data: weeks.map((w) => w.label), axisLine: {lineStyle: {color: c.muted}}, axisLabel: {color: c.muted}},
    yAxis: {...amounts(c), minInterval: 1},
    series: [
      bar(m.falseAlarms, c.bad, weeks.map((w) => w.falseAlarms)), bar(m.confirmed, c.good, weeks.map((w) => w.confirmed)), bar(m.unanswered, c.idle, weeks.map((w) => w.unanswered)),
      ...(hasBudget ? [{name: m.budget, type: 'line', step: 'middle', symbol: 'none', data: weeks.map((w) => w.budget), lineStyle: {color: c.text, type: 'dashed', width: 2}, itemStyle: {color: c.text}}] : []),
    ],
  };
}

/** How long alerts of a kind took to be cleared. */
export interface Clearing {
  readonly name: string;
  readonly medianHours: number;
  readonly p90Hours: number | null;
}

/** The times to clear of kinds of which something was cleared, the longest first. */
export function clearingsOf(r: Result, lang: Lang): readonly Clearing[] {
  return rowsOf(tableOf(r, 'kinds')).flatMap((row) => {
    const medianHours = row.number('clear_median');
    const category = row.text('category', 'en') === 'city' ? '' : ` · ${row.text('category', lang)}`;
    return medianHours === null ? [] : [{name: `${row.text('name', lang)}${category}`, medianHours, p90Hours: row.number('clear_p90')}];
  }).sort((a, b) => b.medianHours - a.medianHours);
}

/** Times to clear as bars. */
export function clearingsOption(rows: readonly Clearing[], m: Texts, lang: Lang, c: ChartColors) {
  const label = `${m.clearTitle}${m.colon}${rows.map((r) => `${r.name} ${numberText(r.medianHours, lang, 1)} ${m.hours}`).join(m.comma)}`;
  const bar = (name: string, color: string, data: readonly (number | null)[]) => ({
    name, type: 'bar', barMaxWidth: 13, itemStyle: {color},
    data: data.map((value) => ({value, label: {show: value !== null, position: 'right', color: c.text, formatter: value === null ? '' : numberText(value, lang, 2)}})),
  });
  return {
    ...base(c, label),
    xAxis: amounts(c), yAxis: names(c, rows.map((r) => r.name)),
    series: [bar(m.median, c.first, rows.map((r) => r.medianHours)), bar(m.p90, c.idle, rows.map((r) => r.p90Hours))],
  };
}

/** Devices by state as stacked bars, by area or by kind. */
export function healthOption(r: Result, table: 'areas' | 'kinds', m: Texts, lang: Lang, c: ChartColors) {
  const rows = rowsOf(tableOf(r, table));
  const name = (k: number): string => rows[k]?.text(table === 'areas' ? 'area_name' : 'name', lang) ?? '';
  const states = [['online', c.good], ['late', c.third === c.good ? c.first : c.third], ['odd', c.second], ['offline', c.bad], ['silent', c.idle]] as const;
  const label = `${m.healthTitle}${m.colon}${rows.slice(0, 10).map((row, k) => m.healthSaid(name(k), row.number('online') ?? 0, row.number('offline') ?? 0, row.number('silent') ?? 0)).join(m.comma)}`;
  return {
    ...base(c, label),
    xAxis: {...amounts(c), minInterval: 1}, yAxis: names(c, rows.map((_, k) => name(k))),
    series: states.map(([key, color]) => ({name: m.states[key], type: 'bar', stack: 'devices', barMaxWidth: 18, itemStyle: {color}, data: rows.map((row) => row.number(key) ?? 0)})),
  };
}
