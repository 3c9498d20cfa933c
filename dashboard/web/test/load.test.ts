import {get} from 'svelte/store';
import {afterEach, beforeEach, describe, expect, it, vi} from 'vitest';
import {ApiError, get as fetched, send} from '../src/api';
import {Loader, pageClock, type Clock, type Fetched} from '../src/load';
import {Who} from '../src/who';

/** A clock whose only timer is fired by hand. */
function handClock(): Clock & {fire(): void; ms: number} {
  let due: (() => void) | null = null;
  return {
    ms: 1000,
    nowMs() { return this.ms; },
    after: (_ms, fn) => {
      due = fn;
      return () => { due = null; };
    },
    fire: () => due?.(),
  };
}

const settled = async (): Promise<void> => { for (let k = 0; k < 10; k++) await Promise.resolve(); };

describe('Loader', () => {
  it('keeps what it has when it cannot be fetched again, says since when, and recovers', async () => {
    const clock = handClock();
    let fail = false;
    let n = 0;
    const loader = new Loader(() => (fail ? Promise.reject(new ApiError(503, 'down', '')) : Promise.resolve(++n)), 5000, clock);
    await loader.load();
    expect(get(loader.state)).toEqual({state: 'loaded', value: 1, atMs: 1000, failingSinceMs: null});
    fail = true;
    clock.ms = 6000;
    clock.fire();
    await settled();
    clock.ms = 11_000;
    clock.fire();
    await settled();
    expect(get(loader.state)).toEqual({state: 'loaded', value: 1, atMs: 1000, failingSinceMs: 6000});
    fail = false;
    clock.fire();
    await settled();
    expect(get(loader.state)).toEqual({state: 'loaded', value: 2, atMs: 11_000, failingSinceMs: null});
  });

  it('tells a failure when it has nothing', async () => {
    const loader = new Loader(() => Promise.reject(new ApiError(404, 'no such alert', '')), null, handClock());
    await loader.load();
    const state = get(loader.state);
    expect(state.state === 'failed' && state.error.status).toBe(404);
  });

  it('forgets the answer of a request that another has replaced', async () => {
    const answers: ((n: number) => void)[] = [];
    const loader = new Loader<number>(() => new Promise((resolve) => answers.push(resolve)), null, handClock());
    const first = loader.load();
    const second = loader.load();
    answers[1]?.(2);
    answers[0]?.(1);
    await Promise.all([first, second]);
    const state = get(loader.state);
    expect(state.state === 'loaded' && state.value).toBe(2);
  });
});

describe('the pace of a Loader', () => {
  it('is that of what is known, and a command that answers sets it', async () => {
    const clock = handClock();
    let asked = 0;
    const everyWhile = (now: Fetched<string>): number | null => (now.state === 'loaded' && now.value === 'running' ? 1000 : null);
    let answer = 'done';
    const loader = new Loader(() => { asked++; return Promise.resolve(answer); }, everyWhile, clock);
    await loader.load();
    clock.fire();
    await settled();
    expect(asked).toBe(1);
    answer = 'running';
    loader.put('running');
    clock.fire();
    await settled();
    expect(asked).toBe(2);
    answer = 'done';
    clock.fire();
    await settled();
    clock.fire();
    await settled();
    expect(asked).toBe(3);
  });

  it('does not set in when a command answers after it was stopped', async () => {
    const clock = handClock();
    let asked = 0;
    const loader = new Loader(() => Promise.resolve(++asked), 1000, clock);
    await loader.load();
    loader.stop();
    loader.put(9);
    clock.fire();
    await settled();
    expect(asked).toBe(1);
  });

  it('lets no answer from before a command undo it', async () => {
    const answers: ((n: number) => void)[] = [];
    const loader = new Loader<number>(() => new Promise((resolve) => answers.push(resolve)), null, handClock());
    const first = loader.load();
    loader.put(2);
    answers[0]?.(1);
    await first;
    const state = get(loader.state);
    expect(state.state === 'loaded' && state.value).toBe(2);
  });
});

