import {SILENT, announce, speak, type Announcer} from './announce';
import {encodeValues} from './color';
import {fetchJSON, LiveConnection, type Link, type World} from './connection';
import {get} from './api';
import {areaAt, boundsOf, resolutionFor, type Bounds, type Place} from './geo';
import {inLang, type Lang} from './i18n';
import type {CityMap, Marker, Outline, Theme} from './map/city-map';
import {
  alertsThen, cellsTopic, currentKind, matchingTable, messages, shownCells, shownPalette, shownScale, shownValues, SPANS,
  type Hover, type Intents, type Loadable, type Model, type PlacedTable,
} from './model';
import type {AlertBook} from './alerts';
import type {CellsState} from './cells';
import {Nearby} from './views/live/nearby';
import type {Wish} from './views/live/permalink';
import {Playback, type PlaybackState, type Speed} from './views/live/playback';
import {decodeHeard, decodeHistory, decodeUsual, type NearbyDevice} from './views/live/wire';
import {byTiles, TileFeed, tilesInView} from './tiles';
import {decodeAreas, decodeAreasNote, decodeKinds, decodeSeries, decodeTable, type Alert, type Area, type CellId, type Names} from './wire';

type H3 = typeof import('./h3');

/** Where the app keeps its model and what it needs of the browser. */
export interface Surroundings {
  readonly world: World;
  read(): Model;
  write(model: Model): void;
  remember(key: 'lang' | 'theme', value: string): void;
  dress(lang: Lang, theme: Theme): void;
  loadH3(): Promise<H3>;
  openMap(element: HTMLElement, theme: Theme, events: Parameters<CityMapOpener>[2]): Promise<CityMap>;
}

type CityMapOpener = (element: HTMLElement, theme: Theme, events: import('./map/city-map').MapEvents) => Promise<CityMap>;

/** A series is fetched again while it is looked at. */
const SERIES_EVERY_MS = 10_000;

/** What could not be fetched is tried again after this. */
const REFETCH_MS = 5000;

/** Kinds to begin with, the first that the catalogue has. */
const FIRST_KINDS = ['noise', 'pm25'];

/** App carries out what people ask for and what the server says; the model is its only output. */
export class App implements Intents {
  readonly #out: Surroundings;
  readonly #connection: LiveConnection;
  readonly #tables = new Map<string, Promise<PlacedTable>>();
  #h3: H3 | null = null;
  #map: CityMap | null = null;
  #shown: Partial<Model> = {};
  #unsubscribe: () => void = () => undefined;
  /** The topic that is watched as a whole, or how it is watched by tiles. */
  #topic: string | null = null;
  readonly #tileFeed: TileFeed;
  #announcer: Announcer = SILENT;
  #seriesRequest: AbortController | null = null;
  #seriesAtMs = 0;
  #failedAtMs = 0;
  /** The table whose cells the map has. */
  #drawnTable = '';
  readonly #playback: Playback;
  readonly #nearby: Nearby;
  /** What the address asked for and could not be done yet. */
  #wish: Wish = {};

