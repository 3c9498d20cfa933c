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
}
