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
  after(ms: number, fn: () => void): () => void;
}

/** The browser's clock. */
export const BROWSER_CLOCK: Clock = {
  nowMs: () => Date.now(),
  after: (ms, fn) => {
    const timer = setTimeout(fn, ms);
    return () => clearTimeout(timer);
  },
};

/**
 * Loader fetches something, again every so often and when it is asked to. What
 * was fetched stays while it is fetched again, and is marked as old when that
 * fails. Of two fetches at once only the later counts.
 */
export class Loader<T> {
  readonly #fetch: (signal: AbortSignal) => Promise<T>;
  readonly #everyMs: number | null;
  readonly #clock: Clock;
  readonly #out = writable<Fetched<T>>({state: 'loading'});
  #current: Fetched<T> = {state: 'loading'};
  #request: AbortController | null = null;
  #cancelTimer: () => void = () => undefined;

  constructor(fetch: (signal: AbortSignal) => Promise<T>, everyMs: number | null = null, clock: Clock = BROWSER_CLOCK) {
    this.#fetch = fetch;
    this.#everyMs = everyMs;
    this.#clock = clock;
  }

  /** What is known now. */
  get state(): Readable<Fetched<T>> {
    return this.#out;
  }

  /** Fetches it; anew forgets what was known, as when something else is asked for. */
  async load(anew = false): Promise<void> {
    this.stop();
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
    if (this.#everyMs !== null) this.#cancelTimer = this.#clock.after(this.#everyMs, () => void this.load());
  }

  /** Puts value in the place of what was fetched, as after a command that answered it. */
  put(value: T): void {
    this.#set({state: 'loaded', value, atMs: this.#clock.nowMs(), failingSinceMs: null});
  }

  /** Ends fetching until the next load. */
  stop(): void {
    this.#request?.abort();
    this.#request = null;
    this.#cancelTimer();
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
