import type {FeatureCollection, GeoJsonProperties, Geometry} from 'geojson';
import {MapLibreMap, setWorkerUrl, type GeoJSONSource, type GeoJSONSourceSpecification, type LayerSpecification, type SourceSpecification, type StyleSpecification} from 'maplibre-gl';
import {boundsOf, graticule, focusOffset, HOME, labelPoint, outline, paddingFor, type Bounds, type Place} from '../geo';
import {inLang, type Lang} from '../i18n';
import type {Area, LonLat, Severity} from '../wire';
import type {Basemap} from './basemap';
import {CellLayer} from './cell-layer';
import type {Overlay} from './overlay';
import {featuresOf, layersOf, type Place as LayerPlace} from './overlay-layers';
import {
  drawDevice, drawMarker, MAP_COLORS, PULSE_MS, pulseAt, reducedMotion, scaleIn, SEVERITY_COLORS,
  type CityMap, type Corners, type DevicePoint, type MapColors, type MapEvents, type Marker, type Outline, type Theme,
} from './city-map';
import type {PaletteName} from '../color';
import workerUrl from './worker?worker&url';

type Features = FeatureCollection;

const NOTHING: Features = {type: 'FeatureCollection', features: []};

function collection(geometries: readonly Geometry[], properties: readonly GeoJsonProperties[] = []): Features {
  return {
    type: 'FeatureCollection',
    features: geometries.map((geometry, k) => ({type: 'Feature', geometry, properties: properties[k] ?? {}})),
  };
}

function mutable(ring: readonly LonLat[]): [number, number][] {
  return ring.map(([lon, lat]) => [lon, lat]);
}

function lines(edges: readonly (readonly LonLat[])[]): Features {
  return collection([{type: 'MultiLineString', coordinates: edges.map(mutable)}]);
}

function styleOf(theme: Theme): StyleSpecification {
  const c = MAP_COLORS[theme];
  const source: GeoJSONSourceSpecification = {type: 'geojson', data: NOTHING};
  return {
    version: 8,
    sources: {
      grid: source, areas: source, outline: source, labels: source, markers: source, selected: source, hotspots: source, devices: source,
    },
    layers: [
      {id: 'ground', type: 'background', paint: {'background-color': c.ground}},
      {id: 'land', type: 'fill', source: 'areas', paint: {'fill-color': c.land}},
      {id: 'grid', type: 'line', source: 'grid', paint: {'line-color': c.grid, 'line-width': 1}},
      {id: 'borders', type: 'line', source: 'areas', paint: {'line-color': c.border, 'line-width': 1.2, 'line-dasharray': [3, 2]}},
      {id: 'outline', type: 'line', source: 'outline', paint: {'line-color': c.outline, 'line-width': 2.2}},
      {
        id: 'pulse', type: 'line', source: 'hotspots', filter: ['==', ['get', 'pulses'], true],
        paint: {'line-color': ['get', 'color'], 'line-width': 0, 'line-opacity': 0},
        layout: {'line-join': 'round'},
      },
      {
        id: 'hotspots', type: 'line', source: 'hotspots',
        paint: {'line-color': ['get', 'color'], 'line-width': ['case', ['get', 'selected'], 4.5, 2.8]},
        layout: {'line-join': 'round'},
      },
      {id: 'selected', type: 'line', source: 'selected', paint: {'line-color': c.selected, 'line-width': 3}},
      {
        id: 'labels', type: 'symbol', source: 'labels',
        layout: {'text-field': ['get', 'name'], 'text-size': 13, 'text-font': ['Noto Sans CJK SC Regular'], 'text-max-width': 9, 'text-padding': 4},
        paint: {'text-color': c.label, 'text-halo-color': c.halo, 'text-halo-width': 1.6},
      },
      {
        id: 'devices', type: 'symbol', source: 'devices',
        layout: {'icon-image': ['get', 'icon'], 'icon-allow-overlap': true, 'icon-ignore-placement': true},
      },
      {
        id: 'markers', type: 'symbol', source: 'markers',
        layout: {'icon-image': ['get', 'icon'], 'icon-allow-overlap': true, 'icon-ignore-placement': true, 'symbol-sort-key': ['get', 'rank']},
      },
    ],
  };
}

