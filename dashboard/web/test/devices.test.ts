import {describe, expect, it} from 'vitest';
import {ApiError} from '../src/api';
import {allColumns, allInSight, cameraFor, dotAt, dotRadius, dotsOf, metresBetween, screenOf} from '../src/views/devices/devicemap';
import {project} from '../src/geo';
import {
  bodyOf, currentMaintenance, differing, draftOf, faultsOf, maintenanceOff, maintenanceOn, newDraft, placeOf, rebased, tagsOf,
} from '../src/views/devices/draft';
import {cleared, filterOf, listPath, mapPath, narrows, partOf, queryOf, rejectFilterOf, rejectPath, sortedBy} from '../src/views/devices/filter';
import {MESSAGES} from '../src/views/devices/messages';
import {useZone} from '../src/format';
import {fieldMs, localField, nextMorningMs, percent} from '../src/views/devices/names';
import {PAGE_ROWS, Pages, type Sparse} from '../src/views/devices/pages';
import {mediaTypeOf, sendFile} from '../src/views/devices/files';
import {asHex, asJSON, asText, bestShape, shapesOf} from '../src/views/devices/payload';
import {Browser, readable, reasonsOf, type Kept} from '../src/views/devices/quarantine';
import {candidatesOf, knownPlace, toggled, withPlace} from '../src/views/devices/unknown';
import {
  bytesOf, decodeColumns, decodeDevice, decodeDevices, decodeFaults, decodeMessage, decodeRejects, decodeWholeReject, type Device, type Reject, type RejectPage,
} from '../src/views/devices/wire';

const utf8 = (s: string): Uint8Array => new TextEncoder().encode(s);

const wireDevice = {
  id: 'n-1', name: '一号', place: {lat: 31.24, lon: 121.42, datum: 'gcj02'}, wgs84: {lat: 31.2418, lon: 121.4155}, cell: '8a3099595b07fff', area: '310107015',
  auto: false, version: 3, last_seen: '2026-11-22T08:00:00Z', state: 'online', condition: 'odd', since: '2026-11-22T07:00:00Z', kinds: ['noise'],
  interval_seconds: 900, tags: ['一期'], maintenance: [{from: '2026-11-22T07:00:00Z', to: '2026-11-22T09:00:00Z', note: '换电池'}],
  health: {observations: 90, bad: 10, bad_share: 0.1, per_minute: 1.5, under_maintenance: true, battery_percent: 41.5},
  alerts: [{id: 'a', rule: 'drift', kind: 'noise', severity: 'warning', reason: {zh: '漂移', en: 'drift'}, raised_at: '2026-11-22T07:00:00Z'}],
};

const device: Device = decodeDevice(wireDevice);

describe('decoding', () => {
  it('reads a device with what it has and what it has not', () => {
    expect(device).toMatchObject({id: 'n-1', condition: 'odd', sinceMs: Date.parse('2026-11-22T07:00:00Z'), intervalSeconds: 900, owner: '', version: 3});
    expect(device.health).toMatchObject({batteryPercent: 41.5, signalDbm: null, underMaintenance: true, offline: ''});
    expect(device.maintenance[0]?.note).toBe('换电池');
    expect(() => decodeDevice({...wireDevice, condition: 'fine'})).toThrow(/condition/);
  });

  it('reads pages and columns', () => {
    const page = decodeDevices({devices: [wireDevice], total: 7, counts: {online: 6, odd: 1}, next: ''});
    expect(page).toMatchObject({total: 7, counts: {offline: 0, odd: 1, late: 0, silent: 0, online: 6}});
    const columns = decodeColumns({ids: ['a', 'b'], lat: [31, 32], lon: [121, 122], conditions: [4, 0], condition_names: ['offline', 'odd', 'late', 'silent', 'online'], unplaced: 2, next: ''});
    expect(columns.conditions).toEqual(['online', 'offline']);
  });

  it('reads bytes of messages and rejects', () => {
    const head = {topic: 't', received: '2026-11-22T08:00:00Z', format: 'native', size: 3, observations: [], observed: 0, faults: [], refused: 0};
    expect(decodeMessage({...head, qos: 1, payload: btoa('{x}')}).payload).toEqual(utf8('{x}'));
    expect(decodeMessage({...head, qos: null, payload: null})).toMatchObject({payload: null, qos: null});
    const reject = {id: 4, at: '2026-11-22T08:00:00Z', reason: 'bad_json', detail: 'd', topic: 't', device: 'n-1', size: 2, payload: btoa('\xff'), encoding: 'base64'};
    expect(decodeRejects({rejects: [reject], kept: {bad_json: {kept: 1, readable: 1}}, counts: {}, total: 9, next: 0}).rejects[0]?.payload).toEqual(new Uint8Array([255]));
    expect(decodeWholeReject({...reject, message: null}).message).toBeNull();
    expect(bytesOf('5oiR')).toEqual(utf8('我'));
  });

  it('reads the faults of a refused file, and none of another refusal', () => {
    expect(decodeFaults({errors: [{message: 'x', value: {row: 4, column: 'place', detail: 'bad'}}]})).toEqual([{row: 4, column: 'place', detail: 'bad'}]);
    expect(decodeFaults({errors: [{message: 'x', value: 'y'}]})).toEqual([]);
    expect(decodeFaults(null)).toEqual([]);
  });
});

