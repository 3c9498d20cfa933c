/** What is written on pictures that leave the page. */
import {inLang, type Lang} from '../../i18n';
import type {Texts} from './messages';
import type {Sheet} from './png';
import {dayIn, momentIn, valueText} from './values';
import type {Column, Result} from './wire';

/** What a picture says of its result. */
export interface Stamp {
  readonly title: string;
  readonly period: string;
  readonly source: string;
  /** The beginning of the names of files. */
  readonly file: string;
}

const TIME: Column = {key: '', names: {zh: '', en: ''}, type: 'time', unitLabel: {zh: '', en: ''}, digits: 0};

/** The end of a period: of whole days the last one, which people count in. */
function lastIn(r: Result): string {
  const end = momentIn(r.toMs, r.zone);
  return end === dayIn(r.toMs, r.zone) ? dayIn(r.toMs - 1, r.zone) : end;
}

/** The period of a result as people read it; of a report of the present, its time. */
export function periodText(r: Result, m: Texts): string {
  if (r.fromMs === r.toMs) return m.asOf(`${momentIn(r.toMs, r.zone)} (${r.zone})`);
  return m.periodOf(momentIn(r.fromMs, r.zone), lastIn(r), r.zone);
}

/** The value of a parameter as people read it. */
export function parameterText(r: Result, key: string, lang: Lang): string {
  const p = r.parameters.find((x) => x.key === key);
  return p === undefined ? '' : (valueText(p.value, TIME, lang, r.zone) ?? '');
}

/** The stamp of a result. */
export function stampFor(r: Result, m: Texts, lang: Lang): Stamp {
  const told = ['kind', 'area', 'by', 'every'].map((key) => parameterText(r, key, lang)).filter((t) => t !== '');
  return {
    title: inLang(r.title, lang), period: [periodText(r, m), ...told].join(' · '),
    source: [m.versionOf(r.program, r.format), `${m.generated} ${momentIn(r.generatedAtMs, r.zone)} (${r.zone})`, `${m.fingerprint} ${r.fingerprint}`].join(' · '),
    file: `${r.report}-${momentIn(r.toMs, r.zone).slice(0, 10)}`,
  };
}

/** The captions of one figure. */
export function stampOf(stamp: Stamp, figure: string): Pick<Sheet, 'title' | 'subtitle' | 'source'> {
  return {title: `${stamp.title} — ${figure}`, subtitle: stamp.period, source: stamp.source};
}
