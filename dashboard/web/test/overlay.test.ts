import {describe, expect, it} from 'vitest';
import {toGCJ02} from '../src/datum';
import {project} from '../src/geo';
import type {CityMap} from '../src/map/city-map';
import {
  decodeOverlayFiles, decodeShapes, joinedNames, OVERLAY_STYLES, overlayCredits, shownOverlays, splitNames,
  type Look, type Overlay, type OverlayShape,
} from '../src/map/overlay';
import {LOOK_EVERY_MS, OverlayBook, type OverlayWorld} from '../src/map/overlay-book';
import {flattened, penOf} from '../src/map/overlay-flat';
import {LabelRows} from '../src/map/overlay-labels';
import {featuresOf, layersOf} from '../src/map/overlay-layers';
import {covers, planned} from '../src/map/overlay-plan';
import {Window, type Traced} from '../src/map/overlay-window';
import {ShiftedMap} from '../src/map/shifted-map';
import {firstModel} from '../src/model';
import {queryOf, wishOf} from '../src/views/live/permalink';
import type {LonLat} from '../src/wire';

const PLAIN: Look = {stroke: null, strokeWidth: null, strokeOpacity: null, fill: null, fillOpacity: null, markerColor: null, markerSize: null};
const NOBODY = {zh: '', en: ''};

function line(points: readonly LonLat[], name = '', look: Partial<Look> = {}): OverlayShape {
  return {form: 'line', lines: [points], names: {zh: name, en: name}, look: {...PLAIN, ...look}};
}

function overlay(name: string, change: Partial<Overlay> = {}): Overlay {
  return {
    name, url: `/basemap/${name}`, title: {zh: name, en: name}, attribution: '', etag: 'e1', bounds: [121, 31, 122, 32],
    fault: '', error: '', shapes: [line([[121, 31], [122, 32]])], isMissing: false, ...change,
  };
}

/** A path that remembers its rings. */
class Pencil implements Traced {
  readonly rings: [number, number][][] = [];
  closed = 0;

  moveTo(x: number, y: number): void {
    this.rings.push([[x, y]]);
  }

  lineTo(x: number, y: number): void {
    this.rings[this.rings.length - 1]?.push([x, y]);
  }

  closePath(): void {
    this.closed++;
  }

  get corners(): number {
    return this.rings.reduce((n, r) => n + r.length, 0);
  }
}

const MIDDLE = project(121.4, 31.25);
const camera = (zoom: number) => ({x: MIDDLE.x, y: MIDDLE.y, zoom});

describe('what the server says of GeoJSON files', () => {
  const wire = {
    name: 'a.geojson', url: '/basemap/a.geojson', title: {zh: '地铁', en: 'Metro'}, attribution: 'City', etag: 'x', bounds: [1, 2, 3, 4], reason: '', error: '',
  };

  it('is decoded, faults among it', () => {
    expect(decodeOverlayFiles({overlays: [wire, {...wire, name: 'b.json', url: '', bounds: null, reason: 'crs', error: 'crs is x'}]})).toMatchObject([
      {name: 'a.geojson', bounds: [1, 2, 3, 4], fault: ''}, {name: 'b.json', bounds: null, fault: 'crs', error: 'crs is x'},
    ]);
    expect(() => decodeOverlayFiles({overlays: [{...wire, reason: 'mood'}]})).toThrow(/reason/);
  });

  it('has shapes of three forms, with names and looks', () => {
    const shapes = decodeShapes({features: [
      {properties: {name: '湖', name_en: 'Lake', fill: '#112233', label: [1, 2]}, geometry: {type: 'MultiPolygon', coordinates: [[[[0, 0], [1, 0], [1, 1], [0, 0]]]]}},
      {properties: {name: '13', 'stroke-width': 3}, geometry: {type: 'MultiLineString', coordinates: [[[0, 0], [1, 1]]]}},
      {properties: {'marker-size': 'large'}, geometry: {type: 'MultiPoint', coordinates: [[5, 6]]}},
    ]});
    expect(shapes).toMatchObject([
      {form: 'area', names: {zh: '湖', en: 'Lake'}, label: [1, 2], look: {...PLAIN, fill: '#112233'}},
      {form: 'line', names: {zh: '13', en: '13'}, look: {...PLAIN, strokeWidth: 3}},
      {form: 'point', names: NOBODY, points: [[5, 6]], look: {...PLAIN, markerSize: 'large'}},
    ]);
    expect(() => decodeShapes({features: [{properties: {}, geometry: {type: 'Polygon', coordinates: []}}]})).toThrow(/geometry.type/);
    expect(() => decodeShapes({features: [{properties: {}, geometry: {type: 'MultiPoint', coordinates: [[1, null]]}}]})).toThrow(/latitude/);
  });
});