describe('the filter', () => {
  it('is what the address says, and back', () => {
    const f = filterOf(new URLSearchParams('q=曹杨&condition=late&area=310107015&kind=noise&maintenance=true&place=false&sort=-rate'));
    expect(f).toEqual({q: '曹杨', condition: 'late', area: '310107015', kind: 'noise', maintenance: true, unplaced: true, sort: 'rate', down: true});
    const query = new URLSearchParams(Object.entries(queryOf(f)).flatMap(([k, v]) => (v === null ? [] : [[k, v]])));
    expect(filterOf(query)).toEqual(f);
    expect(narrows(f)).toBe(true);
    expect(narrows(cleared(f))).toBe(false);
    expect(cleared(f)).toMatchObject({sort: 'rate', down: true});
  });

  it('takes no notice of nonsense', () => {
    expect(filterOf(new URLSearchParams('condition=fine&sort=colour'))).toMatchObject({condition: null, sort: 'condition', down: false});
    expect(partOf(['nowhere'])).toBe('register');
    expect(partOf(['quarantine'])).toBe('quarantine');
  });

  it('sorts numbers by the greatest first, and the same column the other way', () => {
    const f = filterOf(new URLSearchParams());
    expect(sortedBy(f, 'bad')).toMatchObject({sort: 'bad', down: true});
    expect(sortedBy(f, 'battery')).toMatchObject({sort: 'battery', down: false});
    expect(sortedBy(f, 'condition')).toMatchObject({sort: 'condition', down: true});
  });

  it('asks the server for it', () => {
    const f = filterOf(new URLSearchParams('q=a b&maintenance=true&sort=-rate'));
    expect(listPath(f, 200, 100)).toBe('devices?q=a+b&maintenance=true&sort=-rate&offset=200&limit=100');
    expect(mapPath(f)).toBe('devices/map?q=a+b&maintenance=true&limit=20000');
    expect(rejectPath(rejectFilterOf(new URLSearchParams('reason=bad_json&of=n-1')), 12, 50)).toBe('quarantine?reason=bad_json&device=n-1&before=12&limit=50');
  });
});

describe('payloads', () => {
  it('are JSON, text or hex, whichever is best', () => {
    expect(bestShape(utf8('{"a":1}'))).toBe('json');
    expect(bestShape(utf8('{"a":'))).toBe('text');
    expect(bestShape(new Uint8Array([0xff, 0]))).toBe('hex');
    expect(shapesOf(new Uint8Array([0xff]))).toEqual(['hex']);
    expect(asText(utf8('温度'))).toBe('温度');
  });

  it('keep the digits of numbers and the text of strings', () => {
    const json = asJSON(utf8('{"big":12345678901234567890,"f":1.0,"s":"a,{\\"b\\"}: [","e":[],"o":{},"l":[1,[true,null]]}'));
    expect(json).toBe('{\n  "big": 12345678901234567890,\n  "f": 1.0,\n  "s": "a,{\\"b\\"}: [",\n  "e": [],\n  "o": {},\n  "l": [\n    1,\n    [\n      true,\n      null\n    ]\n  ]\n}');
  });

  it('show bytes in rows of sixteen', () => {
    expect(asHex(utf8('{"kind":"noise","v'))).toBe(
      '0000  7b 22 6b 69 6e 64 22 3a  22 6e 6f 69 73 65 22 2c  {"kind":"noise",\n0010  22 76                                             "v');
    expect(asHex(new Uint8Array())).toBe('');
  });
});

