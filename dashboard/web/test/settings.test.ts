import {describe, expect, it} from 'vitest';
import {cornersOf, cornersText, differingAreas, drawnOf, geojsonOf, inserted, moved, namingQuery, removed, type Drawn} from '../src/views/settings/areaedit';
import {frameOf, pathOf, placeOf, spotOf} from '../src/views/settings/areamap';
import {channelBodyOf, channelDraftOf, differingChannel, isComplete, NEW_CHANNEL} from '../src/views/settings/channeldraft';
import {bodyOf, bytesText, diffOf, differing, draftOf, durationOf, durationText, faultsOf, FORMS, numberOf, tagOf} from '../src/views/settings/forms';
import {MESSAGES, paramName} from '../src/views/settings/messages';
import {decodeAreaCheck, decodeChannel, decodePreviewJob, decodeRule, decodeSavedAreas, decodeSystem, DETECTORS, encodeRule} from '../src/views/settings/wire';

const body = {names: {zh: '噪声超标', en: 'Loud noise'}, severity: 'warning', threshold: {raise: 85, clear: 80, critical: 100, hold_raise_seconds: 30, hold_clear_seconds: 60}};
const wireRule = {
  name: 'noise_loud', kind: 'noise', detector: 'threshold', rule: body, file: body, off: false, changed: false, stale: '', pending: false, lead_seconds: 1200,
  version: 0, by: '', note: '', at: null,
};
const rule = decodeRule(wireRule);

describe('durations', () => {
  it('are written and read the same', () => {
    for (const s of [0, 1.5, 30, 60, 90, 3600, 5400, 86_400, 93_784]) expect(durationOf(durationText(s))).toBe(s);
    expect(durationText(5400)).toBe('1h30m');
    expect(durationOf(' 1h 30m ')).toBe(5400);
  });
  it('are nothing else', () => {
    for (const s of ['', '5', '5 minutes', 'm', '-5m', '5m x', '1..5h']) expect(durationOf(s), s).toBeNull();
  });
});

describe('numbers', () => {
  it('are what a person means by one', () => {
    expect([numberOf('85'), numberOf(' -1.5 '), numberOf('1e-6'), numberOf('.5')]).toEqual([85, -1.5, 1e-6, 0.5]);
    for (const s of ['', '8,5', '0x10', 'Infinity', '1e', '８５']) expect(numberOf(s), s).toBeNull();
  });
});

describe('the form of a rule', () => {
  it('says what the rule says, and back', () => {
    const draft = draftOf(rule.body, rule.off, rule.detector);
    expect(draft.fields).toEqual({raise: '85', clear: '80', critical: '100', hold_raise_seconds: '30s', hold_clear_seconds: '1m'});
    expect(encodeRule(bodyOf(draft, rule.detector), rule.detector)).toEqual(body);
  });
  it('leaves out what is empty, and names what is wrong', () => {
    const draft = {...draftOf(rule.body, false, 'threshold'), fields: {raise: '', clear: 'eighty', critical: '', hold_raise_seconds: '1', hold_clear_seconds: ''}, en: ' '};
    expect(faultsOf(draft, 'threshold')).toEqual({raise: 'missing', clear: 'number', hold_raise_seconds: 'duration', en: 'missing'});
    expect(bodyOf({...draft, fields: {...draft.fields, raise: '70', clear: '60', hold_raise_seconds: ''}}, 'threshold').params).toEqual({raise: 70, clear: 60});
  });
  it('reads lists of windows and whole numbers', () => {
    const hotspot = {names: {zh: 'a', en: 'b'}, severity: 'notice' as const, params: {window_seconds: [300, 3600], min_count: 5}};
    const draft = draftOf(hotspot, false, 'hotspot');
    expect(draft.fields['window_seconds']).toBe('5m 1h');
    expect(bodyOf(draft, 'hotspot').params).toEqual({window_seconds: [300, 3600], min_count: 5});
    expect(faultsOf({...draft, fields: {...draft.fields, min_count: '1.5', window_seconds: '5m x'}}, 'hotspot')).toEqual({min_count: 'count', window_seconds: 'duration'});
  });
  it('tells in what two differ', () => {
    const a = draftOf(rule.body, false, 'threshold');
    expect(differing(a, a)).toEqual([]);
    expect(differing(a, {...a, off: true, severity: 'critical', zh: 'x', fields: {...a.fields, raise: '82'}})).toEqual(['raise', 'names', 'severity', 'off']);
  });
  it('has a name for every parameter in both languages', () => {
    for (const d of DETECTORS) for (const p of FORMS[d]) for (const m of [MESSAGES.zh, MESSAGES.en]) expect(paramName(m, p.key), p.key).not.toBe(p.key);
  });
});

it('a version is an ETag once there is one', () => expect([tagOf(0), tagOf(3)]).toEqual(['', '"3"']));