/** What a basemap adds to the style. */
interface Below {
  readonly source: SourceSpecification;
  readonly layers: (source: string, theme: Theme, lang: string) => readonly LayerSpecification[];
}

/** Sources and layers of overlays begin so. */
const OVERLAY = 'overlay:';

const SEVERITIES: readonly Severity[] = ['notice', 'warning', 'critical'];

const RANK: Readonly<Record<Severity, number>> = {notice: 0, warning: 1, critical: 2};

function markerImage(severity: Severity, selected: boolean): ImageData {
  const canvas = document.createElement('canvas');
  canvas.width = canvas.height = 56;
  const ctx = canvas.getContext('2d');
  if (ctx === null) throw new Error('no 2D canvas');
  drawMarker(ctx, 28, 28, selected ? 22 : 17, severity, selected);
  return ctx.getImageData(0, 0, 56, 56);
}

function deviceIcon(d: {readonly isCamera: boolean; readonly isOnline: boolean}): string {
  return `${d.isCamera ? 'camera' : 'sensor'}${d.isOnline ? '' : '-silent'}`;
}

const DEVICE_LOOKS = [true, false].flatMap((isCamera) => [true, false].map((isOnline) => ({isCamera, isOnline})));

function deviceImage(isCamera: boolean, isOnline: boolean): ImageData {
  const canvas = document.createElement('canvas');
  canvas.width = canvas.height = 32;
  const ctx = canvas.getContext('2d');
  if (ctx === null) throw new Error('no 2D canvas');
  drawDevice(ctx, 16, 16, 11, isCamera, isOnline);
  return ctx.getImageData(0, 0, 32, 32);
}

/** The map on MapLibre with the cells as our own WebGL 2 layer. */
export class WebGLCityMap implements CityMap {
  readonly renderer = 'webgl2';
  readonly #map: MapLibreMap;
  readonly #cells = new CellLayer();
  readonly #data = new Map<string, Features>();
  #theme: Theme;
  /** How large names, signs and lines are. */
  #scale = 1;
  /** The box that the view keeps through resizes, until a person moves it. */
  #fitted: Bounds | null = HOME;
  #ready = false;
  #frames = 0;
  /** Ids of the hotspots shown, and when the newest of them began to pulse. */
  #outlined: ReadonlySet<string> = new Set();
  #pulseSince = -Infinity;
  #pulse = 0;
  readonly #events: MapEvents;
  #basemap: Below | null = null;
  #lang: Lang = 'zh';
  #overlays: readonly Overlay[] = [];
  /** The shapes that each source of an overlay has. */
  readonly #laid = new Map<string, Overlay['shapes']>();
  #overlayLang: Lang = 'zh';

