import {writable, type Readable} from 'svelte/store';
import type {Lang} from './i18n';
import {failureOf} from './problem';

/** How a toast is meant. */
export type Tone = 'good' | 'bad' | 'neutral';

/** A short message that goes away by itself. */
export interface Toast {
  readonly id: number;
  readonly text: string;
  readonly tone: Tone;
  /** What the server said of it, in English; '' for nothing. */
  readonly detail: string;
}

/** How long a toast stays; bad news stay until they are closed. */
export const TOAST_MS = 6000;

/** At most this many are shown, the oldest leave first. */
export const TOASTS = 4;

const shown = writable<readonly Toast[]>([]);
let next = 1;

/** What is shown, the oldest first. */
export const toasts: Readable<readonly Toast[]> = shown;

/** Takes a toast away. */
export function dismiss(id: number): void {
  shown.update((list) => list.filter((t) => t.id !== id));
}

/** Shows a message. */
export function toast(text: string, tone: Tone = 'neutral', detail = ''): void {
  const id = next++;
  shown.update((list) => [...list, {id, text, tone, detail}].slice(-TOASTS));
  if (tone !== 'bad') setTimeout(() => dismiss(id), TOAST_MS);
}

/** Says that something went wrong, by what was wanted and the error. */
export function toastFailure(what: string, error: unknown, lang: Lang): void {
  const {text, detail} = failureOf(what, error, lang);
  toast(text, 'bad', detail);
}
