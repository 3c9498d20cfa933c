import {describe, expect, it} from 'vitest';
import {applyAlerts, CLOSED_KEPT, type AlertBook} from '../src/alerts';
import {Underway} from '../src/views/alerts/desk';
import {WAITING} from '../src/views/alerts/filter';
import {isStep, KEYS} from '../src/views/alerts/keys';
import {learned, listed, merged} from '../src/views/alerts/queue';
import {UNHANDLED, type Alert} from '../src/wire';

function alert(id: string, over: Partial<Alert> = {}): Alert {
  return {
    id, revision: 1, state: 'open', rule: 'noise_loud', kind: 'noise', place: `device/${id}`, severity: 'warning', device: id, cell: '8a309930a0affff', area: '310107005',
    latDegrees: 31.24, lonDegrees: 121.4, value: 88, baseline: 85, p: null, windowSeconds: 0, reason: {zh: '噪声过大', en: 'Loud noise'},
    raisedAtMs: 1000, updatedAtMs: 1000, clearedAtMs: null, category: 'city', phase: '', cells: [], devices: [], evidence: [], score: null,
    recurrenceSeconds: null, excess: 0, flapping: false, muted: false, mergedInto: '', handling: UNHANDLED, ...over,
  };
}

describe('an alert that was fetched', () => {
  it('stays closed once it was closed, when the live events have forgotten it', () => {
    let book: AlertBook = {epoch: 'e', seq: 1, byId: new Map([['a', alert('a')]]), untold: 0};
    let fetched: readonly Alert[] = [alert('a'), alert('b')];
    const close = (id: string, n: number): void => {
      const closed = alert(id, {revision: 2, state: 'closed', updatedAtMs: 2000 + n, clearedAtMs: 2000 + n});
      const step = applyAlerts(book, {kind: 'alert', id: 1, seq: n + 2, alert: closed});
      if (step.outcome === 'applied') book = step.book;
      fetched = learned(fetched, book.byId);
    };
    close('a', 0);
    for (let n = 1; n <= CLOSED_KEPT; n++) close(`other-${n}`, n);
    expect(book.byId.has('a'), 'the book remembers it').toBe(false);
    expect(listed(merged(book.byId, fetched, new Map()), WAITING).map((a) => a.id)).toEqual(['b']);
  });

  it('is left as it is when nothing newer is known', () => {
    const fetched = [alert('a', {revision: 3}), alert('b')];
    expect(learned(fetched, new Map([['a', alert('a', {revision: 2})]]))).toBe(fetched);
    expect(learned(fetched, undefined)).toBe(fetched);
  });
});

describe('an order under way', () => {
  it('keeps a second one from the same alerts until it is answered', () => {
    const underway = new Underway();
    const [a, b] = [alert('a'), alert('b')];
    const first = underway.begin([a]);
    expect(first).toEqual([a]);
    expect(underway.begin([a])).toEqual([]);
    expect(underway.begin([a, b])).toEqual([b]);
    underway.end(first);
    expect(underway.begin([a])).toEqual([a]);
  });
});

describe('a key that is held', () => {
  it('steps on, and does nothing else again', () => {
    expect(KEYS.map(([, command]) => command).filter(isStep)).toEqual(['next', 'previous']);
  });
});
