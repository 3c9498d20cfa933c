import {writable, type Readable} from 'svelte/store';
import {ApiError, get, send} from '../../api';
import {BROWSER_CLOCK, type Clock} from '../../load';
import {rejectPath, type RejectFilter} from './filter';
import {decodeJob, decodeJobs, decodeRejects, type Job, type Reject, type RejectPage, type Reread} from './wire';

/** What is known of the quarantine, newest first. */
export type Kept =
  | {readonly state: 'loading'}
  | {readonly state: 'failed'; readonly error: ApiError}
  | {
    readonly state: 'loaded';
    readonly rejects: readonly Reject[];
    readonly newest: RejectPage;
    readonly hasMore: boolean;
    readonly failingSinceMs: number | null;
  };

/** Rejects that are fetched together. */
export const REJECTS_A_PAGE = 100;

type Ask = (filter: RejectFilter, before: number, signal: AbortSignal) => Promise<RejectPage>;

const ask: Ask = (filter, before, signal) => get(rejectPath(filter, before, REJECTS_A_PAGE), decodeRejects, signal);

/**
 * Browser pages through the quarantine with a cursor and looks every so often
 * for what is new at its beginning; what has left the quarantine since leaves
 * the list, too, as far as the newest page tells.
 */
export class Browser {
  readonly #filter: RejectFilter;
  readonly #everyMs: number;
  readonly #ask: Ask;
  readonly #clock: Clock;
  readonly #out = writable<Kept>({state: 'loading'});
  #current: Kept = {state: 'loading'};
  #request: AbortController | null = null;
  #cancelTimer: () => void = () => undefined;

  constructor(filter: RejectFilter, everyMs: number, asking: Ask = ask, clock: Clock = BROWSER_CLOCK) {
    this.#filter = filter;
    this.#everyMs = everyMs;
    this.#ask = asking;
    this.#clock = clock;
  }

  /** What is known now. */
  get state(): Readable<Kept> {
    return this.#out;
  }

  /** Fetches the newest page, and again every so often. */
  async load(): Promise<void> {
    this.stop();
    await this.#fetch(0);
    this.#cancelTimer = this.#clock.after(this.#everyMs, () => void this.load());
  }

  /** Fetches the page after the last one. */
  async more(): Promise<void> {
    const known = this.#current;
    const last = known.state === 'loaded' ? known.rejects.at(-1) : undefined;
    if (known.state !== 'loaded' || !known.hasMore || last === undefined || this.#request !== null) return;
    await this.#fetch(last.id);
  }

  /** Takes out what was read again. */
  remove(id: number): void {
    const known = this.#current;
    if (known.state === 'loaded') this.#set({...known, rejects: known.rejects.filter((r) => r.id !== id)});
  }

  /** Ends fetching until the next load. */
  stop(): void {
    this.#request?.abort();
    this.#request = null;
    this.#cancelTimer();
  }

  async #fetch(before: number): Promise<void> {
    const request = new AbortController();
    this.#request = request;
    try {
      const page = await this.#ask(this.#filter, before, request.signal);
      if (this.#request === request) this.#set(this.#joined(page, before));
    } catch (error) {
      if (this.#request === request) this.#failed(error);
    } finally {
      if (this.#request === request) this.#request = null;
    }
  }

  #joined(page: RejectPage, before: number): Kept {
    const known = this.#current.state === 'loaded' ? this.#current : null;
    if (before > 0) {
      return {
        state: 'loaded', rejects: [...(known?.rejects ?? []), ...page.rejects], newest: known?.newest ?? page,
        hasMore: page.next > 0, failingSinceMs: null,
      };
    }
    const oldest = page.rejects.at(-1)?.id ?? 0;
    const older = page.next > 0 && known !== null ? known.rejects.filter((r) => r.id < oldest) : [];
    return {
      state: 'loaded', rejects: [...page.rejects, ...older], newest: page, failingSinceMs: null,
      hasMore: older.length > 0 && known !== null ? known.hasMore : page.next > 0,
    };
  }

  #failed(error: unknown): void {
    if (this.#current.state === 'loaded') {
      this.#set({...this.#current, failingSinceMs: this.#current.failingSinceMs ?? this.#clock.nowMs()});
      return;
    }
    this.#set({state: 'failed', error: error instanceof ApiError ? error : new ApiError(0, String(error), '')});
  }

  #set(next: Kept): void {
    this.#current = next;
    this.#out.set(next);
  }
}

/** How many messages of a page's filter can be read again. */
export function readable(page: RejectPage, reason: string): number {
  return Object.entries(page.kept).reduce((sum, [r, n]) => (reason === '' || r === reason ? sum + n.readable : sum), 0);
}

/** The reasons with how many are kept, most first; the one that is asked for is among them. */
export function reasonsOf(page: RejectPage, asked: string): readonly (readonly [reason: string, kept: number])[] {
  const counts = Object.entries(page.kept).map(([reason, n]): readonly [string, number] => [reason, n.kept]);
  if (asked !== '' && !(asked in page.kept)) counts.push([asked, 0]);
  return counts.sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
}

/** How many parts are still at fault. */
export function refusedCount(r: Reread): number {
  return Object.values(r.refused).reduce((sum, n) => sum + n, 0);
}

/** The newest job, null when there was none. */
export async function newestJob(signal: AbortSignal): Promise<Job | null> {
  return (await get('quarantine/jobs', decodeJobs, signal))[0] ?? null;
}

/** Starts a job for everything that a filter asks for. The key makes two clicks one job. */
export async function startJob(filter: RejectFilter, by: string, key: string): Promise<Job> {
  const asked = Object.entries({reason: filter.reason, device: filter.device, q: filter.q, by}).filter(([, value]) => value !== '');
  return (await send('POST', 'quarantine/jobs', {body: Object.fromEntries(asked), idempotencyKey: key, decode: decodeJob})).value;
}

/** Ends a job, for a person. */
export async function cancelJob(id: string, by: string): Promise<Job> {
  return (await send('DELETE', `quarantine/jobs/${encodeURIComponent(id)}?${new URLSearchParams({by}).toString()}`, {decode: decodeJob})).value;
}