describe('switched off files', () => {
  it('are in the address, whatever their names are', () => {
    const hidden = new Set(['河,道.geojson', '100%.json', 'a.geojson']);
    const said = joinedNames(hidden);
    expect(said).toBe('100%25.json,a.geojson,河%2C道.geojson');
    expect(splitNames(said ?? '')).toEqual(hidden);
    expect(joinedNames(new Set())).toBeNull();
    expect(splitNames('%E0%A4%A,a.json,')).toEqual(new Set(['a.json']));

    const model = {...firstModel('zh', 'dark', 0), hiddenOverlays: hidden};
    const query = new URLSearchParams({off: queryOf(model)['off'] ?? ''});
    expect(wishOf(new URLSearchParams(query.toString())).hidden).toEqual(hidden);
    expect(wishOf(new URLSearchParams('kind=noise')).hidden).toBeUndefined();
  });

  it('are neither drawn nor credited', () => {
    const all = [overlay('a', {attribution: 'City'}), overlay('b'), overlay('c', {shapes: null})];
    expect(shownOverlays(all, new Set(['b'])).map((o) => o.name)).toEqual(['a']);
    expect(overlayCredits(all, new Set(['b']), 'zh')).toEqual(['a（City）']);
    expect(overlayCredits(all, new Set(['b']), 'en')).toEqual(['a (City)']);
    expect(overlayCredits(all, new Set(['a']), 'zh')).toEqual(['b']);
  });
});

describe('the book of overlays', () => {
  function world(): OverlayWorld & {files: unknown[]; loads: string[]; off: Set<string>; shown: readonly Overlay[]; clock: number; isDown: boolean} {
    return {
      files: [], loads: [], off: new Set<string>(), shown: [], clock: 0, isDown: false,
      nowMs() { return this.clock; },
      list() { return Promise.resolve({overlays: this.files}); },
      load(url) {
        this.loads.push(url);
        return this.isDown ? Promise.reject(new Error('down')) : Promise.resolve({features: [{properties: {}, geometry: {type: 'MultiPoint', coordinates: [[1, 2]]}}]});
      },
      hidden() { return this.off; },
      show(overlays) { this.shown = overlays; },
    };
  }
  const file = (name: string, etag: string, reason = '') => ({name, url: reason === '' ? `/${name}` : '', title: {zh: name, en: name}, attribution: '', etag, bounds: null, reason, error: reason});

  it('fetches a version of a file once, and another version again', async () => {
    const w = world();
    const book = new OverlayBook(w);
    w.files = [file('a', '1'), file('b', '', 'crs')];
    await book.look();
    await book.look();
    expect(w.loads).toEqual(['/a']);
    expect(w.shown).toMatchObject([{name: 'a', shapes: [{form: 'point'}]}, {name: 'b', shapes: null, fault: 'crs'}]);
    w.files = [file('a', '2')];
    await book.look();
    expect(w.loads).toEqual(['/a', '/a']);
    w.files = [];
    await book.look();
    expect(w.shown).toEqual([]);
  });

  it('fetches what is switched off when it is switched on', async () => {
    const w = world();
    const book = new OverlayBook(w);
    w.files = [file('a', '1')];
    w.off = new Set(['a']);
    await book.look();
    expect(w.loads).toEqual([]);
    w.off = new Set();
    await book.look();
    expect(w.shown).toMatchObject([{name: 'a', shapes: [{form: 'point'}]}]);
  });

  it('says what did not come, and asks again', async () => {
    const w = world();
    const book = new OverlayBook(w);
    w.files = [file('a', '1')];
    w.isDown = true;
    await book.look();
    expect(w.shown).toMatchObject([{name: 'a', shapes: null, isMissing: true}]);
    w.isDown = false;
    await book.refresh();
    expect(w.loads).toHaveLength(1);
    w.clock += LOOK_EVERY_MS;
    await book.refresh();
    expect(w.shown).toMatchObject([{name: 'a', shapes: [{form: 'point'}], isMissing: false}]);
  });
});

