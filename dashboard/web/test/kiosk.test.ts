import {describe, expect, it} from 'vitest';
import {bySeverity, decodeHealth, isReloadDue, programmeOf, shownAlerts} from '../src/views/kiosk/kiosk';
import type {Alert, Kind, Severity} from '../src/wire';

const kinds = ['noise', 'pm25', 'smoke', 'a', 'b', 'c', 'd'].map((key) => ({...({} as Kind), key}));

describe('the programme of a wall', () => {
  it('is six kinds of values, twenty seconds each, when the address names nothing', () => {
    const p = programmeOf(new URLSearchParams('kiosk'), kinds);
    expect([p.everyMs, p.scenes.length, p.scenes[0]]).toEqual([20_000, 6, {kind: 'noise', layer: 'cells'}]);
  });

  it('is what the address names, within bounds', () => {
    const p = programmeOf(new URLSearchParams('kiosk&every=1&kinds=smoke,noise,none&layers=heat,cells,x'), kinds);
    expect(p.everyMs).toBe(5000);
    expect(p.scenes.map((s) => `${s.kind}/${s.layer}`)).toEqual(['noise/cells', 'noise/heat', 'smoke/cells', 'smoke/heat']);
    expect(programmeOf(new URLSearchParams('every=x'), kinds).everyMs).toBe(20_000);
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
