import type {PaletteName} from '../color';
import {fromGCJ02, toGCJ02} from '../datum';
import type {Bounds, Place} from '../geo';
import type {Lang} from '../i18n';
import type {Area, LonLat} from '../wire';
import type {Basemap} from './basemap';
import type {Overlay, OverlayShape} from './overlay';
import type {CityMap, Corners, DevicePoint, MapEvents, Marker, Outline, Theme} from './city-map';

function movedLonLat([lon, lat]: LonLat): LonLat {
  const p = toGCJ02({latDegrees: lat, lonDegrees: lon});
  return [p.lonDegrees, p.latDegrees];
}

function movedPair([lat, lon]: readonly [number, number]): readonly [number, number] {
  const p = toGCJ02({latDegrees: lat, lonDegrees: lon});
  return [p.latDegrees, p.lonDegrees];
}

function movedBounds(b: Bounds, move: (p: Place) => Place): Bounds {
  const southWest = move({latDegrees: b[1], lonDegrees: b[0]});
  const northEast = move({latDegrees: b[3], lonDegrees: b[2]});
  return [southWest.lonDegrees, southWest.latDegrees, northEast.lonDegrees, northEast.latDegrees];
}

function movedArea(a: Area): Area {
  return {...a, polygons: a.polygons.map((p) => p.map((ring) => ring.map(movedLonLat))), label: a.label === null ? null : movedLonLat(a.label)};
}

function movedShape(s: OverlayShape): OverlayShape {
  switch (s.form) {
    case 'area':
      return {...s, polygons: s.polygons.map((p) => p.map((ring) => ring.map(movedLonLat))), label: s.label === null ? null : movedLonLat(s.label)};
    case 'line':
      return {...s, lines: s.lines.map((line) => line.map(movedLonLat))};
    case 'point':
      return {...s, points: s.points.map(movedLonLat)};
  }
}

/** The events of a map of GCJ-02 as the page wants them, in WGS-84. */
export function unshifted(events: MapEvents): MapEvents {
  return {
    credited: (attribution) => events.credited(attribution),
    picked: (at) => events.picked(fromGCJ02(at)),
    hovered: (at, x, y) => events.hovered(at === null ? null : fromGCJ02(at), x, y),
    viewed: (zoom, centre, bounds, isFitted) => events.viewed(zoom, fromGCJ02(centre), movedBounds(bounds, fromGCJ02), isFitted),
  };
}

/**
 * A map whose basemap is in GCJ-02: everything is drawn where that has it, and
 * nothing is ever stored so. Open the inner map with unshifted events.
 */
export class ShiftedMap implements CityMap {
  readonly #inner: CityMap;
  /** Moved once a version of a file. */
  readonly #moved = new WeakMap<readonly OverlayShape[], readonly OverlayShape[]>();

  constructor(inner: CityMap) {
    this.#inner = inner;
  }

  get renderer(): CityMap['renderer'] {
    return this.#inner.renderer;
  }

  setTheme(theme: Theme): void {
    this.#inner.setTheme(theme);
  }

  setLabel(text: string): void {
    this.#inner.setLabel(text);
  }

  setBasemap(basemap: Basemap): void {
    this.#inner.setBasemap(basemap);
  }

  setOverlays(overlays: readonly Overlay[], lang: Lang): void {
    this.#inner.setOverlays(overlays.map((o) => (o.shapes === null ? o : {...o, shapes: this.#movedShapes(o.shapes)})), lang);
  }

  #movedShapes(shapes: readonly OverlayShape[]): readonly OverlayShape[] {
    const moved = this.#moved.get(shapes) ?? shapes.map(movedShape);
    this.#moved.set(shapes, moved);
    return moved;
  }

  setAreas(areas: readonly Area[], lang: Lang): void {
    this.#inner.setAreas(areas.map(movedArea), lang);
  }

  setCells(corners: readonly Corners[]): void {
    this.#inner.setCells(corners.map((c) => c.map(movedPair)));
  }

  setValues(bytes: Uint8Array): void {
    this.#inner.setValues(bytes);
  }

  setPalette(name: PaletteName): void {
    this.#inner.setPalette(name);
  }

  setMarkers(markers: readonly Marker[]): void {
    this.#inner.setMarkers(markers.map((m) => ({...m, ...toGCJ02(m)})));
  }

  setOutlines(outlines: readonly Outline[]): void {
    this.#inner.setOutlines(outlines.map((o) => ({...o, rings: o.rings.map((ring) => ring.map(movedLonLat))})));
  }

  setDevices(devices: readonly DevicePoint[]): void {
    this.#inner.setDevices(devices.map((d) => ({...d, ...toGCJ02(d)})));
  }

  setSelected(corners: Corners | null): void {
    this.#inner.setSelected(corners === null ? null : corners.map(movedPair));
  }

  fit(bounds: Bounds): void {
    this.#inner.fit(movedBounds(bounds, toGCJ02));
  }

  flyTo(at: Place, zoom: number): void {
    this.#inner.flyTo(toGCJ02(at), zoom);
  }

  jumpTo(at: Place, zoom: number): void {
    this.#inner.jumpTo(toGCJ02(at), zoom);
  }

  zoomBy(levels: number): void {
    this.#inner.zoomBy(levels);
  }

  resize(): void {
    this.#inner.resize();
  }

  frames(): number {
    return this.#inner.frames();
  }

  destroy(): void {
    this.#inner.destroy();
  }
}
