import {applyAlerts, recounted, type AlertBook} from './alerts';
import {applyCells, unreachable, type CellsState} from './cells';
import {decodeFrame, encodeFrame, type Alert, type AlertsFrame, type CellCounts, type CellsFrame, type ServerFrame} from './wire';

/** After this long without a frame what the page shows is old. */
export const STALE_AFTER_MS = 12_000;

/** A socket that has not said hello by then is given up. */
const WELCOME_WITHIN_MS = 10_000;

/** Bounds of the full-jitter wait before a reconnect. */
export const BACKOFF = {baseMs: 500, capMs: 30_000};

/** Cells topics that nobody looks at are remembered, for resuming, up to this many. */
const REMEMBERED_TOPICS = 8;

/** An open socket, or one that is opening. */
export interface SocketHandle {
  send(text: string): void;
  close(): void;
}

/** What a socket tells; after `closed` it tells nothing more. */
export interface SocketEvents {
  opened(): void;
  message(text: string): void;
  closed(): void;
}

/** The world as the connection sees it, so that tests can be the world. */
export interface World {
  openSocket(events: SocketEvents): SocketHandle;
  nowMs(): number;
  /** Calls fn once after ms; the answer undoes it. */
  after(ms: number, fn: () => void): () => void;
  /** In [0, 1). */
  random(): number;
}

/** How the page stands with the server. */
export interface Link {
  readonly phase: 'connecting' | 'live' | 'waiting';
  /** Nothing was heard for STALE_AFTER_MS: what is shown is old. */
  readonly stale: boolean;
  readonly lastFrameAtMs: number | null;
  /** When the next try is, while waiting. */
  readonly retryAtMs: number | null;
  /** Age of the newest observation when it was last told, null before the first. */
  readonly lagMs: number | null;
  readonly lagAtMs: number | null;
  /** Server clock less ours. */
  readonly clockOffsetMs: number;
  /** How large the server's district is. */
  readonly district: CellCounts;
}

/** The link before anything was heard. */
export const NO_LINK: Link = {
  phase: 'connecting', stale: false, lastFrameAtMs: null, retryAtMs: null, lagMs: null, lagAtMs: null, clockOffsetMs: 0, district: {},
};

/** Who is told. Calls come one at a time and never from inside a method of LiveConnection's caller. */
export interface Listener {
  link(link: Link): void;
  cells(topic: string, state: CellsState): void;
  /** `news` are changes that were not known before. */
  alerts(book: AlertBook, news: readonly Alert[]): void;
  /** A frame that could not be read, or a request that was refused. */
  problem(text: string): void;
}

/** The wait before try number `attempt`, counted from 0: full jitter, 0.5 to 30 s at most. */
export function backoffMs(attempt: number, random: number): number {
  return Math.round(random * Math.min(BACKOFF.capMs, BACKOFF.baseMs * 2 ** Math.min(attempt, 16)));
}

/**
 * An id for a topic that is the same in every page, turn 0 or 1: pages that watch a
 * topic under one id share what the server encodes. Subscribing again takes the other
 * turn, so that frames that were under way are told apart. It is twice the 32-bit
 * FNV-1a of the topic, which is ASCII, plus the turn.
 */
export function topicID(topic: string, turn: number): number {
  let hash = 0x811c9dc5;
  for (let k = 0; k < topic.length; k++) hash = Math.imul(hash ^ topic.charCodeAt(k), 0x01000193);
  return (hash >>> 0) * 2 + (turn & 1);
}

interface Subscription {
  readonly topic: string;
  /** 0 while it is not the server's. */
  id: number;
  /** Mismatches since the last frame that fitted. */
  misfits: number;
}

/**
 * LiveConnection keeps one WebSocket to the server alive, subscribes to topics
 * and resumes them from the last number after every cut. What was received
 * survives cuts; a frame is applied exactly when it builds on what is known.
 */
export class LiveConnection {
  readonly #world: World;
  readonly #listener: Listener;
  readonly #subscriptions = new Map<string, Subscription>();
  /** The turn of the id that a topic was last subscribed under on this socket. */
  readonly #turns = new Map<string, number>();
  readonly #cells = new Map<string, CellsState>();
  #book: AlertBook | null = null;
  #link: Link = NO_LINK;
  #socket: SocketHandle | null = null;
  #generation = 0;
  #welcomed = false;
  #attempt = 0;
  #retryMs: number | null = null;
  #cancelRetry: () => void = () => undefined;
  #cancelStale: () => void = () => undefined;
  #heartbeatMs = 5000;

  constructor(world: World, listener: Listener) {
    this.#world = world;
    this.#listener = listener;
  }

  /** Opens the first socket. */
  start(): void {
    this.#armStale(STALE_AFTER_MS);
    this.#connect();
  }

