import {describe, expect, it} from 'vitest';
import {applyAlerts, CLOSED_KEPT, openAlerts, openCount, recounted, type AlertBook} from '../src/alerts';
import {applyCells, liveCount, type CellsState} from '../src/cells';
import {announce, SILENT, speak} from '../src/announce';
import {UNHANDLED, type Alert, type CellsFrame} from '../src/wire';

function snapshot(seq: number, indices: number[], values: (number | null)[]): CellsFrame {
  return {kind: 'cells-snapshot', id: 1, epoch: 'e', seq, table: 't', atMs: 0, columns: {indices, values, counts: indices.map(() => 1)}};
}

function delta(from: number, seq: number, indices: number[], values: (number | null)[]): CellsFrame {
  return {kind: 'cells-delta', id: 1, seq, from, atMs: 0, columns: {indices, values, counts: indices.map(() => 2)}};
}

function mustApply(state: CellsState | null, frame: CellsFrame): CellsState {
  const step = applyCells(state, frame);
  if (step.outcome !== 'applied') throw new Error(`${frame.kind} did not fit`);
  return step.state;
}

describe('applyCells', () => {
  it('lets a snapshot replace everything', () => {
    const before = mustApply(null, snapshot(1, [0, 5], [1, 2]));
    const after = mustApply(before, snapshot(9, [1], [7]));
    expect([...after.values]).toEqual([NaN, 7]);
    expect(after.seq).toBe(9);
  });

  it('applies a delta that builds on what is known and changes nothing of the old state', () => {
    const before = mustApply(null, snapshot(1, [0, 5], [1, 2]));
    const after = mustApply(before, delta(1, 3, [5, 8], [null, 4]));
    expect([...after.values]).toEqual([1, NaN, NaN, NaN, NaN, NaN, NaN, NaN, 4]);
    expect(liveCount(after)).toBe(2);
    expect([...before.values]).toEqual([1, NaN, NaN, NaN, NaN, 2]);
    expect(applyCells(before, delta(1, 3, [5, 8], [null, 4]))).toEqual({outcome: 'applied', state: after});
  });

  it('refuses a delta that builds on something else, or on nothing', () => {
    const state = mustApply(null, snapshot(4, [0], [1]));
    expect(applyCells(state, delta(3, 5, [0], [2])).outcome).toBe('mismatch');
    expect(applyCells(state, delta(5, 6, [0], [2])).outcome).toBe('mismatch');
    expect(applyCells(null, delta(0, 1, [0], [2])).outcome).toBe('mismatch');
  });
});

function alert(id: string, revision: number, state: 'open' | 'closed' = 'open', raisedAtMs = 0): Alert {
  return {
    id, revision, state, raisedAtMs, updatedAtMs: raisedAtMs, clearedAtMs: null, rule: 'r', kind: 'noise', place: 'device/x', severity: 'warning', device: 'x',
    cell: '', area: '', latDegrees: 31, lonDegrees: 121, value: 1, baseline: 1, reason: {zh: '', en: ''},
    category: 'city', phase: '', cells: [], devices: [], evidence: [], score: null, recurrenceSeconds: null, excess: 0, flapping: false, muted: false, mergedInto: '', p: null, windowSeconds: 0, handling: UNHANDLED,
  };
}

function book(alerts: readonly Alert[], seq = 5): AlertBook {
  const step = applyAlerts(null, {kind: 'alerts-snapshot', id: 2, epoch: 'a', seq, alerts, open: null});
  if (step.outcome !== 'applied') throw new Error('snapshot refused');
  return step.book;
}

