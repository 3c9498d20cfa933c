import {describe, expect, it} from 'vitest';
import session from '../../live/testdata/session.txt?raw';
import {decodeAlert, decodeAreas, decodeAreasNote, decodeColumns, decodeFrame, decodeKinds, decodeSeries, decodeTable, encodeFrame, WireError} from '../src/wire';

const alert = {
  id: '0193', revision: 1, rule: 'noise_loud', kind: 'noise', place: 'device/noise-0012', state: 'open', severity: 'warning',
  device: 'noise-0012', cell: '8a309930a0affff', area: '310107005', lat: 31.2401, lon: 121.4032, value: 88.2, baseline: 85, p: null,
  window_seconds: 0, reason: {zh: '吵', en: 'loud'}, raised_at: '2026-11-22T08:00:00.123Z', updated_at: '2026-11-22T08:00:00.123Z', cleared_at: null,
};

describe('decodeFrame', () => {
  it('reads every frame of the protocol', () => {
    const frames: readonly (readonly [object, string])[] = [
      [{t: 'hello', v: 1, server: 'urbangrid', epoch: 'e1', now: 1, hb: 5000}, 'hello'],
      [{t: 'hello', v: 1, server: 'urbangrid', epoch: 'e1', now: 1, hb: 5000, lag: 12}, 'hello'],
      [{t: 'snap', id: 1, epoch: 'e1', seq: 4, tbl: 'h', ts: 9, i: [2, 3], v: [1.5, null], n: [3, 0]}, 'cells-snapshot'],
      [{t: 'd', id: 1, seq: 5, from: 4, ts: 9, i: [], v: [], n: []}, 'cells-delta'],
      [{t: 'snap', id: 2, epoch: 'a', seq: 7, ts: 9, alerts: [alert]}, 'alerts-snapshot'],
      [{t: 'snap', id: 2, epoch: 'a', seq: 0, ts: 9, alerts: null}, 'alerts-snapshot'],
      [{t: 'ev', id: 2, seq: 8, alert}, 'alert'],
      [{t: 'gap', id: 2, after: 8}, 'gap'],
      [{t: 'hb', now: 1, lag: null}, 'heartbeat'],
      [{t: 'err', id: null, code: 'bad_frame', message: 'no'}, 'error'],
      [{t: 'bye', code: 1012, retry_ms: 900}, 'bye'],
    ];
    for (const [frame, kind] of frames) expect(decodeFrame(JSON.stringify(frame)).kind, JSON.stringify(frame)).toBe(kind);
  });

  it('reads the session that the server is held to', () => {
    const frames = session.split('\n').filter((line) => line.startsWith('< ')).map((line) => decodeFrame(line.slice(2)));
    expect(frames.map((f) => f.kind).filter((kind) => kind === 'unknown')).toEqual([]);
    const raised = frames.find((f) => f.kind === 'alert');
    expect(raised).toMatchObject({alert: {
      category: 'city', phase: 'active', devices: ['noise-0001', 'noise-0002'], score: 12.25, recurrenceSeconds: 777600, excess: 3.2, muted: false,
      evidence: [{device: 'noise-0001', atMs: 1000, value: 88.2, latDegrees: 31.2401, lonDegrees: 121.4032, link: 'https://nvr/1.jpg'}],
    }});
    expect(frames.filter((f) => f.kind === 'alerts-snapshot').map((f) => f.alerts.length)).toEqual([0, 1]);
  });

  it('lets frames of later versions pass as unknown', () => {
    expect(decodeFrame('{"t":"weather"}')).toEqual({kind: 'unknown', type: 'weather'});
  });

  it('turns times into milliseconds and keeps both languages of an alert', () => {
    const frame = decodeFrame(JSON.stringify({t: 'ev', id: 2, seq: 8, alert}));
    expect(frame).toMatchObject({kind: 'alert', alert: {raisedAtMs: Date.UTC(2026, 10, 22, 8, 0, 0, 123), clearedAtMs: null, reason: {zh: '吵', en: 'loud'}}});
  });

  it('reads what stands behind a hotspot', () => {
    const known = {
      category: 'quality', phase: 'cooling', cells: ['8a309930a0affff', '8a309930a0b7fff'], devices: ['n-7', 'n-2'], score: 12.25,
      recurrence_seconds: 777600, excess: 3.2, flapping: true, muted: true, merged_into: '0192',
      evidence: [{device: 'n-7', at: '2026-11-22T08:00:00Z', value: 88.2, lat: 31.24, lon: 121.4, link: 'https://nvr/1.jpg'}],
    };
    expect(decodeAlert({...alert, ...known})).toMatchObject({
      category: 'quality', phase: 'cooling', cells: ['8a309930a0affff', '8a309930a0b7fff'], devices: ['n-7', 'n-2'], score: 12.25,
      recurrenceSeconds: 777600, excess: 3.2, flapping: true, muted: true, mergedInto: '0192',
      evidence: [{device: 'n-7', atMs: Date.UTC(2026, 10, 22, 8), value: 88.2, latDegrees: 31.24, lonDegrees: 121.4, link: 'https://nvr/1.jpg'}],
    });
  });

  it('reads an alert of a server that says less', () => {
    expect(decodeAlert(alert)).toMatchObject({
      category: 'city', phase: '', cells: [], devices: [], evidence: [], score: null, recurrenceSeconds: null, excess: 0,
      flapping: false, muted: false, mergedInto: '',
      p: null, windowSeconds: 0, handling: {state: 'new', version: 0, by: '', atMs: null, toArea: '', toUnit: '', answer: ''},
    });
  });

  it.each([
    ['no JSON', '{'],
    ['no object', '[1]'],
    ['no type', '{}'],
    ['a number as text', '{"t":"hb","now":"1","lag":null}'],
    ['an infinite number', '{"t":"hb","now":1e999,"lag":null}'],
    ['columns of different length', '{"t":"d","id":1,"seq":2,"from":1,"ts":1,"i":[1],"v":[],"n":[1]}'],
    ['an unknown severity', JSON.stringify({t: 'ev', id: 1, seq: 1, alert: {...alert, severity: 'doom'}})],
    ['an unknown category', JSON.stringify({t: 'ev', id: 1, seq: 1, alert: {...alert, category: 'weather'}})],
    ['a flag that is a word', JSON.stringify({t: 'ev', id: 1, seq: 1, alert: {...alert, muted: 'yes'}})],
    ['evidence without a time', JSON.stringify({t: 'ev', id: 1, seq: 1, alert: {...alert, evidence: [{device: 'x', value: 1, lat: 1, lon: 1}]}})],
    ['a time that is none', JSON.stringify({t: 'ev', id: 1, seq: 1, alert: {...alert, raised_at: 'yesterday'}})],
  ])('refuses %s', (_, text) => {
    expect(() => decodeFrame(text)).toThrow(WireError);
  });
});

