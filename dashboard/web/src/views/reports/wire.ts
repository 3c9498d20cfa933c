/** The edge of the view: what the server says of reports. */
import {instantMs, int, isRecord, list, names, num, oneOf, optional, record, some, str, unturned, WireError, type CellId, type Names} from '../../wire';

/** One value of a table. A missing one says why by the code of a note. */
export type Value =
  | {readonly is: 'text'; readonly text: string}
  | {readonly is: 'names'; readonly names: Names}
  | {readonly is: 'number'; readonly number: number}
  | {readonly is: 'time'; readonly ms: number}
  | {readonly is: 'missing'; readonly note: string};

/** What the values of a column are, where they are not missing. */
export interface Column {
  readonly key: string;
  readonly names: Names;
  readonly type: 'text' | 'number' | 'time';
  /** As people write it, '' for plain numbers. */
  readonly unitLabel: Names;
  /** Digits after the point that are worth showing. */
  readonly digits: number;
}

/** Rows of values, each with one for each column. */
export interface Table {
  readonly key: string;
  /** Whose section it belongs to, '' for none. */
  readonly kind: string;
  readonly title: Names;
  readonly columns: readonly Column[];
  readonly rows: readonly (readonly Value[])[];
}

/** The place of a row. */
export interface Feature {
  readonly table: string;
  readonly row: number;
  readonly cells: readonly CellId[];
  /** Code of an area, '' for none. */
  readonly area: string;
  readonly point: {readonly latDegrees: number; readonly lonDegrees: number} | null;
}

/** What is missing, or must be known to read the numbers. */
export interface Note {
  readonly code: string;
  /** Whose section it belongs to, '' for none. */
  readonly kind: string;
  readonly text: Names;
  /** How many values it stands in the place of; 0 for what is of the whole. */
  readonly count: number;
}

/** The lengths of windows. */
export const STEPS = ['hour', 'day', 'week', 'period'] as const;

/** The length of a window. */
export type Step = (typeof STEPS)[number];

/** The answer of a report, with all that it says of itself. */
export interface Result {
  readonly report: string;
  readonly title: Names;
  readonly program: string;
  readonly format: string;
  readonly generatedAtMs: number;
  readonly fromMs: number;
  /** Not included. */
  readonly toMs: number;
  readonly zone: string;
  readonly every: Step;
  readonly windows: number;
  readonly observations: number;
  /** null in reports that read no alerts. */
  readonly alerts: number | null;
  readonly fingerprint: string;
  readonly methods: readonly {readonly key: string; readonly names: Names; readonly reference: string}[];
  readonly parameters: readonly {readonly key: string; readonly names: Names; readonly value: Value}[];
  readonly definitions: readonly {readonly key: string; readonly names: Names; readonly text: Names}[];
  /** The kinds that are answered each by itself, none where the whole is one answer. */
  readonly sections: readonly {readonly kind: string; readonly names: Names}[];
  readonly notes: readonly Note[];
  readonly tables: readonly Table[];
  readonly features: readonly Feature[];
}

function decodeValue(x: unknown, type: Column['type']): Value {
  if (typeof x === 'number') return {is: 'number', number: num(x, 'value')};
  if (typeof x === 'string') return type === 'time' && x !== '' ? {is: 'time', ms: instantMs(x, 'value')} : {is: 'text', text: unturned(x)};
  if (isRecord(x) && 'note' in x) return {is: 'missing', note: str(x['note'], 'value.note')};
  return {is: 'names', names: names(x, 'value')};
}

function decodeColumn(x: unknown): Column {
  const o = record(x, 'column');
  return {
    key: str(o['key'], 'column.key'), names: names(o['names'], 'column.names'),
    type: oneOf(o['type'], ['text', 'number', 'time'], 'column.type'),
    unitLabel: names(o['unit_label'], 'column.unit_label'), digits: int(o['digits'], 'column.digits'),
  };
}