describe('drafts', () => {
  const base = draftOf(device);

  it('send everything that people state', () => {
    expect(bodyOf(base, '王芳')).toEqual({
      name: '一号', by: '王芳', place: {lat: 31.24, lon: 121.42, datum: 'gcj02'}, kinds: ['noise'], interval_seconds: 900, tags: ['一期'],
      maintenance: [{from: '2026-11-22T07:00:00.000Z', to: '2026-11-22T09:00:00.000Z', note: '换电池'}],
    });
    expect(bodyOf(newDraft('x'), '王芳')).toEqual({by: '王芳'});
  });

  it('say which fields are wrong', () => {
    expect(faultsOf(base)).toEqual([]);
    expect(faultsOf({...base, id: 'a/b', lat: '91', lon: '', intervalSeconds: '1.5'})).toEqual(['id', 'lat', 'lon', 'intervalSeconds']);
    expect(faultsOf({...newDraft('a'), lat: '', lon: ''})).toEqual([]);
    expect(placeOf({lat: ' 31.2 ', lon: '121', datum: 'bd09'})).toEqual({lat: 31.2, lon: 121, datum: 'bd09'});
    expect(placeOf({lat: '', lon: '121', datum: 'wgs84'})).toBeNull();
  });

  it('split tags in both scripts', () => {
    expect(tagsOf(' 一期；5G, a ，；一期')).toEqual(['一期', '5G', 'a']);
  });

  it('lay what I changed over what somebody else made of it', () => {
    const mine = {...base, name: '二号', tags: '一期；二期'};
    const theirs = {...base, name: '三号', owner: '市政所', lat: '31.3'};
    expect(differing(base, mine)).toEqual(['name', 'tags']);
    expect(rebased(base, mine, theirs)).toMatchObject({name: '二号', owner: '市政所', lat: '31.3', tags: '一期；二期'});
  });
});

describe('maintenance', () => {
  const [hour, now] = [3_600_000, 10 * 3_600_000];
  const over = {fromMs: now - 2 * hour, toMs: now - hour, note: 'over'};
  const current = {fromMs: now - hour, toMs: now + hour, note: 'now'};
  const planned = {fromMs: now + 2 * hour, toMs: now + 3 * hour, note: 'planned'};

  it('ends what holds now and leaves the rest', () => {
    expect(maintenanceOff([over, current, planned], now)).toEqual([over, {...current, toMs: now}, planned]);
    expect(maintenanceOff([{...current, fromMs: now}], now)).toEqual([]);
  });

  it('begins now, in the place of what held before', () => {
    expect(maintenanceOn([current], now, now + 4 * hour, ' 换电池 ')).toEqual([{...current, toMs: now}, {fromMs: now, toMs: now + 4 * hour, note: '换电池'}]);
  });

  it('is the window that ends last of those that hold', () => {
    expect(currentMaintenance([over, current, {...current, toMs: now + 2 * hour, note: 'longer'}, planned], now)?.note).toBe('longer');
    expect(currentMaintenance([over, planned], now)).toBeNull();
  });
});

