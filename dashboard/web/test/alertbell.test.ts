import {describe, expect, it} from 'vitest';
import {calls, FIRST_BELL, FIRST_WISH, REPEAT_MS, news, ring, TONES, wishFrom, type Bell, type BellWish} from '../src/views/alerts/sound';
import {Claims, CLAIMS_KEPT, type Exclusive, type Shelf} from '../src/views/alerts/claims';
import {UNHANDLED, type Alert, type Severity} from '../src/wire';

function alert(id: string, severity: Severity, over: Partial<Alert> = {}): Alert {
  return {
    id, revision: 1, state: 'open', rule: 'r', kind: 'noise', place: 'p', severity, device: '', cell: '', area: '', latDegrees: 0, lonDegrees: 0,
    value: 1, baseline: 0, p: null, windowSeconds: 0, reason: {zh: '', en: ''}, raisedAtMs: 0, updatedAtMs: 0, clearedAtMs: null, category: 'city', phase: '',
    cells: [], devices: [], evidence: [], score: null, recurrenceSeconds: null, excess: 0, flapping: false, muted: false, mergedInto: '', handling: UNHANDLED, ...over,
  };
}

const ALL: BellWish = {...FIRST_WISH, from: 'notice'};

/** The sounds of a number of seconds, one look a second. */
function listen(alerts: (second: number) => readonly Alert[], seconds: number, wish: BellWish, from: Bell = FIRST_BELL): readonly (readonly [number, Severity])[] {
  let bell = from;
  const heard: (readonly [number, Severity])[] = [];
  for (let s = 0; s <= seconds; s++) {
    const step = ring(bell, alerts(s), wish, s * 1000);
    bell = step.bell;
    if (step.sound !== null) heard.push([s, step.sound]);
  }
  return heard;
}

describe('the sound of alerts', () => {
  it('comes at once, and again until somebody acknowledges', () => {
    const acknowledged = alert('a', 'critical', {handling: {...UNHANDLED, state: 'acknowledged', version: 1}});
    const heard = listen((s) => [s < 20 ? alert('a', 'critical') : acknowledged], 60, ALL);
    expect(heard).toEqual([[0, 'critical'], [8, 'critical'], [16, 'critical']]);
  });

  it('repeats graver ones sooner, and notices never', () => {
    expect(listen(() => [alert('a', 'warning')], 70, ALL)).toEqual([[0, 'warning'], [30, 'warning'], [60, 'warning']]);
    expect(listen(() => [alert('a', 'notice')], 70, ALL)).toEqual([[0, 'notice']]);
    expect(REPEAT_MS.critical).toBeLessThan(REPEAT_MS.warning ?? 0);
  });

  it('is one of a burst, the gravest', () => {
    expect(listen(() => [alert('a', 'notice'), alert('b', 'critical'), alert('c', 'warning')], 5, ALL)).toEqual([[0, 'critical']]);
  });

  it('comes for a new alert while another goes on', () => {
    expect(listen((s) => (s < 3 ? [alert('a', 'warning')] : [alert('a', 'warning'), alert('b', 'warning')]), 10, ALL)).toEqual([[0, 'warning'], [3, 'warning']]);
  });

  it('keeps to the severity that a person wishes, and is off when it is off', () => {
    expect(listen(() => [alert('a', 'notice')], 5, FIRST_WISH)).toEqual([]);
    expect(listen(() => [alert('a', 'critical')], 5, {...ALL, on: false})).toEqual([]);
  });

  it('waits while a person asked for quiet, and comes after it', () => {
    expect(listen(() => [alert('a', 'critical')], 12, ALL, {...FIRST_BELL, quietUntilMs: 10_000})).toEqual([[10, 'critical']]);
  });

  it.each<[string, Partial<Alert>]>([
    ['is over', {state: 'closed'}],
    ['is muted', {muted: true}],
    ['became a part of another', {mergedInto: 'x'}],
    ['somebody looks into', {handling: {...UNHANDLED, state: 'dispatched', version: 2}}],
  ])('is not for what %s', (_, over) => {
    expect(calls(alert('a', 'critical', over), ALL)).toBe(false);
  });

  it('differs between severities by more than pitch', () => {
    const counts = Object.values(TONES).map((tones) => tones.length);
    expect(new Set(counts).size).toBe(3);
  });
});

