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

type Choices = {readonly [K in keyof typeof CHOICES]: (typeof CHOICES)[K][number]};

/** Everything that is chosen. */
export interface Choice extends Choices {
  readonly report: ReportName;
  /** The first and the last day of a custom period, both included, as YYYY-MM-DD. */
  readonly from: string;
  readonly to: string;
  /** The day that still runs counts too. */
  readonly today: boolean;
  /** Code of an area, '' for the whole city. */
  readonly area: string;
  /** '' for all kinds. */
  readonly kind: string;
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

/** Reads an address; what makes no sense counts as not said. */
export function choiceOf(path: readonly string[], query: URLSearchParams): Choice {
  const [from, to] = [dayOf(query.get('from')), dayOf(query.get('to'))];
  const period = oneOf(CHOICES.period, query.get('period'));
  const isWhole = from !== '' && to !== '' && from <= to;
  return {
    report: REPORTS.find((r) => r === path[0]) ?? 'trend',
    period: period === 'custom' && !isWhole ? '30d' : period,
    from: isWhole ? from : '', to: isWhole ? to : '', today: query.get('today') === '1',
    area: query.get('area') ?? '', kind: query.get('kind') ?? '',
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
    area: text(c.area), kind: text(c.kind), every: said('every'), by: said('by'), compare: said('compare'), resolution: said('resolution'),
    source: said('source'), rank: said('rank'), replicates: said('replicates'), layer: said('layer'),
    scan: c.scan ? '1' : null, job: text(c.job), pick: text(c.pick),
  };
}

/** The query of an address that says the choice. */
export function addressOf(c: Choice): URLSearchParams {
  return new URLSearchParams(Object.entries(queryOf(c)).flatMap(([key, value]) => (value === null ? [] : [[key, value]])));
}

/** What each report can be asked, beside period, area and kind. */
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

/** Whether a report is of one kind alone. */
export function needsKind(c: Choice): boolean {
  return c.report === 'hotspots' || c.report === 'emerging' || (c.report === 'trend' && (c.by === 'area' || c.by === 'city'));
}

/** The kind that will be asked for: where one is needed and none was chosen, the first event. */
export function kindAsked(c: Choice, kinds: readonly Kind[]): string {
  if (c.kind !== '' || !needsKind(c)) return c.kind;
  return (kinds.find((k) => k.type === 'event') ?? kinds[0])?.key ?? '';
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
  const end = c.today ? addDays(today, 1) : isWeekly ? mondayOf(today) : today;
  const from = addDays(end, -Number(c.period.slice(0, -1)));
  return {from: isWeekly ? mondayOf(from) : from, to: end};
}

/** How many times of a stubborn problem are asked for: as many as a strip of its history can show. */
const EPISODES = 100;

/** The question for the server, without its form. */
export function questionOf(c: Choice, kinds: readonly Kind[], nowMs: number): URLSearchParams {
  const out = new URLSearchParams();
  const kind = kindAsked(c, kinds);
  if (kind !== '') out.set('kind', kind);
  if (c.area !== '') out.set('area', c.area);
  if (c.report === 'health') return out;
  const days = daysOf(c, nowMs);
  out.set('from', days.from);
  out.set('to', days.to);
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
