/** Whether the page is being printed, so that charts can be drawn for paper. */
import {flushSync} from 'svelte';
import {readable} from 'svelte/store';

/**
 * True from just before the page is printed until after. What follows from it is
 * on the page before the browser takes its picture.
 */
export const printing = readable(false, (set) => {
  const paper = window.matchMedia('print');
  const say = (is: boolean): void => flushSync(() => set(is));
  const begin = (): void => say(true);
  const end = (): void => say(false);
  const changed = (): void => say(paper.matches);
  window.addEventListener('beforeprint', begin);
  window.addEventListener('afterprint', end);
  paper.addEventListener('change', changed);
  return () => {
    window.removeEventListener('beforeprint', begin);
    window.removeEventListener('afterprint', end);
    paper.removeEventListener('change', changed);
  };
});