  constructor(out: Surroundings) {
    this.#out = out;
    this.#connection = new LiveConnection(out.world, {
      link: (link) => this.#link(link),
      cells: (topic, state) => this.#cells(topic, state),
      alerts: (book, news) => this.#alerts(book, news),
      problem: (text) => console.warn(text),
    });
    this.#tileFeed = new TileFeed({
      subscribe: (topic) => this.#connection.subscribe(topic),
      cells: (topic) => this.#connection.cells(topic),
      loadTable: (hash) => this.#tableOf(hash),
      show: (cells, table) => {
        this.#set({cells, table});
        this.#draw();
      },
      soon: (fn) => out.world.after(16, fn),
    });
    this.#playback = new Playback({
      fetch: (kind, resolution, fromMs, toMs, signal) => get(`cells/history?${new URLSearchParams({
        kind, resolution: String(resolution), from: new Date(fromMs).toISOString(), to: new Date(toMs).toISOString(),
      }).toString()}`, decodeHistory, signal),
      show: (state) => this.#past(state),
      after: (ms, fn) => out.world.after(ms, fn),
    });
    this.#nearby = new Nearby({
      after: (ms, fn) => out.world.after(ms, fn),
      show: (devices) => {
        this.#set({devices});
        this.#draw();
      },
    });
  }

  /** Opens the connection and fetches what does not change; wish is what the address asks for. */
  async start(wish: Wish = {}): Promise<void> {
    this.#wish = wish;
    this.#set({
      ...(wish.kind === undefined ? {} : {kind: wish.kind}),
      ...(wish.layer === undefined ? {} : {layer: wish.layer}),
      ...(wish.resolution === undefined ? {} : {resolutionWish: wish.resolution}),
      ...(wish.resolution === undefined || wish.resolution === 'auto' ? {} : {resolution: wish.resolution}),
      ...(wish.span === undefined ? {} : {span: wish.span}),
      ...(wish.panel === undefined ? {} : {panel: wish.panel}),
      ...(wish.view === undefined ? {} : {centre: wish.view.at, zoom: wish.view.zoom, moved: true}),
    });
    this.#connection.subscribe('alerts');
    this.#connection.start();
    const h3 = this.#out.loadH3();
    const areas = this.#loadAreas();
    this.reloadKinds();
    this.#h3 = await h3;
    await areas;
    this.#follow();
    const cells = this.#model.cells;
    if (cells !== null) this.#wantTable(cells.table);
    this.#draw();
    this.#grant();
  }

  /** Does what the address asked for, as far as it can be done by now. */
  #grant(): void {
    const wish = this.#wish;
    const h3 = this.#h3;
    if (h3 === null || this.#model.areas.state === 'loading') return;
    if (wish.alert !== undefined && this.#model.alerts === null) return;
    this.#wish = {};
    if (wish.atMs !== undefined) this.seek(wish.atMs);
    const alert = wish.alert === undefined ? undefined : this.#model.alerts?.byId.get(wish.alert);
    if (alert !== undefined && wish.cell === undefined) this.openAlert(alert);
    else if (wish.cell !== undefined && h3.isCell(wish.cell)) this.#select(wish.cell, h3.centreOf(wish.cell), alert?.id ?? '');
  }

  /** One second has passed. */
  tick(): void {
    this.#set({nowMs: this.#out.world.nowMs()});
    const [rest, said] = speak(this.#announcer, this.#model.nowMs);
    this.#announcer = rest;
    if (said !== null) this.#set({announcement: messages(this.#model).newAlert(said.count, said.newest)});
    if (this.#model.selection !== null && this.#model.nowMs - this.#seriesAtMs > SERIES_EVERY_MS && !this.#model.link.stale) {
      void this.#loadSeries();
    }
    if (this.#model.link.phase === 'live' && this.#model.nowMs - this.#failedAtMs > REFETCH_MS) this.#refetch();
  }

  #refetch(): void {
    if (this.#model.areas.state === 'failed') void this.#loadAreas();
    if (this.#model.kinds.state === 'failed') this.reloadKinds();
  }

  /** The machine may have slept. */
  check(): void {
    this.#set({nowMs: this.#out.world.nowMs()});
    this.#connection.check();
  }

  /** Cuts the socket, for tests. */
  cut(): void {
    this.#connection.cut();
  }

  /** The number reached, per topic. */
  sequences(): Readonly<Record<string, number>> {
    return this.#connection.sequences();
  }

  /** Frames that the map drew. */
  frames(): number {
    return this.#map?.frames() ?? 0;
  }

  chooseKind(kind: string): void {
    this.#set({kind});
    this.#follow();
    if (this.#model.selection !== null) void this.#loadSeries(true);
  }

  chooseLayer(layer: Model['layer']): void {
    this.#set({layer});
    this.#follow();
  }

  chooseResolution(wish: Model['resolutionWish']): void {
    const resolution = wish === 'auto' ? resolutionFor(this.#model.zoom, null) : wish;
    this.#set({resolutionWish: wish, resolution});
    this.#follow();
  }

  chooseSpan(span: Model['span']): void {
    this.#set({span});
    void this.#loadSeries(true);
  }

  showPanel(panel: Model['panel']): void {
    this.#set({panel});
  }

  showClosed(showClosed: boolean): void {
    this.#set({showClosed});
  }

  switchLang(): void {
    const lang = this.#model.lang === 'zh' ? 'en' : 'zh';
    this.#set({lang, announcement: ''});
    this.#out.remember('lang', lang === 'zh' ? 'zh-CN' : 'en');
    this.#out.dress(lang, this.#model.theme);
    this.#draw();
  }

  switchTheme(): void {
    const theme = this.#model.theme === 'dark' ? 'light' : 'dark';
    this.#set({theme});
    this.#out.remember('theme', theme);
    this.#out.dress(this.#model.lang, theme);
    this.#draw();
  }

  openAlert(alert: Alert): void {
    const at = {latDegrees: alert.latDegrees, lonDegrees: alert.lonDegrees};
    this.#map?.flyTo(at, Math.max(14.2, this.#model.zoom));
    if (alert.kind !== this.#model.kind) this.chooseKind(alert.kind);
    const cell = alert.cell !== '' ? alert.cell : this.#h3?.cellAt(at, 10);
    if (cell !== undefined) this.#select(cell, at, alert.id);
  }

  openCell(cell: CellId): void {
    const at = this.#h3?.centreOf(cell);
    if (at === undefined) return;
    this.#map?.flyTo(at, this.#model.zoom);
    this.#select(cell, at, '');
  }

  goTo(at: Place): void {
    this.#map?.flyTo(at, Math.max(15, this.#model.zoom));
    const cell = this.#h3?.cellAt(at, this.#model.resolution);
    if (cell !== undefined) this.#select(cell, at, '');
  }

  goToArea(area: Area): void {
    this.#map?.fit(boundsOf([area]));
    this.#set({moved: true});
  }

  goToDevice(device: NearbyDevice): void {
    this.goTo(device);
  }

  seek(atMs: number): void {
    const kind = this.#model.kind;
    if (kind === null) {
      this.#wish = {...this.#wish, atMs};
      return;
    }
    this.#playback.follow(kind, this.#model.resolution);
    if (this.#playback.isOn) this.#playback.seek(atMs);
    else this.#playback.begin(this.#out.world.nowMs() + this.#model.link.clockOffsetMs, atMs);
  }

  play(): void {
    this.#playback.play();
  }

  pause(): void {
    this.#playback.pause();
  }

  setSpeed(speed: Speed): void {
    this.#playback.setSpeed(speed);
  }

  retryPast(): void {
    this.#playback.retry();
  }

  goLive(): void {
    this.#playback.end();
  }

  #past(playback: PlaybackState | null): void {
    const table = playback?.table ?? null;
    const areas = this.#model.areas;
    const known = this.#model.pastTable;
    const pastTable = table === null || this.#h3 === null ? null
      : known?.hash === table.hash ? known
        : this.#h3.placed(table, areas.state === 'loaded' ? areas.value : []);
    this.#set({playback, pastTable, hover: null});
    this.#draw();
  }

  closeCell(): void {
    this.#seriesRequest?.abort();
    this.#set({selection: null, series: {state: 'loading'}});
    this.#draw();
  }

  zoom(levels: number): void {
    this.#map?.zoomBy(levels);
  }

  home(): void {
    const areas = this.#model.areas;
    this.#map?.fit(boundsOf(areas.state === 'loaded' ? areas.value : []));
    this.#set({moved: false});
  }

  reconnect(): void {
    this.#connection.check();
  }

  reloadKinds(): void {
    void this.#loadKinds();
  }

  reloadSeries(): void {
    void this.#loadSeries(true);
  }

  mountMap(element: HTMLElement): () => void {
    const {moved, centre, zoom} = this.#model;
    const kept = moved ? {centre, zoom} : null;
    let gone = false;
    let resizing: ResizeObserver | null = null;
    const opened = this.#out.openMap(element, this.#model.theme, {
      credited: (attribution) => {
        const basemap = this.#model.basemap;
        if (basemap !== null) this.#set({basemap: {...basemap, attribution}});
      },
      picked: (at) => this.#picked(at),
      hovered: (at, xPixels, yPixels) => this.#hovered(at, xPixels, yPixels),
      viewed: (zoom, centre, bounds, isFitted) => this.#viewed(zoom, centre, bounds, isFitted),
    });
    opened.then((map) => {
      if (gone) {
        map.destroy();
        return;
      }
      this.#map = map;
      this.#shown = {};
      this.#drawnTable = '';
      resizing = new ResizeObserver(() => map.resize());
      resizing.observe(element);
      this.#set({map: map.renderer});
      this.#draw();
      if (kept === null) this.home();
      else map.jumpTo(kept.centre, kept.zoom);
    }).catch((error: unknown) => {
      console.warn('map', error);
      this.#set({map: 'failed'});
    });
    return () => {
      gone = true;
      resizing?.disconnect();
      this.#map?.destroy();
      this.#map = null;
    };
  }

  get #model(): Model {
    return this.#out.read();
  }

  #set(change: Partial<Model>): void {
    this.#out.write({...this.#model, ...change});
  }

  #link(link: Link): void {
    const district = this.#model.link.district;
    this.#set({link, nowMs: this.#out.world.nowMs()});
    if (district !== link.district) this.#follow();
  }

  #cells(topic: string, cells: CellsState): void {
    if (this.#tileFeed.take(topic) || topic !== this.#topic) return;
    this.#set({cells});
    if (this.#model.table?.hash !== cells.table) this.#wantTable(cells.table);
    this.#draw();
  }

  #alerts(alerts: AlertBook, news: readonly Alert[]): void {
    const came = news.filter((a) => a.state === 'open' && a.revision === 1).map((a) => a.id);
    this.#set({alerts, ...(came.length === 0 ? {} : {fresh: new Set([...this.#model.fresh, ...came])})});
    this.#grant();
    for (const a of news) if (a.state === 'open') this.#announcer = announce(this.#announcer, inLang(a.reason, this.#model.lang));
    this.#draw();
  }

  #viewed(zoom: number, centre: Place, bounds: Bounds, isFitted: boolean): void {
    const {resolution, resolutionWish, moved} = this.#model;
    this.#nearby.look(bounds, zoom);
    this.#set({zoom, centre, bounds, moved: isFitted ? moved : true, resolution: resolutionWish === 'auto' ? resolutionFor(zoom, resolution) : resolution});
    this.#follow();
  }

  #picked(at: Place): void {
    const cell = this.#h3?.cellAt(at, this.#model.resolution);
    if (cell !== undefined) this.#select(cell, this.#h3?.centreOf(cell) ?? at, '');
  }

  #hovered(at: Place | null, xPixels: number, yPixels: number): void {
    const cell = at === null ? undefined : this.#h3?.cellAt(at, this.#model.resolution);
    const hover: Hover | null = cell === undefined ? null : {cell, xPixels, yPixels};
    if (hover !== null || this.#model.hover !== null) this.#set({hover});
  }

  #select(cell: CellId, at: Place, alert: string): void {
    const areas = this.#model.areas;
    this.#set({selection: {cell, at, area: areas.state === 'loaded' ? areaAt(areas.value, at) : null, alert}});
    this.#draw();
    void this.#loadSeries(true);
  }

  /** Subscribes to the cells that the model asks for, if they are others than before. */
  #follow(): void {
    if (this.#model.kind !== null) this.#playback.follow(this.#model.kind, this.#model.resolution);
    const topic = cellsTopic(this.#model);
    const tiles = this.#tilesInView();
    if (topic !== null && tiles !== null) {
      if (this.#topic !== `${topic}/*`) this.#leave(`${topic}/*`);
      this.#tileFeed.watch(topic, tiles);
      return;
    }
    if (topic === this.#topic) return;
    this.#leave(topic);
    this.#tileFeed.watch('', []);
    const cells = topic === null ? null : this.#connection.cells(topic);
    this.#set({cells, hover: null});
    if (topic === null) return;
    if (cells !== null) this.#wantTable(cells.table);
    this.#unsubscribe = this.#connection.subscribe(topic);
    this.#draw();
  }

  /** Goes over to another topic; nothing is shown of it yet. */
  #leave(next: string | null): void {
    this.#unsubscribe();
    this.#unsubscribe = () => undefined;
    this.#topic = next;
    this.#set({cells: null, hover: null});
  }

  /** The tiles to watch of a district that is large at the model's resolution, null of another. */
  #tilesInView(): readonly CellId[] | null {
    const {bounds, resolution, link, map} = this.#model;
    if (!byTiles(link.district, resolution) || map === 'failed') return null;
    return bounds === null || this.#h3 === null ? [] : tilesInView(this.#h3.tileAt, bounds, resolution);
  }

  #wantTable(hash: string): void {
    this.#tableOf(hash).then((table) => {
      if (this.#model.cells?.table !== hash || this.#model.table?.hash === hash) return;
      this.#set({table});
      this.#draw();
    }).catch(() => undefined); // it is asked for again when it is needed
  }

  /** Fetches a table once. It fails while it is not known where the areas are. */
  #tableOf(hash: string): Promise<PlacedTable> {
    const h3 = this.#h3;
    if (h3 === null || this.#model.areas.state === 'loading') return Promise.reject(new Error('areas are not known yet'));
    const known = this.#tables.get(hash) ?? this.#loadTable(h3, hash);
    this.#tables.set(hash, known);
    known.catch(() => this.#tables.delete(hash));
    return known;
  }

  async #loadTable(h3: H3, hash: string): Promise<PlacedTable> {
    const table = decodeTable(await fetchJSON(`/api/v1/cells/tables/${encodeURIComponent(hash)}`));
    const areas = this.#model.areas;
    return h3.placed(table, areas.state === 'loaded' ? areas.value : []);
  }

  async #loadKinds(): Promise<void> {
    this.#set({kinds: {state: 'loading'}});
    try {
      const kinds = decodeKinds(await fetchJSON('/api/v1/kinds'));
      const first = FIRST_KINDS.find((key) => kinds.some((k) => k.key === key)) ?? kinds[0]?.key ?? null;
      const wished = kinds.some((k) => k.key === this.#model.kind) ? this.#model.kind : first;
      this.#set({kinds: {state: 'loaded', value: kinds}, kind: wished});
      this.#follow();
      this.#grant();
    } catch (error) {
      console.warn('kinds', error);
      this.#failedAtMs = this.#out.world.nowMs();
      this.#set({kinds: {state: 'failed'}});
    }
  }

  async #loadAreas(): Promise<void> {
    const done = (areas: Loadable<readonly Area[]>, areasNote: Names | null): void => {
      this.#set({areas, areasNote});
      this.#tables.clear();
      this.#draw();
    };
    try {
      const answer = await fetchJSON('/api/v1/areas.geojson');
      done({state: 'loaded', value: decodeAreas(answer)}, decodeAreasNote(answer));
      if (!this.#model.moved) this.home();
      this.#grant();
    } catch (error) {
      console.warn('areas', error);
      this.#failedAtMs = this.#out.world.nowMs();
      done({state: 'failed'}, null);
    }
  }

  async #loadSeries(anew = false): Promise<void> {
    const {selection, kind, span, nowMs} = this.#model;
    const type = currentKind(this.#model)?.type;
    if (selection === null || kind === null || type === undefined) return;
    this.#seriesRequest?.abort();
    const request = new AbortController();
    this.#seriesRequest = request;
    this.#seriesAtMs = nowMs;
    if (anew) {
      this.#set({series: {state: 'loading'}, usual: {state: 'loading'}, heard: {state: 'loading'}});
      void this.#loadAround(kind, selection.cell, request.signal);
    }
    const now = this.#out.world.nowMs() + this.#model.link.clockOffsetMs;
    const query = new URLSearchParams({
      kind, cell: selection.cell,
      from: new Date(now - SPANS[span].ms).toISOString(),
      to: new Date(now).toISOString(),
      every: SPANS[span].every,
      agg: type === 'event' ? 'count' : 'mean',
    });
    try {
      const value = decodeSeries(await fetchJSON(`/api/v1/series?${query.toString()}`, request.signal));
      if (this.#seriesRequest === request) this.#set({series: {state: 'loaded', value}});
    } catch (error) {
      if (request.signal.aborted) return;
      console.warn('series', error);
      if (anew || this.#model.series.state !== 'loaded') this.#set({series: {state: 'failed'}});
    }
  }

  /** Fetches what stands beside a series: the usual range, and who spoke. */
  async #loadAround(kind: string, cell: CellId, signal: AbortSignal): Promise<void> {
    const {span, link} = this.#model;
    const to = this.#out.world.nowMs() + link.clockOffsetMs;
    const from = to - SPANS[span].ms;
    const query = (more: Record<string, string>): string => new URLSearchParams({
      kind, cell, from: new Date(from).toISOString(), to: new Date(to).toISOString(), ...more,
    }).toString();
    const usual = get(`series/usual?${query({every: SPANS[span].usual})}`, decodeUsual, signal).then(
      (value) => this.#set({usual: {state: 'loaded', value}}),
      () => {
        if (!signal.aborted) this.#set({usual: {state: 'failed'}});
      },
    );
    const heard = this.#loadHeard(query({limit: '500'}), cell, signal);
    await Promise.all([usual, heard]);
  }

  async #loadHeard(query: string, cell: CellId, signal: AbortSignal): Promise<void> {
    try {
      const value = await get(`observations?${query}`, decodeHeard, signal);
      this.#set({heard: {state: 'loaded', value}});
    } catch (error) {
      if (signal.aborted) return;
      console.warn('observations of', cell, error);
      this.#set({heard: {state: 'failed'}});
    }
  }

  /** Brings the map to what the model says, touching only what changed. */
  #draw(): void {
    const map = this.#map;
    const h3 = this.#h3;
    if (map === null || h3 === null) return;
    const model = this.#model;
    const was = this.#shown;
    this.#shown = model;
    if (was.theme !== model.theme) map.setTheme(model.theme);
    if (was.lang !== model.lang) map.setLabel(messages(model).mapLabel);
    if ((was.areas !== model.areas || was.lang !== model.lang) && model.areas.state === 'loaded') map.setAreas(model.areas.value, model.lang);
    this.#drawCells(map, h3, was);
    if (was.alerts !== model.alerts || was.selection !== model.selection || was.playback?.atMs !== model.playback?.atMs) {
      map.setMarkers(markersOf(model));
      map.setOutlines(outlinesOf(model, h3));
    }
    if (was.devices !== model.devices) map.setDevices(model.devices);
    if (was.selection !== model.selection) map.setSelected(model.selection === null ? null : h3.cornersOf(model.selection.cell));
  }

  #drawCells(map: CityMap, h3: H3, was: Partial<Model>): void {
    const model = this.#model;
    const table = matchingTable(model);
    const kind = currentKind(model);
    if (table !== null && this.#drawnTable !== table.hash) {
      this.#drawnTable = table.hash;
      map.setCells(h3.cornersOfTable(table));
    } else if (was.cells === model.cells && was.table === model.table && was.kind === model.kind && was.layer === model.layer
      && was.playback === model.playback) {
      return;
    }
    map.setPalette(shownPalette(model));
    const size = table?.cells.length ?? model.table?.cells.length ?? 0;
    map.setValues(table === null || kind === null || shownCells(model) === null
      ? new Uint8Array(size)
      : encodeValues(shownValues(model), size, shownScale(model, kind)));
  }

}

function markersOf(model: Model): readonly Marker[] {
  const open = alertsThen(model);
  const chosen = model.selection?.alert ?? '';
  const extra = open.some((a) => a.id === chosen) ? undefined : model.alerts?.byId.get(chosen);
  return [...open, ...(extra === undefined ? [] : [extra])].map((a) => ({
    id: a.id, severity: a.severity, latDegrees: a.latDegrees, lonDegrees: a.lonDegrees, selected: a.id === chosen,
  }));
}

/** The hotspots of more than a cell, outlined. */
function outlinesOf(model: Model, h3: H3): readonly Outline[] {
  const chosen = model.selection?.alert ?? '';
  return alertsThen(model).filter((a) => a.cells.length > 0).map((a) => ({
    id: a.id, severity: a.severity, rings: h3.ringsAround(a.cells), selected: a.id === chosen,
    isNew: model.playback === null && model.fresh.has(a.id),
  }));
}