describe('the clock of a page', () => {
  class Page extends EventTarget {
    hidden = false;

    turn(hidden: boolean): void {
      this.hidden = hidden;
      this.dispatchEvent(new Event('visibilitychange'));
    }
  }

  const setup = (): {page: Page; loader: Loader<number>; asked: () => number} => {
    const page = new Page();
    let n = 0;
    return {page, asked: () => n, loader: new Loader(() => Promise.resolve(++n), 5000, pageClock(() => page))};
  };

  beforeEach(() => { vi.useFakeTimers(); });
  afterEach(() => { vi.useRealTimers(); });

  it('fetches nothing while nobody sees the page, and at once when somebody does', async () => {
    const {page, loader, asked} = setup();
    await loader.load();
    page.turn(true);
    await vi.advanceTimersByTimeAsync(600_000);
    expect(asked()).toBe(1);
    page.turn(false);
    await settled();
    expect(asked()).toBe(2);
    await vi.advanceTimersByTimeAsync(5000);
    expect(asked()).toBe(3);
    loader.stop();
  });

  it('fetches no sooner for a glance elsewhere', async () => {
    const {page, loader, asked} = setup();
    await loader.load();
    page.turn(true);
    page.turn(false);
    await vi.advanceTimersByTimeAsync(4999);
    expect(asked()).toBe(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(asked()).toBe(2);
    loader.stop();
  });

  it('leaves a page alone that it was stopped on while hidden', async () => {
    const {page, loader, asked} = setup();
    await loader.load();
    page.turn(true);
    await vi.advanceTimersByTimeAsync(5000);
    loader.stop();
    page.turn(false);
    await settled();
    expect(asked()).toBe(1);
  });
});

describe('the API', () => {
  afterEach(() => vi.unstubAllGlobals());

  it('names the version that is changed and hands out the next', async () => {
    const asked: [string, RequestInit][] = [];
    vi.stubGlobal('fetch', (path: string, init: RequestInit) => {
      asked.push([path, init]);
      return Promise.resolve(new Response('{"a":1}', {headers: {etag: '"2"'}}));
    });
    const answer = await send('PUT', 'alerts/x/verdict', {body: {by: '王芳'}, ifMatch: '"1"', idempotencyKey: 'k', decode: (x) => x});
    expect(answer).toEqual({value: {a: 1}, etag: '"2"'});
    expect(asked[0]?.[0]).toBe('/api/v1/alerts/x/verdict');
    expect(asked[0]?.[1].headers).toMatchObject({'if-match': '"1"', 'idempotency-key': 'k', 'content-type': 'application/json'});
  });

  it('tells what was wrong in the server\'s words', async () => {
    const problem = {title: 'Unprocessable Entity', detail: 'validation failed', errors: [{location: 'body.by', message: 'expected length >= 1'}]};
    vi.stubGlobal('fetch', () => Promise.resolve(new Response(JSON.stringify(problem), {status: 422})));
    await expect(fetched('alerts', (x) => x)).rejects.toMatchObject({status: 422, detail: 'validation failed — body.by: expected length >= 1'});
    vi.stubGlobal('fetch', () => Promise.resolve(new Response('<html>', {status: 412})));
    await expect(fetched('alerts', (x) => x)).rejects.toMatchObject({status: 412, isConflict: true});
    vi.stubGlobal('fetch', () => Promise.reject(new TypeError('Failed to fetch')));
    await expect(fetched('alerts', (x) => x)).rejects.toMatchObject({status: 0});
  });
});

describe('Who', () => {
  it('asks once for everybody who waits, and keeps the name', async () => {
    const kept: string[] = [];
    const who = new Who('', (n) => kept.push(n));
    const waiting = Promise.all([who.ask(), who.ask()]);
    expect(get(who.asking)).toBe(true);
    who.answer('  王芳 ');
    expect(await waiting).toEqual(['王芳', '王芳']);
    expect([await who.ask(), kept]).toEqual(['王芳', ['王芳']]);
  });

  it('answers null to a person who gives none', async () => {
    const who = new Who('', () => undefined);
    const waiting = who.ask();
    who.answer('   ');
    expect(await waiting).toBeNull();
  });
});