it('bytes are read by people', () => expect([0, 1023, 1536, 1 << 20, 150 * 2 ** 30].map(bytesText)).toEqual(['0 B', '1023 B', '1.5 KiB', '1 MiB', '150 GiB']));

it('two texts are laid beside one another', () => {
  expect(diffOf('a\nb\nc\n', 'a\nx\nc\nd\n').map((l) => l.sign + l.text)).toEqual([' a', '-b', '+x', ' c', '+d']);
  expect(diffOf('', 'a').map((l) => l.sign + l.text)).toEqual(['+a']);
});

describe('a preview', () => {
  const none = {total: 0, open: 0, listed: []};
  it('is read while it runs and when it is done', () => {
    expect(decodePreviewJob({id: 'x', state: 'running', progress: {step: {zh: '', en: ''}, done: 250, total: 1000}})).toEqual({id: 'x', state: 'running', share: 0.25, error: '', preview: null});
    const done = decodePreviewJob({
      id: 'x', state: 'done', progress: {step: {zh: '', en: ''}, done: 1000, total: 1000},
      preview: {
        from: '2026-11-15T08:00:00Z', to: '2026-11-22T08:00:00Z', learned_from: null, observations: 0, days: [{day: '2026-11-15T08:00:00Z', changed: 1, present: 0, fired: 0}],
        changed: {total: 1, open: 1, listed: [{place: 'device/n', device: 'n', area: '', cell: '', severity: 'warning', category: 'city', value: 83, reason: {zh: 'z', en: 'e'}, raised_at: '2026-11-15T09:00:00Z', cleared_at: null}]},
        present: none, fired: none,
      },
    });
    expect(done.preview?.changed.listed[0]).toMatchObject({device: 'n', clearedMs: null});
  });
  it('that is something else is refused', () => expect(() => decodePreviewJob({id: 'x', state: 'lost', progress: {done: 0, total: 0}})).toThrow('state'));
});

describe('drawing areas', () => {
  const square: Drawn = {code: '310107001', zh: '一', en: 'One', parent: '310107', corners: [[121.4, 31.24], [121.41, 31.24], [121.41, 31.25], [121.4, 31.25]], holes: [], others: []};
  it('is saved as it is drawn, closed', () => {
    const saved = decodeSavedAreas(geojsonOf([square]));
    expect(saved.areas[0]?.polygons[0]?.[0]).toHaveLength(5);
    expect(drawnOf(saved.areas, saved.parents)).toEqual([square]);
  });
  it('moves, adds and takes away corners', () => {
    expect(moved(square, 1, [121.42, 31.24]).corners[1]).toEqual([121.42, 31.24]);
    expect(inserted(square, 3).corners[4]).toEqual([121.4, 31.245]);
    const three = removed(square, 0);
    expect(three.corners).toHaveLength(3);
    expect(removed(three, 0)).toBe(three);
  });
  it('reads corners by the line and says which is none', () => {
    expect(cornersOf(cornersText(square.corners))).toEqual(square.corners);
    expect(cornersOf('121.4, 31.24\n121.41 31.24\n\n121.41，31.25')).toHaveLength(3);
    expect([cornersOf('121.4, 31.24\nhere\n1, 2'), cornersOf('121.4, 91\n1, 2\n3, 4'), cornersOf('1, 2\n3, 4')]).toEqual([2, 1, 3]);
  });
  it('lies in its picture, and places come back from it', () => {
    const frame = frameOf(square.corners, 600, 400);
    if (frame === null) throw new Error('no frame');
    for (const c of square.corners) {
      const s = spotOf(frame, c);
      expect(s.x >= 0 && s.x <= 600 && s.y >= 0 && s.y <= 400).toBe(true);
      const back = placeOf(frame, s);
      expect(Math.abs(back[0] - c[0]) + Math.abs(back[1] - c[1])).toBeLessThan(1e-4);
    }
    expect(pathOf(frame, square.corners)).toMatch(/^M.*L.*Z$/);
    expect(frameOf([], 600, 400)).toBeNull();
  });
  it('says how a file names things', () => expect(namingQuery('gcj02', {code: ' 编码 ', name: '', parent: ''})).toBe('datum=gcj02&code_property=%E7%BC%96%E7%A0%81'));
});

it('a check of areas that cannot be read has findings alone', () => {
  const check = decodeAreaCheck({
    findings: [{matter: 'unreadable', fault: true, area: '', other: '', at: null, square_meters: 0, message: 'no feature'}], cells: [], areas: [], gaps: [], gap_count: 0, overlaps: [], overlap_count: 0,
    added: [], removed: [], reshaped: [], devices: 0, moved_count: 0, out_count: 0, moved: [],
  });
  expect([check.findings[0]?.message, check.geojson, check.drawn]).toEqual(['no feature', null, []]);
});