describe('the map', () => {
  const columns = {ids: ['a', 'b'], lat: [31.24, 31.25], lon: [121.4, 121.42], conditions: ['online', 'late'] as const, unplaced: 0, next: ''};
  const dots = dotsOf(columns);

  it('shows all and finds the device under the pointer', () => {
    const camera = cameraFor([{lat: 31.24, lon: 121.4}, {lat: 31.25, lon: 121.42}], 400, 300);
    expect(camera).not.toBeNull();
    if (camera === null) return;
    const at = screenOf(project(121.42, 31.25), camera, 400, 300);
    expect(at.x).toBeGreaterThan(200);
    expect(at.y).toBeLessThan(150);
    expect(dotAt(dots, camera, 400, 300, at.x + 3, at.y, 8)).toBe('b');
    expect(dotAt(dots, camera, 400, 300, 200, 150, 8)).toBeNull();
    const [inside, outside] = [{lat: 31.245, lon: 121.41}, {lat: 31.3, lon: 121.41}];
    expect([allInSight([inside], camera, 400, 300), allInSight([inside, outside], camera, 400, 300)]).toEqual([true, false]);
    expect(dotRadius(11, 20_000)).toBeLessThan(dotRadius(11, 1000));
    expect(cameraFor([], 400, 300)).toBeNull();
    expect(cameraFor([{lat: 31, lon: 121}], 400, 300)?.zoom).toBe(16);
  });

  it('is fetched page by page', async () => {
    const asked: string[] = [];
    const all = await allColumns((after) => {
      asked.push(after);
      const isLast = asked.length === 2;
      return Promise.resolve({ids: [isLast ? 'b' : 'a'], lat: [31], lon: [121], conditions: ['online'] as const, unplaced: 3, next: isLast ? '' : 'a&'});
    });
    expect(asked).toEqual(['after=', 'after=a%26']);
    expect(all).toMatchObject({ids: ['a', 'b'], lat: [31, 31], unplaced: 3, next: ''});
  });

  it('measures along the ground', () => {
    expect(metresBetween({lat: 31.24, lon: 121.4}, {lat: 31.25, lon: 121.4})).toBeCloseTo(1111.9, 0);
    expect(metresBetween({lat: 31, lon: 121}, {lat: 31, lon: 121})).toBe(0);
  });
});

describe('times and shares', () => {
  it('are those of the district', () => {
    const ms = Date.parse('2026-11-22T16:05:00Z');
    expect(localField(ms)).toBe('2026-11-23T00:05');
    expect(fieldMs('2026-11-23T00:05')).toBe(ms);
    expect(fieldMs('')).toBeNull();
    useZone('Europe/Berlin');
    expect(['2026-03-29T01:30', '2026-03-29T03:30', '2026-10-25T12:00', 'soon'].map((text) => { const at = fieldMs(text); return at === null ? null : new Date(at).toISOString(); }))
      .toEqual(['2026-03-29T00:30:00.000Z', '2026-03-29T01:30:00.000Z', '2026-10-25T11:00:00.000Z', null]);
    expect(new Date(nextMorningMs(Date.UTC(2026, 2, 28, 12))).toISOString(), 'eight on the morning after the clocks were changed').toBe('2026-03-29T06:00:00.000Z');
    useZone('Asia/Shanghai');
    expect(new Date(nextMorningMs(ms)).toISOString()).toBe('2026-11-24T00:00:00.000Z');
    expect([percent(0, 'zh'), percent(0.0004, 'zh'), percent(0.1234, 'en'), percent(1, 'en')]).toEqual(['0%', '<0.1%', '12.3%', '100%']);
  });
});

