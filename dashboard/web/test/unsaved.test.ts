import {get} from 'svelte/store';
import {describe, expect, it} from 'vitest';
import {askBeforeLeaving, Drafts, type Leavable} from '../src/unsaved';

type Listener = Parameters<Leavable['addEventListener']>[1];

/** Leaves the page; answers whether the browser asks. */
function leave(listener: Listener | undefined): boolean {
  let isAsked = false;
  listener?.({preventDefault: () => { isAsked = true; }, returnValue: false});
  return isAsked;
}

describe('what is unsaved', () => {
  it('is there again under its name, until it is saved', () => {
    const drafts = new Drafts<number>();
    drafts.put('noise_loud', 77);
    drafts.put('road_flooded', 3);
    expect([drafts.of('noise_loud'), drafts.count, [...get(drafts.all).keys()]]).toEqual([77, 2, ['noise_loud', 'road_flooded']]);
    drafts.put('noise_loud', null);
    expect([drafts.of('noise_loud'), drafts.count]).toEqual([undefined, 1]);
  });

  it('has the browser ask before the page is left, and nothing else does', () => {
    const [rules, dialogs] = [new Drafts<number>(), new Drafts<true>()];
    let listener: Listener | undefined;
    askBeforeLeaving({addEventListener: (_, fn) => { listener = fn; }}, [rules, dialogs]);
    expect(leave(listener)).toBe(false);
    dialogs.put('channel', true);
    expect(leave(listener)).toBe(true);
    dialogs.put('channel', null);
    rules.put('noise_loud', 77);
    expect(leave(listener)).toBe(true);
    rules.put('noise_loud', null);
    expect(leave(listener)).toBe(false);
  });
});
