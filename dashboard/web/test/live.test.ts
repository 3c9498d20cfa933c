import {describe, expect, it, vi} from 'vitest';
import {diverging, paletteOf} from '../src/color';
import {alertsThen, firstModel, shownLayer, shownPalette, shownValues, type Model} from '../src/model';
import {pulseAt, PULSE_MS} from '../src/map/city-map';
import {usualAt, withUsual} from '../src/views/live/band';
import {Nearby} from '../src/views/live/nearby';
import {queryOf, wishOf} from '../src/views/live/permalink';
import {CHUNK_MS, chunkFor, Playback, REACH_MS, STEP_MS, type PlaybackState} from '../src/views/live/playback';
import {foundHere, placeOf} from '../src/views/live/search';
import {decodeHeard, decodeHistory, decodeLearned, decodePast, type History} from '../src/views/live/wire';
import type {Alert, Area} from '../src/wire';

const NOW = Date.UTC(2026, 10, 25, 8, 3, 7);
const model: Model = {...firstModel('zh', 'dark', NOW), kind: 'noise'};

/** Timers that fire by hand, and what is not awaited gets done. */
function hand() {
  const due: (() => void)[] = [];
  return {
    after: (_ms: number, fn: () => void) => {
      due.push(fn);
      return () => { due.splice(0, due.length, ...due.filter((f) => f !== fn)); };
    },
    fire: async () => {
      due.splice(0).forEach((fn) => fn());
      for (let k = 0; k < 10; k++) await Promise.resolve();
    },
    waiting: () => due.length,
  };
}

describe('an address of the map', () => {
  it('gives back what was on screen', () => {
    const shown: Model = {
      ...model, layer: 'excess', resolutionWish: 8, moved: true, zoom: 14.25, centre: {latDegrees: 31.24012, lonDegrees: 121.4},
      selection: {cell: '8a309930a0affff', at: {latDegrees: 31, lonDegrees: 121}, area: null, alert: 'a1'}, span: '24h', panel: 'cells',
      playback: {fromMs: NOW - REACH_MS, toMs: NOW, atMs: Date.UTC(2026, 10, 25, 4, 5), playing: true, speed: 'normal', frame: 'shown', cells: null, table: null},
    };
    const query = new URLSearchParams();
    for (const [key, value] of Object.entries(queryOf(shown))) if (value !== null) query.set(key, value);
    expect(wishOf(new URLSearchParams(query.toString()))).toEqual({
      kind: 'noise', layer: 'excess', resolution: 8, view: {at: {latDegrees: 31.24012, lonDegrees: 121.4}, zoom: 14.25},
      cell: '8a309930a0affff', alert: 'a1', span: '24h', panel: 'cells', atMs: Date.UTC(2026, 10, 25, 4, 5),
    });
  });

  it('says nothing of what is as it always is, and nonsense counts as not said', () => {
    expect(Object.entries(queryOf(model)).filter(([, v]) => v !== null)).toEqual([['kind', 'noise']]);
    expect(wishOf(new URLSearchParams('layer=x&res=11&view=1,2&t=yesterday&tab=z&span=9h&cell='))).toEqual({});
    expect(wishOf(new URLSearchParams('view=95,121,12'))).toEqual({});
  });
});

describe('a search', () => {
  const area: Area = {code: '310107005', names: {zh: '长寿路街道', en: 'Changshou Road'}, polygons: [], label: null};

  it('reads coordinates in either order where only one makes sense', () => {
    expect(placeOf('31.24, 121.40')).toEqual({latDegrees: 31.24, lonDegrees: 121.4});
    expect(placeOf('121.40，31.24')).toEqual({latDegrees: 31.24, lonDegrees: 121.4});
    expect(placeOf('noise-12')).toBeNull();
  });

  it('finds areas by name in both languages and by code, cells and alerts by their own names', () => {
    const found = (text: string): readonly string[] => foundHere(text, [area], (t) => t === '8a309930a0affff').map((f) => f.is);
    expect([found('长寿'), found('changshou'), found('310107005')]).toEqual([['area'], ['area'], ['area']]);
    expect(found('8A309930A0AFFFF')).toEqual(['cell']);
    expect(found('0193aa00-0000-7000-8000-000000000001')).toEqual(['alert']);
    expect(found('  ')).toEqual([]);
  });
});

