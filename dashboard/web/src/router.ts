import {writable, type Readable} from 'svelte/store';

/** The views of the page, in the order of the navigation. */
export const VIEWS = ['live', 'alerts', 'reports', 'devices', 'settings'] as const;

/** A view of the page. */
export type ViewName = (typeof VIEWS)[number];

/** What the address says: a view, the place within it, and everything else on screen. */
export interface Route {
  /** null where the address names none. */
  readonly view: ViewName | null;
  /** What follows the view, decoded: ['017f…'] of /alerts/017f…. */
  readonly path: readonly string[];
  readonly query: URLSearchParams;
}

/** The browser's address as the router sees it, so that tests can be the browser. */
export interface AddressBar {
  readonly pathname: string;
  readonly search: string;
  push(href: string): void;
  replace(href: string): void;
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** Reads an address; / is the live view. */
export function parseRoute(pathname: string, search: string): Route {
  const [first, ...path] = pathname.split('/').filter((part) => part !== '').map(decoded);
  const view = first === undefined ? 'live' : (VIEWS.find((v) => v === first) ?? null);
  return {view, path, query: new URLSearchParams(search)};
}

/** The address of a view, without the query where it is empty. */
export function hrefOf(view: ViewName, path: readonly string[] = [], query: URLSearchParams = new URLSearchParams()): string {
  const place = view === 'live' && path.length === 0 ? '/' : `/${[view, ...path.map(encodeURIComponent)].join('/')}`;
  const asked = query.toString();
  return asked === '' ? place : `${place}?${asked}`;
}

/** A query with some of its values changed; null and '' take one away, a list gives it several times. */
export function changedQuery(query: URLSearchParams, changes: Readonly<Record<string, string | readonly string[] | null>>): URLSearchParams {
  const next = new URLSearchParams(query);
  for (const [key, value] of Object.entries(changes)) {
    next.delete(key);
    const values = value === null ? [] : typeof value === 'string' ? [value] : value;
    for (const v of values) if (v !== '') next.append(key, v);
  }
  return next;
}

/**
 * Router keeps the address and what is on screen the same. A step to another
 * place can be gone back; a change of the query within a view cannot, so that
 * the back button leaves the view.
 */
export class Router {
  readonly #bar: AddressBar;
  readonly #route;
  readonly #arrivals: ((route: Route) => void)[] = [];

  constructor(bar: AddressBar) {
    this.#bar = bar;
    this.#route = writable<Route>(parseRoute(bar.pathname, bar.search));
  }

  /** Where the page is. */
  get route(): Readable<Route> {
    return this.#route;
  }

  /** Steps to an address of the page. */
  go(href: string): void {
    if (href === `${this.#bar.pathname}${this.#bar.search}`) return;
    this.#bar.push(href);
    this.moved();
  }

  /** Calls fn whenever a link, a command or the back button led somewhere; not for a change in place. */
  onArrival(fn: (route: Route) => void): void {
    this.#arrivals.push(fn);
  }

  /** Changes values of the query in place. */
  replaceQuery(changes: Readonly<Record<string, string | readonly string[] | null>>): void {
    const asked = changedQuery(new URLSearchParams(this.#bar.search), changes).toString();
    if (asked === new URLSearchParams(this.#bar.search).toString()) return;
    this.#bar.replace(asked === '' ? this.#bar.pathname : `${this.#bar.pathname}?${asked}`);
    this.#read();
  }

  /** The address changed by another hand, as by the back button. */
  moved(): void {
    const route = this.#read();
    for (const fn of this.#arrivals) fn(route);
  }

  #read(): Route {
    const route = parseRoute(this.#bar.pathname, this.#bar.search);
    this.#route.set(route);
    return route;
  }

  /** Follows a click on a link of the page; reports whether it did. */
  followed(event: MouseEvent): boolean {
    if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return false;
    const link = event.target instanceof Element ? event.target.closest('a') : null;
    if (link === null || link.target !== '' || link.hasAttribute('download') || link.origin !== location.origin) return false;
    if (link.getAttribute('href')?.startsWith('#') === true || parseRoute(link.pathname, '').view === null) return false;
    event.preventDefault();
    this.go(`${link.pathname}${link.search}`);
    return true;
  }
}

/** The address bar of the browser. */
export function browserBar(): AddressBar {
  return {
    get pathname() {
      return location.pathname;
    },
    get search() {
      return location.search;
    },
    push: (href) => history.pushState(null, '', href),
    replace: (href) => history.replaceState(null, '', href),
  };
}