function decodeTable(x: unknown): Table {
  const o = record(x, 'table');
  const key = str(o['key'], 'table.key');
  const columns = list(o['columns'], `${key}.columns`).map(decodeColumn);
  const rows = list(o['rows'], `${key}.rows`).map((r) => {
    const values = list(r, `${key}.row`);
    if (values.length !== columns.length) throw new WireError(`${key}: a row has ${values.length} values for ${columns.length} columns`);
    return columns.map((c, k) => decodeValue(values[k], c.type));
  });
  return {key, kind: optional(o['kind'], `${key}.kind`), title: names(o['title'], `${key}.title`), columns, rows};
}

function decodeFeature(x: unknown): Feature {
  const o = record(x, 'feature');
  const p = o['point'];
  const at = p === undefined || p === null ? null : record(p, 'feature.point');
  return {
    table: str(o['table'], 'feature.table'), row: int(o['row'], 'feature.row'),
    cells: some(o['cells'], 'feature.cells').map((c) => str(c, 'cell')), area: optional(o['area'], 'feature.area'),
    point: at === null ? null : {latDegrees: num(at['lat'], 'point.lat'), lonDegrees: num(at['lon'], 'point.lon')},
  };
}

/** The value of a parameter: a moment is told by the key. */
function decodeParameter(x: unknown): Result['parameters'][number] {
  const o = record(x, 'parameter');
  const key = str(o['key'], 'parameter.key');
  return {key, names: names(o['names'], 'parameter.names'), value: decodeValue(o['value'], key === 'from' || key === 'to' ? 'time' : 'text')};
}

/** Decodes the answer of a report. */
export function decodeResult(x: unknown): Result {
  const o = record(x, 'report');
  const [version, period, data] = [record(o['version'], 'version'), record(o['period'], 'period'), record(o['data'], 'data')];
  return {
    report: str(o['report'], 'report'), title: names(o['title'], 'title'),
    program: str(version['program'], 'version.program'), format: str(version['format'], 'version.format'),
    generatedAtMs: instantMs(o['generated_at'], 'generated_at'),
    fromMs: instantMs(period['from'], 'period.from'), toMs: instantMs(period['to'], 'period.to'), zone: str(period['zone'], 'period.zone'),
    every: oneOf(period['every'], STEPS, 'period.every'), windows: int(period['windows'], 'period.windows'),
    observations: int(data['observations'], 'data.observations'), alerts: data['alerts'] === undefined ? null : int(data['alerts'], 'data.alerts'), fingerprint: str(data['fingerprint'], 'data.fingerprint'),
    methods: list(o['methods'], 'methods').map((m) => {
      const r = record(m, 'method');
      return {key: str(r['key'], 'method.key'), names: names(r['names'], 'method.names'), reference: str(r['reference'], 'method.reference')};
    }),
    parameters: list(o['parameters'], 'parameters').map(decodeParameter),
    definitions: list(o['definitions'], 'definitions').map((d) => {
      const r = record(d, 'definition');
      return {key: str(r['key'], 'definition.key'), names: names(r['names'], 'definition.names'), text: names(r['text'], 'definition.text')};
    }),
    notes: list(o['notes'], 'notes').map((n) => {
      const r = record(n, 'note');
      return {code: str(r['code'], 'note.code'), kind: optional(r['kind'], 'note.kind'), text: names(r['text'], 'note.text'), count: r['count'] === undefined ? 0 : int(r['count'], 'note.count')};
    }),
    sections: some(o['sections'], 'sections').map((s) => {
      const r = record(s, 'section');
      return {kind: str(r['kind'], 'section.kind'), names: names(r['names'], 'section.names')};
    }),
    tables: list(o['tables'], 'tables').map(decodeTable),
    features: list(o['features'], 'features').map(decodeFeature),
  };
}

/** Several reports that were made together, or one. */
export interface Book {
  readonly title: Names;
  readonly parts: readonly Result[];
}

