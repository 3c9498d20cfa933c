import {afterEach, describe, expect, it, vi} from 'vitest';
import {ApiError} from '../src/api';
import {newKey} from '../src/key';
import {actOnMany, actOnOne, bodyOf, plainOrder, type Order} from '../src/views/alerts/act';
import {hasLevel, periodOf, plotOf, queryOf as seriesQuery} from '../src/views/alerts/chart';
import {give, handlingAfter, targetsOf, type Server} from '../src/views/alerts/desk';
import {drawingOf, niceLength} from '../src/views/alerts/smallmap';
import {decodeActed, decodeLog, decodeResults, type Entry} from '../src/views/alerts/wire';
import {decodeAlert, UNHANDLED, type Alert, type Kind} from '../src/wire';

const RAISED = Date.UTC(2026, 10, 22, 8);

function alert(id: string, over: Partial<Alert> = {}): Alert {
  return {
    ...decodeAlert({
      id, revision: 1, rule: 'r', kind: 'noise', place: 'p', state: 'open', severity: 'warning', lat: 31.24, lon: 121.4, value: 88, baseline: 85,
      reason: {zh: '', en: ''}, raised_at: '2026-11-22T08:00:00Z', updated_at: '2026-11-22T08:00:00Z',
    }),
    ...over,
  };
}

const entry = (over: Partial<Entry>): Entry => ({seq: 1, atMs: 9, by: '李强', action: 'acknowledge', note: '', toArea: '', toUnit: '', state: 'acknowledged', ...over});
const order: Order = {...plainOrder('false_alarm', '王芳'), note: '施工'};

function server(over: Partial<Server>): Server {
  return {
    one: () => Promise.reject(new Error('one was not expected')),
    many: () => Promise.reject(new Error('many was not expected')),
    log: () => Promise.resolve([]),
    ...over,
  };
}

describe('an order', () => {
  it('says what the action needs and no more', () => {
    expect(bodyOf(order)).toEqual({action: 'false_alarm', by: '王芳', note: '施工'});
    expect(bodyOf({...order, action: 'dispatch', note: '', toUnit: '城管'})).toEqual({action: 'dispatch', by: '王芳', to: {unit: '城管'}});
    expect(bodyOf({...order, action: 'mute', mute: {scope: 'area', toMs: RAISED}})).toMatchObject({mute: {scope: 'area', to: '2026-11-22T08:00:00.000Z'}});
    expect(newKey()).not.toBe(newKey());
  });

  it('leaves the handling that the server answers', async () => {
    const done = {...UNHANDLED, state: 'done' as const, version: 1};
    const outcome = await give(order, [alert('a')], server({one: () => Promise.resolve(done)}));
    expect(outcome).toEqual({handled: new Map([['a', done]]), done: 1, clashes: [], failures: []});
  });

  it('shows the loser of two what the winner did', async () => {
    const since = [entry({seq: 1}), entry({seq: 2, action: 'dispatch', state: 'dispatched', toUnit: '城管'})];
    const outcome = await give(order, [alert('a')], server({
      one: () => Promise.reject(new ApiError(412, 'Precondition Failed', 'handled meanwhile')),
      log: (id, after) => Promise.resolve(id === 'a' && after === 0 ? since : []),
    }));
    expect(outcome.done).toBe(0);
    expect(outcome.clashes.map((c) => c.since)).toEqual([since]);
    const now = {state: 'dispatched', version: 2, by: '李强', atMs: 9, toArea: '', toUnit: '城管', answer: ''};
    expect(outcome.clashes[0]?.alert.handling).toEqual(now);
    expect(outcome.handled.get('a')).toEqual(now);
  });

  it('about many says of each what became of it', async () => {
    const late = {...UNHANDLED, state: 'acknowledged' as const, version: 1, by: '李强'};
    const outcome = await give(order, [alert('a'), alert('b'), alert('c')], server({
      many: () => Promise.resolve([
        {id: 'a', status: 200, detail: '', handling: {...UNHANDLED, state: 'done', version: 1}},
        {id: 'b', status: 412, detail: 'handled meanwhile', handling: late},
        {id: 'c', status: 404, detail: 'no such record', handling: null},
      ]),
      log: () => Promise.resolve([entry({})]),
    }));
    expect([outcome.done, outcome.failures, [...outcome.handled.keys()]]).toEqual([1, ['no such record'], ['a', 'b']]);
    expect(outcome.clashes.map((c) => [c.alert.id, c.alert.handling, c.since.length])).toEqual([['b', late, 1]]);
  });

  it('throws nothing when the server is away', async () => {
    const outcome = await give(order, [alert('a')], server({one: () => Promise.reject(new ApiError(0, 'Failed to fetch', ''))}));
    expect(outcome).toMatchObject({done: 0, clashes: [], failures: ['Failed to fetch']});
  });

  it('is about what it changes', () => {
    const mine = alert('a', {handling: {...UNHANDLED, state: 'acknowledged', version: 1, by: '王芳'}});
    const done = alert('b', {handling: {...UNHANDLED, state: 'done', version: 1}});
    expect(targetsOf('acknowledge', [mine, done, alert('c')], '王芳').map((a) => a.id)).toEqual(['c']);
    expect(targetsOf('reopen', [mine, done], '王芳').map((a) => a.id)).toEqual(['b']);
  });

  it('reckons a handling as the server does', () => {
    const after = handlingAfter(UNHANDLED, [
      entry({}), entry({seq: 2, action: 'comment', by: '赵一'}), entry({seq: 3, action: 'confirmed', by: '赵一'}), entry({seq: 4, action: 'close', state: 'done', by: '孙二', atMs: 20}),
    ]);
    expect(after).toEqual({state: 'done', version: 4, by: '孙二', atMs: 20, toArea: '', toUnit: '', answer: 'confirmed'});
  });
});

