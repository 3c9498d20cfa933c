import {describe, expect, it} from 'vitest';
import {cividis, cssColor, encodeValue, encodeValues} from '../src/color';
import {clockTime, day, duration, momentWithOffset, quantity, timeAs, timeNear, useZone, type TimeForm} from '../src/format';
import {areaAt, boundsOf, graticule, HOME, metresPerPixel, outline, project, resolutionFor, unproject} from '../src/geo';
import {CATALOGUES, inLang, LANGS} from '../src/i18n';
import {byByte} from '../src/map/canvas-map';
import {changedRows, meshOf, translated} from '../src/map/cell-layer';
import {chooseRenderer} from '../src/map/renderer';
import {cellRows, cellsTopic, firstModel, indexOfSorted, shownScale, shownUnit, type Model} from '../src/model';
import {at, hasOwn} from '../src/polyfill';
import type {Area, Kind} from '../src/wire';

describe('colour scale', () => {
  const scale = {low: 40, high: 80, reversed: false};

  it('gives 0 to nothing and 1 to 255 to values, clamped at the ends', () => {
    expect([NaN, -5, 40, 60, 80, 1000].map((v) => encodeValue(v, scale))).toEqual([0, 1, 1, 128, 255, 255]);
  });

  it('puts the bad end of a kind whose low values are bad at the bright end', () => {
    expect(encodeValue(40, {...scale, reversed: true})).toBe(255);
  });

  it('survives a scale of no width', () => {
    expect(encodeValue(3, {low: 3, high: 3, reversed: false})).toBe(1);
  });

  it('fills up to the size of the table', () => {
    expect([...encodeValues(Float64Array.of(40, NaN), 4, scale)]).toEqual([1, 0, 0, 0]);
  });

  it('grows in lightness all the way', () => {
    const palette = cividis();
    const light = Array.from({length: 256}, (_, k) => 0.2126 * (palette[k * 4] ?? 0) + 0.7152 * (palette[k * 4 + 1] ?? 0) + 0.0722 * (palette[k * 4 + 2] ?? 0));
    for (let k = 8; k < 256; k++) expect(light[k], `step ${k}`).toBeGreaterThanOrEqual((light[k - 8] ?? 0));
    expect(cssColor(palette, 255)).toMatch(/^rgb\(2\d\d,2\d\d,\d+\)$/);
  });
});

describe('catalogues', () => {
  it('have a text in every place, in every language', () => {
    const keys = Object.keys(CATALOGUES.zh);
    for (const lang of LANGS) {
      expect(Object.keys(CATALOGUES[lang])).toEqual(keys);
      for (const [key, text] of Object.entries(CATALOGUES[lang])) {
        const shown: unknown = typeof text === 'function' ? Reflect.apply(text, null, [2, 'x', 'y', 'z', 'w']) : text;
        const texts = typeof shown === 'object' && shown !== null ? Object.values(shown) : [shown];
        for (const t of texts) expect(t, `${lang}.${key}`).toMatch(/\S/);
      }
    }
  });

  it('fall back to Chinese where the other name is missing', () => {
    expect(inLang({zh: '噪声', en: ''}, 'en')).toBe('噪声');
  });
});

describe('the zone of the district', () => {
  it('is that which the server says, with its offset at the moment', () => {
    const summer = Date.UTC(2026, 6, 1, 12, 0, 0);
    expect(momentWithOffset(summer)).toBe('2026-07-01 20:00:00 UTC+08:00');
    expect(useZone('Europe/Berlin')).toBe(true);
    expect(momentWithOffset(summer)).toBe('2026-07-01 14:00:00 UTC+02:00');
    expect([useZone('Nowhere/None'), day(summer)]).toEqual([false, '2026-07-01']);
    useZone('Asia/Shanghai');
    expect(useZone('UTC')).toBe(true);
    expect(momentWithOffset(summer)).toBe('2026-07-01 12:00:00 UTC+00:00');
    useZone('Asia/Shanghai');
  });

  it('is what every form of a moment is written in', () => {
    const [at, now] = [Date.UTC(2026, 6, 1, 17, 4, 5), Date.UTC(2026, 6, 1, 17, 9, 5)];
    const written = (form: TimeForm, nowMs = now): string => timeAs(form, at, nowMs, CATALOGUES.zh);
    expect([written('near'), written('minute'), written('clock'), written('day'), written('monthDay'), written('dayMinute'), written('ago'), written('full')]).toEqual([
      '01:04:05', '01:04', '01:04:05', '2026-07-02', '07-02', '2026-07-02 01:04', '5 分钟前', '2026-07-02 01:04:05 UTC+08:00',
    ]);
    const nextDay = now + 86_400_000;
    expect([written('near', nextDay), written('minute', nextDay)]).toEqual(['07-02 01:04:05', '07-02 01:04']);
  });
});

