import {writable, type Readable} from 'svelte/store';
import {ApiError, get, send} from '../../api';
import {BROWSER_CLOCK, type Clock} from '../../load';
import {decodePreviewJob, type PreviewJob} from './wire';

/** What is known of the preview that was asked for last. */
export interface Previewed {
  readonly job: PreviewJob | null;
  /** Why there is none, in the server's words; '' otherwise. */
  readonly refused: string;
}

/** What a preview needs of the server. */
export interface PreviewServer {
  start(rule: string, body: unknown): Promise<PreviewJob>;
  look(id: string, signal: AbortSignal): Promise<PreviewJob>;
  cancel(id: string): Promise<unknown>;
}

const REAL: PreviewServer = {
  start: async (rule, body) => (await send('POST', `rules/${rule}/previews`, {body, decode: decodePreviewJob})).value,
  look: (id, signal) => get(`rule-previews/${id}`, decodePreviewJob, signal),
  cancel: (id) => send('DELETE', `rule-previews/${id}`, {decode: decodePreviewJob}),
};

const NONE: Previewed = {job: null, refused: ''};

/** Whether the server still works at a job. */
export function isRunning(job: PreviewJob | null): boolean {
  return job !== null && (job.state === 'waiting' || job.state === 'running');
}

/**
 * Previewing has one preview made at a time and looks every so often how far it
 * is. A preview that is given up, because another is asked for or because the
 * person has left, is taken off the server, too.
 */
export class Previewing {
  readonly #everyMs: number;
  readonly #server: PreviewServer;
  readonly #clock: Clock;
  readonly #out = writable<Previewed>(NONE);
  #current: Previewed = NONE;
  /** Of the preview that is wanted; another means that this one is not. */
  #request = new AbortController();
  #callOff: () => void = () => undefined;

  constructor(everyMs: number, server: PreviewServer = REAL, clock: Clock = BROWSER_CLOCK) {
    this.#everyMs = everyMs;
    this.#server = server;
    this.#clock = clock;
  }

  /** What is known now. */
  get state(): Readable<Previewed> {
    return this.#out;
  }

  /** Asks for the preview of a changed rule; of another that runs nothing is wanted any more. */
  async run(rule: string, body: unknown): Promise<void> {
    const request = await this.#abandon();
    try {
      // It is not broken off: a job must be known to be taken off.
      const job = await this.#server.start(rule, body);
      if (request.signal.aborted) {
        await this.#takeOff(job);
        return;
      }
      this.#take(job, request);
    } catch (error) {
      this.#failed(error, request);
    }
  }

  /** Gives the preview up, as when a person asks for it or leaves. */
  async cancel(): Promise<void> {
    await this.#abandon();
  }

  async #abandon(): Promise<AbortController> {
    const job = this.#current.job;
    this.#callOff();
    this.#request.abort();
    const request = new AbortController();
    this.#request = request;
    this.#set(NONE);
    if (job !== null && isRunning(job)) await this.#takeOff(job);
    return request;
  }

  /** What cannot be taken off ends by itself. */
  async #takeOff(job: PreviewJob): Promise<void> {
    try {
      await this.#server.cancel(job.id);
    } catch {
      // It has ended meanwhile, or the server is away: nobody waits for it.
    }
  }

  #take(job: PreviewJob, request: AbortController): void {
    this.#set({job, refused: ''});
    if (isRunning(job)) this.#callOff = this.#clock.after(this.#everyMs, () => void this.#look(job.id, request));
  }

  async #look(id: string, request: AbortController): Promise<void> {
    try {
      const job = await this.#server.look(id, request.signal);
      if (!request.signal.aborted) this.#take(job, request);
    } catch (error) {
      this.#failed(error, request);
    }
  }

  #failed(error: unknown, request: AbortController): void {
    if (!request.signal.aborted) this.#set({job: null, refused: error instanceof ApiError ? error.message : String(error)});
  }

  #set(next: Previewed): void {
    this.#current = next;
    this.#out.set(next);
  }
}