/** Decodes a saved report: a single one is a book of one part. */
export function decodeBook(x: unknown): Book {
  const o = record(x, 'saved report');
  if (!('reports' in o)) {
    const one = decodeResult(x);
    return {title: one.title, parts: [one]};
  }
  return {title: names(o['title'], 'book.title'), parts: list(o['reports'], 'book.reports').map(decodeResult)};
}

/** The schedules of the server. */
export const SCHEDULES = ['weekly', 'nightly', 'hourly'] as const;

/** A schedule of the server. */
export type Schedule = (typeof SCHEDULES)[number];

/** A report that the server made by the clock. */
export interface Saved {
  readonly id: string;
  readonly schedule: Schedule;
  readonly title: Names;
  /** '' where there are several. */
  readonly report: string;
  readonly kind: string;
  readonly fromMs: number;
  readonly toMs: number;
  readonly generatedAtMs: number;
  readonly results: number;
  readonly formats: readonly string[];
}

/** Decodes a list of saved reports. */
export function decodeSaved(x: unknown): readonly Saved[] {
  return list(record(x, 'saved')['saved'], 'saved').map((s) => {
    const o = record(s, 'saved');
    return {
      id: str(o['id'], 'saved.id'), schedule: oneOf(o['schedule'], SCHEDULES, 'saved.schedule'), title: names(o['title'], 'saved.title'),
      report: optional(o['report'], 'saved.report'), kind: optional(o['kind'], 'saved.kind'),
      fromMs: instantMs(o['from'], 'saved.from'), toMs: instantMs(o['to'], 'saved.to'), generatedAtMs: instantMs(o['generated_at'], 'saved.generated_at'),
      results: int(o['results'], 'saved.results'), formats: list(o['formats'], 'saved.formats').map((f) => str(f, 'format')),
    };
  });
}

/** How a job stands. */
export interface Job {
  readonly id: string;
  readonly state: 'waiting' | 'running' | 'done' | 'failed' | 'cancelled';
  readonly step: Names;
  readonly done: number;
  /** 0 when nobody knows. */
  readonly total: number;
  /** Why it failed, '' otherwise. */
  readonly error: string;
}

/** Decodes a job. */
export function decodeJob(x: unknown): Job {
  const o = record(x, 'job');
  const p = record(o['progress'], 'job.progress');
  return {
    id: str(o['id'], 'job.id'), state: oneOf(o['state'], ['waiting', 'running', 'done', 'failed', 'cancelled'], 'job.state'),
    step: names(p['step'], 'job.step'), done: int(p['done'], 'job.done'), total: int(p['total'], 'job.total'), error: optional(o['error'], 'job.error'),
  };
}

/** A question that somebody saved under a name. */
export interface Bookmark {
  readonly id: string;
  readonly name: string;
  readonly report: string;
  /** The question as the server is asked it. */
  readonly query: string;
  /** What only the page knows of it. */
  readonly view: string;
  readonly note: string;
  readonly version: number;
  readonly by: string;
  readonly atMs: number;
}

/** Decodes a saved question. */
export function decodeBookmark(x: unknown): Bookmark {
  const o = record(x, 'bookmark');
  return {
    id: str(o['id'], 'bookmark.id'), name: str(o['name'], 'bookmark.name'), report: str(o['report'], 'bookmark.report'),
    query: optional(o['query'], 'bookmark.query'), view: optional(o['view'], 'bookmark.view'), note: optional(o['note'], 'bookmark.note'),
    version: int(o['version'], 'bookmark.version'), by: str(o['by'], 'bookmark.by'), atMs: instantMs(o['at'], 'bookmark.at'),
  };
}

/** Saved questions, and how many are kept at most. */
export interface Bookmarks {
  readonly list: readonly Bookmark[];
  readonly most: number;
}

/** Decodes the saved questions. */
export function decodeBookmarks(x: unknown): Bookmarks {
  const o = record(x, 'bookmarks');
  return {list: list(o['bookmarks'], 'bookmarks').map(decodeBookmark), most: int(o['most'], 'bookmarks.most')};
}
