/** What a person asks for, as the address says it. */
import {day} from '../../format';
import type {Kind} from '../../wire';

/** The reports, in the order of the tabs. */
export const REPORTS = ['trend', 'hotspots', 'stubborn', 'emerging', 'quality', 'health'] as const;

/** A report. */
export type ReportName = (typeof REPORTS)[number];

/** The choices of the parameters, the usual one first. */
export const CHOICES = {
  period: ['30d', '7d', '90d', 'custom'],
  every: ['day', 'hour', 'week'],
  by: ['kind', 'area', 'area-kind', 'city'],
  compare: ['previous', 'last_year', 'none'],
  resolution: ['9', '10', '8'],
  source: ['alerts', 'events'],
  rank: ['returns', 'lasted', 'longest'],
  replicates: ['999', '99', '9999'],
  layer: ['gi', 'value', 'density'],
} as const;

type Choices = {readonly [K in Exclude<keyof typeof CHOICES, 'period'>]: (typeof CHOICES)[K][number]};

/** How many areas and kinds a report takes at most. */
export const MOST = {areas: 24, kinds: 12} as const;

/** Everything that is chosen. */
export interface Choice extends Choices {
  readonly report: ReportName;
  /** The last so many days or weeks, as 30d or 4w; or custom. */
  readonly period: string;
  /** The first and the last day of a custom period, both included, as YYYY-MM-DD. */
  readonly from: string;
  readonly to: string;
  /** The day that still runs counts too. */
  readonly today: boolean;
  /** Codes of areas, in order and each once; none for the whole city. */
  readonly areas: readonly string[];
  /** Keys of kinds, in order and each once; none for all. */
  readonly kinds: readonly string[];
  /** Hot spots with a space-time scan, which is a job. */
  readonly scan: boolean;
  /** The job whose result is shown, '' for none. */
  readonly job: string;
  /** The row, line or category that is picked, '' for none. */
  readonly pick: string;
}

const DAY = /^\d{4}-\d{2}-\d{2}$/;

/** A day of the calendar, '' for anything else. */
export function dayOf(text: string | null): string {
  if (text === null || !DAY.test(text)) return '';
  const ms = Date.parse(`${text}T00:00:00Z`);
  return !Number.isNaN(ms) && new Date(ms).toISOString().startsWith(text) ? text : '';
}

/** The day `n` days after a day. */
export function addDays(date: string, n: number): string {
  return new Date(Date.parse(`${date}T00:00:00Z`) + n * 86_400_000).toISOString().slice(0, 10);
}

/** The Monday of the week of a day. */
export function mondayOf(date: string): string {
  const weekday = new Date(`${date}T00:00:00Z`).getUTCDay();
  return addDays(date, -((weekday + 6) % 7));
}

function oneOf<T extends string>(all: readonly [T, ...T[]], value: string | null): T {
  return all.find((c) => c === value) ?? all[0];
}

const LENGTH = /^([1-9]\d{0,2})([dw])$/;

/** A period that moves with time, or custom; the usual one for anything else. */
function periodOf(text: string | null): string {
  return text === 'custom' || (text !== null && LENGTH.test(text)) ? text : CHOICES.period[0];
}

/** How long a period that moves is: 30 days of 30d, 4 weeks of 4w; null of a custom one. */
export function lengthOf(period: string): {readonly n: number; readonly unit: 'd' | 'w'} | null {
  const found = LENGTH.exec(period);
  return found === null ? null : {n: Number(found[1]), unit: found[2] === 'w' ? 'w' : 'd'};
}

/** Keys as they stand in an address: several times or parted by commas, also under the name of before there were several. */
function keysOf(query: URLSearchParams, name: string, before: string, most: number): readonly string[] {
  const said = [...query.getAll(name), ...query.getAll(before)].flatMap((text) => text.split(',')).filter((text) => text !== '');
  return [...new Set(said)].sort().slice(0, most);
}

