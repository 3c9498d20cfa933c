import {afterEach, describe, expect, it, vi} from 'vitest';
import {Study, type Findings} from '../src/views/live/study';

const subject = {kind: 'noise', isEvent: false, cell: '8a309930a0affff', span: '15m'} as const;
const settled = async (): Promise<void> => { for (let k = 0; k < 20; k++) await Promise.resolve(); };
const LEARNED = {state: 'learned', why: '', every_seconds: 300, learned_hours: 200, full_hours: 168, observations: 9, cells: 1, points: []};
const SERIES = {series: [{key: {kind: 'noise'}, unit: 'dB', points: [['2026-11-25T08:00:00Z', 5]]}], from: '2026-11-25T08:00:00Z', to: '2026-11-25T08:15:00Z', every_seconds: 10, agg: 'mean'};

/** A server whose answers are given by hand. */
function server() {
  const asked: {readonly path: string; readonly query: URLSearchParams; readonly answer: (body: unknown) => Promise<void>; readonly signal: AbortSignal | null | undefined}[] = [];
  vi.stubGlobal('fetch', (path: string, init: RequestInit) => new Promise<Response>((resolve) => {
    asked.push({path: path.split('?')[0] ?? '', query: new URLSearchParams(path.split('?')[1]), signal: init.signal, answer: async (body) => {
      resolve(body instanceof Response ? body : new Response(JSON.stringify(body)));
      await settled();
    }});
  }));
  return asked;
}

function studying() {
  let now = 0;
  let known: Partial<Findings> = {};
  let pastMs: number | null = null;
  const study = new Study({nowMs: () => now, pastMs: () => pastMs, show: (f) => { known = {...known, ...f}; }});
  return {
    study, known: () => known, later: (ms: number) => { now += ms; study.look(); },
    goTo: (ms: number | null) => { pastMs = ms; },
  };
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
    expect(asked.filter((a) => a.path.endsWith('/baseline')).length, 'it is under way').toBe(1);
    await asked[1]?.answer(LEARNED);
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

  it('shows the days before while nothing is learned, and says why', async () => {
    for (const [answer, why] of [
      [{...LEARNED, state: 'none', why: 'too_soon'}, 'too_soon'], [new Response('', {status: 503}), 'unavailable'],
    ] as const) {
      const asked = server();
      const {study, known} = studying();
      study.of(subject);
      await asked[1]?.answer(answer);
      const past = asked.find((a) => a.path.endsWith('/series/usual'));
      await past?.answer({days: 3, every_seconds: 300, points: []});
      expect(known().usual).toMatchObject({state: 'loaded', value: {basis: 'past', days: 3, instead: {why}}});
    }
  });

  it('asks for no days before when there is something learned', async () => {
    const asked = server();
    const {study, known} = studying();
    study.of(subject);
    await asked[1]?.answer(LEARNED);
    expect(known().usual).toMatchObject({state: 'loaded', value: {basis: 'learned', isFull: true}});
    expect(asked.map((a) => a.path).filter((p) => p.endsWith('/usual'))).toEqual([]);
  });

  it('counts events in the windows that are usual, so that both can be compared', () => {
    const asked: string[] = [];
    vi.stubGlobal('fetch', (path: string) => {
      asked.push(path);
      return new Promise(() => undefined);
    });
    studying().study.of({...subject, kind: 'smoke', isEvent: true});
    const every = (of: string): string | null => new URLSearchParams(asked.find((p) => p.includes(of))?.split('?')[1]).get('every');
    expect([every('/series?'), every('/series/baseline?')]).toEqual(['5m', '5m']);
  });

  it('asks of a past moment what there was up to then, and of the present again when that returns', async () => {
    const asked = server();
    const {study, known, later, goTo} = studying();
    const [first, second] = [Date.UTC(2026, 10, 24, 8), Date.UTC(2026, 10, 24, 8, 5)];
    goTo(first);
    study.of(subject);
    const ends = (of: string): readonly number[] => asked.filter((a) => a.path.endsWith(of)).map((a) => Date.parse(a.query.get('to') ?? ''));
    expect([ends('/series'), ends('/observations'), ends('/baseline')]).toEqual([[first], [first], [first + 600_000]]);
    for (const [k, body] of [SERIES, LEARNED, {observations: []}].entries()) await asked[k]?.answer(body);
    goTo(second);
    later(400);
    expect(ends('/series').length, 'while it plays not every frame is asked for').toBe(1);
    later(700);
    expect([ends('/series')[1], ends('/observations')[1], known().series?.state]).toEqual([second, second, 'loaded']);
    for (const [k, body] of [SERIES, LEARNED, {observations: []}].entries()) await asked[3 + k]?.answer(body);
    goTo(null);
    later(1000);
    expect([ends('/series')[2], ends('/observations')[2]]).toEqual([2100, 2100]);
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
