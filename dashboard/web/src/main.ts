import './polyfill';
import {mount} from 'svelte';
import {writable} from 'svelte/store';
import './app.css';
import {get} from './api';
import {App} from './app';
import {liveCount} from './cells';
import {browserSocket, type World} from './connection';
import {UNSAVED} from './drafts';
import {CATALOGUES, type Lang} from './i18n';
import {decodeBasemap, type Basemap} from './map/basemap';
import type {CityMap, MapEvents, Theme} from './map/city-map';
import {chooseRenderer, probeGraphics} from './map/renderer';
import {ShiftedMap, unshifted} from './map/shifted-map';
import {firstModel, type Model} from './model';
import {browserBar, parseRoute, Router} from './router';
import Page from './ui/Page.svelte';
import {queryOf, wishOf} from './views/live/permalink';
import {toast} from './toast';
import {askBeforeLeaving} from './unsaved';
import {Who} from './who';

declare global {
  interface Window {
    /** What tests and people with a console may see. */
    urbangrid?: Debug;
  }
}

/** A read-only view of the page's state, and a way to break the line. */
interface Debug {
  readonly seq: Readonly<Record<string, number>>;
  readonly epoch: string;
  readonly liveCells: number;
  readonly valueSum: number;
  readonly alerts: readonly {readonly id: string; readonly revision: number; readonly state: string}[];
  readonly link: {readonly phase: string; readonly stale: boolean};
  readonly renderer: string;
  readonly frames: number;
  readonly kind: string | null;
  readonly resolution: number;
  cutSocket(): void;
}

const root = document.documentElement;
const lang: Lang = root.lang === 'en' ? 'en' : 'zh';
const theme: Theme = root.dataset['theme'] === 'light' ? 'light' : 'dark';

const world: World = {
  openSocket: (events) => browserSocket(`${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/api/v1/live`, events),
  nowMs: () => Date.now(),
  after: (ms, fn) => {
    const timer = setTimeout(fn, ms);
    return () => clearTimeout(timer);
  },
  random: Math.random,
};

let model = firstModel(lang, theme, Date.now());
const store = writable<Model>(model);

function dress(nextLang: Lang, nextTheme: Theme): void {
  root.lang = CATALOGUES[nextLang].htmlLang;
  root.dataset['theme'] = nextTheme;
}

function remember(key: string, value: string): void {
  try {
    localStorage.setItem(`urbangrid.${key}`, value);
  } catch {
    // A browser that keeps nothing still works; it only forgets.
  }
}

function remembered(key: string): string {
  try {
    return localStorage.getItem(`urbangrid.${key}`) ?? '';
  } catch {
    return '';
  }
}

const router = new Router(browserBar());
const who = new Who(remembered('name'), (name) => remember('name', name));

const app = new App({
  world,
  read: () => model,
  write: (next) => {
    model = next;
    store.set(next);
  },
  remember,
  dress,
  hidden: () => document.hidden,
  tell: (text) => toast(text),
  loadH3: () => import('./h3'),
  openMap: async (element, mapTheme, events) => {
    const basemap = await basemapOf();
    const isShifted = basemap?.datum === 'gcj02';
    const inner = await openPlain(element, mapTheme, isShifted ? unshifted(events) : events);
    const map = isShifted ? new ShiftedMap(inner) : inner;
    if (basemap !== null) map.setBasemap(basemap);
    return map;
  },
});

/** The basemap is asked for once; a map without one is better than none. */
let asked: Promise<Basemap | null> | null = null;

function basemapOf(): Promise<Basemap | null> {
  asked ??= get('basemap', decodeBasemap).then((basemap) => {
    model = {...model, basemap};
    store.set(model);
    return basemap;
  }, (error: unknown) => {
    console.warn('basemap', error);
    asked = null;
    return null;
  });
  return asked;
}

async function openPlain(element: HTMLElement, mapTheme: Theme, events: MapEvents): Promise<CityMap> {
  const wish = new URLSearchParams(location.search).get('renderer');
  if (chooseRenderer(probeGraphics(), wish) === 'webgl2') {
    try {
      const {WebGLCityMap} = await import('./map/webgl-map');
      return new WebGLCityMap(element, mapTheme, events);
    } catch (error) {
      console.warn('WebGL map', error);
      element.replaceChildren();
    }
  }
  const {CanvasCityMap} = await import('./map/canvas-map');
  return new CanvasCityMap(element, mapTheme, events);
}

const target = document.getElementById('app');
if (target !== null) {
  dress(lang, theme);
  target.replaceChildren();
  mount(Page, {target, props: {store, intents: app, router, who}});
}

document.addEventListener('visibilitychange', () => {
  if (!document.hidden) app.check();
});
for (const event of ['online', 'pageshow']) window.addEventListener(event, () => app.check());
setInterval(() => app.tick(), 1000);
askBeforeLeaving(window, UNSAVED);

const debug: Debug = {
  get seq() {
    return app.sequences();
  },
  get epoch() {
    return model.cells?.epoch ?? '';
  },
  get liveCells() {
    return liveCount(model.cells);
  },
  get valueSum() {
    return model.cells?.values.reduce((sum, v) => (Number.isNaN(v) ? sum : sum + v), 0) ?? 0;
  },
  get alerts() {
    return [...(model.alerts?.byId.values() ?? [])].map(({id, revision, state}) => ({id, revision, state}));
  },
  get link() {
    return {phase: model.link.phase, stale: model.link.stale};
  },
  get renderer() {
    return model.map;
  },
  get frames() {
    return app.frames();
  },
  get kind() {
    return model.kind;
  },
  get resolution() {
    return model.resolution;
  },
  cutSocket: () => app.cut(),
};
window.urbangrid = Object.freeze(debug);

void app.start(wishOf(new URLSearchParams(location.search)));

// A link or the back button may lead to something else on the map.
router.onArrival(({view, query}) => {
  if (view === 'live' && !query.has('kiosk') && query.toString() !== '') app.visit(wishOf(query));
});

// The address says what is on screen, once it has come to rest.
let resting: ReturnType<typeof setTimeout> | undefined;
store.subscribe(() => {
  clearTimeout(resting);
  resting = setTimeout(() => {
    if (isMap(location) && model.kind !== null) router.replaceQuery(queryOf(model));
  }, 400);
});

/** A wall keeps the address that made it. */
function isMap({pathname, search}: {readonly pathname: string; readonly search: string}): boolean {
  const {view, query} = parseRoute(pathname, search);
  return view === 'live' && !query.has('kiosk');
}
