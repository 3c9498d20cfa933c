import {describe, expect, it} from 'vitest';
import {barsOf, bySeverity, decodeHealth, isReloadDue, mapAt, programmeOf, shownAlerts, totalOf, turnOf, type Scene} from '../src/views/kiosk/kiosk';
import {dayBegin, HOURS, hoursOf, hoursOver, plotOf, summaryOf, usualHours, type Day} from '../src/views/kiosk/today';
import {decodeTally, decodeUsualHours, decodeWorks} from '../src/views/kiosk/wire';
import {scaleFor} from '../src/map/city-map';
import type {Alert, Kind, Series, Severity} from '../src/wire';

const kinds = ['noise', 'pm25', 'smoke', 'a', 'b', 'c', 'd'].map((key) => ({...({} as Kind), key}));

describe('the programme of a wall', () => {
  const said = (scenes: readonly Scene[]): readonly string[] => scenes.map((s) => (s.view === 'map' ? `${s.kind}/${s.layer}` : s.view));

  it('is six kinds of values with the other views among them, twenty seconds each, when the address names nothing', () => {
    const p = programmeOf(new URLSearchParams('kiosk'), kinds);
    expect(p.everyMs).toBe(20_000);
    expect(said(p.scenes)).toEqual(['noise/cells', 'pm25/cells', 'alerts', 'smoke/cells', 'a/cells', 'today', 'b/cells', 'c/cells', 'system']);
    expect(p.main.map((k) => k.key)).toEqual(['noise', 'pm25', 'smoke', 'a']);
  });

  it('is what the address names, within bounds', () => {
    const p = programmeOf(new URLSearchParams('kiosk&every=1&views=map&kinds=smoke,noise,none&layers=heat,cells,x'), kinds);
    expect(p.everyMs).toBe(5000);
    expect(said(p.scenes)).toEqual(['noise/cells', 'noise/heat', 'smoke/cells', 'smoke/heat']);
    expect(programmeOf(new URLSearchParams('every=x'), kinds).everyMs).toBe(20_000);
  });

  it('has the views that the address names, in its order', () => {
    const of = (views: string): readonly string[] => said(programmeOf(new URLSearchParams(`kinds=noise&views=${views}`), kinds).scenes);
    expect(of('system,alerts')).toEqual(['system', 'alerts']);
    expect(of('system,map,today')).toEqual(['noise/cells', 'system', 'today']);
    expect(of('none')).toEqual(['noise/cells', 'alerts', 'today', 'system']);
  });

  it('makes the next picture of the map ready while another view is shown', () => {
    const {scenes} = programmeOf(new URLSearchParams('kinds=noise,pm25&views=map,alerts'), kinds);
    expect(said(scenes)).toEqual(['noise/cells', 'pm25/cells', 'alerts']);
    expect([0, 1, 2].map((at) => mapAt(scenes, at)?.kind)).toEqual(['noise', 'pm25', 'noise']);
    expect(mapAt([{view: 'alerts'}], 0)).toBeNull();
    expect(mapAt([], 0)).toBeNull();
  });
});

describe('the map of a wall', () => {
  it('is as large as the text around it, and never smaller than on a desk', () => {
    expect([14, 28, 40.6, 12, NaN].map(scaleFor)).toEqual([1, 2, 2.9, 1, 1]);
  });
});

describe('a turn of a wall', () => {
  const live = {phase: 'live', stale: false, lastFrameAtMs: 9000} as const;

  it('comes when a picture has had its time and the server is heard', () => {
    expect(turnOf(live, 9999, 5000, 5000)).toBe('stay');
    expect(turnOf(live, 10_000, 5000, 5000)).toBe('turn');
  });

  it('waits while nothing is heard, for the next picture might stay empty', () => {
    expect(turnOf({...live, lastFrameAtMs: 7000}, 10_000, 5000, 5000)).toBe('stay');
  });

  it('does not come while the line is cut: the last picture is held', () => {
    expect(turnOf({...live, phase: 'waiting'}, 99_000, 5000, 5000)).toBe('hold');
    expect(turnOf({...live, phase: 'connecting', lastFrameAtMs: null}, 99_000, 5000, 5000)).toBe('hold');
    expect(turnOf({...live, stale: true}, 99_000, 5000, 5000)).toBe('hold');
  });
});

describe('the alerts of a day on a wall', () => {
  const area = (name: string, critical: number, notice: number) => ({area: name, critical, warning: 0, notice, open: 1});

  it('take what the server says', () => {
    const tally = decodeTally({areas: [{area: '310107005', critical: 1, warning: 2, notice: 3, open: 4}], truncated: true, from: '', to: ''});
    expect(tally).toEqual({areas: [{area: '310107005', critical: 1, warning: 2, notice: 3, open: 4}], isTruncated: true});
    expect(() => decodeTally({areas: [{}], truncated: false})).toThrow();
  });

  it('are bars of which the longest fills the room, the last one for all that have none of their own', () => {
    const bars = barsOf([area('a', 1, 3), area('b', 1, 0), area('c', 0, 1), area('d', 0, 1)], 3);
    expect(bars.map((b) => [b.area, b.all, b.percent.critical, b.percent.notice])).toEqual([['a', 4, 25, 75], ['b', 1, 25, 0], [null, 2, 0, 50]]);
    expect(barsOf([area('a', 1, 3)], 3).map((b) => b.area)).toEqual(['a']);
    expect(barsOf([], 3)).toEqual([]);
    expect(totalOf([area('a', 1, 3), area('b', 1, 0)])).toEqual({critical: 2, warning: 0, notice: 3, open: 2, all: 5});
  });
});