  /** Ends for good. */
  stop(): void {
    this.#cancelRetry();
    this.#cancelStale();
    this.#drop();
  }

  /** Subscribes to a topic now and after every reconnect; the answer undoes it. */
  subscribe(topic: string): () => void {
    const sub: Subscription = {topic, id: 0, misfits: 0};
    this.#subscriptions.set(topic, sub);
    if (this.#welcomed) this.#ask(sub, true);
    return () => {
      if (this.#subscriptions.get(topic) !== sub) return;
      this.#subscriptions.delete(topic);
      if (this.#welcomed && sub.id !== 0) this.#send({t: 'unsub', id: sub.id});
      this.#forgetOldTopics();
    };
  }

  /** What is remembered of a cells topic, also of one no longer subscribed. */
  cells(topic: string): CellsState | null {
    return this.#cells.get(topic) ?? null;
  }

  /** The number reached, per topic. */
  sequences(): Readonly<Record<string, number>> {
    const out: Record<string, number> = {};
    for (const [topic, state] of this.#cells) out[topic] = state.seq;
    if (this.#book !== null) out['alerts'] = this.#book.seq;
    return out;
  }

  /**
   * Looks again at once, when the machine woke up, the network came back or the
   * page became visible: timers may have been asleep as well.
   */
  check(): void {
    const heard = this.#link.lastFrameAtMs;
    const silentMs = heard === null ? Infinity : this.#world.nowMs() - heard;
    if (this.#link.phase === 'waiting') {
      this.#attempt = 0;
      this.#connect();
    } else if (this.#link.phase === 'live' && silentMs > 2 * this.#heartbeatMs) {
      this.#reconnect(0);
    }
    if (silentMs >= STALE_AFTER_MS) this.#becomeStale();
  }

  /** Cuts the socket as a broken network would. */
  cut(): void {
    this.#reconnect(null);
  }

  #connect(): void {
    this.#cancelRetry();
    this.#drop();
    const generation = ++this.#generation;
    const current = (fn: () => void): void => {
      if (generation === this.#generation) fn();
    };
    this.#setLink({phase: 'connecting', retryAtMs: null});
    this.#cancelRetry = this.#world.after(WELCOME_WITHIN_MS, () => this.#reconnect(null));
    this.#socket = this.#world.openSocket({
      opened: () => undefined,
      message: (text) => current(() => this.#receive(text)),
      closed: () => current(() => this.#reconnect(null)),
    });
  }

  #drop(): void {
    this.#generation++;
    this.#welcomed = false;
    this.#socket?.close();
    this.#socket = null;
  }

  #reconnect(delayMs: number | null): void {
    this.#drop();
    const wait = delayMs ?? this.#retryMs ?? backoffMs(this.#attempt, this.#world.random());
    this.#retryMs = null;
    this.#attempt++;
    this.#cancelRetry();
    this.#setLink({phase: 'waiting', retryAtMs: this.#world.nowMs() + wait});
    this.#cancelRetry = this.#world.after(wait, () => this.#connect());
  }

  #receive(text: string): void {
    let frame: ServerFrame;
    try {
      frame = decodeFrame(text);
    } catch (error) {
      this.#listener.problem(`frame: ${String(error)}`);
      this.#reconnect(null);
      return;
    }
    this.#heard();
    this.#dispatch(frame);
  }

  #dispatch(frame: ServerFrame): void {
    switch (frame.kind) {
      case 'hello':
        this.#welcome(frame);
        return;
      case 'cells-snapshot':
      case 'cells-delta':
        this.#takeCells(frame);
        return;
      case 'alerts-snapshot':
      case 'alert':
        this.#takeAlerts(frame);
        return;
      case 'gap': {
        const sub = this.#byID(frame.id);
        if (sub !== undefined) this.#ask(sub, true);
        return;
      }
      case 'heartbeat':
        this.#attempt = 0;
        this.#setLink({
          lagMs: frame.lagMs,
          lagAtMs: this.#world.nowMs(),
          clockOffsetMs: frame.nowMs - this.#world.nowMs(),
        });
        this.#send({t: 'hb', now: frame.nowMs});
        return;
      case 'error':
        this.#listener.problem(`${frame.code}: ${frame.message}`);
        return;
      case 'bye':
        this.#retryMs = Math.max(0, frame.retryMs);
        this.#reconnect(null);
        return;
      case 'unknown':
        return;
      default:
        unreachable(frame);
    }
  }

  #welcome(frame: ServerFrame & {kind: 'hello'}): void {
    this.#welcomed = true;
    this.#cancelRetry();
    this.#heartbeatMs = frame.heartbeatMs;
    this.#turns.clear();
    for (const sub of this.#subscriptions.values()) sub.id = 0;
    // Who hears of the server may want other topics of it.
    this.#setLink({
      phase: 'live',
      retryAtMs: null,
      lagMs: frame.lagMs,
      lagAtMs: this.#world.nowMs(),
      clockOffsetMs: frame.nowMs - this.#world.nowMs(),
      district: frame.district,
    });
    for (const sub of this.#subscriptions.values()) if (sub.id === 0) this.#ask(sub, true);
  }

  #ask(sub: Subscription, resume: boolean): void {
    if (sub.id !== 0) this.#send({t: 'unsub', id: sub.id});
    const turn = (this.#turns.get(sub.topic) ?? 1) ^ 1;
    this.#turns.set(sub.topic, turn);
    let id = topicID(sub.topic, turn);
    while (this.#byID(id) !== undefined) id += 2;
    sub.id = id;
    const known = sub.topic === 'alerts' ? this.#book : this.#cells.get(sub.topic);
    const since = resume && known ? {since: {epoch: known.epoch, seq: known.seq}} : {};
    this.#send({t: 'sub', id: sub.id, topic: sub.topic, ...since});
  }

  #takeCells(frame: CellsFrame): void {
    const sub = this.#byID(frame.id);
    if (sub === undefined) return;
    const step = applyCells(this.#cells.get(sub.topic) ?? null, frame);
    if (step.outcome === 'mismatch') {
      this.#misfit(sub);
      return;
    }
    sub.misfits = 0;
    this.#cells.delete(sub.topic);
    this.#cells.set(sub.topic, step.state);
    this.#listener.cells(sub.topic, step.state);
  }

  /** Takes how many alerts are open by the server's count. */
  countedOpen(open: number): void {
    if (this.#book === null) return;
    const book = recounted(this.#book, open);
    if (book === this.#book) return;
    this.#book = book;
    this.#listener.alerts(book, []);
  }

  #takeAlerts(frame: AlertsFrame): void {
    const sub = this.#byID(frame.id);
    if (sub === undefined) return;
    const step = applyAlerts(this.#book, frame);
    if (step.outcome === 'mismatch') {
      this.#misfit(sub);
      return;
    }
    sub.misfits = 0;
    this.#book = step.book;
    this.#listener.alerts(step.book, step.news);
  }

  /** Asks again from the last number that fitted; the second time for everything. */
  #misfit(sub: Subscription): void {
    sub.misfits++;
    this.#ask(sub, sub.misfits < 2);
  }

  #byID(id: number): Subscription | undefined {
    for (const sub of this.#subscriptions.values()) if (sub.id === id) return sub;
    return undefined;
  }

  #forgetOldTopics(): void {
    for (const topic of this.#cells.keys()) {
      if (this.#cells.size <= REMEMBERED_TOPICS) return;
      if (!this.#subscriptions.has(topic)) this.#cells.delete(topic);
    }
  }

  #heard(): void {
    this.#armStale(STALE_AFTER_MS);
    this.#setLink({lastFrameAtMs: this.#world.nowMs(), stale: false});
  }

  #armStale(ms: number): void {
    this.#cancelStale();
    this.#cancelStale = this.#world.after(ms, () => this.#becomeStale());
  }

  #becomeStale(): void {
    this.#setLink({stale: true});
    if (this.#link.phase === 'live') this.#reconnect(null);
  }

  #send(frame: Parameters<typeof encodeFrame>[0]): void {
    this.#socket?.send(encodeFrame(frame));
  }

  #setLink(change: Partial<Link>): void {
    this.#link = {...this.#link, ...change};
    this.#listener.link(this.#link);
  }
}

/** A socket to url over the browser's own WebSocket. */
export function browserSocket(url: string, events: SocketEvents): SocketHandle {
  const ws = new WebSocket(url, 'urbangrid.v1');
  ws.onopen = () => events.opened();
  ws.onmessage = (e: MessageEvent<unknown>) => {
    if (typeof e.data === 'string') events.message(e.data);
  };
  ws.onclose = () => events.closed();
  return {
    send: (text) => {
      if (ws.readyState === WebSocket.OPEN) ws.send(text);
    },
    close: () => {
      ws.onmessage = null;
      ws.onclose = null;
      ws.close();
    },
  };
}

/** Fetches JSON from the own server; it throws on anything but success. */
export async function fetchJSON(path: string, signal?: AbortSignal): Promise<unknown> {
  const answer = await fetch(path, {headers: {accept: 'application/json, application/geo+json'}, ...(signal ? {signal} : {})});
  if (!answer.ok) throw new Error(`${path}: HTTP ${answer.status}`);
  const body: unknown = await answer.json();
  return body;
}