describe('Playback', () => {
  const history = (fromMs: number, toMs: number): History => ({
    cells: ['a', 'b'],
    frames: Array.from({length: (toMs - fromMs) / STEP_MS + 1}, (_, k) => ({
      atMs: fromMs + k * STEP_MS, indices: [1], values: [fromMs + k * STEP_MS], counts: [2],
    })),
  });

  function playing(fetch = vi.fn((_kind: string, _resolution: number, from: number, to: number) => Promise.resolve(history(from, to)))) {
    const timers = hand();
    let shown: PlaybackState | null = null;
    const playback = new Playback({fetch, show: (s) => { shown = s; }, after: timers.after});
    playback.follow('noise', 9, 5000);
    return {playback, fetch, timers, shown: () => shown};
  }

  it('shows the frame of a moment, at its table, and asks once for some hours', async () => {
    const {playback, fetch, timers, shown} = playing();
    playback.begin(NOW, NOW - 3 * 3_600_000);
    expect(shown()?.frame).toBe('loading');
    await timers.fire();
    const at = Math.floor((NOW - 3 * 3_600_000) / STEP_MS) * STEP_MS;
    expect(shown()).toMatchObject({frame: 'shown', atMs: at});
    expect([...(shown()?.cells?.values ?? [])]).toEqual([NaN, at]);
    playback.seek(at + STEP_MS);
    expect([shown()?.frame, fetch.mock.calls.length]).toEqual(['shown', 1]);
    expect(fetch.mock.calls[0]?.slice(2, 4)).toEqual([Math.floor(at / CHUNK_MS) * CHUNK_MS, Math.floor(at / CHUNK_MS) * CHUNK_MS + CHUNK_MS - STEP_MS]);
  });

  it('plays on to the end, waits for what is not there yet, and begins anew after the end', async () => {
    const {playback, timers, shown} = playing();
    playback.begin(NOW, NOW);
    await timers.fire();
    playback.play();
    expect(shown()?.atMs).toBe(shown()?.fromMs);
    await timers.fire();
    let steps = 0;
    for (; shown()?.playing === true && steps < 400; steps++) await timers.fire();
    expect([shown()?.playing, shown()?.atMs]).toEqual([false, shown()?.toMs]);
    expect(steps).toBeGreaterThanOrEqual(REACH_MS / STEP_MS);
    expect(timers.waiting()).toBe(0);
  });

  it('says what could not be read, tries again, and returns to the present', async () => {
    let fail = true;
    const {playback, timers, shown} = playing(vi.fn((_k: string, _r: number, from: number, to: number) => (fail ? Promise.reject(new Error('503')) : Promise.resolve(history(from, to)))));
    playback.begin(NOW, NOW - 3_600_000);
    await timers.fire();
    expect(shown()?.frame).toBe('failed');
    fail = false;
    playback.retry();
    await timers.fire();
    expect(shown()?.frame).toBe('shown');
    playback.end();
    expect([shown(), playback.isOn]).toEqual([null, false]);
  });

  it('asks for shorter times where there are more cells', () => {
    expect([5000, 20_000, 60_000, 600_000].map((n) => chunkFor(n) / STEP_MS)).toEqual([48, 48, 12, 6]);
  });

  it('asks anew when another kind is chosen', async () => {
    const {playback, fetch, timers} = playing();
    playback.begin(NOW, NOW - 3 * 3_600_000);
    await timers.fire();
    playback.follow('pm25', 8, 5000);
    await timers.fire();
    expect(fetch.mock.calls.map((c) => [c[0], c[1]])).toEqual([['noise', 9], ['pm25', 8]]);
  });
});

