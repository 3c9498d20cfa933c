import {describe, expect, it} from 'vitest';
import {applyAlerts} from '../src/alerts';
import {areaWithin, countPathOf, fileOf, filterOf, matches, pathOf, queryOf, tabbed, tabOf, TABS, WAITING, type Filter} from '../src/views/alerts/filter';
import {alertsOf, grouped, metresBetween, rowsOf} from '../src/views/alerts/groups';
import {applies, commandOf, isIdle, KEYS, moved, toggled, type Press} from '../src/views/alerts/keys';
import {listed, merged, pruned} from '../src/views/alerts/queue';
import {ACTIONS, STATES} from '../src/views/alerts/wire';
import {UNHANDLED, type Alert, type Handling} from '../src/wire';

function alert(id: string, over: Partial<Alert> = {}): Alert {
  return {
    id, revision: 1, state: 'open', rule: 'noise_loud', kind: 'noise', place: `device/${id}`, severity: 'warning', device: id, cell: '8a309930a0affff', area: '310107005',
    latDegrees: 31.24, lonDegrees: 121.4, value: 88, baseline: 85, p: null, windowSeconds: 0, reason: {zh: '噪声过大', en: 'Loud noise'},
    raisedAtMs: 1000, updatedAtMs: 1000, clearedAtMs: null, category: 'city', phase: '', cells: [], devices: [], evidence: [], score: null,
    recurrenceSeconds: null, excess: 0, flapping: false, muted: false, mergedInto: '', handling: UNHANDLED, ...over,
  };
}

function handling(state: Handling['state'], over: Partial<Handling> = {}): Handling {
  return {...UNHANDLED, state, version: 1, by: '王芳', atMs: 5, ...over};
}

function mapOf(...alerts: readonly Alert[]): ReadonlyMap<string, Alert> {
  return new Map(alerts.map((a) => [a.id, a]));
}

const FULL: Filter = {
  states: ['new', 'done'], life: 'any', severities: ['critical', 'notice'], category: 'quality', kind: 'pm25', area: '310107',
  rule: 'pm_night', by: '李 强&', text: '100% 噪声?', muted: 'false',
};

function address(f: Filter): URLSearchParams {
  const query = new URLSearchParams();
  for (const [key, value] of Object.entries(queryOf(f))) if (value !== null) query.set(key, value);
  return query;
}

describe('what people do about an alert', () => {
  const first = applyAlerts(null, {kind: 'alerts-snapshot', id: 1, epoch: 'e', seq: 1, open: null, alerts: [alert('a', {revision: 2})]});
  const book = first.outcome === 'applied' ? first.book : null;
  const tell = (a: Alert, seq: number): ReturnType<typeof applyAlerts> => applyAlerts(book, {kind: 'alert', id: 1, seq, alert: a});

  it('is taken over from an event of the same revision, and is no news', () => {
    const step = tell(alert('a', {revision: 2, handling: handling('acknowledged')}), 2);
    expect(step.outcome === 'applied' && [step.book.byId.get('a')?.handling.state, step.news.length, step.book.seq]).toEqual(['acknowledged', 0, 2]);
  });

  it('does not come back with an event that is older', () => {
    const old = tell(alert('a', {revision: 1, handling: handling('done', {version: 9})}), 3);
    expect(old.outcome === 'applied' && old.book.byId.get('a')?.handling.state).toBe('new');
  });
});

describe('the filter and the address', () => {
  it('say the same', () => {
    for (const f of [WAITING, FULL, ...TABS.map((t) => tabbed(FULL, t, '王芳'))]) {
      expect(filterOf(new URLSearchParams(address(f).toString()))).toEqual(f);
    }
  });

  it('are silent about what needs no saying', () => {
    expect(address(WAITING).toString()).toBe('');
  });

  it('leave out what makes no sense', () => {
    expect(filterOf(new URLSearchParams('state=new,lost&life=half&severity=loud&category=x&muted=perhaps'))).toEqual({...WAITING, states: ['new']});
  });

  it('ask the server for the same', () => {
    expect(pathOf(WAITING)).toBe('alerts?limit=100&handling=new%2Cacknowledged%2Cdispatched&state=open');
    const asked = new URLSearchParams(pathOf(FULL, 'last', 20).split('?')[1]);
    expect(Object.fromEntries(asked)).toEqual({
      limit: '20', handling: 'new,done', severity: 'critical,notice', category: 'quality', kind: 'pm25', area: '310107', rule: 'pm_night',
      by: '李 强&', text: '100% 噪声?', muted: 'false', before: 'last',
    });
    expect(new URLSearchParams(pathOf(tabbed(WAITING, 'all', '')).split('?')[1]).has('handling')).toBe(false);
  });

  it('ask for a file of the same', () => {
    const conditions = (path: string): readonly (readonly [string, string])[] =>
      [...new URLSearchParams(path.split('?')[1])].filter(([key]) => key !== 'limit' && key !== 'lang');
    expect(fileOf(WAITING, 'en')).toMatch(/^\/api\/v1\/alerts\.csv\?lang=en&/);
    for (const f of [WAITING, FULL, tabbed(WAITING, 'all', '')]) {
      expect(conditions(fileOf(f, 'zh'))).toEqual(conditions(pathOf(f)));
      expect(conditions(countPathOf(f))).toEqual(conditions(pathOf(f)));
    }
  });

  it('know the tab they are', () => {
    for (const t of TABS) expect(tabOf(tabbed({...WAITING, kind: 'noise'}, t, '王芳'), '王芳')).toBe(t);
    expect(tabOf({...WAITING, states: ['new']}, '王芳')).toBeNull();
    expect(tabOf({...WAITING, states: ['acknowledged', 'dispatched'], life: 'any'}, '')).toBeNull();
  });
});