describe('the look of a shape', () => {
  it('is its own where it says so, else that of the theme', () => {
    const style = OVERLAY_STYLES.dark;
    expect(penOf('area', {...PLAIN, fill: '#112233', fillOpacity: 0}, style)).toEqual({fill: '#112233', fillOpacity: 0, stroke: '#112233', width: style.edgeWidth, opacity: style.edgeOpacity});
    expect(penOf('line', PLAIN, style)).toMatchObject({stroke: style.line, width: style.lineWidth, opacity: style.lineOpacity});
    expect(penOf('line', {...PLAIN, stroke: '#ff0000', strokeWidth: 0}, style)).toMatchObject({stroke: '#ff0000', width: 0, opacity: 1});
    expect(penOf('point', {...PLAIN, markerSize: 'large'}, style).width).toBeGreaterThan(penOf('point', PLAIN, style).width);
  });

  it('is the same for MapLibre, whose layers lie where they should', () => {
    const layers = layersOf('overlay:a', 'light', 'en', '#fff');
    expect(layers.map((l) => `${l.place} ${l.layer.type}`)).toEqual([
      'below fill', 'below line', 'below line', 'shine line', 'names circle', 'names symbol', 'names symbol', 'names symbol',
    ]);
    expect(layers.every((l) => l.layer.id.startsWith('overlay:a:'))).toBe(true);
    const area: OverlayShape = {form: 'area', polygons: [[[[0, 0], [1, 0], [1, 1], [0, 0]]]], label: [0.6, 0.4], names: {zh: '湖', en: 'Lake'}, look: {...PLAIN, fill: '#112233'}};
    expect(featuresOf([area]).features.map((f) => [f.geometry.type, f.properties])).toEqual([
      ['MultiPolygon', {form: 'area', zh: '湖', en: 'Lake', fill: '#112233'}], ['Point', {form: 'name', zh: '湖', en: 'Lake'}],
    ]);
  });
});