describe('Nearby', () => {
  it('asks once for a view that rests and its surroundings, and forgets when one looks from far', async () => {
    const timers = hand();
    const fetch = vi.fn(() => Promise.resolve([{id: 'd', name: '', latDegrees: 1, lonDegrees: 2, isCamera: false, isOnline: true}]));
    let shown = 0;
    let now = 0;
    const nearby = new Nearby({nowMs: () => now, after: timers.after, fetch, show: (d) => { shown = d.length; }});
    nearby.look([10, 20, 11, 21], 15);
    nearby.look([10, 20, 11.1, 21], 15);
    await timers.fire();
    nearby.look([10.1, 20.1, 11, 21], 15);
    await timers.fire();
    expect([fetch.mock.calls.length, shown]).toEqual([1, 1]);
    nearby.refresh(now += 40_000);
    await timers.fire();
    expect(fetch.mock.calls.length, 'fresh enough').toBe(1);
    nearby.refresh(now += 10_000);
    nearby.refresh(now += 1);
    await timers.fire();
    expect(fetch.mock.calls.length, 'asked again once').toBe(2);
    nearby.look([0, 0, 90, 80], 9);
    expect(shown).toBe(0);
  });
});

describe('what the map shows', () => {
  const cells = {epoch: 'e', seq: 1, table: 't', atMs: 0, values: Float64Array.of(3, NaN, -2), counts: Float64Array.of(2, 0, 1)};

  it('of a score is what is significant, in a palette with a middle', () => {
    const heat: Model = {...model, layer: 'heat', cells};
    expect([...shownValues(heat)]).toEqual([3, NaN, NaN]);
    expect([shownPalette(heat), shownPalette({...heat, layer: 'count'})]).toEqual(['diverging', 'sequential']);
  });

  it('of the past is what was observed', () => {
    const past: Model = {...model, layer: 'heat', playback: {fromMs: 0, toMs: 9, atMs: 5, playing: false, speed: 'slow', frame: 'shown', cells, table: null}};
    expect([shownLayer(past), [...shownValues(past)]]).toEqual(['cells', [3, NaN, -2]]);
    expect([...shownValues({...past, layer: 'count'})]).toEqual([2, NaN, 1]);
  });

  it('are the alerts that were open then', () => {
    const alert = (id: string, raisedAtMs: number, clearedAtMs: number | null, mergedInto = ''): [string, Alert] =>
      [id, {...({} as Alert), id, raisedAtMs, clearedAtMs, mergedInto, state: clearedAtMs === null ? 'open' : 'closed'}];
    const book = {epoch: 'e', seq: 1, untold: 0, byId: new Map([alert('a', 10, 20), alert('b', 15, null), alert('c', 30, null), alert('d', 10, null, 'b')])};
    const at = (atMs: number | null): readonly string[] => alertsThen({
      ...model, alerts: book,
      playback: atMs === null ? null : {fromMs: 0, toMs: 99, atMs, playing: false, speed: 'slow', frame: 'shown', cells: null, table: null},
    }).map((a) => a.id);
    expect([at(9), at(15), at(20), at(null)]).toEqual([[], ['a', 'b'], ['b'], ['b', 'c']]);
  });

  it('pulses once', () => {
    expect(pulseAt(0)?.alpha).toBeGreaterThan(pulseAt(PULSE_MS / 2)?.alpha ?? 1);
    expect([pulseAt(-1), pulseAt(PULSE_MS)]).toEqual([null, null]);
  });

  it('has palettes that differ from end to end', () => {
    const p = diverging();
    expect([p[2], p[255 * 4]].every((x) => (x ?? 0) > 150)).toBe(true);
    expect(paletteOf('sequential')).not.toEqual(p);
  });
});