describe('decodeColumns', () => {
  it('undoes the gap code', () => {
    expect(decodeColumns([5, 1, 10], [1, 2, null], [1, 1, 0])).toEqual({indices: [5, 6, 16], values: [1, 2, null], counts: [1, 1, 0]});
  });

  it('takes 0 for the first index and refuses it for others', () => {
    expect(decodeColumns([0], [1], [1]).indices).toEqual([0]);
    expect(() => decodeColumns([3, 0], [1, 1], [1, 1])).toThrow(WireError);
    expect(() => decodeColumns([-1], [1], [1])).toThrow(WireError);
    expect(() => decodeColumns([0.5], [1], [1])).toThrow(WireError);
  });
});

describe('answers', () => {
  it('reads kinds', () => {
    const [kind] = decodeKinds({kinds: [{key: 'noise', names: {zh: '噪声', en: 'Noise'}, type: 'measure', unit: 'dB[SPL]', unit_label: {zh: 'dB(A)', en: 'dB(A)'}, scale: [45, 85], bad: 'high'}]});
    expect(kind).toMatchObject({key: 'noise', scale: [45, 85], bad: 'high', unitLabel: {en: 'dB(A)'}});
  });

  it('reads areas with their label and note, and leaves out what is no polygon', () => {
    const ring = [[121, 31], [122, 31], [122, 32], [121, 31]];
    const body = {
      note: {zh: '示意', en: 'approximate'},
      features: [
        {id: '1', geometry: {type: 'MultiPolygon', coordinates: [[ring]]}, properties: {code: '1', names: {zh: '甲', en: 'A'}, label: {lat: 31.5, lon: 121.5}}},
        {id: '2', geometry: {type: 'Polygon', coordinates: [ring]}, properties: {code: '2', name: '乙'}},
        {id: '3', geometry: {type: 'Point', coordinates: [121, 31]}, properties: {code: '3'}},
      ],
    };
    expect(decodeAreas(body).map((a) => [a.code, a.names.en, a.label])).toEqual([['1', 'A', [121.5, 31.5]], ['2', '乙', null]]);
    expect(decodeAreasNote(body)).toEqual({zh: '示意', en: 'approximate'});
    expect(decodeAreasNote({features: []})).toBeNull();
  });

  it('reads a series and an empty one', () => {
    expect(decodeSeries({series: [{key: {}, unit: 'dB', points: [['2026-11-22T08:00:00Z', 57.3]]}]})).toEqual({unit: 'dB', times: [Date.UTC(2026, 10, 22, 8) / 1000], values: [57.3]});
    expect(decodeSeries({series: []})).toEqual({unit: '', times: [], values: []});
  });

  it('reads a cell table', () => {
    expect(decodeTable({hash: 'h', resolution: 9, cells: ['89a']})).toEqual({hash: 'h', resolution: 9, cells: ['89a']});
    expect(() => decodeTable({hash: 'h', resolution: 9, cells: [1]})).toThrow(WireError);
  });
});

describe('encodeFrame', () => {
  it('writes what the server reads', () => {
    expect(JSON.parse(encodeFrame({t: 'sub', id: 1, topic: 'alerts', since: {epoch: 'a', seq: 3}}))).toEqual({t: 'sub', id: 1, topic: 'alerts', since: {epoch: 'a', seq: 3}});
  });
});