describe('sending an order', () => {
  afterEach(() => {
    vi.unstubAllGlobals();
  });

  const answer = (body: unknown): Response => new Response(JSON.stringify(body), {status: 200, headers: {'content-type': 'application/json'}});

  it('is repeated with the same key while the server is away', async () => {
    const keys: (string | null)[] = [];
    vi.stubGlobal('fetch', (_: string, init: RequestInit) => {
      keys.push(new Headers(init.headers).get('idempotency-key'));
      if (keys.length === 1) return Promise.reject(new TypeError('Failed to fetch'));
      if (keys.length === 2) return Promise.resolve(new Response('{}', {status: 503}));
      return Promise.resolve(answer({handling: {state: 'done', version: 1}}));
    });
    const waits: number[] = [];
    const done = await actOnOne(alert('a'), order, (ms) => {
      waits.push(ms);
      return Promise.resolve();
    });
    expect(done.state).toBe('done');
    expect(keys).toEqual([order.key, order.key, order.key]);
    expect(waits).toEqual([500, 1000]);
  });

  it('is not repeated when it was refused', async () => {
    let sent = 0;
    vi.stubGlobal('fetch', () => {
      sent++;
      return Promise.resolve(new Response('{"title":"Precondition Failed"}', {status: 412}));
    });
    await expect(actOnOne(alert('a'), order, () => Promise.resolve())).rejects.toMatchObject({status: 412});
    expect(sent).toBe(1);
  });

  it('about more than 200 alerts goes in parts', async () => {
    const parts: number[] = [];
    vi.stubGlobal('fetch', (_: string, init: RequestInit) => {
      const body: unknown = JSON.parse(typeof init.body === 'string' ? init.body : '');
      const ids = (Reflect.get(Object(body), 'alerts') as {id: string}[]).map((a) => a.id);
      parts.push(ids.length);
      return Promise.resolve(answer({results: ids.map((id) => ({id, status: 200, detail: '', handling: null}))}));
    });
    const all = Array.from({length: 450}, (_, k) => alert(`a-${k}`));
    expect(await actOnMany(all, order)).toHaveLength(450);
    expect(parts).toEqual([200, 200, 50]);
  });

  it('in parts keeps what was taken when a later part fails', async () => {
    let part = 0;
    vi.stubGlobal('fetch', (_: string, init: RequestInit) => {
      const body: unknown = JSON.parse(typeof init.body === 'string' ? init.body : '');
      const ids = (Reflect.get(Object(body), 'alerts') as {id: string}[]).map((a) => a.id);
      part++;
      if (part > 1) return Promise.resolve(new Response('{"title":"Internal Server Error","detail":"the disk is full"}', {status: 500}));
      return Promise.resolve(answer({results: ids.map((id) => ({id, status: 200, detail: '', handling: {state: 'done', version: 1}}))}));
    });
    const all = Array.from({length: 450}, (_, k) => alert(`a-${k}`));
    const outcome = await give(order, all);
    expect([outcome.done, outcome.handled.size, outcome.clashes, outcome.failures]).toEqual([200, 200, [], ['the disk is full']]);
    expect(part).toBe(2);
  });

  it('in parts fails as a whole with its first part', async () => {
    vi.stubGlobal('fetch', () => Promise.resolve(new Response('{"title":"Internal Server Error"}', {status: 500})));
    await expect(actOnMany([alert('a'), alert('b')], order)).rejects.toMatchObject({status: 500});
  });
});