/** A clock whose timers the test runs. */
class TestClock {
  now = 0;
  timers: {at: number; fn: () => void}[] = [];
  nowMs(): number {
    return this.now;
  }
  after(ms: number, fn: () => void): () => void {
    const timer = {at: this.now + ms, fn};
    this.timers.push(timer);
    return () => {
      this.timers = this.timers.filter((t) => t !== timer);
    };
  }
  async advance(ms: number): Promise<void> {
    this.now += ms;
    const due = this.timers.filter((t) => t.at <= this.now);
    this.timers = this.timers.filter((t) => t.at > this.now);
    for (const t of due) t.fn();
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
}

describe('a long list', () => {
  function setup(total: number): {
    pages: Pages<number, {items: readonly number[]; total: number}>; asked: number[]; clock: TestClock; state: () => Sparse<number, {items: readonly number[]; total: number}>;
    world: {total: number; fail: boolean};
  } {
    const asked: number[] = [];
    const clock = new TestClock();
    const world = {total, fail: false};
    const pages = new Pages<number, {items: readonly number[]; total: number}>((offset, limit) => {
      asked.push(offset);
      if (world.fail) return Promise.reject(new ApiError(503, 'away', ''));
      return Promise.resolve({items: Array.from({length: Math.max(0, Math.min(limit, world.total - offset))}, (_, k) => offset + k), total: world.total});
    }, 5000, clock);
    let now: Sparse<number, {items: readonly number[]; total: number}> = {state: 'loading'};
    pages.state.subscribe((s) => {
      now = s;
    });
    return {pages, asked, clock, world, state: () => now};
  }
  const known = (s: Sparse<number, {items: readonly number[]; total: number}>): readonly number[] =>
    (s.state === 'loaded' ? s.slots.flatMap((slot) => slot.item ?? []) : []);

  it('is fetched where it is looked at', async () => {
    const {pages, asked, clock, state} = setup(20_000);
    pages.start();
    await clock.advance(0);
    const s = state();
    expect(s.state === 'loaded' && s.slots.length).toBe(20_000);
    expect(known(s)).toHaveLength(PAGE_ROWS);
    const leave = pages.watch(15_050);
    pages.watch(15_051);
    await clock.advance(0);
    expect(asked).toEqual([0, 15_000]);
    expect(known(state())).toContain(15_050);
    await clock.advance(5000);
    expect(asked.slice(2)).toEqual([15_000]);
    leave();
    await clock.advance(5000);
    expect(asked.slice(3)).toEqual([15_000]);
    pages.stop();
    await clock.advance(5000);
    expect(asked).toHaveLength(4);
  });

  it('shrinks and grows with what the server says', async () => {
    const {pages, clock, state, world} = setup(250);
    pages.start();
    await clock.advance(0);
    world.total = 120;
    pages.refresh();
    await clock.advance(0);
    const s = state();
    expect(s.state === 'loaded' && s.slots.length).toBe(120);
    pages.stop();
  });

  it('says since when it is old, and fails only when nothing is known', async () => {
    const {pages, clock, state, world} = setup(3);
    world.fail = true;
    pages.start();
    await clock.advance(0);
    expect(state().state).toBe('failed');
    world.fail = false;
    await clock.advance(5000);
    expect(known(state())).toEqual([0, 1, 2]);
    world.fail = true;
    await clock.advance(5000);
    await clock.advance(5000);
    expect(state()).toMatchObject({state: 'loaded', failingSinceMs: 10_000});
    world.fail = false;
    await clock.advance(5000);
    expect(state()).toMatchObject({state: 'loaded', failingSinceMs: null});
    pages.stop();
  });
});

describe('the quarantine', () => {
  const reject = (id: number): Reject => ({id, atMs: 0, reason: 'bad_json', detail: '', topic: 't', device: '', size: 0, payload: new Uint8Array()});
  const page = (ids: readonly number[], next: number): RejectPage => ({
    rejects: ids.map(reject), kept: {bad_json: {kept: 7, readable: 5}, no_position: {kept: 9, readable: 1}}, total: 99, next,
  });
  function setup(answers: readonly (RejectPage | Error)[]): {browser: Browser; asked: number[]; clock: TestClock; state: () => Kept; ids: () => readonly number[]} {
    const asked: number[] = [];
    const clock = new TestClock();
    const browser = new Browser({reason: '', device: '', q: ''}, 5000, (_, before) => {
      const answer = answers[asked.length];
      asked.push(before);
      return answer instanceof Error || answer === undefined ? Promise.reject(answer ?? new Error('no answer left')) : Promise.resolve(answer);
    }, clock);
    let now: Kept = {state: 'loading'};
    browser.state.subscribe((s) => {
      now = s;
    });
    return {browser, asked, clock, state: () => now, ids: () => (now.state === 'loaded' ? now.rejects.map((r) => r.id) : [])};
  }

  it('is paged with a cursor, and what is new comes to the front', async () => {
    const {browser, asked, clock, ids} = setup([page([9, 8], 8), page([7, 6], 0), page([11, 10, 9], 9)]);
    await browser.load();
    await browser.more();
    expect(ids()).toEqual([9, 8, 7, 6]);
    await browser.more();
    await clock.advance(5000);
    expect(asked).toEqual([0, 8, 0]);
    expect(ids()).toEqual([11, 10, 9, 8, 7, 6]);
    browser.remove(10);
    expect(ids()).toEqual([11, 9, 8, 7, 6]);
    browser.stop();
  });

  it('forgets what has left, and says since when it is old', async () => {
    const {browser, clock, ids, state} = setup([page([9, 8], 0), new Error('away'), page([8], 0)]);
    await browser.load();
    await clock.advance(5000);
    expect(state()).toMatchObject({state: 'loaded', failingSinceMs: 5000});
    await clock.advance(5000);
    expect(ids()).toEqual([8]);
    expect(state()).toMatchObject({failingSinceMs: null});
    browser.stop();
  });

  it('counts what can be read again, and reasons by how many there are', () => {
    expect([readable(page([], 0), ''), readable(page([], 0), 'bad_json'), readable(page([], 0), 'late')]).toEqual([6, 5, 0]);
    expect(reasonsOf(page([], 0), 'late')).toEqual([['no_position', 9], ['bad_json', 7], ['late', 0]]);
  });
});

describe('devices that wait for a person', () => {
  it('are those refused and those that entered themselves, each once, the last heard first', () => {
    const stranger = {id: 's', rejects: 3, lastSeenMs: 50, topic: 't', reason: 'unknown_device'};
    const auto: Device = {...device, id: 'auto', auto: true, lastSeenMs: 40};
    const both = {...stranger, id: 'auto', lastSeenMs: 60, reason: 'no_position'};
    expect(candidatesOf([stranger], [auto]).map((c) => c.id)).toEqual(['s', 'auto']);
    const list = candidatesOf([stranger, both], [auto]);
    expect(list.map((c) => [c.id, c.reason, c.lastSeenMs, c.device?.id])).toEqual([['auto', 'no_position', 60, 'auto'], ['s', 'unknown_device', 50, undefined]]);
  });

  it('begin with the place that they have or report', () => {
    const [c] = candidatesOf([], [{...device, auto: true}]);
    expect(c === undefined ? null : knownPlace(c)).toEqual(device.place);
    expect(withPlace(new Map(), 'a', {lat: 31.12345678, lon: 121}).get('a')).toEqual({lat: 31.123457, lon: 121, datum: 'wgs84'});
    expect([...toggled(new Set(['a']), 'a'), ...toggled(new Set(['a']), 'b')]).toEqual(['a', 'b']);
  });
});

describe('files', () => {
  const order = {datum: 'gcj02', dry: true, by: ''} as const;
  const answering = (status: number, body: unknown): typeof fetch => () => Promise.resolve(new Response(JSON.stringify(body), {status}));

  it('are of a kind by their names', () => {
    expect([mediaTypeOf('a.csv'), mediaTypeOf('a.GeoJSON'), mediaTypeOf('a.json')]).toEqual(['text/csv', 'application/geo+json', 'application/geo+json']);
  });

  it('are read, faulty, or fail', async () => {
    const file = new File(['id'], 'a.csv');
    const body = {rows: 2, imported: 0, fault_count: 0, faults: [], ignored: ['x'], dry_run: true, took_seconds: 1};
    expect(await sendFile(file, order, answering(200, body))).toMatchObject({outcome: 'read', imported: {rows: 2, ignored: ['x']}});
    expect(await sendFile(file, order, answering(422, {errors: [{value: {row: 1, column: 'id', detail: 'd'}}]}))).toEqual({outcome: 'faulty', faults: [{row: 1, column: 'id', detail: 'd'}]});
    expect(await sendFile(file, order, answering(503, {detail: 'away'}))).toEqual({outcome: 'failed', detail: 'away'});
    expect(await sendFile(file, order, () => Promise.reject(new Error('gone')))).toEqual({outcome: 'failed', detail: 'gone'});
  });
});

describe('texts', () => {
  it('name every reason and action in both languages', () => {
    expect(Object.keys(MESSAGES.zh.reasons)).toEqual(Object.keys(MESSAGES.en.reasons));
    expect(Object.keys(MESSAGES.zh.actions)).toEqual(Object.keys(MESSAGES.en.actions));
    expect(Object.keys(MESSAGES.zh.fields)).toEqual(Object.keys(MESSAGES.en.fields));
  });
});