describe('a day on a wall', () => {
  const begin = Date.UTC(2026, 10, 24, 16); // midnight in Shanghai
  const series = (...values: readonly (readonly [number, number])[]): Series => ({
    ...({} as Series), times: values.map(([h]) => begin / 1000 + h * 3600), values: values.map(([, v]) => v),
  });
  const usual = decodeUsualHours({points: [0, 1, 2].map((h) => ({at: new Date(begin + h * 3_600_000).toISOString(), low: h, middle: h + 1, high: h + 2}))});

  it('begins at midnight of the district', () => {
    expect([dayBegin(begin), dayBegin(begin + 86_399_999), hoursOver(begin + 2.5 * 3_600_000), hoursOver(begin)]).toEqual([begin, begin, 2, 0]);
  });

  it('has hours, and none of events where there were none', () => {
    expect(hoursOf(series([0, 4], [2, 6]), begin, 3, false)).toEqual([4, null, 6]);
    expect(hoursOf(series([0, 4], [2, 6]), begin, 3, true)).toEqual([4, 0, 6]);
    expect(hoursOf(series(), begin, 2, true), 'what is heard of had none').toEqual([0, 0]);
    expect(usualHours(usual, begin).slice(0, 4).map((u) => u?.middle ?? null)).toEqual([1, 2, 3, null]);
  });

  it('adds events up and takes the last hour of a measure', () => {
    const day: Day = {today: [4, 0, 6], before: [1, 1, 1, 9], usual: usualHours(usual, begin)};
    expect(summaryOf(day, true)).toEqual({value: 10, usual: 6, before: 3});
    expect(summaryOf({...day, today: [4, 5, null]}, false)).toEqual({value: 5, usual: 2, before: 1});
    expect(summaryOf({...day, today: []}, true)).toEqual({value: null, usual: null, before: null});
    expect(summaryOf({...day, usual: usualHours([], begin)}, true).usual).toBeNull();
  });

  it('is drawn within its box', () => {
    const day: Day = {today: [4, 0, 6], before: hoursOf(series([5, 9]), begin, HOURS, true), usual: usualHours(usual, begin)};
    const plot = plotOf(day, true, 480, 240, 20);
    const numbers = `${plot.today} ${plot.before} ${plot.band}`.match(/-?[\d.]+/g)?.map(Number) ?? [];
    expect(numbers.length).toBeGreaterThan(50);
    expect(Math.max(...numbers)).toBeLessThanOrEqual(480);
    expect(Math.min(...numbers)).toBeGreaterThanOrEqual(0);
    expect(plot.yTicks[0]?.value).toBe(0);
    expect(plot.yTicks.map((t) => t.y)).toEqual([...plot.yTicks.map((t) => t.y)].sort((a, b) => b - a));
    expect(plot.last?.x).toBeCloseTo(60 + (2.5 / 24) * 400, 0);
  });

  it('is drawn without anything to draw', () => {
    const plot = plotOf({today: [], before: [], usual: []}, false, 480, 240, 20);
    expect([plot.today, plot.before, plot.band, plot.last]).toEqual(['', '', '', null]);
    expect(plot.yTicks).toEqual([]);
  });
});

describe('the state of the system on a wall', () => {
  it('takes what the server says', () => {
    const system = {ingest: {observations_per_second: 3.5}, disk: {free: 25, size: 100}};
    expect(decodeWorks(system, {counts: {online: 3, odd: 1}})).toEqual({
      perSecond: 3.5, freeShare: 0.25, devices: {online: 3, late: 0, odd: 1, offline: 0, silent: 0},
    });
    expect(decodeWorks({...system, disk: {free: 0, size: 0}}, {counts: {}}).freeShare).toBeNull();
  });
});

describe('the numbers of a wall', () => {
  const alert = (id: string, severity: Severity, raisedAtMs: number, more: Partial<Alert> = {}): [string, Alert] =>
    [id, {...({} as Alert), id, severity, raisedAtMs, state: 'open', category: 'city', mergedInto: '', ...more}];
  const book = {epoch: 'e', seq: 1, untold: 0, byId: new Map([
    alert('a', 'notice', 9), alert('b', 'critical', 1), alert('c', 'critical', 2), alert('d', 'warning', 3, {category: 'quality'}),
    alert('e', 'warning', 4, {state: 'closed'}), alert('f', 'warning', 5, {mergedInto: 'b'}),
  ])};

  it('count what is open and about the city, and name the gravest and newest first', () => {
    expect(bySeverity(book)).toEqual({critical: 2, warning: 0, notice: 1});
    expect(shownAlerts(book, 2).map((a) => a.id)).toEqual(['c', 'b']);
    expect(bySeverity(null)).toEqual({critical: 0, warning: 0, notice: 0});
  });

  it('tell how the system is', () => {
    expect(decodeHealth(
      {ready: false, checks: {series: {ok: false, error: 'x'}, ingest: {ok: true}}},
      {version: 'v', stages: {journal_seq: 10, recorded_seq: 7, judged_seq: 12}},
    )).toEqual({parts: [{name: 'ingest', ok: true}, {name: 'series', ok: false}], unrecorded: 3, unjudged: 0, version: 'v'});
  });
});

describe('a wall', () => {
  it('takes the page anew at four in the morning of the district, once', () => {
    const four = Date.UTC(2026, 10, 24, 20, 30);
    expect(isReloadDue(four - 86_400_000, four)).toBe(true);
    expect(isReloadDue(four - 60_000, four)).toBe(false);
    expect(isReloadDue(four - 86_400_000, four + 3_600_000)).toBe(false);
  });
});
