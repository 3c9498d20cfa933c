import {afterEach, describe, expect, it, vi} from 'vitest';
import {Study, type Findings} from '../src/views/live/study';

const subject = {kind: 'noise', isEvent: false, cell: '8a309930a0affff', span: '15m'} as const;
const settled = async (): Promise<void> => { for (let k = 0; k < 20; k++) await Promise.resolve(); };
const SERIES = {series: [{key: {kind: 'noise'}, unit: 'dB', points: [['2026-11-25T08:00:00Z', 5]]}], from: '2026-11-25T08:00:00Z', to: '2026-11-25T08:15:00Z', every_seconds: 10, agg: 'mean'};

/** A server whose answers are given by hand. */
function server() {
  const asked: {readonly path: string; readonly answer: (body: unknown) => Promise<void>; readonly signal: AbortSignal | null | undefined}[] = [];
  vi.stubGlobal('fetch', (path: string, init: RequestInit) => new Promise<Response>((resolve) => {
    asked.push({path: path.split('?')[0] ?? '', signal: init.signal, answer: async (body) => {
      resolve(body instanceof Response ? body : new Response(JSON.stringify(body)));
      await settled();
    }});
  }));
  return asked;
}

function studying() {
  let now = 0;
  let known: Partial<Findings> = {};
  const study = new Study({nowMs: () => now, show: (f) => { known = {...known, ...f}; }});
  return {study, known: () => known, later: (ms: number) => { now += ms; study.look(); }};
}

describe('Study', () => {
  afterEach(() => vi.unstubAllGlobals());

  it('keeps the series fresh without giving up what takes longer', async () => {
    const asked = server();
    const {study, known, later} = studying();
    study.of(subject);
    await asked[0]?.answer(SERIES);
    expect([known().series?.state, known().usual?.state]).toEqual(['loaded', 'loading']);
    later(11_000);
    await settled();
    expect(asked.filter((a) => a.path.endsWith('/series')).length).toBe(2);
    expect(asked.filter((a) => a.path.endsWith('/usual')).length, 'it is under way').toBe(1);
    await asked[1]?.answer({days: 3, points: []});
    expect([known().usual?.state, asked[1]?.signal?.aborted]).toEqual(['loaded', false]);
  });

  it('keeps what it knows when it cannot be fetched again, and says so when it knows nothing', async () => {
    const asked = server();
    const {study, known, later} = studying();
    study.of(subject);
    await asked[0]?.answer(SERIES);
    await asked[2]?.answer(new Response('', {status: 503}));
    expect([known().series?.state, known().heard?.state]).toEqual(['loaded', 'failed']);
    later(11_000);
    await settled();
    await asked[3]?.answer(new Response('', {status: 503}));
    expect(known().series?.state).toBe('loaded');
  });

  it('forgets what was asked of another cell', async () => {
    const asked = server();
    const {study, known} = studying();
    study.of(subject);
    study.of(null);
    await asked[0]?.answer(SERIES);
    expect([known().series?.state, asked[0]?.signal?.aborted]).toEqual(['loading', true]);
  });
});
