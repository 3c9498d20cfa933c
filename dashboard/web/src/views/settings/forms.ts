import type {Names, Severity} from '../../wire';
import type {Detector, Params, RuleBody} from './wire';

/** How a parameter is written. */
export type Writing = 'number' | 'count' | 'duration' | 'durations';

/** One parameter of a detector. */
export interface Parameter {
  /** Of the API; durations end in _seconds. */
  readonly key: string;
  readonly writing: Writing;
  /** In the unit of the kind. */
  readonly inUnit?: boolean;
  /** May be left empty, which means the default. */
  readonly optional?: boolean;
  /** What an empty field means, as it is written. */
  readonly fallback?: string;
}

const HOLDS: readonly Parameter[] = [
  {key: 'hold_raise_seconds', writing: 'duration', optional: true, fallback: '0s'},
  {key: 'hold_clear_seconds', writing: 'duration', optional: true, fallback: '0s'},
];

/** The parameters of each detector in the order of its form. */
export const FORMS: Readonly<Record<Detector, readonly Parameter[]>> = {
  threshold: [
    {key: 'raise', writing: 'number', inUnit: true}, {key: 'clear', writing: 'number', inUnit: true},
    {key: 'critical', writing: 'number', inUnit: true, optional: true}, ...HOLDS,
  ],
  exceedance: [
    {key: 'min_count', writing: 'count'}, {key: 'expected', writing: 'number'}, {key: 'prior_windows', writing: 'number'},
    {key: 'p_raise', writing: 'number'}, {key: 'p_clear', writing: 'number'}, {key: 'p_critical', writing: 'number', optional: true},
    {key: 'hold_clear_seconds', writing: 'duration', optional: true, fallback: '0s'},
  ],
  hotspot: [
    {key: 'budget', writing: 'number', optional: true, fallback: '1'}, {key: 'min_count', writing: 'count', optional: true, fallback: '3'},
    {key: 'prior_rate', writing: 'number', optional: true, fallback: '0.01'}, {key: 'threshold', writing: 'number', optional: true},
    {key: 'step_seconds', writing: 'duration', optional: true, fallback: '1m'},
    {key: 'window_seconds', writing: 'durations', optional: true, fallback: '5m 15m 30m 1h 2h 4h 6h'},
  ],
  change: [
    {key: 'over_seconds', writing: 'duration'}, {key: 'raise', writing: 'number', inUnit: true}, {key: 'clear', writing: 'number', inUnit: true},
    {key: 'critical', writing: 'number', inUnit: true, optional: true}, ...HOLDS,
  ],
  baseline: [
    {key: 'raise', writing: 'number'}, {key: 'clear', writing: 'number'}, {key: 'least', writing: 'number', inUnit: true, optional: true},
    {key: 'spread', writing: 'number', inUnit: true}, {key: 'swing', writing: 'number', inUnit: true, optional: true}, ...HOLDS,
  ],
  drift: [
    {key: 'allowance', writing: 'number', optional: true, fallback: '0.5'}, {key: 'limit', writing: 'number', optional: true, fallback: '12'},
    {key: 'hold_clear_seconds', writing: 'duration', optional: true, fallback: '24h'},
  ],
  silence: [{key: 'chance', writing: 'number', optional: true}],
  outlier: [{key: 'stuck_seconds', writing: 'duration', optional: true, fallback: '2h'}, ...HOLDS],
};

/** A rule as it stands in its form. */
export interface Draft {
  readonly zh: string;
  readonly en: string;
  readonly severity: Severity;
  readonly off: boolean;
  readonly fields: Readonly<Record<string, string>>;
}

const UNITS: readonly (readonly [string, number])[] = [['d', 86_400], ['h', 3600], ['m', 60], ['s', 1]];

/** Seconds as people write them: "1h30m". */
export function durationText(seconds: number): string {
  let left = Math.round(seconds * 1000) / 1000;
  let text = '';
  for (const [unit, size] of UNITS) {
    const n = unit === 's' ? left : Math.floor(left / size);
    if (n > 0) text += `${n}${unit}`;
    left -= n * size;
  }
  return text === '' ? '0s' : text;
}

/** Reads "1h30m", "45s", "2d"; null for anything else. */
export function durationOf(text: string): number | null {
  const parts = [...text.trim().toLowerCase().matchAll(/(\d+(?:\.\d+)?)\s*([dhms])\s*/g)];
  const length = parts.reduce((sum, p) => sum + p[0].length, 0);
  if (parts.length === 0 || length !== text.trim().length) return text.trim() === '0' ? 0 : null;
  let seconds = 0;
  for (const [, number, unit] of parts) seconds += Number(number) * (UNITS.find(([u]) => u === unit)?.[1] ?? 0);
  return seconds;
}

/** Reads a number; null for anything else. */
export function numberOf(text: string): number | null {
  if (!/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text.trim())) return null;
  const n = Number(text);
  return Number.isFinite(n) ? n : null;
}

function written(value: number | readonly number[] | undefined, writing: Writing): string {
  if (value === undefined) return '';
  if (typeof value !== 'number') return value.map(durationText).join(' ');
  return writing === 'duration' ? durationText(value) : String(value);
}

