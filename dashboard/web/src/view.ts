import type {Component} from 'svelte';
import type {Readable} from 'svelte/store';
import type {Intents, Model} from './model';
import type {Route, Router, ViewName} from './router';
import type {Who} from './who';

/** What every view is given. */
export interface ViewProps {
  /** The live model: kinds, areas, alerts, the link, language, the time. */
  readonly store: Readable<Model>;
  readonly model: Model;
  readonly intents: Intents;
  readonly route: Route;
  readonly router: Router;
  readonly who: Who;
}

/** A view of the page. */
export type View = Component<ViewProps>;

/** Fetches the code of each view but the live one, which is there from the start. */
export const LOADERS: Readonly<Record<Exclude<ViewName, 'live'>, () => Promise<{readonly default: View}>>> = {
  alerts: () => import('./views/alerts/View.svelte'),
  reports: () => import('./views/reports/View.svelte'),
  devices: () => import('./views/devices/View.svelte'),
  settings: () => import('./views/settings/View.svelte'),
};

/** How long a wall waits before it takes the page anew, when its code did not come. */
const WALL_RETRY_MS = 15_000;

/** Fetches the code of the wall. Nobody stands there to press anything: what fails is tried again by itself. */
export async function loadWall(): Promise<typeof import('./views/kiosk/Kiosk.svelte')> {
  try {
    return await import('./views/kiosk/Kiosk.svelte');
  } catch (error) {
    setTimeout(() => location.reload(), WALL_RETRY_MS);
    throw error;
  }
}
