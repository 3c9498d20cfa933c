import {writable, type Readable} from 'svelte/store';
import {ApiError} from '../../api';
import {BROWSER_CLOCK, type Clock} from '../../load';

/** Some rows of a long list, and what is said of all of it. */
export interface Part<T> {
  readonly items: readonly T[];
  readonly total: number;
}

/** A row, null while it has not been fetched. */
export interface Slot<T> {
  readonly index: number;
  readonly item: T | null;
}

/** A long list of which only some rows are known. */
export type Sparse<T, P extends Part<T>> =
  | {readonly state: 'loading'}
  | {readonly state: 'failed'; readonly error: ApiError}
  | {
    readonly state: 'loaded';
    readonly slots: readonly Slot<T>[];
    /** The newest answer without its rows being of interest: totals and counts. */
    readonly newest: P;
    /** Since when what is looked at could not be fetched again; null while it can. */
    readonly failingSinceMs: number | null;
  };

/** Rows that are fetched together. */
export const PAGE_ROWS = 100;

/**
 * Pages is a long list that the server has and that is fetched where it is
 * looked at: rows that are on screen are watched, and their pages are fetched
 * again every so often. What is no longer looked at is kept for scrolling back,
 * and fetched anew when it comes into view.
 */
export class Pages<T, P extends Part<T>> {
  readonly #fetch: (offset: number, limit: number, signal: AbortSignal) => Promise<P>;
  readonly #everyMs: number;
  readonly #clock: Clock;
  readonly #out = writable<Sparse<T, P>>({state: 'loading'});
  readonly #watched = new Map<number, number>();
  readonly #requests = new Map<number, AbortController>();
  readonly #fetchedAtMs = new Map<number, number>();
  #current: Sparse<T, P> = {state: 'loading'};
  #cancelTimer: () => void = () => undefined;

  constructor(fetch: (offset: number, limit: number, signal: AbortSignal) => Promise<P>, everyMs: number, clock: Clock = BROWSER_CLOCK) {
    this.#fetch = fetch;
    this.#everyMs = everyMs;
    this.#clock = clock;
  }

  /** What is known now. */
  get state(): Readable<Sparse<T, P>> {
    return this.#out;
  }

  /** Forgets everything and fetches the beginning. */
  start(): void {
    this.stop();
    this.#fetchedAtMs.clear();
    this.#set({state: 'loading'});
    void this.#load(0);
    this.#schedule();
  }

  /** Fetches what is looked at again, now. */
  refresh(): void {
    const pages = new Set([...this.#watched.keys()]);
    if (pages.size === 0) pages.add(0);
    for (const page of pages) void this.#load(page);
  }

  /** Ends fetching. */
  stop(): void {
    this.#cancelTimer();
    for (const request of this.#requests.values()) request.abort();
    this.#requests.clear();
  }

  /** A row is on screen until the returned function is called. */
  watch(index: number): () => void {
    const page = Math.floor(index / PAGE_ROWS);
    this.#watched.set(page, (this.#watched.get(page) ?? 0) + 1);
    const at = this.#fetchedAtMs.get(page);
    if ((at === undefined || this.#clock.nowMs() - at > this.#everyMs) && !this.#requests.has(page)) void this.#load(page);
    return () => {
      const n = (this.#watched.get(page) ?? 1) - 1;
      if (n > 0) this.#watched.set(page, n);
      else this.#watched.delete(page);
    };
  }

  #schedule(): void {
    this.#cancelTimer = this.#clock.after(this.#everyMs, () => {
      this.refresh();
      this.#schedule();
    });
  }

  async #load(page: number): Promise<void> {
    this.#requests.get(page)?.abort();
    const request = new AbortController();
    this.#requests.set(page, request);
    this.#fetchedAtMs.set(page, this.#clock.nowMs());
    try {
      const part = await this.#fetch(page * PAGE_ROWS, PAGE_ROWS, request.signal);
      if (this.#requests.get(page) === request) this.#take(page * PAGE_ROWS, part);
    } catch (error) {
      if (this.#requests.get(page) === request) this.#failed(error);
    } finally {
      if (this.#requests.get(page) === request) this.#requests.delete(page);
    }
  }

  #take(offset: number, part: P): void {
    const known = this.#current.state === 'loaded' ? this.#current.slots : [];
    const slots = known.slice(0, part.total);
    for (let index = slots.length; index < part.total; index++) slots.push({index, item: null});
    part.items.forEach((item, k) => {
      const index = offset + k;
      if (index < part.total) slots[index] = {index, item};
    });
    this.#set({state: 'loaded', slots, newest: part, failingSinceMs: null});
  }

  #failed(error: unknown): void {
    if (this.#current.state === 'loaded') {
      this.#set({...this.#current, failingSinceMs: this.#current.failingSinceMs ?? this.#clock.nowMs()});
      return;
    }
    this.#set({state: 'failed', error: error instanceof ApiError ? error : new ApiError(0, String(error), '')});
  }

  #set(next: Sparse<T, P>): void {
    this.#current = next;
    this.#out.set(next);
  }
}
