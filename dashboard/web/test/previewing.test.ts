import {get} from 'svelte/store';
import {describe, expect, it} from 'vitest';
import {ApiError} from '../src/api';
import {Previewing, type PreviewServer} from '../src/views/settings/previewing';
import type {PreviewJob} from '../src/views/settings/wire';

const job = (id: string, state: PreviewJob['state']): PreviewJob =>
  ({id, state, share: 0.5, error: state === 'failed' ? 'out of memory' : '', preview: null});

const settled = async (): Promise<void> => { for (let k = 0; k < 20; k++) await Promise.resolve(); };

/** A server that answers when it is told to, and a clock that is fired by hand. */
function setup(): {previewing: Previewing; said: string[]; answer: (j: PreviewJob | Error) => Promise<void>; fire: () => Promise<void>; isDue: () => boolean} {
  const said: string[] = [];
  const waiting: ((j: PreviewJob | Error) => void)[] = [];
  const later = (): Promise<PreviewJob> => new Promise((resolve, reject) => {
    waiting.push((j) => { if (j instanceof Error) reject(j); else resolve(j); });
  });
  const server: PreviewServer = {
    start: (rule) => { said.push(`start ${rule}`); return later(); },
    look: (id) => { said.push(`look ${id}`); return later(); },
    cancel: (id) => { said.push(`cancel ${id}`); return Promise.resolve(); },
  };
  let due: (() => void) | null = null;
  const clock = {nowMs: () => 0, after: (_: number, fn: () => void) => { due = fn; return () => { due = null; }; }};
  return {
    previewing: new Previewing(400, server, clock), said,
    answer: (j) => { waiting.shift()?.(j); return settled(); },
    fire: () => { const fn = due; due = null; fn?.(); return settled(); },
    isDue: () => due !== null,
  };
}

describe('a preview', () => {
  it('is looked at until it has ended', async () => {
    const {previewing, said, answer, fire, isDue} = setup();
    void previewing.run('noise_loud', {});
    await settled();
    await answer(job('1', 'waiting'));
    await fire();
    await answer(job('1', 'running'));
    await fire();
    await answer(job('1', 'failed'));
    expect([said, isDue(), get(previewing.state).job?.error]).toEqual([['start noise_loud', 'look 1', 'look 1'], false, 'out of memory']);
  });

  it('that is left while it runs is taken off the server, and not looked at again', async () => {
    const {previewing, said, answer, fire, isDue} = setup();
    void previewing.run('noise_loud', {});
    await settled();
    await answer(job('1', 'running'));
    await fire();
    void previewing.cancel();
    await answer(job('1', 'running'));
    expect([said, isDue(), get(previewing.state).job]).toEqual([['start noise_loud', 'look 1', 'cancel 1'], false, null]);
  });

  it('that is left before the server has answered is taken off when it does', async () => {
    const {previewing, said, answer, isDue} = setup();
    void previewing.run('noise_loud', {});
    await settled();
    void previewing.cancel();
    await answer(job('7', 'waiting'));
    expect([said, isDue(), get(previewing.state).job]).toEqual([['start noise_loud', 'cancel 7'], false, null]);
  });

  it('gives way to another, and tells why there is none', async () => {
    const {previewing, said, answer} = setup();
    void previewing.run('noise_loud', {});
    await settled();
    await answer(job('1', 'running'));
    void previewing.run('noise_loud', {});
    await settled();
    await answer(new ApiError(422, 'Unprocessable Entity', 'raise is below clear'));
    expect(said).toEqual(['start noise_loud', 'cancel 1', 'start noise_loud']);
    expect(get(previewing.state)).toEqual({job: null, refused: 'Unprocessable Entity: raise is below clear'});
  });
});