describe('messages of the desktop', () => {
  it('tell of each alert once, of the same severities', () => {
    const alerts = [alert('a', 'critical'), alert('b', 'notice'), alert('c', 'warning')];
    const wish = {...FIRST_WISH, desktop: true};
    const first = news(new Set(['c']), alerts, wish);
    expect([first.due.map((a) => a.id), [...first.told]]).toEqual([['a'], ['a', 'c']]);
    expect(news(first.told, alerts, wish).due).toEqual([]);
  });

  it('do not tell of what came before they were wished', () => {
    const before = news(new Set(), [alert('a', 'critical'), alert('b', 'notice')], FIRST_WISH);
    expect(before.due).toEqual([]);
    const wish = {...FIRST_WISH, desktop: true};
    const after = news(before.told, [alert('a', 'critical'), alert('b', 'notice'), alert('c', 'warning')], wish);
    expect(after.due.map((a) => a.id)).toEqual(['c']);
  });

  it('tell of an alert that becomes grave, and forget those that are gone', () => {
    const wish = {...FIRST_WISH, desktop: true};
    const {told} = news(new Set(['gone']), [alert('b', 'notice')], wish);
    expect([...told]).toEqual([]);
    expect(news(told, [alert('b', 'critical')], wish).due.map((a) => a.id)).toEqual(['b']);
  });
});

describe('a wish that was kept', () => {
  it('comes back as it was', () => {
    const wish: BellWish = {on: false, from: 'critical', volume: 0.25, desktop: true};
    expect(wishFrom(JSON.stringify(wish))).toEqual(wish);
  });

  it.each(['', 'null', '[]', '{"volume":7,"from":"loud"}'])('falls back for %j', (text) => {
    expect(wishFrom(text)).toEqual(FIRST_WISH);
  });
});

/** What several pages of one browser share. */
function shared(kept = ''): {readonly shelf: Shelf; readonly exclusive: Exclusive; readonly text: () => string} {
  let text = kept;
  let last = Promise.resolve();
  return {
    shelf: {getItem: () => (text === '' ? null : text), setItem: (_key, value) => { text = value; }},
    exclusive: (work) => (last = last.then(work)),
    text: () => text,
  };
}

describe('several pages of one browser', () => {
  it('tell of an alert once, whoever comes first', async () => {
    const {shelf, exclusive} = shared();
    const pages = [new Claims(shelf, exclusive), new Claims(shelf, exclusive), new Claims(shelf, exclusive)];
    const told = await Promise.all(pages.map((p) => p.claim('a')));
    expect(told.filter(Boolean)).toHaveLength(1);
    expect([await pages[1]?.claim('a'), await pages[2]?.claim('b'), await pages[0]?.claim('b')]).toEqual([false, true, false]);
  });

  it('keep a bounded number of claims, and read what is no list as none', async () => {
    const {shelf, exclusive, text} = shared('{"not": "a list"');
    const page = new Claims(shelf, exclusive);
    for (let k = 0; k < CLAIMS_KEPT + 5; k++) await page.claim(`a${k}`);
    const kept: unknown = JSON.parse(text());
    expect(kept).toHaveLength(CLAIMS_KEPT);
    expect(await page.claim(`a${CLAIMS_KEPT + 4}`)).toBe(false);
  });

  it('tell twice rather than not at all where nothing can be kept', async () => {
    const full: Shelf = {getItem: () => null, setItem: () => { throw new Error('full'); }};
    expect(await new Claims(full, (work) => Promise.resolve().then(work)).claim('a')).toBe(true);
  });
});
