import type {CellsState} from '../../cells';
import type {CellId, CellTable, KindKey, Resolution} from '../../wire';
import type {History} from './wire';

/** Time from frame to frame. */
export const STEP_MS = 300_000;

/** What is fetched at once: a few hours, aligned to the epoch so that browsers may keep it. */
export const CHUNK_MS = 4 * 3_600_000;

/** How far back one can go. */
export const REACH_MS = 24 * 3_600_000;

/** Frames a second, by the speed that a person chooses. */
export const SPEEDS = {slow: 2, normal: 4, fast: 10} as const;

/** How fast the past goes by. */
export type Speed = keyof typeof SPEEDS;

/** Values that are kept of all chunks: 64 MB. */
const KEPT_VALUES = 4_000_000;

/** Values that are fetched at once; a large district is fetched by shorter times. */
const FETCHED_VALUES = 1_000_000;

/** A past moment on the map. */
export interface PlaybackState {
  /** The reach of the slider; it stands still while the past is looked at. */
  readonly fromMs: number;
  readonly toMs: number;
  readonly atMs: number;
  readonly playing: boolean;
  readonly speed: Speed;
  /** What is known of the moment. */
  readonly frame: 'loading' | 'failed' | 'shown';
  /** The cells at the moment; those of the last shown one while another is loading. */
  readonly cells: CellsState | null;
  readonly table: CellTable | null;
}

/** What a Playback needs. */
export interface PlaybackSurroundings {
  fetch(kind: KindKey, resolution: Resolution, fromMs: number, toMs: number, signal: AbortSignal): Promise<History>;
  show(state: PlaybackState | null): void;
  after(ms: number, fn: () => void): () => void;
}

interface Chunk {
  readonly table: CellTable;
  readonly frames: readonly CellsState[];
}

function valuesOf(c: Chunk): number {
  return c.table.cells.length * c.frames.length;
}

/** How long a time is fetched at once in a district of so many cells: a divisor of CHUNK_MS. */
export function chunkFor(cells: number): number {
  let ms = CHUNK_MS;
  while (ms > STEP_MS * 6 && (ms / STEP_MS) * cells > FETCHED_VALUES) ms /= 2;
  return ms;
}

/** The moment of the frame at or before ms. */
export function stepOf(ms: number): number {
  return Math.floor(ms / STEP_MS) * STEP_MS;
}

function chunkOf(key: string, resolution: Resolution, history: History): Chunk {
  const cells: readonly CellId[] = history.cells;
  const table = {hash: `past/${key}`, resolution, cells};
  const frames = history.frames.map((f): CellsState => {
    const values = new Float64Array(cells.length).fill(NaN);
    const counts = new Float64Array(cells.length);
    f.indices.forEach((index, k) => {
      values[index] = f.values[k] ?? NaN;
      counts[index] = f.counts[k] ?? 0;
    });
    return {epoch: 'past', seq: f.atMs, table: table.hash, atMs: f.atMs, values, counts};
  });
  return {table, frames};
}

/**
 * Playback shows past moments of the kind and resolution that it is told to
 * follow. It fetches some hours at once, and the next while it plays.
 */
export class Playback {
  readonly #out: PlaybackSurroundings;
  readonly #chunks = new Map<string, Chunk>();
  #state: PlaybackState | null = null;
  #kind: KindKey = '';
  #resolution: Resolution = 9;
  #chunkMs = CHUNK_MS;
  #request: {readonly key: string; readonly abort: AbortController} | null = null;
  #cancelStep: () => void = () => undefined;

  constructor(out: PlaybackSurroundings) {
    this.#out = out;
  }

  /** Whether the past is shown. */
  get isOn(): boolean {
    return this.#state !== null;
  }