describe('what a filter lists', () => {
  it.each<[string, Partial<Filter>, Partial<Alert>, Partial<Alert>]>([
    ['all that is not done', {}, {handling: handling('dispatched')}, {handling: handling('done')}],
    ['states', {states: ['done'], life: 'any'}, {handling: handling('done')}, {}],
    ['what goes on', {life: 'open'}, {}, {state: 'closed'}],
    ['severities', {severities: ['critical', 'notice']}, {severity: 'notice'}, {severity: 'warning'}],
    ['a category', {category: 'quality'}, {category: 'quality'}, {}],
    ['a kind', {kind: 'noise'}, {}, {kind: 'pm25'}],
    ['an area and those within', {area: '310107'}, {area: '310107005'}, {area: '310106005'}],
    ['a rule', {rule: 'noise_loud'}, {}, {rule: 'x'}],
    ['a person', {by: '王芳'}, {handling: handling('acknowledged')}, {}],
    ['what is muted', {muted: 'true'}, {muted: true}, {}],
    ['a text in any case', {text: 'LOUD'}, {}, {reason: {zh: '', en: ''}}],
    ['a text in the place', {text: 'device/n-7'}, {place: 'device/n-7'}, {}],
  ])('%s', (_, f, inside, outside) => {
    expect(matches(alert('a', inside), {...WAITING, ...f})).toBe(true);
    expect(matches(alert('a', outside), {...WAITING, ...f})).toBe(false);
  });

  it('knows areas within by the lengths of the standard alone', () => {
    expect(areaWithin('310107005001001', '310107005')).toBe(true);
    expect(areaWithin('31010700', '310107')).toBe(false);
    expect(areaWithin('harbour-east', 'harbour')).toBe(false);
    expect(areaWithin('harbour', 'harbour')).toBe(true);
  });

  it('comes newest first, each as it is known best', () => {
    const live = mapOf(alert('a', {revision: 2}), alert('b', {raisedAtMs: 3000}));
    const all = merged(live, [alert('a'), alert('c', {raisedAtMs: 2000})], new Map([['b', handling('acknowledged')]]));
    expect(listed(all, WAITING).map((a) => `${a.id} ${a.revision} ${a.handling.state}`)).toEqual(['b 1 acknowledged', 'c 1 new', 'a 2 new']);
  });

  it('forgets what it was answered once the event has come', () => {
    const known = new Map([['a', handling('done', {version: 3})], ['b', handling('done', {version: 1})]]);
    const left = pruned(known, mapOf(alert('a', {handling: handling('done', {version: 2})}), alert('b', {handling: handling('done', {version: 1})})));
    expect([...left.keys()]).toEqual(['a']);
    expect(pruned(left, undefined)).toBe(left);
  });
});