describe('shapes on Canvas', () => {
  it('are flat, with rings wound so that holes stay open', () => {
    const outer: LonLat[] = [[0, 0], [0, 4], [4, 4], [4, 0], [0, 0]]; // clockwise
    const hole: LonLat[] = [[1, 1], [1, 2], [2, 2], [2, 1], [1, 1]]; // clockwise too
    const flat = flattened({form: 'area', polygons: [[outer, hole]], label: [3, 3], names: NOBODY, look: PLAIN});
    const turn = (from: number, to: number): number => {
      let sum = 0;
      for (let k = from; k < to; k += 2) {
        const next = k + 2 === to ? from : k + 2;
        sum += (flat.points[k] ?? 0) * (flat.points[next + 1] ?? 0) - (flat.points[next] ?? 0) * (flat.points[k + 1] ?? 0);
      }
      return Math.sign(sum);
    };
    expect([...flat.starts]).toEqual([0, 8, 16]);
    expect(turn(0, 8)).toBe(-turn(8, 16));
    expect(flat.west).toBeCloseTo(project(0, 0).x, 12);
    expect(flat.north).toBeCloseTo(project(0, 4).y, 12);
    expect(flat.label).toEqual(project(3, 3));
  });

  it('are traced without what cannot be seen, and look the same in the window', () => {
    let seed = 7;
    const random = (): number => {
      seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
      return seed / 2_147_483_648;
    };
    for (let round = 0; round < 60; round++) {
      const ring: LonLat[] = Array.from({length: 40}, (_, k) => {
        const far = 0.002 + random() * 0.06;
        return [121.4 + Math.cos((k / 40) * 2 * Math.PI) * far + (random() - 0.5) * 0.03, 31.25 + Math.sin((k / 40) * 2 * Math.PI) * far];
      });
      const flat = flattened({form: 'area', polygons: [[[...ring, ring[0] ?? [0, 0]]]], label: null, names: NOBODY, look: PLAIN});
      const window = new Window(camera(14), 300, 200);
      const whole = new Pencil();
      new Window(camera(14), 1e9, 1e9).trace(flat, 0, whole);
      const traced = new Pencil();
      window.trace(flat, 0, traced);
      expect(traced.corners).toBeLessThanOrEqual(whole.corners);
      expect(traced.closed).toBe(1);
      for (let probe = 0; probe < 40; probe++) {
        const [x, y] = [(random() - 0.5) * 590, (random() - 0.5) * 390];
        expect(winding(traced.rings[0] ?? [], x, y)).toBe(winding(whole.rings[0] ?? [], x, y));
      }
    }
  });

  it('cost no more corners than the screen can show', () => {
    const coil: LonLat[] = Array.from({length: 50_000}, (_, k) => [121.4 + Math.cos(k / 40) * 0.0004 * (k / 5000), 31.25 + Math.sin(k / 40) * 0.0004 * (k / 5000)]);
    const flat = flattened(line(coil));
    const near = new Pencil();
    expect(new Window(camera(18), 700, 400).trace(flat, 0, near)).toBe(near.corners);
    expect(near.corners).toBeLessThan(20_000);
    const far = new Pencil();
    new Window(camera(9), 700, 400).trace(flat, 0, far);
    expect(far.corners).toBeLessThan(2000);
  });

  it('are planned for the screen and somewhat more, alike ones together and files in order', () => {
    const red = {stroke: '#ff0000'};
    const shapes = [
      line([[121.39, 31.25], [121.41, 31.25]], '', red), line([[121.39, 31.26], [121.41, 31.26]], '', red),
      line([[121.39, 31.24], [121.41, 31.24]]), line([[100, 10], [101, 11]], '', red),
    ].map(flattened);
    const plan = planned(shapes, camera(13), 1000, 800, 'zh', () => new Pencil());
    expect(plan.paths.map((p) => [p.look.stroke, p.path.rings.length])).toEqual([['#ff0000', 2], [null, 1]]);
    expect(plan.corners).toBe(6);
    expect(covers(plan, camera(13), 1000, 800)).toBe(true);
    expect(covers(plan, {...camera(13), x: MIDDLE.x + 240 / (512 * 2 ** 13)}, 1000, 800)).toBe(true);
    expect(covers(plan, {...camera(13), x: MIDDLE.x + 260 / (512 * 2 ** 13)}, 1000, 800)).toBe(false);
    expect(covers(plan, camera(13.4), 1000, 800)).toBe(true);
    expect(covers(plan, camera(13.6), 1000, 800)).toBe(false);
    expect(covers(plan, camera(12.4), 1000, 800)).toBe(false);
  });

  it('make paths of bounded length', () => {
    const shapes = Array.from({length: 400}, (_, k) => flattened(line([[121.39, 31.25 + k / 1e5], [121.395, 31.26], [121.4, 31.25], [121.405, 31.26], [121.41, 31.25]])));
    const plan = planned(shapes, camera(13), 1000, 800, 'zh', () => new Pencil());
    expect(plan.corners).toBe(2000);
    expect(plan.paths.length).toBeGreaterThan(2);
    expect(Math.max(...plan.paths.map((p) => p.path.corners))).toBeLessThan(600);
  });

  it('merge points that lie on one another', () => {
    const points: LonLat[] = Array.from({length: 500}, (_, k) => [121.4 + (k % 5) / 1e7, 31.25]);
    const plan = planned([flattened({form: 'point', points, names: NOBODY, look: PLAIN})], camera(12), 800, 600, 'zh', () => new Pencil());
    expect(plan.points).toHaveLength(1);
  });
});

