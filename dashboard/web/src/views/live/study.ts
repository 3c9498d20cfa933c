import {ApiError, get} from '../../api';
import {SPANS, type Loadable, type Span} from '../../model';
import {decodeSeries, type CellId, type KindKey, type Series} from '../../wire';
import {decodeHeard, decodeLearned, decodePast, type Heard, type NotLearned, type Usual} from './wire';

/** A series is fetched again this often while it is looked at. */
const SERIES_EVERY_MS = 10_000;

/** What is usual changes slowly, and who spoke is read from raw observations. */
const AROUND_EVERY_MS = 60_000;

/** While the past goes by, what was known is asked for no more often. */
const PAST_EVERY_MS = 1000;

/** Observations that are read to see who spoke. */
const HEARD_LIMIT = '500';

/** What is looked at: one kind in one cell. */
export interface Subject {
  readonly kind: KindKey;
  readonly isEvent: boolean;
  readonly cell: CellId;
  readonly span: Span;
}

/** What is known of the subject. */
export interface Findings {
  readonly series: Loadable<Series>;
  readonly usual: Loadable<Usual>;
  readonly heard: Loadable<readonly Heard[]>;
}

/** What a Study needs. */
export interface StudySurroundings {
  /** The server's time. */
  nowMs(): number;
  /** The past moment that is shown, null for the present. */
  pastMs(): number | null;
  show(findings: Partial<Findings>): void;
}

/** Finds something out about a subject as it is, or was, at a moment. */
type Fetch<T> = (subject: Subject, moment: Moment, signal: AbortSignal) => Promise<T>;

/** What a cell is looked at in: the present, or a past moment. */
interface Moment {
  readonly atMs: number;
  readonly isPast: boolean;
}

/** One of the findings: it fetches it, again from time to time, the last request alone counting. */
class Part<K extends keyof Findings> {
  readonly #key: K;
  readonly #everyMs: number;
  readonly #fetch: Fetch<Findings[K]>;
  readonly #out: StudySurroundings;
  #request: AbortController | null = null;
  #atMs = -Infinity;
  /** The past moment that was asked about last. */
  #pastMs: number | null = null;
  #isKnown = false;

  constructor(key: K, everyMs: number, out: StudySurroundings, fetch: Fetch<Findings[K]>) {
    this.#key = key;
    this.#everyMs = everyMs;
    this.#out = out;
    this.#fetch = fetch;
  }

  forget(): void {
    this.#request?.abort();
    this.#request = null;
    this.#atMs = -Infinity;
    this.#isKnown = false;
  }

  /** Fetches it when it is due, or of another moment, and no request is under way. */
  async look(subject: Subject): Promise<void> {
    const [nowMs, pastMs] = [this.#out.nowMs(), this.#out.pastMs()];
    const dueMs = pastMs === this.#pastMs ? this.#everyMs : PAST_EVERY_MS;
    if (this.#request !== null || nowMs - this.#atMs < dueMs) return;
    const request = new AbortController();
    this.#request = request;
    this.#atMs = nowMs;
    this.#pastMs = pastMs;
    try {
      const found = await this.#fetch(subject, {atMs: pastMs ?? nowMs, isPast: pastMs !== null}, request.signal);
      if (this.#request !== request) return;
      this.#isKnown = true;
      this.#show(found);
    } catch (error) {
      if (this.#request !== request) return;
      console.warn(this.#key, error);
      // What is known is better than nothing, until the next time.
      if (!this.#isKnown) this.#show({state: 'failed'});
    }
    this.#request = null;
  }

  #show(found: Findings[K] | {readonly state: 'failed'}): void {
    this.#out.show({[this.#key]: found});
  }
}

function asked(subject: Subject, toMs: number, more: Readonly<Record<string, string>>): string {
  return new URLSearchParams({
    kind: subject.kind, cell: subject.cell,
    from: new Date(toMs - SPANS[subject.span].ms).toISOString(), to: new Date(toMs).toISOString(), ...more,
  }).toString();
}

function loaded<T>(value: T): Loadable<T> {
  return {state: 'loaded', value};
}

/** The width of a window: that of the usual range for events, which are counts of one. */
function everyOf(subject: Subject): string {
  return subject.isEvent ? SPANS[subject.span].usual : SPANS[subject.span].every;
}

/** The longest window of what is usual. */
const WINDOW_MS = 600_000;

const UNAVAILABLE: NotLearned = {basis: 'none', why: 'unavailable', learnedHours: 0, fullHours: 0};

/** What the engine has learned; while it has not, or does not answer, the range of the days before. */
async function usualOf(subject: Subject, {atMs, isPast}: Moment, signal: AbortSignal): Promise<Usual> {
  // The moment of a playback is where a window begins: that window is the one it lies in.
  const query = asked(subject, isPast ? atMs + WINDOW_MS : atMs, {every: SPANS[subject.span].usual});
  const learned = await get(`series/baseline?${query}`, decodeLearned, signal).catch((error: unknown) => {
    if (error instanceof ApiError) return UNAVAILABLE;
    throw error;
  });
  return learned.basis === 'learned' ? learned : get(`series/usual?${query}`, (x) => decodePast(x, learned), signal);
}

/** Study finds out what there is to know of a cell, and keeps it fresh while it is looked at. */
export class Study {
  readonly #out: StudySurroundings;
  readonly #parts: readonly [Part<'series'>, Part<'usual'>, Part<'heard'>];
  #subject: Subject | null = null;

  constructor(out: StudySurroundings) {
    this.#out = out;
    this.#parts = [
      new Part('series', SERIES_EVERY_MS, out, async (s, moment, signal) => loaded(await get(
        `series?${asked(s, moment.atMs, {every: everyOf(s), agg: s.isEvent ? 'count' : 'mean'})}`, decodeSeries, signal))),
      new Part('usual', AROUND_EVERY_MS, out, async (s, moment, signal) => loaded(await usualOf(s, moment, signal))),
      new Part('heard', AROUND_EVERY_MS, out, async (s, moment, signal) => loaded(await get(
        `observations?${asked(s, moment.atMs, {limit: HEARD_LIMIT})}`, decodeHeard, signal))),
    ];
  }

  /** Looks at something else, null for nothing. */
  of(subject: Subject | null): void {
    this.#subject = subject;
    for (const part of this.#parts) part.forget();
    this.#out.show({series: {state: 'loading'}, usual: {state: 'loading'}, heard: {state: 'loading'}});
    this.look();
  }

  /** Fetches what is due. */
  look(): void {
    const subject = this.#subject;
    if (subject === null) return;
    for (const part of this.#parts) void part.look(subject);
  }
}
