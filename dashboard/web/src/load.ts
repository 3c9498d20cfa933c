import {writable, type Readable} from 'svelte/store';
import {ApiError} from './api';

/** Something that is fetched and may be fetched again. */
export type Fetched<T> =
  | {readonly state: 'loading'}
  | {readonly state: 'failed'; readonly error: ApiError}
  | {
    readonly state: 'loaded';
    readonly value: T;
    readonly atMs: number;
    /** Since when it could not be fetched again, so that it is old; null while it can. */
    readonly failingSinceMs: number | null;
  };

/** What a Loader needs of the browser. */
export interface Clock {
  nowMs(): number;
  /**
   * Runs fn once ms have passed and the page can be seen: at once when that was
   * due while it was hidden. The answer calls it off.
   */
  after(ms: number, fn: () => void): () => void;
}

/** What a clock needs of a document. */
export interface Visibility {
  readonly hidden: boolean;
  addEventListener(type: 'visibilitychange', listener: () => void): void;
  removeEventListener(type: 'visibilitychange', listener: () => void): void;
}

/** The browser's clock for a page, which is asked for when it is needed: nothing is done for a page that nobody sees. */
export function pageClock(page: () => Visibility): Clock {
  return {
    nowMs: () => Date.now(),
    after: (ms, fn) => {
      let isOff = false;
      let unwatch = (): void => undefined;
      const due = (): void => {
        unwatch();
        if (!isOff && !page().hidden) fn();
        else if (!isOff) unwatch = onChange(page(), due);
      };
      const timer = setTimeout(due, ms);
      return () => {
        isOff = true;
        clearTimeout(timer);
        unwatch();
      };
    },
  };
}

function onChange(page: Visibility, fn: () => void): () => void {
  page.addEventListener('visibilitychange', fn);
  return () => page.removeEventListener('visibilitychange', fn);
}

/** The clock of this page. */
export const BROWSER_CLOCK: Clock = pageClock(() => document);

/** How long a Loader waits before it fetches again, by what is known now; null for not again. */
export type Pace<T> = number | null | ((now: Fetched<T>) => number | null);

/**
 * Loader fetches something, again every so often and when it is asked to. What
 * was fetched stays while it is fetched again, and is marked as old when that
 * fails. Of two fetches at once only the later counts.
 */
export class Loader<T> {
  readonly #fetch: (signal: AbortSignal) => Promise<T>;
  readonly #every: Pace<T>;
  readonly #clock: Clock;
  readonly #out = writable<Fetched<T>>({state: 'loading'});
  #current: Fetched<T> = {state: 'loading'};
  #request: AbortController | null = null;
  #cancelTimer: () => void = () => undefined;
  /** Between load and stop. */
  #isOn = false;

  constructor(fetch: (signal: AbortSignal) => Promise<T>, every: Pace<T> = null, clock: Clock = BROWSER_CLOCK) {
    this.#fetch = fetch;
    this.#every = every;
    this.#clock = clock;
  }

  /** What is known now. */
  get state(): Readable<Fetched<T>> {
    return this.#out;
  }

  /** Fetches it; anew forgets what was known, as when something else is asked for. */
  async load(anew = false): Promise<void> {
    this.stop();
    this.#isOn = true;
    const request = new AbortController();
    this.#request = request;
    if (anew) this.#set({state: 'loading'});
    try {
      const value = await this.#fetch(request.signal);
      if (this.#request !== request) return;
      this.#set({state: 'loaded', value, atMs: this.#clock.nowMs(), failingSinceMs: null});
    } catch (error) {
      if (this.#request !== request) return;
      this.#failed(error);
    }
    this.#request = null;
    this.#schedule();
  }

  /**
   * Puts value in the place of what was fetched, as after a command that
   * answered it. A fetch that is under way may have been answered before, and is
   * forgotten.
   */
  put(value: T): void {
    const wasOn = this.#isOn;
    this.stop();
    this.#set({state: 'loaded', value, atMs: this.#clock.nowMs(), failingSinceMs: null});
    if (!wasOn) return;
    this.#isOn = true;
    this.#schedule();
  }

  /** Ends fetching until the next load. */
  stop(): void {
    this.#request?.abort();
    this.#request = null;
    this.#cancelTimer();
    this.#isOn = false;
  }

  #schedule(): void {
    const ms = typeof this.#every === 'function' ? this.#every(this.#current) : this.#every;
    if (ms !== null) this.#cancelTimer = this.#clock.after(ms, () => void this.load());
  }

  #failed(error: unknown): void {
    const known = this.#current;
    if (known.state === 'loaded') {
      this.#set({...known, failingSinceMs: known.failingSinceMs ?? this.#clock.nowMs()});
      return;
    }
    this.#set({state: 'failed', error: error instanceof ApiError ? error : new ApiError(0, String(error), '')});
  }

  #set(next: Fetched<T>): void {
    this.#current = next;
    this.#out.set(next);
  }
}