describe('time and numbers', () => {
  const at = Date.UTC(2026, 10, 22, 17, 5, 9);

  it('are those of Shanghai, 24 hours', () => {
    expect(clockTime(at)).toBe('01:05:09');
    expect(day(at)).toBe('2026-11-23');
    expect(clockTime(Date.UTC(2026, 0, 1, 16))).toBe('00:00:00');
    expect(timeNear(at, at)).toBe('01:05:09');
    expect(timeNear(at, at + 86_400_000)).toBe('11-23 01:05:09');
  });

  it('have one unit and few digits', () => {
    expect([900, 61_000, 7_300_000, 90_000_000].map((ms) => duration(ms, CATALOGUES.en))).toEqual(['0 s', '1 min', '2 h', '1 d']);
    expect([3, 57.26, 0.123, 12_345.6].map((v) => quantity(v, 'en'))).toEqual(['3', '57.3', '0.12', '12,346']);
  });
});

const square = (w: number, s: number, e: number, n: number): Area => ({
  code: '', names: {zh: '', en: ''}, label: null, polygons: [[[[w, s], [e, s], [e, n], [w, n], [w, s]]]],
});

describe('geography', () => {
  it('projects there and back', () => {
    const m = project(121.3955, 31.2498);
    expect(unproject(m).latDegrees).toBeCloseTo(31.2498, 9);
    expect(unproject(m).lonDegrees).toBeCloseTo(121.3955, 9);
  });

  it('finds the area of a place', () => {
    const areas = [square(121, 31, 122, 32), square(122, 31, 123, 32)];
    expect(areaAt(areas, {latDegrees: 31.5, lonDegrees: 122.5})).toBe(areas[1]);
    expect(areaAt(areas, {latDegrees: 33, lonDegrees: 122.5})).toBeNull();
    expect(boundsOf(areas)).toEqual([121, 31, 123, 32]);
    expect(boundsOf([])).toEqual(HOME);
  });

  it('leaves the border that two areas share out of the outline', () => {
    expect(outline([square(121, 31, 122, 32), square(122, 31, 123, 32)])).toHaveLength(6);
  });

  it('draws the graticule a kilometre apart', () => {
    const [a, b] = graticule([121.3, 31.2, 121.5, 31.3]);
    const metres = ((b?.[0][0] ?? 0) - (a?.[0][0] ?? 0)) * 111_195 * Math.cos((31.25 * Math.PI) / 180);
    expect(metres).toBeCloseTo(1000, 0);
  });

  it('chooses finer cells closer up, and does not flicker between two', () => {
    expect([9, 11, 12, 14].map((z) => resolutionFor(z, null))).toEqual([7, 8, 9, 10]);
    const edge = Array.from({length: 400}, (_, k) => 11 + k / 100).find((z) => resolutionFor(z, null) === 10) ?? 0;
    expect(resolutionFor(edge + 0.05, 9)).toBe(9);
    expect(resolutionFor(edge - 0.05, 10)).toBe(10);
    expect(resolutionFor(edge + 0.3, 9)).toBe(10);
    expect(metresPerPixel(12, 31.25)).toBeCloseTo(16.3, 1);
  });
});

describe('polyfills', () => {
  it('do what the language does', () => {
    expect([0, -1, 2, -4, 1.9, NaN].map((n) => at.call(['a', 'b', 'c'], n))).toEqual(['a', 'c', 'c', undefined, 'b', 'a']);
    expect([hasOwn({a: 1}, 'a'), hasOwn({}, 'toString')]).toEqual([true, false]);
  });
});