  /** What to show the past of, in a district of about so many cells of that resolution. */
  follow(kind: KindKey, resolution: Resolution, cells: number): void {
    if (kind === this.#kind && resolution === this.#resolution) return;
    this.#chunkMs = chunkFor(cells);
    this.#kind = kind;
    this.#resolution = resolution;
    if (this.#state !== null) this.seek(this.#state.atMs);
  }

  /** Goes to a moment of the 24 hours before now, from the present or within the past. */
  begin(nowMs: number, atMs: number): void {
    const toMs = stepOf(nowMs);
    this.#state = {
      fromMs: toMs - REACH_MS, toMs, atMs: toMs, playing: false, speed: this.#state?.speed ?? 'normal',
      frame: 'loading', cells: null, table: null,
    };
    this.seek(atMs);
  }

  /** Goes to a moment within the reach. */
  seek(atMs: number): void {
    const s = this.#state;
    if (s === null) return;
    this.#set({atMs: Math.max(s.fromMs, Math.min(s.toMs, stepOf(atMs)))});
    this.#show();
  }

  play(): void {
    const s = this.#state;
    if (s === null) return;
    if (s.atMs >= s.toMs) this.seek(s.fromMs);
    this.#set({playing: true});
    this.#plan();
  }

  pause(): void {
    this.#cancelStep();
    this.#set({playing: false});
  }

  setSpeed(speed: Speed): void {
    this.#set({speed});
    if (this.#state?.playing === true) this.#plan();
  }

  /** Back to the present. */
  end(): void {
    this.#cancelStep();
    this.#request?.abort.abort();
    this.#request = null;
    this.#chunks.clear();
    this.#state = null;
    this.#out.show(null);
  }

  /** Tries again what could not be fetched. */
  retry(): void {
    this.#show();
  }

  #set(change: Partial<PlaybackState>): void {
    if (this.#state === null) return;
    this.#state = {...this.#state, ...change};
    this.#out.show(this.#state);
  }

  #plan(): void {
    const s = this.#state;
    this.#cancelStep();
    if (s === null || !s.playing) return;
    this.#cancelStep = this.#out.after(1000 / SPEEDS[s.speed], () => this.#step());
  }

  #step(): void {
    const s = this.#state;
    if (s === null || !s.playing) return;
    if (s.frame === 'failed' || s.atMs >= s.toMs) {
      this.pause();
      return;
    }
    // What is not there yet is waited for.
    if (s.frame === 'shown') this.seek(s.atMs + STEP_MS);
    this.#plan();
  }

  #show(): void {
    const s = this.#state;
    if (s === null) return;
    const key = this.#key(s.atMs);
    const chunk = this.#chunks.get(key);
    if (chunk === undefined) {
      this.#set({frame: 'loading'});
      void this.#load(key, s.atMs, true);
      return;
    }
    const begin = Math.floor(s.atMs / this.#chunkMs) * this.#chunkMs;
    this.#set({frame: 'shown', cells: chunk.frames[(s.atMs - begin) / STEP_MS] ?? null, table: chunk.table});
    if (s.playing && s.atMs + this.#chunkMs <= s.toMs) void this.#load(this.#key(s.atMs + this.#chunkMs), s.atMs + this.#chunkMs, false);
  }

  #key(atMs: number): string {
    const s = this.#state;
    // The chunk that holds the end grows with time, so it is another one each time.
    const end = s !== null && Math.floor(s.toMs / this.#chunkMs) === Math.floor(atMs / this.#chunkMs) ? s.toMs : '';
    return `${this.#kind}/${this.#resolution}/${Math.floor(atMs / this.#chunkMs)}/${end}`;
  }

  async #load(key: string, atMs: number, isWanted: boolean): Promise<void> {
    if (this.#chunks.has(key) || this.#request?.key === key || (this.#request !== null && !isWanted)) return;
    this.#request?.abort.abort();
    const request = {key, abort: new AbortController()};
    this.#request = request;
    const from = Math.floor(atMs / this.#chunkMs) * this.#chunkMs;
    const to = Math.min(from + this.#chunkMs - STEP_MS, this.#state?.toMs ?? from);
    const resolution = this.#resolution;
    try {
      const history = await this.#out.fetch(this.#kind, resolution, from, to, request.abort.signal);
      if (this.#request !== request) return;
      this.#request = null;
      this.#keep(key, chunkOf(key, resolution, history));
      if (this.#state !== null && this.#key(this.#state.atMs) === key) this.#show();
    } catch {
      if (this.#request !== request) return;
      this.#request = null;
      if (this.#state !== null && this.#key(this.#state.atMs) === key) this.#set({frame: 'failed'});
    }
  }

  #keep(key: string, chunk: Chunk): void {
    this.#chunks.set(key, chunk);
    let values = 0;
    for (const c of this.#chunks.values()) values += valuesOf(c);
    for (const [old, c] of this.#chunks) {
      if (values <= KEPT_VALUES || old === key) return;
      this.#chunks.delete(old);
      values -= valuesOf(c);
    }
  }
}
