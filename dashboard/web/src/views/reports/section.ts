/** The parts of a result that are each about one kind. */
import type {Names} from '../../wire';
import type {Choice} from './choice';
import {MESSAGES} from './messages';
import type {Result} from './wire';

/** One part: a result by itself. */
export interface Section {
  readonly kind: string;
  readonly names: Names;
  readonly result: Result;
}

/** The name of the report of a result, with what it is about. */
function titleOf(r: Result, of: Names): Names {
  const report = r.report === 'emerging' ? 'emerging' : 'hotspots';
  return {zh: `${MESSAGES.zh.tabs[report]}${MESSAGES.zh.colon}${of.zh}`, en: `${MESSAGES.en.tabs[report]}${MESSAGES.en.colon}${of.en}`};
}

/** The sections of a result, none where it is one answer. */
export function sectionsOf(r: Result): readonly Section[] {
  return r.sections.map(({kind, names}) => {
    const end = `.${kind}`;
    const bare = (key: string): string => (key.endsWith(end) ? key.slice(0, -end.length) : key);
    const keys = new Set(r.tables.filter((t) => t.kind === kind).map((t) => t.key));
    return {
      kind, names,
      result: {
        ...r, title: titleOf(r, names), sections: [],
        parameters: r.parameters.map((p) => (p.key === 'kind' ? {...p, value: {is: 'names' as const, names}} : p)),
        notes: r.notes.filter((n) => n.kind === kind || n.kind === '').map((n) => ({...n, kind: ''})),
        tables: r.tables.filter((t) => t.kind === kind).map((t) => ({...t, key: bare(t.key), kind: ''})),
        features: r.features.filter((f) => keys.has(f.table)).map((f) => ({...f, table: bare(f.table)})),
      },
    };
  });
}

/** What is picked in a section, as the address says it. */
export function pickIn(choice: Choice, kind: string): string {
  const begin = `${kind}:`;
  return choice.pick.startsWith(begin) ? choice.pick.slice(begin.length) : '';
}

/** A change that was made in a section, as one of the whole. */
export function changeIn(kind: string, changes: Partial<Choice>): Partial<Choice> {
  return changes.pick === undefined ? changes : {...changes, pick: changes.pick === '' ? '' : `${kind}:${changes.pick}`};
}