function isEmptyByDefault(p: Parameter, params: Params): boolean {
  return p.optional === true && (params[p.key] === undefined || params[p.key] === 0);
}

/** The form of a rule. */
export function draftOf(body: RuleBody, off: boolean, detector: Detector): Draft {
  const fields: Record<string, string> = {};
  for (const p of FORMS[detector]) fields[p.key] = isEmptyByDefault(p, body.params) ? '' : written(body.params[p.key], p.writing);
  return {zh: body.names.zh, en: body.names.en, severity: body.severity, off, fields};
}

/** What is wrong with a field. */
export type FieldFault = 'missing' | 'number' | 'count' | 'duration';

function read(p: Parameter, text: string): number | readonly number[] | FieldFault | null {
  if (text.trim() === '') return p.optional === true ? null : 'missing';
  switch (p.writing) {
    case 'number':
      return numberOf(text) ?? 'number';
    case 'count': {
      const n = numberOf(text);
      return n !== null && Number.isInteger(n) && n >= 0 ? n : 'count';
    }
    case 'duration':
      return durationOf(text) ?? 'duration';
    case 'durations': {
      const all = text.trim().split(/[\s,，、]+/).map(durationOf);
      const known = all.filter((d) => d !== null);
      return known.length === all.length ? known : 'duration';
    }
  }
}

/** What is wrong with each field; nothing when the form can be sent. */
export function faultsOf(draft: Draft, detector: Detector): Readonly<Record<string, FieldFault>> {
  const faults: Record<string, FieldFault> = {};
  for (const p of FORMS[detector]) {
    const value = read(p, draft.fields[p.key] ?? '');
    if (typeof value === 'string') faults[p.key] = value;
  }
  if (draft.zh.trim() === '') faults['zh'] = 'missing';
  if (draft.en.trim() === '') faults['en'] = 'missing';
  return faults;
}

/** The rule that a form without faults says. */
export function bodyOf(draft: Draft, detector: Detector): RuleBody {
  const params: Record<string, number | readonly number[]> = {};
  for (const p of FORMS[detector]) {
    const value = read(p, draft.fields[p.key] ?? '');
    if (value !== null && typeof value !== 'string') params[p.key] = value;
  }
  const names: Names = {zh: draft.zh.trim(), en: draft.en.trim()};
  return {names, severity: draft.severity, params};
}

/** The keys in which two forms differ, 'names', 'severity' and 'off' among them. */
export function differing(a: Draft, b: Draft): readonly string[] {
  const keys = Object.keys({...a.fields, ...b.fields}).filter((k) => (a.fields[k] ?? '').trim() !== (b.fields[k] ?? '').trim());
  if (a.zh !== b.zh || a.en !== b.en) keys.push('names');
  if (a.severity !== b.severity) keys.push('severity');
  if (a.off !== b.off) keys.push('off');
  return keys;
}

/** One thing about which two people differ, in words. */
export interface Difference {
  readonly name: string;
  readonly theirs: string;
  readonly mine: string;
}

/** The version of a setting as If-Match wants it, '' before the first change. */
export function tagOf(version: number): string {
  return version === 0 ? '' : `"${version}"`;
}

const BYTES = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

/** Bytes as people read them: "1.5 GiB". */
export function bytesText(bytes: number): string {
  let [n, k] = [bytes, 0];
  while (n >= 1024 && k < BYTES.length - 1) [n, k] = [n / 1024, k + 1];
  return `${k === 0 || n >= 100 ? Math.round(n) : Math.round(n * 10) / 10} ${BYTES[k] ?? ''}`;
}

/** How the lines of a text became others. */
export interface DiffLine {
  readonly sign: ' ' | '-' | '+';
  readonly text: string;
}

/** The lines of two texts beside one another, by their longest common part. */
export function diffOf(before: string, after: string): readonly DiffLine[] {
  const [a, b] = [before.split('\n').filter((l) => l !== ''), after.split('\n').filter((l) => l !== '')];
  const common: number[][] = Array.from({length: a.length + 1}, () => Array.from({length: b.length + 1}, () => 0));
  const at = (i: number, k: number): number => common[i]?.[k] ?? 0;
  for (let i = a.length - 1; i >= 0; i--) {
    for (let k = b.length - 1; k >= 0; k--) {
      const row = common[i];
      if (row !== undefined) row[k] = a[i] === b[k] ? at(i + 1, k + 1) + 1 : Math.max(at(i + 1, k), at(i, k + 1));
    }
  }
  const out: DiffLine[] = [];
  let [i, k] = [0, 0];
  while (i < a.length || k < b.length) {
    if (i < a.length && k < b.length && a[i] === b[k]) {
      out.push({sign: ' ', text: a[i] ?? ''});
      [i, k] = [i + 1, k + 1];
    } else if (k >= b.length || (i < a.length && at(i + 1, k) >= at(i, k + 1))) {
      out.push({sign: '-', text: a[i++] ?? ''});
    } else {
      out.push({sign: '+', text: b[k++] ?? ''});
    }
  }
  return out;
}
