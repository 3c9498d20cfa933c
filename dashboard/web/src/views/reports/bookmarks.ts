/** Saved questions: what they ask, in words, and what is sent to save them. */
import {inLang, type Lang} from '../../i18n';
import {hrefOf} from '../../router';
import type {Area, Kind} from '../../wire';
import {addressOf, choiceKept, keptOf, lengthOf, REPORTS, viewOf, type Choice} from './choice';
import type {Texts} from './messages';
import type {Bookmark} from './wire';

/** What a person says of a question that is saved. */
export interface Words {
  readonly name: string;
  readonly note: string;
}

/** The longest name and note that the server takes. */
export const LIMITS = {name: 100, note: 1000} as const;

/** A name without spaces around it and with single ones in it. */
export function tidyName(name: string): string {
  return name.split(/\s+/).filter((word) => word !== '').join(' ');
}

/** The bookmark that has a name, however it is written. */
export function ownerOf(list: readonly Bookmark[], name: string): Bookmark | undefined {
  const key = tidyName(name).toLowerCase();
  return list.find((b) => tidyName(b.name).toLowerCase() === key);
}

/** What saves the question that is on the page. */
export function bodyOf(words: Words, c: Choice, kinds: readonly Kind[], by: string): Readonly<Record<string, string>> {
  return {name: tidyName(words.name), note: words.note.trim(), report: c.report, query: keptOf(c, kinds).toString(), view: viewOf(c).toString(), by};
}

/** What changes the words of a bookmark, and leaves its question. */
export function renamed(words: Words, b: Bookmark, by: string): Readonly<Record<string, string>> {
  return {name: tidyName(words.name), note: words.note.trim(), report: b.report, query: b.query, view: b.view, by};
}

/** The choice that a bookmark is. */
export function choiceIn(b: Bookmark): Choice {
  return choiceKept(b.report, b.query, b.view);
}

/** The address that opens a bookmark. */
export function addressIn(b: Bookmark): string {
  const choice = choiceIn(b);
  return hrefOf('reports', [choice.report], addressOf(choice));
}

/** The name of a report. */
export function reportName(report: string, m: Texts): string {
  const known = REPORTS.find((r) => r === report);
  return known === undefined ? report : m.tabs[known];
}

/** A period as people say it. */
export function periodName(c: Choice, m: Texts): string {
  if (c.report === 'health') return m.present;
  if (c.period === 'custom') return m.weeklyOf(c.from, c.to);
  const length = lengthOf(c.period) ?? {n: 30, unit: 'd'};
  return `${length.unit === 'w' ? m.lastWeeks(length.n) : m.lastDays(length.n)}${c.today ? ` · ${m.includeToday}` : ''}`;
}

/** What a choice asks, in words: kinds and areas by their names. */
export function askedText(c: Choice, kinds: readonly Kind[], areas: readonly Area[], m: Texts, lang: Lang): string {
  const named = (keys: readonly string[], name: (key: string) => string | undefined, none: string): string => (keys.length === 0 ? none : keys.map((k) => name(k) ?? k).join(m.and));
  const nameOf = (x: {readonly names: {readonly zh: string; readonly en: string}} | undefined): string | undefined => (x === undefined ? undefined : inLang(x.names, lang));
  return [
    named(c.kinds, (key) => nameOf(kinds.find((k) => k.key === key)), m.kindsAll), named(c.areas, (code) => nameOf(areas.find((a) => a.code === code)), m.areasAll),
    ...(c.report === 'trend' ? [c.by === 'city' ? m.bys.city : m.byOf(m.bys[c.by])] : []),
  ].join(' · ');
}
