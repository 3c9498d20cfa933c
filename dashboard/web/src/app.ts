import {SILENT, announce, speak, type Announcer} from './announce';
import {fetchJSON, LiveConnection, type Link, type World} from './connection';
import {get} from './api';
import {momentWithOffset, useZone} from './format';
import {areaAt, boundsOf, resolutionFor, type Bounds, type Place} from './geo';
import {inLang, type Lang} from './i18n';
import {Drawer, FRESH_MS} from './drawer';
import type {CityMap, Theme} from './map/city-map';
import {OverlayBook} from './map/overlay-book';
import {
  cellsTopic, currentKind, messages, spanShown,
  type Hover, type Intents, type Loadable, type Model, type PlacedTable,
} from './model';
import type {AlertBook} from './alerts';
import type {CellsState} from './cells';
import {Nearby} from './views/live/nearby';
import type {Wish} from './views/live/permalink';
import {MESSAGES} from './views/live/messages';
import {Playback, REACH_MS, type PlaybackState, type Speed} from './views/live/playback';
import {Study} from './views/live/study';
import {decodeHistory, type NearbyDevice} from './views/live/wire';
import {byTiles, TileFeed, tilesInView} from './tiles';
import {decodeAreas, decodeAreasNote, decodeCount, decodeDistrict, decodeKinds, decodeTable, type Alert, type Area, type CellId, type Names} from './wire';

type H3 = typeof import('./h3');

/** Where the app keeps its model and what it needs of the browser. */
export interface Surroundings {
  readonly world: World;
  read(): Model;
  write(model: Model): void;
  remember(key: 'lang' | 'theme', value: string): void;
  dress(lang: Lang, theme: Theme): void;
  /** Nobody sees the page at the moment. */
  hidden(): boolean;
  /** Tells the person something that goes away by itself. */
  tell(text: string): void;
  loadH3(): Promise<H3>;
  openMap(element: HTMLElement, theme: Theme, events: Parameters<CityMapOpener>[2]): Promise<CityMap>;
}

type CityMapOpener = (element: HTMLElement, theme: Theme, events: import('./map/city-map').MapEvents) => Promise<CityMap>;

/** Tables that are kept with their places. */
const TABLES_KEPT = 64;

/** What could not be fetched is tried again after this. */
const REFETCH_MS = 5000;

/** While more alerts are open than are told, they are counted this often. */
const RECOUNT_MS = 10_000;

/** Kinds to begin with, the first that the catalogue has. */
const FIRST_KINDS = ['noise', 'pm25'];