describe('groups', () => {
  const hotspot = (id: string, over: Partial<Alert> = {}): Alert => alert(id, {rule: 'litter_hot', kind: 'litter', place: `hotspot/${id}`, device: '', ...over});

  it('put merged hotspots under the one they became a part of, also over two steps', () => {
    const all = [hotspot('3', {raisedAtMs: 3000}), hotspot('2', {raisedAtMs: 2000, mergedInto: '3', state: 'closed'}), hotspot('1', {mergedInto: '2', severity: 'critical'})];
    const [group, ...more] = grouped(all, mapOf(...all));
    expect(more).toEqual([]);
    expect(group?.head.id).toBe('3');
    expect(group?.members.map((a) => a.id)).toEqual(['3', '2', '1']);
  });

  it('stay together when the survivor is not listed, and end when merges go in a circle', () => {
    const survivor = hotspot('9');
    const [a, b] = [hotspot('1', {mergedInto: '9'}), hotspot('2', {mergedInto: '9'})];
    expect(grouped([b, a], mapOf(a, b, survivor)).map((g) => g.members.length)).toEqual([2]);
    const [c, d] = [hotspot('c', {mergedInto: 'd'}), hotspot('d', {mergedInto: 'c'})];
    expect(grouped([c, d], mapOf(c, d)).flatMap((g) => g.members)).toHaveLength(2);
  });

  it('join alerts of one rule that rose within minutes near each other', () => {
    const near = alert('b', {raisedAtMs: 60_000, latDegrees: 31.2425, severity: 'critical'});
    const all = [near, alert('a')];
    const groups = grouped(all, mapOf(...all));
    expect(groups.map((g) => [g.id, g.head.id])).toEqual([['a', 'b']]);
  });

  it.each<[string, Partial<Alert>]>([
    ['far away', {latDegrees: 31.26}],
    ['much later', {raisedAtMs: 11 * 60_000}],
    ['of another rule', {rule: 'noise_night'}],
    ['of another kind', {kind: 'pm25'}],
  ])('leave alone what is %s', (_, over) => {
    const all = [alert('b', over), alert('a')];
    expect(grouped(all, mapOf(...all))).toHaveLength(2);
  });

  it('do not join hotspots that are near: their rule says what is one', () => {
    const all = [hotspot('2'), hotspot('1')];
    expect(grouped(all, mapOf(...all))).toHaveLength(2);
  });

  it('keep their name while others join', () => {
    const [a, b] = [alert('a'), alert('b', {raisedAtMs: 2000, severity: 'critical'})];
    expect(grouped([a], mapOf(a))[0]?.id).toBe(grouped([b, a], mapOf(a, b))[0]?.id);
  });

  it('are one line, or one for each of theirs', () => {
    const all = [alert('b', {raisedAtMs: 2000}), alert('a')];
    const groups = grouped(all, mapOf(...all));
    const [closed] = rowsOf(groups, new Set());
    expect(closed === undefined ? [] : alertsOf(closed).map((a) => a.id)).toEqual(['b', 'a']);
    const rows = rowsOf(groups, new Set(['a']));
    expect(rows.map((r) => [r.part, r.alert.id, alertsOf(r).length])).toEqual([['group', 'b', 1], ['member', 'a', 1]]);
    expect(new Set(rows.map((r) => r.key)).size).toBe(2);
  });

  it('measure as the crow flies', () => {
    expect(metresBetween(alert('a'), alert('b', {lonDegrees: 121.41}))).toBeCloseTo(950.7, 0);
  });
});

describe('keys', () => {
  const press = (key: string, over: Partial<Press> = {}): Press => ({key, ctrlKey: false, altKey: false, metaKey: false, inField: false, onButton: false, ...over});

  it('ask each for a thing of its own', () => {
    expect(new Set(KEYS.map(([key]) => key)).size).toBe(KEYS.length);
    expect(new Set(KEYS.map(([, command]) => command)).size).toBe(KEYS.length);
    for (const [key, command] of KEYS) expect(commandOf(press(key))).toBe(command);
    expect(commandOf(press('ArrowDown'))).toBe('next');
  });

  it('are left to the browser, to fields and to buttons', () => {
    expect(commandOf(press('a', {ctrlKey: true}))).toBeNull();
    expect(commandOf(press('f', {metaKey: true}))).toBeNull();
    expect(commandOf(press('d', {altKey: true}))).toBeNull();
    expect(commandOf(press('j', {inField: true}))).toBeNull();
    expect(commandOf(press('Enter', {onButton: true}))).toBeNull();
    expect(commandOf(press('q'))).toBeNull();
  });

  it('move the cursor and stop at the ends', () => {
    expect(moved('next', -1, 3)).toBe(0);
    expect(moved('next', 2, 3)).toBe(2);
    expect(moved('previous', 0, 3)).toBe(0);
    expect(moved('last', 0, 3)).toBe(2);
    expect(moved('first', 2, 3)).toBe(0);
    expect(moved('next', 0, 0)).toBe(-1);
  });

  it('go on where the line was that has gone', () => {
    expect(moved('next', -1, 5, 2)).toBe(2);
    expect(moved('next', -1, 2, 2)).toBe(1);
    expect(moved('previous', -1, 5, 2)).toBe(1);
  });

  it('select all of some, or none when all are', () => {
    expect([...toggled(new Set(['a']), ['a', 'b'])].sort()).toEqual(['a', 'b']);
    expect([...toggled(new Set(['a', 'b', 'c']), ['a', 'b'])]).toEqual(['c']);
  });

  it('offer what the server would take', () => {
    const offered = (state: Handling['state']): readonly string[] => ACTIONS.filter((action) => applies(action, state));
    expect(offered('new')).toEqual(['acknowledge', 'dispatch', 'comment', 'confirmed', 'false_alarm', 'mute', 'close']);
    expect(offered('dispatched')).toEqual(['dispatch', 'comment', 'confirmed', 'false_alarm', 'mute', 'close']);
    expect(offered('done')).toEqual(['comment', 'confirmed', 'false_alarm', 'mute', 'reopen']);
    expect(STATES).toHaveLength(4);
  });

  it('do not acknowledge again what is one’s own', () => {
    expect(isIdle('acknowledge', handling('acknowledged'), '王芳')).toBe(true);
    expect(isIdle('acknowledge', handling('acknowledged'), '李强')).toBe(false);
  });
});