/** Reads an address; what makes no sense counts as not said. */
export function choiceOf(path: readonly string[], query: URLSearchParams): Choice {
  const [from, to] = [dayOf(query.get('from')), dayOf(query.get('to'))];
  const period = periodOf(query.get('period'));
  const isWhole = from !== '' && to !== '' && from <= to;
  return {
    report: REPORTS.find((r) => r === path[0]) ?? 'trend',
    period: period === 'custom' && !isWhole ? '30d' : period,
    from: isWhole ? from : '', to: isWhole ? to : '', today: query.get('today') === '1',
    areas: keysOf(query, 'areas', 'area', MOST.areas), kinds: keysOf(query, 'kinds', 'kind', MOST.kinds),
    every: oneOf(CHOICES.every, query.get('every')), by: oneOf(CHOICES.by, query.get('by')), compare: oneOf(CHOICES.compare, query.get('compare')), resolution: oneOf(CHOICES.resolution, query.get('resolution')),
    source: oneOf(CHOICES.source, query.get('source')), rank: oneOf(CHOICES.rank, query.get('rank')), replicates: oneOf(CHOICES.replicates, query.get('replicates')), layer: oneOf(CHOICES.layer, query.get('layer')),
    scan: query.get('scan') === '1', job: query.get('job') ?? '', pick: query.get('pick') ?? '',
  };
}

/** The values of an address that say the choice; null for what needs no saying. */
export function queryOf(c: Choice): Readonly<Record<string, string | null>> {
  const said = (key: keyof typeof CHOICES): string | null => (c[key] === CHOICES[key][0] ? null : c[key]);
  const text = (value: string): string | null => (value === '' ? null : value);
  const isCustom = c.period === 'custom';
  return {
    period: said('period'), from: isCustom ? text(c.from) : null, to: isCustom ? text(c.to) : null, today: c.today && !isCustom ? '1' : null,
    area: null, kind: null, areas: text(c.areas.join(',')), kinds: text(c.kinds.join(',')), every: said('every'), by: said('by'), compare: said('compare'), resolution: said('resolution'),
    source: said('source'), rank: said('rank'), replicates: said('replicates'), layer: said('layer'),
    scan: c.scan ? '1' : null, job: text(c.job), pick: text(c.pick),
  };
}

/** The query of an address that says the choice. */
export function addressOf(c: Choice): URLSearchParams {
  return new URLSearchParams(Object.entries(queryOf(c)).flatMap(([key, value]) => (value === null ? [] : [[key, value]])));
}

/** What each report can be asked, beside period, areas and kinds. */
const ASKS: Readonly<Record<ReportName, readonly ('every' | 'by' | 'compare' | 'resolution' | 'source' | 'rank' | 'scan')[]>> = {
  trend: ['by', 'every', 'compare'],
  hotspots: ['every', 'resolution', 'scan'],
  stubborn: ['source', 'rank', 'resolution'],
  emerging: ['every', 'resolution'],
  quality: [],
  health: [],
};

/** Whether a report can be asked for something. */
export function asks(c: Choice, what: (typeof ASKS)[ReportName][number]): boolean {
  return ASKS[c.report].includes(what);
}

/** The lengths of windows that a report can have. */
export function stepsOf(report: ReportName): readonly Choice['every'][] {
  return report === 'trend' ? ['hour', 'day', 'week'] : ['hour', 'day'];
}

/** The length of the windows that will be asked for. */
export function everyOf(c: Choice): Choice['every'] {
  return stepsOf(c.report).includes(c.every) ? c.every : 'day';
}

/** Whether a report is of kinds that are named. */
export function needsKind(c: Choice): boolean {
  return c.report === 'hotspots' || c.report === 'emerging' || (c.report === 'trend' && (c.by === 'area' || c.by === 'city'));
}

/** The kinds that will be asked for: where one is needed and none was chosen, the first event. */
export function kindsAsked(c: Choice, kinds: readonly Kind[]): readonly string[] {
  if (c.kinds.length > 0 || !needsKind(c)) return c.kinds;
  const first = kinds.find((k) => k.type === 'event') ?? kinds[0];
  return first === undefined ? [] : [first.key];
}

/** A period of days of the district, the last not included. */
export interface Days {
  readonly from: string;
  readonly to: string;
}