describe('answers of the server', () => {
  const handling = {state: 'dispatched', version: 2, by: '王芳', at: '2026-11-22T08:00:00Z', to: {area: '310107005', unit: ''}, answer: ''};

  it('are read into what people did', () => {
    expect(decodeActed({handling})).toEqual({state: 'dispatched', version: 2, by: '王芳', atMs: RAISED, toArea: '310107005', toUnit: '', answer: ''});
    expect(decodeResults({results: [{id: 'a', status: 404, detail: 'none', handling: null}]})).toEqual([{id: 'a', status: 404, detail: 'none', handling: null}]);
    const log = decodeLog({entries: [{seq: 1, at: '2026-11-22T08:00:00Z', by: '王芳', action: 'dispatch', note: '去', to: {area: '', unit: '城管'}, state: 'dispatched', mute: ''}]});
    expect(log).toEqual([{seq: 1, atMs: RAISED, by: '王芳', action: 'dispatch', note: '去', toArea: '', toUnit: '城管', state: 'dispatched'}]);
  });

  it('that are not what was agreed are refused', () => {
    expect(() => decodeLog({entries: [{seq: 1}]})).toThrow();
    expect(() => decodeActed({handling: {...handling, state: 'lost'}})).toThrow();
  });
});

describe('the series beside an alert', () => {
  const kind: Kind = {key: 'noise', names: {zh: '', en: ''}, type: 'measure', unitLabel: {zh: '', en: ''}, scale: [0, 100], bad: 'high'};
  const period = periodOf(alert('a'), RAISED + 1_800_000);

  it('begins three hours before it and has whole windows', () => {
    expect(period).toEqual({fromMs: RAISED - 10_800_000, toMs: RAISED + 1_800_000, everySeconds: 300});
    expect(periodOf(alert('a'), RAISED + 10 * 86_400_000).everySeconds).toBe(1800);
    const long = periodOf(alert('a', {clearedAtMs: RAISED + 60_000}), RAISED + 10 * 86_400_000);
    expect(long.toMs - long.fromMs).toBeLessThanOrEqual(48 * 3_600_000);
  });

  it('is of the device, or of the cell', () => {
    expect(new URLSearchParams(seriesQuery(alert('a', {device: 'n-1'}), period, 'c')).get('device')).toBe('n-1');
    const query = new URLSearchParams(seriesQuery(alert('a'), period, '8a309930a0affff'));
    expect([query.get('cell'), query.get('every'), query.has('device')]).toEqual(['8a309930a0affff', '300s', false]);
  });

  it('breaks where windows are missing, and shows the threshold', () => {
    const at = (k: number): number => period.fromMs / 1000 + k * 300;
    const plot = plotOf(alert('a'), kind, {unit: 'dB', times: [at(0), at(1), at(9)], values: [60, 62, 90]}, [], period, 400, 170);
    expect(plot.line.match(/M/g)).toHaveLength(2);
    expect(plot.baseline?.value).toBe(85);
    expect(plot.bars).toEqual([]);
    expect(plot.yTicks.length).toBeGreaterThan(2);
    for (const t of plot.yTicks) expect(t.y).toBeGreaterThanOrEqual(0);
  });

  it('has bars for events, from zero', () => {
    const event: Kind = {...kind, type: 'event'};
    const plot = plotOf(alert('a', {baseline: 0.2}), event, {unit: '1', times: [period.fromMs / 1000], values: [4]}, [{atMs: period.fromMs, low: 0, middle: 1, high: 2}, {atMs: period.fromMs + 300_000, low: 0, middle: 1, high: 2}], period, 400, 170);
    expect(plot.bars).toHaveLength(1);
    expect(plot.baseline).toBeNull();
    expect(plot.band).toMatch(/^M.*Z$/);
    expect(hasLevel(alert('a', {cells: ['x']}), kind)).toBe(false);
  });
});

describe('the small map', () => {
  const hexagon = (lat: number, lon: number): readonly (readonly [number, number])[] => [0, 1, 2, 3, 4, 5].map((k) => [lat + 0.0006 * Math.sin(k), lon + 0.0006 * Math.cos(k)] as const);
  const square = (code: string, w: number, s: number, size: number): Parameters<typeof drawingOf>[3][number] =>
    ({code, names: {zh: '', en: ''}, label: null, polygons: [[[[w, s], [w + size, s], [w + size, s + size], [w, s + size], [w, s]]]]});

  it('shows the cells within the picture, and the areas that reach into it', () => {
    const drawing = drawingOf(alert('a'), [hexagon(31.24, 121.4), hexagon(31.245, 121.41)], 0, [square('here', 121.39, 31.23, 0.02), square('far', 122, 32, 0.01)], 320, 190);
    expect(drawing.areas.map((a) => [a.code, a.holds])).toEqual([['here', true]]);
    expect(drawing.cells.map((c) => c.isPeak)).toEqual([true, false]);
    for (const n of drawing.cells.flatMap((c) => c.d.match(/-?[\d.]+/g) ?? []).map(Number)) {
      expect(n).toBeGreaterThan(0);
      expect(n).toBeLessThan(320);
    }
    expect(drawing.scale.pixels).toBeLessThan(320 * 0.3);
  });

  it('has a scale of a round length', () => {
    expect([niceLength(730), niceLength(210), niceLength(199), niceLength(1000)]).toEqual([500, 200, 100, 1000]);
  });
});
