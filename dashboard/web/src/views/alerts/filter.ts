import type {Lang} from '../../i18n';
import type {Alert, HandlingState, Severity} from '../../wire';
import {STATES} from './wire';

/** The severities as people choose them, gravest first. */
export const SEVERITIES: readonly Severity[] = ['critical', 'warning', 'notice'];

/** What of the alerts is listed. Empty lists and texts do not narrow. */
export interface Filter {
  /** States of handling; without any, all that is not done. */
  readonly states: readonly HandlingState[];
  /** Whether the matter itself goes on. */
  readonly life: 'open' | 'closed' | 'any';
  readonly severities: readonly Severity[];
  readonly category: '' | 'city' | 'quality';
  readonly kind: string;
  /** Code of an area, those within it included. */
  readonly area: string;
  readonly rule: string;
  readonly by: string;
  readonly text: string;
  readonly muted: '' | 'true' | 'false';
}

/** What is listed when the address says nothing: what still goes on and is not done. */
export const WAITING: Filter = {
  states: [], life: 'open', severities: [], category: '', kind: '', area: '', rule: '', by: '', text: '', muted: '',
};

function oneOf<T extends string>(allowed: readonly T[], value: string | null, fallback: T): T {
  return allowed.find((a) => a === value) ?? fallback;
}

function someOf<T extends string>(allowed: readonly T[], value: string | null): readonly T[] {
  const asked = (value ?? '').split(',');
  return allowed.filter((a) => asked.includes(a));
}

/** Reads the filter out of an address; what it does not know it leaves out. */
export function filterOf(query: URLSearchParams): Filter {
  return {
    states: someOf(STATES, query.get('state')),
    life: oneOf(['open', 'closed', 'any'], query.get('life'), 'open'),
    severities: someOf(SEVERITIES, query.get('severity')),
    category: oneOf(['', 'city', 'quality'], query.get('category'), ''),
    kind: query.get('kind') ?? '',
    area: query.get('area') ?? '',
    rule: query.get('rule') ?? '',
    by: query.get('by') ?? '',
    text: query.get('text') ?? '',
    muted: oneOf(['', 'true', 'false'], query.get('muted'), ''),
  };
}

/** The values of an address that say the filter; null for what needs no saying. */
export function queryOf(f: Filter): Readonly<Record<string, string | null>> {
  const said = (value: string): string | null => (value === '' ? null : value);
  return {
    state: said(f.states.join(',')),
    life: f.life === 'open' ? null : f.life,
    severity: said(f.severities.join(',')),
    category: said(f.category),
    kind: said(f.kind),
    area: said(f.area),
    rule: said(f.rule),
    by: said(f.by),
    text: said(f.text),
    muted: said(f.muted),
  };
}

/** The states that a filter lets through. */
export function statesOf(f: Filter): readonly HandlingState[] {
  return f.states.length === 0 ? STATES.filter((s) => s !== 'done') : f.states;
}

/** The path that asks the server for the alerts of a filter, from a cursor on. */
export function pathOf(f: Filter, before = '', limit = 100): string {
  const query = asking(new URLSearchParams({limit: String(limit)}), f);
  if (before !== '') query.set('before', before);
  return `alerts?${query.toString()}`;
}

/** The path that asks the server how many alerts of a filter there are. */
export function countPathOf(f: Filter): string {
  return `alerts/count?${asking(new URLSearchParams(), f).toString()}`;
}

/** The address of a file with all alerts of a filter. */
export function fileOf(f: Filter, lang: Lang): string {
  return `/api/v1/alerts.csv?${asking(new URLSearchParams({lang}), f).toString()}`;
}

/** Puts the conditions of a filter into a query. */
function asking(query: URLSearchParams, f: Filter): URLSearchParams {
  const ask = (key: string, value: string): void => {
    if (value !== '') query.set(key, value);
  };
  ask('handling', statesOf(f).length === STATES.length ? '' : statesOf(f).join(','));
  ask('state', f.life === 'any' ? '' : f.life);
  ask('severity', f.severities.join(','));
  for (const key of ['category', 'kind', 'area', 'rule', 'by', 'text', 'muted'] as const) ask(key, f[key]);
  return query;
}

/** Only codes of the standard have parts: 6 digits of a district, 9 of a subdistrict, 12 of a community, 15 of a grid. */
export function areaWithin(area: string, code: string): boolean {
  const standard = /^(\d{6}|\d{9}|\d{12}|\d{15})$/;
  return area === code || (standard.test(area) && standard.test(code) && area.startsWith(code));
}

/** Whether an alert is one of those a filter lists: what the server's answer to pathOf is narrowed by. */
export function matches(a: Alert, f: Filter): boolean {
  const text = f.text.toLowerCase();
  return statesOf(f).includes(a.handling.state)
    && (f.life === 'any' || a.state === f.life)
    && (f.severities.length === 0 || f.severities.includes(a.severity))
    && (f.category === '' || a.category === f.category)
    && (f.kind === '' || a.kind === f.kind)
    && (f.area === '' || areaWithin(a.area, f.area))
    && (f.rule === '' || a.rule === f.rule)
    && (f.by === '' || a.handling.by === f.by)
    && (f.muted === '' || a.muted === (f.muted === 'true'))
    && (text === '' || `${a.reason.zh} ${a.reason.en} ${a.place} ${a.id}`.toLowerCase().includes(text));
}

/** How many conditions narrow the list beside the tab. */
export function conditionsOf(f: Filter): number {
  return [f.severities.length > 0, f.category, f.kind, f.area, f.rule, f.text, f.muted].filter((c) => c !== '' && c !== false).length;
}

/** The tabs above the queue. */
export const TABS = ['waiting', 'mine', 'done', 'all'] as const;

/** One of them. */
export type Tab = (typeof TABS)[number];

/** What a tab lists, with the other conditions kept; `me` is the person at the screen. */
export function tabbed(f: Filter, tab: Tab, me: string): Filter {
  const rest = {...f, by: ''};
  switch (tab) {
    case 'waiting':
      return {...rest, states: [], life: 'open'};
    case 'mine':
      return {...rest, states: ['acknowledged', 'dispatched'], life: 'any', by: me};
    case 'done':
      return {...rest, states: ['done'], life: 'any'};
    case 'all':
      return {...rest, states: STATES, life: 'any'};
  }
}

/** The tab that lists what f does, null when none. */
export function tabOf(f: Filter, me: string): Tab | null {
  const same = (a: Filter): boolean => a.life === f.life && a.by === f.by && a.states.join() === f.states.join();
  return TABS.find((tab) => (tab !== 'mine' || me !== '') && same(tabbed(f, tab, me))) ?? null;
}