/** The days that a choice is about; of weeks whole ones, unless the day that runs counts too. */
export function daysOf(c: Choice, nowMs: number): Days {
  const isWeekly = c.report === 'quality' || (c.report === 'trend' && c.every === 'week');
  if (c.period === 'custom') return {from: c.from, to: addDays(c.to, 1)};
  const today = day(nowMs);
  const {n, unit} = lengthOf(c.period) ?? {n: 30, unit: 'd'};
  const end = c.today ? addDays(unit === 'w' ? addDays(mondayOf(today), 6) : today, 1) : isWeekly || unit === 'w' ? mondayOf(today) : today;
  const from = addDays(end, -n * (unit === 'w' ? 7 : 1));
  return {from: isWeekly ? mondayOf(from) : from, to: end};
}

/** How many times of a stubborn problem are asked for: as many as a strip of its history can show. */
const EPISODES = 100;

/** The question for the server, without its form: about days, or about the period as it moves. */
function asking(c: Choice, kinds: readonly Kind[], period: Readonly<Record<string, string>>): URLSearchParams {
  const out = new URLSearchParams();
  for (const kind of kindsAsked(c, kinds)) out.append('kind', kind);
  for (const area of c.areas) out.append('area', area);
  if (c.report === 'health') return out;
  for (const [key, value] of Object.entries(period)) out.set(key, value);
  if (asks(c, 'by')) out.set('by', c.by);
  if (asks(c, 'every')) out.set('every', everyOf(c));
  if (asks(c, 'resolution')) out.set('resolution', c.resolution);
  if (asks(c, 'source')) out.set('source', c.source);
  if (asks(c, 'rank')) {
    out.set('rank', c.rank);
    out.set('episodes', String(EPISODES));
  }
  if (asks(c, 'scan') && c.scan) {
    out.set('scan', 'true');
    out.set('replicates', c.replicates);
  }
  return out;
}

/** The question for the server about the days of now, without its form. */
export function questionOf(c: Choice, kinds: readonly Kind[], nowMs: number): URLSearchParams {
  const {from, to} = daysOf(c, nowMs);
  return asking(c, kinds, {from, to});
}

/** The question as it is kept: a period that moves stays one. */
export function keptOf(c: Choice, kinds: readonly Kind[]): URLSearchParams {
  if (c.period === 'custom') return asking(c, kinds, {from: c.from, to: addDays(c.to, 1)});
  return asking(c, kinds, c.today ? {period: c.period, running: 'true'} : {period: c.period});
}

/** What only the page knows of a choice and is kept with the question. */
export function viewOf(c: Choice): URLSearchParams {
  const out = new URLSearchParams();
  if (c.report === 'trend' && c.compare !== CHOICES.compare[0]) out.set('compare', c.compare);
  if (c.report === 'hotspots' && c.layer !== CHOICES.layer[0]) out.set('layer', c.layer);
  return out;
}

/** A number of hours as the days that hold them, as the page counts in days. */
function inDays(period: string): string {
  const hours = /^([1-9]\d{0,3})h$/.exec(period)?.[1];
  return hours === undefined ? period : `${Math.ceil(Number(hours) / 24)}d`;
}

/** The choice of a question that was kept. */
export function choiceKept(report: string, query: string, view: string): Choice {
  const kept = new URLSearchParams(query);
  const [from, to] = [(kept.get('from') ?? '').slice(0, 10), (kept.get('to') ?? '').slice(0, 10)];
  const address = new URLSearchParams(view);
  for (const key of ['kind', 'area', 'every', 'by', 'resolution', 'source', 'rank', 'replicates']) for (const value of kept.getAll(key)) address.append(key, value);
  if (kept.get('scan') === 'true') address.set('scan', '1');
  if (kept.get('running') === 'true') address.set('today', '1');
  address.set('period', from === '' ? inDays(kept.get('period') ?? '') : 'custom');
  if (dayOf(from) !== '' && dayOf(to) !== '') {
    address.set('from', from);
    address.set('to', addDays(to, -1));
  }
  return choiceOf([report], address);
}

/** The choice with its moving period made into days that stay, as for an address that is given away. */
export function fixed(c: Choice, nowMs: number): Choice {
  if (c.period === 'custom' || c.report === 'health') return c;
  const days = daysOf(c, nowMs);
  return {...c, period: 'custom', from: days.from, to: addDays(days.to, -1), today: false};
}

/** A choice with another thing asked: what was picked and computed for the one before goes. */
export function asked(c: Choice, change: Partial<Choice>): Choice {
  return {...c, job: '', pick: '', ...change};
}