describe('drawing', () => {
  const hexagon = Array.from({length: 6}, (_, k): readonly [number, number] => [31.25 + 0.001 * Math.sin(k), 121.4 + 0.001 * Math.cos(k)]);

  it('makes six triangles a hexagon, near their own origin', () => {
    const mesh = meshOf([hexagon, hexagon]);
    expect(mesh.triangles).toHaveLength(36);
    expect(Math.max(...mesh.vertices.filter((_, k) => k % 3 !== 2).map(Math.abs))).toBeLessThan(1e-4);
    expect([...mesh.cells.slice(6, 9)]).toEqual([0, 1, 1]);
  });

  it('moves the origin in double precision', () => {
    const m = Float64Array.of(1e6, 0, 0, 0, 0, 1e6, 0, 0, 0, 0, 1, 0, -837_200.000_1, 0, 0, 1);
    expect(translated(m, 0.8372, 0)[12]).toBeCloseTo(-0.0001, 6);
  });

  it('uploads only rows that changed', () => {
    const before = new Uint8Array(1024);
    const after = before.slice();
    expect(changedRows(before, after)).toBeNull();
    after[300] = 1;
    after[700] = 1;
    expect(changedRows(before, after)).toEqual([1, 2]);
  });

  it('orders cells by colour', () => {
    expect([...byByte(Uint8Array.of(3, 0, 3, 1), 4)]).toEqual([1, 3, 0, 2]);
  });

  it('takes Canvas 2D without WebGL and on software renderers', () => {
    expect(chooseRenderer({webgl2: false, name: ''}, 'webgl')).toBe('canvas2d');
    expect(chooseRenderer({webgl2: true, name: 'ANGLE (Google, Vulkan 1.3.0 (SwiftShader Device))'}, null)).toBe('canvas2d');
    expect(chooseRenderer({webgl2: true, name: 'ANGLE (Google, Vulkan 1.3.0 (SwiftShader Device))'}, 'webgl')).toBe('webgl2');
    expect(chooseRenderer({webgl2: true, name: 'ANGLE (Intel, Mesa Intel UHD)'}, null)).toBe('webgl2');
    expect(chooseRenderer({webgl2: true, name: 'ANGLE (Intel, Mesa Intel UHD)'}, 'canvas')).toBe('canvas2d');
  });

  it('finds cells in a sorted table', () => {
    expect(['a', 'c', 'd'].map((x) => indexOfSorted(['a', 'c'], x))).toEqual([0, 1, -1]);
  });
});

describe('layers', () => {
  const noise: Kind = {
    key: 'noise', names: {zh: '环境噪声', en: 'Noise'}, type: 'measure', unitLabel: {zh: 'dB', en: 'dB'}, scale: [45, 85], bad: 'high',
  };
  const cells = ['8a1', '8a2', '8a3'];
  const model = (layer: Model['layer']): Model => ({
    ...firstModel('zh', 'light', 0),
    kinds: {state: 'loaded', value: [noise]}, kind: 'noise', layer,
    cells: {epoch: 'e', seq: 1, table: 't', atMs: 0, values: Float64Array.of(1.5, 4.2, -6), counts: Float64Array.of(1, 2, 2)},
    table: {hash: 't', resolution: 10, cells, areas: [null, null, null]},
  });

  it('have topics of their own', () => {
    expect([cellsTopic(model('cells')), cellsTopic(model('heat'))]).toEqual(['cells/noise/r9', 'heat/noise/r9']);
  });

  it('show every value, but of scores only those that are significant', () => {
    expect(cellRows(model('cells')).map((r) => r.cell)).toEqual(['8a2', '8a1', '8a3']);
    expect(cellRows(model('heat')).map((r) => r.cell)).toEqual(['8a2', '8a3']);
  });

  it('have a scale and a unit of their own', () => {
    expect(shownScale(model('cells'), noise)).toEqual({low: 45, high: 85, reversed: false});
    expect(shownScale(model('heat'), noise).low).toBe(-shownScale(model('heat'), noise).high);
    expect(shownUnit(model('heat'), noise)).not.toBe(shownUnit(model('cells'), noise));
  });
});