describe('a chart with its usual range', () => {
  it('leaves no gap where only the range has a time', () => {
    const series = {times: [0, 60, 120], values: [1, null, 3]};
    const usual = {times: [0, 90], everySeconds: 90, low: [5, 6], middle: [7, 8], high: [9, 10]};
    expect(withUsual({...series, unit: '', everySeconds: 60} as never, usual)).toEqual([
      [0, 60, 90, 120, 180], [1, null, undefined, 3, undefined], [5, undefined, 6, undefined, 6], [9, undefined, 10, undefined, 10], [7, undefined, 8, undefined, 8],
    ]);
    expect(withUsual({...series, unit: '', everySeconds: 60} as never, null)[0]).toEqual([0, 60, 120]);
  });

  it('knows what is usual at a moment', () => {
    const band = {times: [0, 300], everySeconds: 300, low: [1, 2], middle: [3, 4], high: [5, 6]};
    expect(usualAt(band, 299_000)).toEqual({low: 1, middle: 3, high: 5});
    expect(usualAt(band, 899_000), 'the newest window holds until the next is asked for').toEqual({low: 2, middle: 4, high: 6});
    expect([usualAt(band, -1), usualAt(band, 900_000), usualAt({...band, times: [], low: [], middle: [], high: []}, 0)]).toEqual([null, null, null]);
  });
});

describe('the decoders of the view', () => {
  it('take a history whose columns fit its cells', () => {
    const h = decodeHistory({cells: ['a', 'b'], frames: [{at: '2026-11-25T08:00:00Z', i: [0, 1], v: [1, 2], n: [3, 4]}]});
    expect([...(h.frames[0]?.indices ?? [])]).toEqual([0, 1]);
    expect(() => decodeHistory({cells: ['a'], frames: [{at: '2026-11-25T08:00:00Z', i: [1], v: [1], n: [1]}]})).toThrow(/beyond/);
  });

  it('keep the newest word of each device', () => {
    const word = (device: string, time: string, value: number) => ({device, time, value});
    expect(decodeHeard({observations: [word('a', '2026-11-25T08:02:00Z', 2), word('b', '2026-11-25T08:03:00Z', 9), word('a', '2026-11-25T08:01:00Z', 1)]}))
      .toEqual([
        {device: 'b', value: 9, atMs: Date.UTC(2026, 10, 25, 8, 3), count: 1},
        {device: 'a', value: 2, atMs: Date.UTC(2026, 10, 25, 8, 2), count: 2},
      ]);
  });

  it('take what was learned, and why nothing was', () => {
    const hours = {learned_hours: 30, full_hours: 168};
    expect(decodeLearned({
      ...hours, state: 'learning', why: '', every_seconds: 300, observations: 12.5, cells: 7,
      points: [{at: '1970-01-01T00:01:00Z', low: 1, expected: 2, high: 3}],
    })).toEqual({
      basis: 'learned', isFull: false, learnedHours: 30, fullHours: 168, times: [60], everySeconds: 300, low: [1], middle: [2], high: [3], observations: 12.5, cells: 7,
    });
    expect(decodeLearned({...hours, state: 'none', why: 'too_soon'})).toEqual({basis: 'none', why: 'too_soon', learnedHours: 30, fullHours: 168});
    expect(decodeLearned({...hours, state: 'none', why: 'new words'})).toMatchObject({why: 'unavailable'});
  });

  it('take the range of days before, which says what it stands in for', () => {
    const instead = {basis: 'none', why: 'no_rule', learnedHours: 0, fullHours: 0} as const;
    expect(decodePast({days: 3, every_seconds: 300, points: [{at: '1970-01-01T00:01:00Z', low: 1, middle: 2, high: 3}]}, instead))
      .toEqual({basis: 'past', times: [60], everySeconds: 300, low: [1], middle: [2], high: [3], days: 3, instead});
  });
});
