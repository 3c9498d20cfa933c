import {Drafts} from './unsaved';
import type {Drawn} from './views/settings/areaedit';
import type {Draft} from './views/settings/forms';

/** A rule as it stands in its form, and the version that it is based on. */
export interface RuleDraft {
  readonly draft: Draft;
  readonly note: string;
  readonly version: number;
}

/** Areas as they are drawn, and the version that they are based on. */
export interface AreasDraft {
  readonly drawn: readonly Drawn[];
  readonly editing: number;
  readonly version: number;
}

/** Rules by name. */
export const RULE_DRAFTS = new Drafts<RuleDraft>();

/** The one drawing, under AREAS. */
export const AREAS_DRAFTS = new Drafts<AreasDraft>();

/** See AREAS_DRAFTS. */
export const AREAS = 'areas';

/** Dialogs that hold something unsaved, which are not kept. */
export const OPEN_DIALOGS = new Drafts<true>();

/** All that is unsaved on the page. */
export const UNSAVED = [RULE_DRAFTS, AREAS_DRAFTS, OPEN_DIALOGS] as const;