describe('channels', () => {
  const channel = decodeChannel({
    id: 'c', name: '值班', type: 'email', on: true, lang: 'zh', mail: {server: 'smtp.example.com:587', security: 'starttls', user: 'u', from: 'a@example.com', to: ['b@example.com', 'c@example.com']},
    severity: 'warning', areas: ['310107005'], quality: false, quiet: {from: '22:00', to: '07:00', critical: true}, host: '', has_url: false, has_secret: true, secrets_lost: false,
    waiting: 0, delivered: 2, dead: 1, withheld: 1, version: 2, by: '王芳', note: '', at: '2026-11-22T08:00:00Z',
  });
  it('come back from their form, without secrets unless there are new ones', () => {
    const sent = channelBodyOf(channelDraftOf(channel), '李明');
    expect(sent).toEqual({
      channel: {
        name: '值班', type: 'email', on: true, lang: 'zh', severity: 'warning', areas: ['310107005'], quality: false, page: '',
        mail: {server: 'smtp.example.com:587', security: 'starttls', user: 'u', from: 'a@example.com', to: ['b@example.com', 'c@example.com']}, quiet: {from: '22:00', to: '07:00', critical: true},
      }, by: '李明',
    });
    expect(channelBodyOf({...NEW_CHANNEL, name: 'x', url: 'https://e.example/x', secret: 's'}, 'y')).toMatchObject({url: 'https://e.example/x', secret: 's'});
  });
  it('are complete when their type has what it needs', () => {
    expect([isComplete(NEW_CHANNEL, true), isComplete({...NEW_CHANNEL, name: 'x'}, true), isComplete({...NEW_CHANNEL, name: 'x', url: 'https://e'}, true), isComplete({...NEW_CHANNEL, name: 'x'}, false),
      isComplete({...NEW_CHANNEL, name: 'x', type: 'email'}, false), isComplete(channelDraftOf(channel), true)]).toEqual([false, false, true, true, false, true]);
  });
});

it('the state of the system is read, also of one that has seen nothing', () => {
  const s = decodeSystem({
    version: 'dev', go: 'go1.26', started_at: '2026-11-22T08:00:00Z', uptime_seconds: 5, ready: true,
    journal: {entries: 0, unrecorded: 0, unjudged: 0, lag_seconds: 0.5, bytes: 0, max_bytes: 1, newest_age_seconds: null}, stores: [],
    ingest: {observations_per_second: 0, observations: 0, duplicates: 0, rejected: [{reason: 'late', total: 3, lately: 1}], lost: []},
    broker: {address: 'embedded://:1883', embedded: true, healthy: true, error: '', connections: -1}, live: {viewers: 0, bytes_per_second: 0}, disk: {path: 'data', free: 1, size: 2},
    process: {memory_bytes: 1, cpu_share: 0, processors: 2}, backups: {supported: false, last: []},
    warnings: [{at: '2026-11-22T08:00:00Z', level: 'warn', component: 'x', message: 'm', facts: {a: 'b'}}],
  });
  expect([s.journal.newestAgeMs, s.journal.lagMs, s.backups.lastMs, s.warnings[0]?.facts]).toEqual([null, 500, null, [['a', 'b']]]);
});

describe('what two people changed at once', () => {
  it('of a channel is what the server tells of it', () => {
    const mine = {...NEW_CHANNEL, name: '值班群 ', areas: '310107005,310107006', url: 'https://a', secret: 'x', quietFrom: '21:00'};
    const theirs = {...NEW_CHANNEL, name: '值班群', areas: '310107005\n310107006', severity: 'critical' as const};
    expect(differingChannel(mine, theirs)).toEqual(['severity']);
    expect(differingChannel({...mine, quiet: true}, theirs)).toEqual(['severity', 'quiet', 'quietFrom']);
  });

  it('of areas is what is gone, new, renamed or moved', () => {
    const area = (code: string, over: Partial<Drawn> = {}): Drawn =>
      ({code, zh: code, en: '', parent: '', corners: [[121.4, 31.2], [121.5, 31.2], [121.5, 31.3]], holes: [], others: [], ...over});
    const moved_: Drawn = area('d', {corners: [[121.4, 31.2], [121.5, 31.2], [121.5, 31.31]]});
    const hair: Drawn = area('a', {corners: [[121.4, 31.2], [121.5, 31.2], [121.5, 31.3000000001], [121.4, 31.2]]});
    const found = differingAreas([area('a'), area('b'), area('c'), area('d')], [hair, area('c', {zh: '丙'}), moved_, area('e')]);
    expect(found.map((f) => [f.code, f.theirs !== null, f.mine !== null])).toEqual([['b', true, false], ['c', true, true], ['d', true, true], ['e', false, true]]);
  });
});