describe('names on Canvas', () => {
  it('are written along what is seen of a line, areas wide enough, and below points', () => {
    const shapes: OverlayShape[] = [
      line([[120, 31.25], [121.4, 31.25], [123, 31.25]], '长路'),
      line([[121.4, 31.2501], [121.40001, 31.2501]], '短路'),
      {form: 'point', points: [[121.4, 31.255]], names: {zh: '站', en: 'Stop'}, look: PLAIN},
      {form: 'area', polygons: [[[[121.39, 31.24], [121.41, 31.24], [121.41, 31.245], [121.39, 31.24]]]], label: [121.404, 31.242], names: {zh: '园', en: 'Park'}, look: PLAIN},
    ];
    const plan = planned(shapes.map(flattened), camera(13), 800, 600, 'zh', () => new Pencil());
    const at = new Map(plan.labels.map((l) => [l.text, l.spots[0]]));
    expect([...at.keys()].sort()).toEqual(['园', '站', '长路']);
    expect(at.get('长路')?.x).toBeCloseTo(0, 3);
    expect(at.get('站')?.y).toBeGreaterThan(new Window(camera(13), 1, 1).spot(0, project(121.4, 31.255).y).y + 8);
    expect(planned(shapes.map(flattened), camera(13), 800, 600, 'en', () => new Pencil()).labels.map((l) => l.text)).toContain('Park');
  });

  it('do not lie on one another: who has another place goes there', () => {
    const rows = new LabelRows();
    rows.place({text: '一号线', spots: [{x: 0, y: 0}]});
    rows.place({text: '二号线', spots: [{x: 10, y: 8}, {x: 100, y: 8}]});
    rows.place({text: '三号线', spots: [{x: 5, y: -17}]});
    rows.place({text: '四号线', spots: [{x: 5, y: 19}, {x: 5, y: 40}]});
    expect(rows.placed.map((l) => [l.text, l.spots[0]])).toEqual([['一号线', {x: 0, y: 0}], ['二号线', {x: 100, y: 8}], ['四号线', {x: 5, y: 19}]]);
  });
});

describe('overlays on a map of GCJ-02', () => {
  it('lie where the tiles have them, and are moved once', () => {
    const drawn: (readonly Overlay[])[] = [];
    const inner = new Proxy({}, {get: () => (overlays: readonly Overlay[]) => { drawn.push(overlays); }}) as CityMap;
    const map = new ShiftedMap(inner);
    const there = toGCJ02({latDegrees: 31.25, lonDegrees: 121.4});
    const at: LonLat = [there.lonDegrees, there.latDegrees];
    const shapes: OverlayShape[] = [
      {form: 'area', polygons: [[[[121.4, 31.25]]]], label: [121.4, 31.25], names: NOBODY, look: PLAIN},
      line([[121.4, 31.25]]), {form: 'point', points: [[121.4, 31.25]], names: NOBODY, look: PLAIN},
    ];
    map.setOverlays([overlay('a', {shapes})], 'zh');
    map.setOverlays([overlay('a', {shapes})], 'en');
    expect(drawn[0]?.[0]?.shapes).toMatchObject([{polygons: [[[at]]], label: at}, {lines: [[at]]}, {points: [at]}]);
    expect(drawn[1]?.[0]?.shapes).toBe(drawn[0]?.[0]?.shapes);
  });
});

/** How often a ring winds around a place. */
function winding(ring: readonly (readonly [number, number])[], x: number, y: number): number {
  let n = 0;
  let a = ring[ring.length - 1];
  for (const b of ring) {
    if (a !== undefined) {
      const left = (b[0] - a[0]) * (y - a[1]) - (x - a[0]) * (b[1] - a[1]);
      if (a[1] <= y && b[1] > y && left > 0) n++;
      if (a[1] > y && b[1] <= y && left < 0) n--;
    }
    a = b;
  }
  return n;
}
