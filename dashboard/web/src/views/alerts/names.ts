import {quantity} from '../../format';
import {inLang, type Lang} from '../../i18n';
import {kindOf, unitOf, type Model} from '../../model';
import type {Alert, Handling, Names} from '../../wire';
import type {Texts} from './messages';

/** What an area is called; its code while nobody knows. */
export function areaName(model: Model, code: string): string {
  const area = model.areas.state === 'loaded' ? model.areas.value.find((x) => x.code === code) : undefined;
  return area === undefined ? code : inLang(area.names, model.lang);
}

/** What a kind is called. */
export function kindName(model: Model, key: string): string {
  const kind = kindOf(model, key);
  return kind === null ? key : inLang(kind.names, model.lang);
}

/** What rules are called, by key. */
export type RuleNames = ReadonlyMap<string, Names>;

/** What a rule is called; its key when nobody knows. */
export function ruleName(rules: RuleNames, key: string, lang: Lang): string {
  const known = rules.get(key);
  return known === undefined ? key : inLang(known, lang) || key;
}

/** The unit of the values of an alert: that of its kind, none for counts of events. */
export function unitText(model: Model, a: Alert): string {
  const kind = kindOf(model, a.kind);
  // "3 times" is Chinese: 3 次. English counts without a word.
  return kind === null || (kind.type === 'event' && model.lang === 'en') ? '' : unitOf(kind, model.lang);
}

/** A small number keeps the two digits that say something. */
function figure(value: number, lang: Lang): string {
  return value !== 0 && Math.abs(value) < 0.1 ? String(Number(value.toPrecision(2))) : quantity(value, lang);
}

/** A value of an alert with its unit. */
export function valueText(model: Model, a: Alert, value: number): string {
  return `${figure(value, model.lang)} ${unitText(model, a)}`.trim();
}

/** Where an alert was sent, in words; '' for nowhere. */
export function destination(model: Model, to: {readonly toArea: string; readonly toUnit: string}): string {
  return [to.toArea === '' ? '' : areaName(model, to.toArea), to.toUnit].filter((t) => t !== '').join(' · ');
}

/** How far people are with an alert, in words. */
export function handlingText(model: Model, m: Texts, h: Handling): string {
  const answer = h.answer === '' || h.state !== 'done' ? '' : `${m.answers[h.answer]} · `;
  const to = h.state === 'dispatched' ? destination(model, h) : '';
  const state = `${answer}${m.states[h.state]}${to === '' ? '' : ` ${m.sent(to)}`}`;
  return h.by === '' || h.state === 'new' ? state : m.stateBy(state, h.by);
}

/** A probability as people read it. */
export function chance(p: number, lang: Lang): string {
  return p >= 0.001 ? `${quantity(p * 100, lang)} %` : p.toExponential(0).replace('e-', ' × 10⁻').replace(/\d+$/, superscript);
}

function superscript(digits: string): string {
  return digits.replace(/\d/g, (d) => '⁰¹²³⁴⁵⁶⁷⁸⁹'[Number(d)] ?? '');
}