/** App carries out what people ask for and what the server says; the model is its only output. */
export class App implements Intents {
  readonly #out: Surroundings;
  readonly #connection: LiveConnection;
  readonly #tables = new Map<string, Promise<PlacedTable>>();
  #h3: H3 | null = null;
  #map: CityMap | null = null;
  readonly #drawer = new Drawer();
  #unsubscribe: () => void = () => undefined;
  /** The topic that is watched as a whole, or how it is watched by tiles. */
  #topic: string | null = null;
  readonly #tileFeed: TileFeed;
  #announcer: Announcer = SILENT;
  #failedAtMs = 0;
  #countedAtMs = 0;
  #districtFailed = false;
  readonly #playback: Playback;
  readonly #nearby: Nearby;
  readonly #study: Study;
  readonly #overlays: OverlayBook;
  /** The server's run whose areas and kinds are known. */
  #epoch = '';
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
        this.#drawer.draw(this.#model);
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
    this.#study = new Study({
      nowMs: () => out.world.nowMs() + this.#model.link.clockOffsetMs,
      pastMs: () => this.#model.playback?.atMs ?? null,
      show: (findings) => this.#set(findings),
    });
    this.#overlays = new OverlayBook({
      nowMs: () => out.world.nowMs(),
      list: () => get('basemap', (x) => x),
      load: (url) => fetchJSON(url),
      hidden: () => this.#model.hiddenOverlays,
      show: (overlays) => {
        this.#set({overlays});
        this.#drawer.draw(this.#model);
      },
    });
    this.#nearby = new Nearby({
      nowMs: () => out.world.nowMs(),
      after: (ms, fn) => out.world.after(ms, fn),
      show: (devices) => {
        this.#set({devices});
        this.#drawer.draw(this.#model);
      },
    });
  }

  /** Opens the connection and fetches what does not change; wish is what the address asks for. */
  async start(wish: Wish = {}): Promise<void> {
    this.#take(wish);
    this.#connection.subscribe('alerts');
    this.#connection.start();
    const h3 = this.#out.loadH3();
    const areas = this.#loadAreas();
    void this.#loadDistrict();
    this.reloadKinds();
    this.#h3 = await h3;
    this.#drawer.h3 = this.#h3;
    await areas;
    this.#follow();
    const cells = this.#model.cells;
    if (cells !== null) this.#wantTable(cells.table);
    this.#drawer.draw(this.#model);
    this.#grant();
  }

  /** Goes to what an address asks for, as a link or the back button did. */
  visit(wish: Wish): void {
    this.#take(wish);
    if (wish.view !== undefined) this.#map?.jumpTo(wish.view.at, wish.view.zoom);
    if (wish.atMs === undefined && this.#playback.isOn) this.#playback.end();
    this.#follow();
    this.#drawer.draw(this.#model);
    this.#grant();
  }

  #take(wish: Wish): void {
    this.#wish = wish;
    this.#set({
      ...(wish.kind === undefined ? {} : {kind: wish.kind}),
      ...(wish.layer === undefined ? {} : {layer: wish.layer}),
      ...(wish.resolution === undefined ? {} : {resolutionWish: wish.resolution}),
      ...(wish.resolution === undefined || wish.resolution === 'auto' ? {} : {resolution: wish.resolution}),
      ...(wish.span === undefined ? {} : {span: wish.span}),
      ...(wish.panel === undefined ? {} : {panel: wish.panel}),
      ...(wish.hidden === undefined ? {} : {hiddenOverlays: wish.hidden}),
      ...(wish.view === undefined ? {} : {centre: wish.view.at, zoom: wish.view.zoom, moved: true}),
    });
  }

  /** Does what the address asked for, as far as it can be done by now. */
  #grant(): void {
    const wish = this.#wish;
    const h3 = this.#h3;
    if (h3 === null || this.#model.areas.state === 'loading') return;
    if (wish.alert !== undefined && this.#model.alerts === null) return;
    this.#wish = {};
    if (wish.atMs !== undefined) this.#seekWished(wish.atMs);
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
    if (this.#map !== null && !this.#model.link.stale && !this.#out.hidden()) {
      this.#study.look();
      this.#nearby.refresh(this.#model.nowMs);
      void this.#overlays.refresh();
    }
    if (this.#model.link.phase !== 'live') return;
    if (this.#model.nowMs - this.#failedAtMs > REFETCH_MS) this.#refetch();
    if ((this.#model.alerts?.untold ?? 0) > 0 && this.#model.nowMs - this.#countedAtMs > RECOUNT_MS) void this.#recount();
  }

  #refetch(): void {
    if (this.#model.areas.state === 'failed') void this.#loadAreas();
    if (this.#model.kinds.state === 'failed') this.reloadKinds();
    if (this.#districtFailed) void this.#loadDistrict();
  }

  async #recount(): Promise<void> {
    this.#countedAtMs = this.#model.nowMs;
    try {
      this.#connection.countedOpen(await get('alerts/count?state=open', decodeCount));
    } catch {
      // The count of before stands until the next one.
    }
  }

  /** What the district is called, and its zone. */
  async #loadDistrict(): Promise<void> {
    try {
      const {names, zone} = await get('status', decodeDistrict);
      if (!useZone(zone)) console.warn('zone', zone);
      this.#districtFailed = false;
      this.#set({district: names});
    } catch {
      this.#districtFailed = true;
      this.#failedAtMs = this.#out.world.nowMs();
    }
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
    this.#studySelection();
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
    this.#studySelection();
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
    this.#drawer.draw(this.#model);
  }

  switchTheme(): void {
    const theme = this.#model.theme === 'dark' ? 'light' : 'dark';
    this.#set({theme});
    this.#out.remember('theme', theme);
    this.#out.dress(this.#model.lang, theme);
    this.#drawer.draw(this.#model);
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
    this.#playback.follow(kind, this.#model.resolution, this.#model.table?.cells.length ?? 0);
    if (this.#playback.isOn) this.#playback.seek(atMs);
    else this.#playback.begin(this.#out.world.nowMs() + this.#model.link.clockOffsetMs, atMs);
  }

  /** A moment that is not kept any more is said to be so, not taken for another. */
  #seekWished(atMs: number): void {
    const {world} = this.#out;
    if (atMs >= world.nowMs() + this.#model.link.clockOffsetMs - REACH_MS) this.seek(atMs);
    else this.#out.tell(MESSAGES[this.#model.lang].notKept(momentWithOffset(atMs)));
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
    const before = spanShown(this.#model);
    this.#set({playback, pastTable, hover: null});
    if (this.#model.selection !== null && spanShown(this.#model) !== before) this.#studySelection();
    this.#drawer.draw(this.#model);
  }

  closeCell(): void {
    this.#set({selection: null});
    this.#study.of(null);
    this.#drawer.draw(this.#model);
  }

  showOverlay(name: string, isShown: boolean): void {
    const hidden = new Set(this.#model.hiddenOverlays);
    if (isShown) hidden.delete(name);
    else hidden.add(name);
    this.#set({hiddenOverlays: hidden});
    this.#drawer.draw(this.#model);
    if (isShown) void this.#overlays.look();
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
    this.#studySelection();
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
      this.#drawer.onto(map);
      resizing = new ResizeObserver(() => map.resize());
      resizing.observe(element);
      this.#set({map: map.renderer});
      this.#drawer.draw(this.#model);
      void this.#overlays.refresh();
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
      this.#drawer.map = null;
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
    this.#ofRun(cells.epoch);
    if (this.#tileFeed.take(topic) || topic !== this.#topic) return;
    this.#set({cells});
    if (this.#model.table?.hash !== cells.table) this.#wantTable(cells.table);
    this.#drawer.draw(this.#model);
  }

  /** Another run of the server may have other areas and kinds. */
  #ofRun(epoch: string): void {
    if (this.#epoch !== '' && this.#epoch !== epoch) {
      void this.#loadAreas();
      void this.#loadDistrict();
      this.reloadKinds();
    }
    this.#epoch = epoch;
  }

  #alerts(alerts: AlertBook, news: readonly Alert[]): void {
    const came = news.filter((a) => a.state === 'open' && a.revision === 1).map((a) => a.id);
    this.#set({alerts, ...(came.length === 0 ? {} : {fresh: this.#freshened(came)})});
    this.#grant();
    for (const a of news) if (a.state === 'open') this.#announcer = announce(this.#announcer, inLang(a.reason, this.#model.lang));
    this.#drawer.draw(this.#model);
  }

  /** The alerts that came just now, those of before left out. */
  #freshened(came: readonly string[]): ReadonlyMap<string, number> {
    const now = this.#out.world.nowMs();
    const still = [...this.#model.fresh].filter(([, atMs]) => now - atMs < FRESH_MS);
    return new Map([...still, ...came.map((id): [string, number] => [id, now])]);
  }

  #viewed(zoom: number, centre: Place, bounds: Bounds, isFitted: boolean): void {
    const {resolution, resolutionWish, moved} = this.#model;
    this.#nearby.look(bounds, zoom);
    this.#set({zoom, centre, bounds, moved: isFitted ? moved : true, resolution: resolutionWish === 'auto' ? resolutionFor(zoom, resolution) : resolution});
    this.#follow();
  }

  #picked(at: Place): void {
    const cell = this.#h3?.cellAt(at, this.#model.resolution);
    if (cell !== undefined) this.#select(cell, at, '');
  }

  #hovered(at: Place | null, xPixels: number, yPixels: number): void {
    const cell = at === null ? undefined : this.#h3?.cellAt(at, this.#model.resolution);
    const hover: Hover | null = cell === undefined ? null : {cell, xPixels, yPixels};
    if (hover !== null || this.#model.hover !== null) this.#set({hover});
  }

  /** Selects a cell, or of another resolution than the map's the one that the map has at the place. */
  #select(cell: CellId, at: Place, alert: string): void {
    const {areas, resolution} = this.#model;
    const shown = this.#h3 === null || this.#h3.resolutionOf(cell) === resolution ? cell : this.#h3.cellAt(at, resolution);
    this.#set({selection: {cell: shown, at, area: areas.state === 'loaded' ? areaAt(areas.value, at) : null, alert}});
    this.#drawer.draw(this.#model);
    this.#studySelection();
  }

  /** Keeps the place that is looked at when the map goes over to another grid. */
  #reselect(): void {
    const {selection, resolution} = this.#model;
    if (selection === null || this.#h3 === null || this.#h3.resolutionOf(selection.cell) === resolution) return;
    this.#select(selection.cell, selection.at, selection.alert);
  }

  /** Subscribes to the cells that the model asks for, if they are others than before. */
  #follow(): void {
    this.#reselect();
    if (this.#model.kind !== null) this.#playback.follow(this.#model.kind, this.#model.resolution, this.#model.table?.cells.length ?? 0);
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
    this.#drawer.draw(this.#model);
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
      this.#drawer.draw(this.#model);
    }).catch(() => undefined); // it is asked for again when it is needed
  }

  /** Fetches a table once. It fails while it is not known where the areas are. */
  #tableOf(hash: string): Promise<PlacedTable> {
    const h3 = this.#h3;
    if (h3 === null || this.#model.areas.state === 'loading') return Promise.reject(new Error('areas are not known yet'));
    const known = this.#tables.get(hash) ?? this.#loadTable(h3, hash);
    this.#tables.delete(hash);
    this.#tables.set(hash, known);
    for (const old of this.#tables.keys()) {
      if (this.#tables.size <= TABLES_KEPT) break;
      this.#tables.delete(old);
    }
    known.catch(() => this.#tables.delete(hash));
    return known;
  }

  async #loadTable(h3: H3, hash: string): Promise<PlacedTable> {
    const table = decodeTable(await fetchJSON(`/api/v1/cells/tables/${encodeURIComponent(hash)}`));
    const areas = this.#model.areas;
    return h3.placed(table, areas.state === 'loaded' ? areas.value : []);
  }

  async #loadKinds(): Promise<void> {
    if (this.#model.kinds.state === 'failed') this.#set({kinds: {state: 'loading'}});
    try {
      const kinds = decodeKinds(await fetchJSON('/api/v1/kinds'));
      const first = FIRST_KINDS.find((key) => kinds.some((k) => k.key === key)) ?? kinds[0]?.key ?? null;
      const wished = kinds.some((k) => k.key === this.#model.kind) ? this.#model.kind : first;
      const wereUnknown = this.#model.kinds.state !== 'loaded';
      this.#set({kinds: {state: 'loaded', value: kinds}, kind: wished});
      if (wereUnknown) this.#studySelection();
      this.#follow();
      this.#grant();
    } catch (error) {
      console.warn('kinds', error);
      this.#failedAtMs = this.#out.world.nowMs();
      if (this.#model.kinds.state !== 'loaded') this.#set({kinds: {state: 'failed'}});
    }
  }

  async #loadAreas(): Promise<void> {
    const done = (areas: Loadable<readonly Area[]>, areasNote: Names | null): void => {
      // The places of tables go by areas.
      this.#tables.clear();
      this.#set({areas, areasNote, table: null});
      const cells = this.#model.cells;
      if (cells !== null && this.#h3 !== null) this.#wantTable(cells.table);
      this.#drawer.draw(this.#model);
    };
    try {
      const answer = await fetchJSON('/api/v1/areas.geojson');
      done({state: 'loaded', value: decodeAreas(answer)}, decodeAreasNote(answer));
      if (!this.#model.moved) this.home();
      this.#grant();
    } catch (error) {
      console.warn('areas', error);
      this.#failedAtMs = this.#out.world.nowMs();
      if (this.#model.areas.state !== 'loaded') done({state: 'failed'}, null);
    }
  }

  #studySelection(): void {
    const {selection} = this.#model;
    const kind = currentKind(this.#model);
    const span = spanShown(this.#model);
    this.#study.of(selection === null || kind === null ? null : {kind: kind.key, isEvent: kind.type === 'event', cell: selection.cell, span});
  }
}