  constructor(container: HTMLElement, theme: Theme, events: MapEvents) {
    setWorkerUrl(new URL(workerUrl, window.location.href).href);
    this.#theme = theme;
    this.#scale = scaleIn(container);
    this.#events = events;
    this.#cells.setTheme(theme);
    this.#map = new MapLibreMap({
      container,
      style: styleOf(theme),
      bounds: [HOME[0], HOME[1], HOME[2], HOME[3]],
      fitBoundsOptions: {padding: {...paddingFor(container.clientWidth, this.#scale)}},
      trackResize: false,
      minZoom: 8,
      maxZoom: 19,
      attributionControl: false,
      maplibreLogo: false,
      dragRotate: false,
      pitchWithRotate: false,
      touchPitch: false,
      rollEnabled: false,
      fadeDuration: 0,
      renderWorldCopies: false,
    });
    // As the Canvas map has it: a region would be a second landmark of the same name.
    this.#map.getCanvas().setAttribute('role', 'application');
    this.#map.touchZoomRotate.disableRotation();
    this.#map.keyboard.disableRotation();
    // Again after a lost graphics context: MapLibre restores its own layers only.
    this.#map.on('style.load', () => this.#dress());
    this.#map.on('render', () => {
      this.#frames++;
    });
    this.#listen(events);
  }

  setTheme(theme: Theme): void {
    if (theme === this.#theme) return;
    this.#theme = theme;
    this.#cells.setTheme(theme);
    this.#repaint(MAP_COLORS[theme]);
    this.#layBasemap();
    this.#layOverlays();
  }

  setLabel(text: string): void {
    this.#map.getCanvas().setAttribute('aria-label', text);
  }

  setBasemap(basemap: Basemap): void {
    if (basemap.form === 'tiles') {
      this.#below({
        source: {
          type: 'raster', tileSize: 256, minzoom: basemap.minZoom, maxzoom: basemap.maxZoom,
          tiles: [`${location.origin}${basemap.url}`],
        },
        layers: (source) => [{id: 'basemap', type: 'raster', source}],
      });
      return;
    }
    import('./vector-file').then((m) => m.styleOfFile(basemap)).then((style) => {
      this.#below(style);
      this.#events.credited(style.attribution);
    }, (error: unknown) => console.warn('basemap', error));
  }

  #below(style: Below): void {
    this.#basemap = style;
    this.#layBasemap();
  }

  /** Puts the basemap between the ground and everything else, anew for a theme or language. */
  #layBasemap(): void {
    const below = this.#basemap;
    const map = this.#map;
    if (below === null || !this.#ready) return;
    for (const l of map.getStyle().layers) if (l.id.startsWith('basemap')) map.removeLayer(l.id);
    if (map.getSource('basemap') === undefined) map.addSource('basemap', below.source);
    for (const l of below.layers('basemap', this.#theme, this.#lang)) map.addLayer(l, 'land');
    map.setPaintProperty('land', 'fill-opacity', 0);
  }

  setOverlays(overlays: readonly Overlay[], lang: Lang): void {
    this.#overlays = overlays;
    this.#overlayLang = lang;
    this.#layOverlays();
  }

  /** Brings sources and layers to the overlays, anew for a theme or language; shapes are handed over once. */
  #layOverlays(): void {
    const map = this.#map;
    if (!this.#ready) return;
    for (const l of map.getStyle().layers) if (l.id.startsWith(OVERLAY)) map.removeLayer(l.id);
    for (const o of this.#overlays) this.#sourceOf(o);
    const wanted = new Set(this.#overlays.map((o) => OVERLAY + o.name));
    for (const id of [...this.#laid.keys()].filter((k) => !wanted.has(k))) {
      map.removeSource(id);
      this.#laid.delete(id);
    }
    const above: Readonly<Record<LayerPlace, string>> = {below: this.#cells.id, shine: 'borders', names: 'labels'};
    for (const id of wanted) {
      for (const {place, layer} of layersOf(id, this.#theme, this.#overlayLang, MAP_COLORS[this.#theme].halo)) map.addLayer(layer, above[place]);
    }
  }

  #sourceOf(o: Overlay): void {
    const id = OVERLAY + o.name;
    const source = this.#map.getSource<GeoJSONSource>(id);
    if (source !== undefined && this.#laid.get(id) === o.shapes) return;
    const data = featuresOf(o.shapes ?? []);
    if (source === undefined) this.#map.addSource(id, {type: 'geojson', data});
    else void source.setData(data);
    this.#laid.set(id, o.shapes);
  }

  setAreas(areas: readonly Area[], lang: Lang): void {
    if (lang !== this.#lang) {
      this.#lang = lang;
      this.#layBasemap();
    }
    this.#set('grid', lines(graticule(boundsOf(areas))));
    this.#set('areas', collection(areas.map((a) => ({type: 'MultiPolygon', coordinates: a.polygons.map((p) => p.map(mutable))}))));
    this.#set('outline', lines(outline(areas)));
    this.#set('labels', collection(
      areas.map((a) => ({type: 'Point', coordinates: [...labelPoint(a)]})),
      areas.map((a) => ({name: inLang(a.names, lang)})),
    ));
  }

  setCells(corners: readonly Corners[]): void {
    this.#cells.setCells(corners);
  }

  setValues(bytes: Uint8Array): void {
    this.#cells.setValues(bytes);
  }

  setMarkers(markers: readonly Marker[]): void {
    this.#set('markers', collection(
      markers.map((m) => ({type: 'Point', coordinates: [m.lonDegrees, m.latDegrees]})),
      markers.map((m) => ({icon: `${m.severity}${m.selected ? '-selected' : ''}`, rank: RANK[m.severity] + (m.selected ? 10 : 0)})),
    ));
  }

  setPalette(name: PaletteName): void {
    this.#cells.setPalette(name);
  }

  setOutlines(outlines: readonly Outline[]): void {
    const fresh = new Set(outlines.filter((o) => o.isNew && !this.#outlined.has(o.id)).map((o) => o.id));
    this.#outlined = new Set(outlines.map((o) => o.id));
    this.#set('hotspots', collection(
      outlines.map((o) => ({type: 'MultiLineString', coordinates: o.rings.map(mutable)})),
      outlines.map((o) => ({color: SEVERITY_COLORS[o.severity], selected: o.selected, pulses: fresh.has(o.id)})),
    ));
    if (fresh.size === 0 || reducedMotion()) return;
    this.#pulseSince = performance.now();
    if (this.#pulse === 0) this.#pulse = requestAnimationFrame((now) => this.#animate(now));
  }

  setDevices(devices: readonly DevicePoint[]): void {
    this.#set('devices', collection(
      devices.map((d) => ({type: 'Point', coordinates: [d.lonDegrees, d.latDegrees]})),
      devices.map((d) => ({icon: deviceIcon(d)})),
    ));
  }

  setSelected(corners: Corners | null): void {
    const ring = corners?.map(([lat, lon]) => [lon, lat]) ?? [];
    const [first, second] = ring;
    this.#set('selected', first && second ? collection([{type: 'LineString', coordinates: [...ring, first, second]}]) : NOTHING);
  }

  fit(bounds: Bounds): void {
    this.#fitted = bounds;
    const padding = {...paddingFor(this.#map.getContainer().clientWidth, this.#scale)};
    this.#map.fitBounds([bounds[0], bounds[1], bounds[2], bounds[3]], {padding, animate: false});
  }

  flyTo(at: Place, zoom: number): void {
    const center: [number, number] = [at.lonDegrees, at.latDegrees];
    const box = this.#map.getContainer();
    const offset: [number, number] = [...focusOffset(box.clientWidth, box.clientHeight)];
    this.#fitted = null;
    this.#map.easeTo({center, zoom, offset, duration: 700, animate: !reducedMotion()});
  }

  jumpTo(at: Place, zoom: number): void {
    this.#fitted = null;
    this.#map.jumpTo({center: [at.lonDegrees, at.latDegrees], zoom});
  }

  zoomBy(levels: number): void {
    this.#fitted = null;
    this.#map.zoomTo(this.#map.getZoom() + levels, {animate: !reducedMotion(), duration: 250});
  }

  resize(): void {
    this.#map.resize();
    this.#rescale();
    if (this.#fitted !== null) this.fit(this.#fitted);
  }

  frames(): number {
    return this.#frames;
  }

  destroy(): void {
    cancelAnimationFrame(this.#pulse);
    this.#map.remove();
  }

  /** Brings names, signs and lines to the size of the text around the map. */
  #rescale(): void {
    const map = this.#map;
    const scale = scaleIn(map.getContainer());
    this.#scale = scale;
    if (!this.#ready) return;
    map.setLayoutProperty('labels', 'text-size', 13 * scale);
    map.setPaintProperty('labels', 'text-halo-width', 1.6 * scale);
    for (const layer of ['devices', 'markers']) map.setLayoutProperty(layer, 'icon-size', scale);
    map.setPaintProperty('borders', 'line-width', 1.2 * scale);
    map.setPaintProperty('outline', 'line-width', 2.2 * scale);
    map.setPaintProperty('selected', 'line-width', 3 * scale);
    map.setPaintProperty('hotspots', 'line-width', ['case', ['get', 'selected'], 4.5 * scale, 2.8 * scale]);
  }

  #animate(now: number): void {
    const pulse = pulseAt(Math.min(PULSE_MS, now - this.#pulseSince));
    this.#pulse = pulse === null ? 0 : requestAnimationFrame((next) => this.#animate(next));
    if (!this.#ready) return;
    this.#map.setPaintProperty('pulse', 'line-width', (pulse?.width ?? 0) * this.#scale);
    this.#map.setPaintProperty('pulse', 'line-opacity', pulse?.alpha ?? 0);
  }

  #repaint(c: MapColors): void {
    const map = this.#map;
    map.setPaintProperty('ground', 'background-color', c.ground);
    map.setPaintProperty('land', 'fill-color', c.land);
    map.setPaintProperty('grid', 'line-color', c.grid);
    map.setPaintProperty('borders', 'line-color', c.border);
    map.setPaintProperty('outline', 'line-color', c.outline);
    map.setPaintProperty('selected', 'line-color', c.selected);
    map.setPaintProperty('labels', 'text-color', c.label);
    map.setPaintProperty('labels', 'text-halo-color', c.halo);
  }

  #listen(events: MapEvents): void {
    const map = this.#map;
    const view = (): void => {
      const c = map.getCenter();
      const b = map.getBounds();
      events.viewed(map.getZoom(), {latDegrees: c.lat, lonDegrees: c.lng}, [b.getWest(), b.getSouth(), b.getEast(), b.getNorth()], this.#fitted !== null);
    };
    const moved = (): void => {
      this.#fitted = null;
    };
    map.on('dragstart', moved);
    map.on('wheel', moved);
    map.on('dblclick', moved);
    map.on('touchmove', moved);
    map.on('zoom', view);
    map.on('moveend', view);
    map.on('click', (e) => events.picked({latDegrees: e.lngLat.lat, lonDegrees: e.lngLat.lng}));
    map.on('mousemove', (e) => events.hovered({latDegrees: e.lngLat.lat, lonDegrees: e.lngLat.lng}, e.point.x, e.point.y));
    map.on('mouseout', () => events.hovered(null, 0, 0));
    map.on('load', view);
  }

  /** Adds what a style does not carry: the cells' layer, images and data that came early. */
  #dress(): void {
    this.#ready = true;
    for (const severity of SEVERITIES) {
      for (const selected of [false, true]) {
        const id = `${severity}${selected ? '-selected' : ''}`;
        if (!this.#map.hasImage(id)) this.#map.addImage(id, markerImage(severity, selected), {pixelRatio: 2});
      }
    }
    for (const {isCamera, isOnline} of DEVICE_LOOKS) {
      const id = deviceIcon({isCamera, isOnline});
      if (!this.#map.hasImage(id)) this.#map.addImage(id, deviceImage(isCamera, isOnline), {pixelRatio: 2});
    }
    if (this.#map.getLayer(this.#cells.id) === undefined) this.#map.addLayer(this.#cells, 'borders');
    this.#rescale();
    this.#layBasemap();
    this.#layOverlays();
    for (const [id, data] of this.#data) void this.#map.getSource<GeoJSONSource>(id)?.setData(data);
    this.#data.clear();
  }

  #set(id: string, data: Features): void {
    if (!this.#ready) {
      this.#data.set(id, data);
      return;
    }
    void this.#map.getSource<GeoJSONSource>(id)?.setData(data);
  }
}
