/** Reading results: columns by key, and values as people read them. */
import {inLang, type Lang} from '../../i18n';
import type {Column, Feature, Result, Table, Value} from './wire';

const EMPTY: Table = {key: '', kind: '', title: {zh: '', en: ''}, columns: [], rows: []};

/** The table of a key, an empty one where there is none. */
export function tableOf(r: Result, key: string): Table {
  return r.tables.find((t) => t.key === key) ?? EMPTY;
}

/** One row of a table, read by the keys of columns. */
export class Row {
  readonly #table: Table;
  readonly #values: readonly Value[];
  /** Its number in the table. */
  readonly index: number;

  constructor(table: Table, index: number) {
    this.#table = table;
    this.#values = table.rows[index] ?? [];
    this.index = index;
  }

  /** The value of a column, null when there is no such column. */
  value(key: string): Value | null {
    return this.#values[this.#table.columns.findIndex((c) => c.key === key)] ?? null;
  }

  /** The number of a column, null when it is missing or none. */
  number(key: string): number | null {
    const v = this.value(key);
    return v?.is === 'number' ? v.number : null;
  }

  /** The time of a column in ms, null when it is missing or none. */
  ms(key: string): number | null {
    const v = this.value(key);
    return v?.is === 'time' ? v.ms : null;
  }

  /** The text of a column, '' when it is missing or a number. */
  text(key: string, lang: Lang = 'zh'): string {
    const v = this.value(key);
    return v?.is === 'text' ? v.text : v?.is === 'names' ? inLang(v.names, lang) : '';
  }

  /** Why the value of a column is missing, '' when it is not. */
  why(key: string): string {
    const v = this.value(key);
    return v?.is === 'missing' ? v.note : '';
  }
}

/** The rows of a table. */
export function rowsOf(table: Table): readonly Row[] {
  return table.rows.map((_, k) => new Row(table, k));
}

/** The features of a table. */
export function featuresOf(r: Result, table: string): readonly Feature[] {
  return r.features.filter((f) => f.table === table);
}

const formats = new Map<string, Intl.DateTimeFormat>();

function parts(ms: number, zone: string): (type: Intl.DateTimeFormatPartTypes) => string {
  let format = formats.get(zone);
  if (format === undefined) {
    format = new Intl.DateTimeFormat('en-CA', {timeZone: zone, hourCycle: 'h23', year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit'});
    formats.set(zone, format);
  }
  const found = format.formatToParts(ms);
  return (type) => found.find((p) => p.type === type)?.value ?? '';
}

/** "2026-11-22" in a zone. */
export function dayIn(ms: number, zone: string): string {
  const of = parts(ms, zone);
  return `${of('year')}-${of('month')}-${of('day')}`;
}

/** "2026-11-22 08:00" in a zone, without the time where it is midnight. */
export function momentIn(ms: number, zone: string): string {
  const of = parts(ms, zone);
  const time = `${of('hour')}:${of('minute')}`;
  return time === '00:00' ? dayIn(ms, zone) : `${dayIn(ms, zone)} ${time}`;
}

/** The name of a window on an axis: of hours day and hour, else the day. */
export function windowLabel(ms: number, r: Pick<Result, 'zone' | 'every'>): string {
  const date = dayIn(ms, r.zone).slice(5);
  return r.every === 'hour' ? `${date} ${parts(ms, r.zone)('hour')}:00` : date;
}

/** Whether a column holds probabilities, which people read as "< 0.0001". */
function isProbability(key: string): boolean {
  return /^(p|q)$|(^|_)p(_|$)|_q$/.test(key);
}

/** A number as people read it, grouped, with so many digits after the point at most. */
export function numberText(n: number, lang: Lang, digits: number): string {
  return n.toLocaleString(lang === 'zh' ? 'zh-CN' : 'en', {maximumFractionDigits: digits});
}

/** A probability: three digits that matter, and no more zeros than say something. */
export function probabilityText(p: number): string {
  if (p < 0.0001) return '<0.0001';
  return p < 0.001 ? p.toFixed(4) : p.toFixed(3);
}

/** A change in percent, with its sign. */
export function changeText(percent: number, lang: Lang): string {
  const text = numberText(Math.abs(percent), lang, Math.abs(percent) < 10 ? 1 : 0);
  return `${percent < 0 ? '−' : '+'}${text}%`;
}

/** A value as people read it; null when it is missing. */
export function valueText(v: Value, column: Column, lang: Lang, zone: string): string | null {
  switch (v.is) {
    case 'text':
      return v.text;
    case 'names':
      return inLang(v.names, lang);
    case 'number':
      return isProbability(column.key) ? probabilityText(v.number) : numberText(v.number, lang, column.digits);
    case 'time':
      return momentIn(v.ms, zone);
    case 'missing':
      return null;
  }
}

/** The head of a column, with its unit. */
export function headText(column: Column, lang: Lang): string {
  const unit = inLang(column.unitLabel, lang);
  return unit === '' ? inLang(column.names, lang) : `${inLang(column.names, lang)} (${unit})`;
}

/** The order of two values in a column: numbers and times by size, missing ones last whichever way it goes. */
export function compareValues(a: Value, b: Value, down: boolean, lang: Lang): number {
  const size = (v: Value): number | string | null => {
    switch (v.is) {
      case 'number':
        return v.number;
      case 'time':
        return v.ms;
      case 'missing':
        return null;
      case 'text':
        return v.text === '' ? null : v.text;
      case 'names':
        return inLang(v.names, lang);
    }
  };
  const [x, y] = [size(a), size(b)];
  if (x === null || y === null) return Number(x === null) - Number(y === null);
  const order = typeof x === 'number' && typeof y === 'number' ? x - y : String(x).localeCompare(String(y), lang === 'zh' ? 'zh-CN' : 'en');
  return down ? -order : order;
}

/** The code of the note that says why the whole result has nothing to show, '' when it has. */
export function lackOf(r: Result): string {
  const [categories, cells] = [rowsOf(tableOf(r, 'categories')), rowsOf(tableOf(r, 'cells'))];
  switch (r.report) {
    case 'emerging':
      return categories.every((c) => c.why('cells') !== '') ? (categories[0]?.why('cells') ?? 'no_data') : '';
    case 'hotspots':
      return cells.every((c) => c.number('z') === null) ? (cells[0]?.why('z') ?? 'no_data') : '';
    case 'trend':
      return r.observations === 0 ? (r.notes.find((n) => n.code === 'not_until_cases')?.code ?? 'no_data') : '';
    case 'stubborn':
      return tableOf(r, 'problems').rows.length === 0 ? 'none_stubborn' : '';
    case 'quality':
      return r.alerts === 0 ? 'no_alerts' : '';
    default:
      return r.tables.every((t) => t.rows.length === 0) ? 'no_devices' : '';
  }
}
