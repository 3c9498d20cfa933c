import {describe, expect, it} from 'vitest';
import {fromGCJ02, toGCJ02} from '../src/datum';
import {project, type Bounds, type Place} from '../src/geo';
import {decodeBasemap, plainText} from '../src/map/basemap';
import type {CityMap} from '../src/map/city-map';
import {tilesInView} from '../src/map/raster-tiles';
import {ShiftedMap, unshifted} from '../src/map/shifted-map';

describe('GCJ-02', () => {
  // As grid.FromWGS84 of the server gives them.
  const PLACES: readonly (readonly [Place, Place])[] = [
    [{latDegrees: 31.25, lonDegrees: 121.4}, {latDegrees: 31.248173589, lonDegrees: 121.404653039}],
    [{latDegrees: 39.9042, lonDegrees: 116.4074}, {latDegrees: 39.905603343, lonDegrees: 116.413642254}],
    [{latDegrees: 22.5431, lonDegrees: 114.0579}, {latDegrees: 22.540382814, lonDegrees: 114.063013999}],
    [{latDegrees: 48.8566, lonDegrees: 2.3522}, {latDegrees: 48.8566, lonDegrees: 2.3522}],
  ];

  it('is where the server has it, and comes back to a tenth of a millimetre', () => {
    for (const [wgs, gcj] of PLACES) {
      const shifted = toGCJ02(wgs);
      expect(shifted.latDegrees).toBeCloseTo(gcj.latDegrees, 8);
      expect(shifted.lonDegrees).toBeCloseTo(gcj.lonDegrees, 8);
      const back = fromGCJ02(shifted);
      expect(Math.abs(back.latDegrees - wgs.latDegrees)).toBeLessThan(2e-9);
      expect(Math.abs(back.lonDegrees - wgs.lonDegrees)).toBeLessThan(2e-9);
    }
  });
});

describe('a map of GCJ-02', () => {
  it('draws everything where the basemap has it, and tells WGS-84', () => {
    const drawn: Record<string, unknown> = {};
    const inner = new Proxy({}, {get: (_t, name) => (x: unknown) => { drawn[String(name)] = x; }}) as CityMap;
    const map = new ShiftedMap(inner);
    const place = {latDegrees: 31.25, lonDegrees: 121.4};
    const there = toGCJ02(place);
    map.setCells([[[31.25, 121.4]]]);
    map.setMarkers([{id: 'a', severity: 'notice', selected: false, ...place}]);
    map.setOutlines([{id: 'a', severity: 'notice', selected: false, isNew: false, rings: [[[121.4, 31.25]]]}]);
    map.setDevices([{id: 'd', isCamera: false, isOnline: true, ...place}]);
    map.setAreas([{code: 'x', names: {zh: '', en: ''}, polygons: [[[[121.4, 31.25]]]], label: [121.4, 31.25]}], 'zh');
    expect(drawn['setCells']).toEqual([[[there.latDegrees, there.lonDegrees]]]);
    expect(drawn['setMarkers']).toMatchObject([there]);
    expect(drawn['setDevices']).toMatchObject([there]);
    expect(drawn['setOutlines']).toMatchObject([{rings: [[[there.lonDegrees, there.latDegrees]]]}]);
    expect(drawn['setAreas']).toMatchObject([{label: [there.lonDegrees, there.latDegrees], polygons: [[[[there.lonDegrees, there.latDegrees]]]]}]);

    let told: {at?: Place; bounds?: Bounds} = {};
    const events = unshifted({
      credited: () => undefined, picked: (at) => { told = {at}; }, hovered: () => undefined, viewed: (_z, at, bounds) => { told = {at, bounds}; },
    });
    events.picked(there);
    expect(told.at?.lonDegrees).toBeCloseTo(121.4, 8);
    events.viewed(12, there, [there.lonDegrees, there.latDegrees, there.lonDegrees + 0.1, there.latDegrees + 0.1], true);
    expect(told.bounds?.[1]).toBeCloseTo(31.25, 8);
  });
});

describe('raster tiles', () => {
  it('cover the screen and no more, at the zoom whose pixels are those of the screen', () => {
    const p = project(121.4, 31.25);
    const tiles = tilesInView({x: p.x, y: p.y, zoom: 12}, 1024, 768, 0, 18);
    expect(new Set(tiles.map((t) => t.z))).toEqual(new Set([13]));
    expect(tiles.every((t) => t.side === 256)).toBe(true);
    expect(Math.min(...tiles.map((t) => t.left))).toBeLessThanOrEqual(0);
    expect(Math.max(...tiles.map((t) => t.left + t.side))).toBeGreaterThanOrEqual(1024);
    expect(tiles.length).toBeLessThanOrEqual(5 * 4);
  });

  it('stay within what the service has and within the world', () => {
    expect(new Set(tilesInView({x: 0.5, y: 0.5, zoom: 19}, 300, 300, 3, 15).map((t) => t.z))).toEqual(new Set([15]));
    expect(tilesInView({x: 0, y: 0, zoom: 2}, 400, 400, 0, 18).every((t) => t.x >= 0 && t.y >= 0)).toBe(true);
  });
});

describe('what lies below', () => {
  it('is the configured service, else the first file, else nothing', () => {
    const file = {name: 'a.pmtiles', url: '/basemap/a.pmtiles', bytes: 3};
    const tiles = {url: '/t/{z}/{x}/{y}', datum: 'gcj02', attribution: 'c', approval: 'GS', min_zoom: 1, max_zoom: 9};
    expect(decodeBasemap({files: [file], tiles})).toMatchObject({form: 'tiles', datum: 'gcj02', approval: 'GS', maxZoom: 9});
    expect(decodeBasemap({files: [file], tiles: null})).toMatchObject({form: 'file', url: '/basemap/a.pmtiles'});
    expect(decodeBasemap({files: [], tiles: null})).toBeNull();
    expect(() => decodeBasemap({files: [], tiles: {...tiles, datum: 'bd09'}})).toThrow(/datum/);
  });

  it('is credited in plain text', () => {
    expect(plainText('<a href="javascript:x">&copy; OpenStreetMap</a> &amp; others<script>')).toBe('© OpenStreetMap & others');
  });
});