describe('applyAlerts', () => {
  it('takes a new alert, then its closing, and drops what is repeated', () => {
    const first = applyAlerts(book([]), {kind: 'alert', id: 2, seq: 6, alert: alert('x', 1)});
    if (first.outcome !== 'applied') throw new Error('refused');
    expect(first.news.map((a) => a.id)).toEqual(['x']);
    const again = applyAlerts(first.book, {kind: 'alert', id: 2, seq: 6, alert: alert('x', 1)});
    expect(again).toMatchObject({news: []});
    const closed = applyAlerts(first.book, {kind: 'alert', id: 2, seq: 7, alert: alert('x', 2, 'closed')});
    if (closed.outcome !== 'applied') throw new Error('refused');
    expect(openAlerts(closed.book)).toEqual([]);
    const late = applyAlerts(closed.book, {kind: 'alert', id: 2, seq: 6, alert: alert('x', 1)});
    expect(late).toMatchObject({outcome: 'applied', book: {seq: 7}, news: []});
  });

  it('keeps a newer revision than the snapshot has and forgets what it lacks', () => {
    const step = applyAlerts(book([alert('x', 3, 'closed'), alert('y', 1)]), {kind: 'alerts-snapshot', id: 3, epoch: 'a', seq: 9, open: null, alerts: [alert('x', 2), alert('z', 1)]});
    if (step.outcome !== 'applied') throw new Error('refused');
    expect([...step.book.byId.values()].map((a) => [a.id, a.revision])).toEqual([['x', 3], ['z', 1]]);
    expect(step.news.map((a) => a.id)).toEqual(['z']);
  });

  it('forgets everything when the epoch changes', () => {
    const step = applyAlerts(book([alert('x', 3)]), {kind: 'alerts-snapshot', id: 3, epoch: 'b', seq: 1, open: null, alerts: [alert('x', 1)]});
    expect(step).toMatchObject({book: {epoch: 'b', seq: 1}});
    if (step.outcome === 'applied') expect(step.book.byId.get('x')?.revision).toBe(1);
  });

  it('knows how many are open beyond those that are told', () => {
    const step = applyAlerts(null, {kind: 'alerts-snapshot', id: 2, epoch: 'a', seq: 5, open: 2500, alerts: [alert('x', 1), alert('y', 1), alert('z', 1, 'closed')]});
    if (step.outcome !== 'applied') throw new Error('refused');
    expect([step.book.untold, openCount(step.book)]).toEqual([2498, 2500]);
    const after = (b: AlertBook, a: Alert): AlertBook => {
      const next = applyAlerts(b, {kind: 'alert', id: 2, seq: b.seq + 1, alert: a});
      if (next.outcome !== 'applied') throw new Error('refused');
      return next.book;
    };
    expect(openCount(after(step.book, alert('new', 1))), 'a new one is one more').toBe(2501);
    expect(openCount(after(step.book, alert('before', 3))), 'one that was there is told now').toBe(2500);
    expect(openCount(after(step.book, alert('x', 2, 'closed')))).toBe(2499);
    const counted = recounted(after(step.book, alert('before', 3, 'closed')), 2499);
    expect([counted.untold, openCount(counted), recounted(counted, 2499) === counted]).toEqual([2497, 2499, true]);
    expect([openCount(recounted(counted, 0)), openCount(null)]).toEqual([2, 0]);
  });

  it('asks for a snapshot when an event comes first', () => {
    expect(applyAlerts(null, {kind: 'alert', id: 2, seq: 1, alert: alert('x', 1)}).outcome).toBe('mismatch');
  });

  it('come newest first, of equal times the graver first', () => {
    const b = book([alert('a', 1, 'open', 1), alert('b', 1, 'closed', 3), {...alert('c', 1, 'open', 1), severity: 'critical'}, alert('d', 1, 'open', 2)]);
    expect(openAlerts(b).map((a) => a.id)).toEqual(['d', 'c', 'a']);
    expect(openAlerts(null)).toEqual([]);
  });

  it('keeps a bounded number of closed alerts and all open ones', () => {
    const many = Array.from({length: CLOSED_KEPT + 20}, (_, k) => alert(`c${k}`, 1, 'closed', k));
    const b = book([...many, alert('old', 1, 'open', -1)]);
    expect(b.byId.size).toBe(CLOSED_KEPT + 1);
    expect(b.byId.has('old')).toBe(true);
    expect(b.byId.has('c0')).toBe(false);
  });
});

describe('announcements', () => {
  it('speaks at most once in five seconds and sums up what waited', () => {
    let [a, said] = speak(announce(SILENT, 'one'), 1000);
    expect(said).toEqual({count: 1, newest: 'one'});
    a = announce(announce(a, 'two'), 'three');
    [a, said] = speak(a, 5999);
    expect(said).toBeNull();
    [a, said] = speak(a, 6000);
    expect(said).toEqual({count: 2, newest: 'three'});
    expect(speak(a, 99_999)[1]).toBeNull();
  });
});
