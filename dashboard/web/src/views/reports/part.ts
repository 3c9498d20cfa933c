import type {Lang} from '../../i18n';
import type {Theme} from '../../map/city-map';
import type {Area} from '../../wire';
import type {Choice} from './choice';
import type {Texts} from './messages';
import type {Stamp} from './stamp';
import type {Result} from './wire';

/** What the component of each report is given. */
export interface PartProps {
  readonly result: Result;
  readonly choice: Choice;
  /** Changes what is picked and how it is shown; asks nothing anew. */
  readonly change: (changes: Partial<Choice>) => void;
  readonly areas: readonly Area[];
  readonly theme: Theme;
  readonly lang: Lang;
  readonly m: Texts;
  readonly stamp: Stamp;
  /** What a section is about, which its figures say too; left out where there is but one. */
  readonly of?: string;
}

/** The title of a figure, with what its section is about. */
export function titled(text: string, of: string | undefined): string {
  return of === undefined ? text : `${text} · ${of}`;
}
