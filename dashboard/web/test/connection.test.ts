import {beforeEach, describe, expect, it} from 'vitest';
import {backoffMs, LiveConnection, STALE_AFTER_MS, topicID, type Link, type SocketEvents, type World} from '../src/connection';
import type {AlertBook} from '../src/alerts';

/** A world of fake sockets and fake time. */
class FakeWorld implements World {
  now = 1_000_000;
  chance = 0.5;
  readonly sockets: {readonly events: SocketEvents; readonly sent: unknown[]; closed: boolean}[] = [];
  #timers: {readonly at: number; readonly fn: () => void}[] = [];

  openSocket(events: SocketEvents): {send(text: string): void; close(): void} {
    const socket: FakeWorld['sockets'][number] = {events, sent: [], closed: false};
    this.sockets.push(socket);
    return {send: (text) => socket.sent.push(JSON.parse(text)), close: () => { socket.closed = true; }};
  }

  nowMs(): number {
    return this.now;
  }

  after(ms: number, fn: () => void): () => void {
    const timer = {at: this.now + ms, fn};
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((t) => t !== timer);
    };
  }

  random(): number {
    return this.chance;
  }

  pass(ms: number): void {
    const end = this.now + ms;
    for (;;) {
      const next = this.#timers.filter((t) => t.at <= end).sort((a, b) => a.at - b.at)[0];
      if (next === undefined) break;
      this.now = next.at;
      this.#timers = this.#timers.filter((t) => t !== next);
      next.fn();
    }
    this.now = end;
  }

  get socket(): FakeWorld['sockets'][number] {
    const last = this.sockets[this.sockets.length - 1];
    if (last === undefined) throw new Error('no socket was opened');
    return last;
  }

  say(frame: object): void {
    this.socket.events.message(JSON.stringify(frame));
  }

  hello(): void {
    this.socket.events.opened();
    this.say({t: 'hello', v: 1, server: 's', epoch: 'e1', now: this.now, hb: 5000});
  }
}

const TOPIC = 'cells/noise/r9';
const [ID, OTHER] = [topicID(TOPIC, 0), topicID(TOPIC, 1)];
const [ALERTS, ALERTS_OTHER] = [topicID('alerts', 0), topicID('alerts', 1)];
let world: FakeWorld;
let link: Link;
let books: AlertBook[];
let news: string[];
let problems: string[];
let connection: LiveConnection;

beforeEach(() => {
  world = new FakeWorld();
  books = [];
  news = [];
  problems = [];
  connection = new LiveConnection(world, {
    link: (l) => { link = l; },
    cells: () => undefined,
    alerts: (book, fresh) => {
      books.push(book);
      news.push(...fresh.map((a) => `${a.id}.${a.revision}`));
    },
    problem: (text) => problems.push(text),
  });
});

function subscribed(): void {
  connection.subscribe(TOPIC);
  connection.start();
  world.hello();
  world.say({t: 'snap', id: ID, epoch: 'e1', seq: 10, tbl: 't', ts: 0, i: [0], v: [1], n: [1]});
}

function event(id: number, seq: number, revision: number): object {
  return {t: 'ev', id, seq, alert: {
    id: 'x', revision, rule: 'r', kind: 'noise', place: 'device/d', state: 'open', severity: 'notice', device: 'd', cell: '', area: '', lat: 31, lon: 121,
    value: 1, baseline: 1, reason: {zh: '甲', en: 'a'}, raised_at: '2026-11-22T08:00:00Z', updated_at: '2026-11-22T08:00:00Z', cleared_at: null,
  }};
}

describe('ids', () => {
  it('are those that other clients of the protocol use', () => {
    expect([topicID('alerts', 0), topicID('cells/noise/r9', 0), topicID('cells/noise/r9', 1)]).toEqual([7063782012, 234270370, 234270371]);
  });
});

describe('subscribing', () => {
  it('waits for hello, and asks for everything the first time', () => {
    connection.subscribe(TOPIC);
    connection.start();
    expect(world.socket.sent).toEqual([]);
    world.hello();
    expect(world.socket.sent).toEqual([{t: 'sub', id: ID, topic: TOPIC}]);
    expect(link.phase).toBe('live');
  });

  it('asks once for what somebody wants who hears of the server, and not for what he no longer does', () => {
    let undo: () => void = () => undefined;
    const own = new LiveConnection(world, {
      link: (l) => {
        if (l.phase !== 'live') return;
        undo();
        undo = () => undefined;
        own.subscribe('alerts');
      },
      cells: () => undefined, alerts: () => undefined, problem: () => undefined,
    });
    undo = own.subscribe(TOPIC);
    own.start();
    world.hello();
    expect(world.socket.sent).toEqual([{t: 'sub', id: ALERTS, topic: 'alerts'}]);
  });

  it('resumes from the last number after a cut, and nothing is forgotten', () => {
    subscribed();
    world.say({t: 'd', id: ID, seq: 12, from: 10, ts: 0, i: [1], v: [2], n: [1]});
    world.socket.events.closed();
    expect(link.phase).toBe('waiting');
    expect(connection.cells(TOPIC)?.seq).toBe(12);
    world.pass(500);
    world.hello();
    expect(world.socket.sent).toEqual([{t: 'sub', id: ID, topic: TOPIC, since: {epoch: 'e1', seq: 12}}]);
    world.say({t: 'd', id: ID, seq: 20, from: 12, ts: 0, i: [1], v: [3], n: [1]});
    expect([...(connection.cells(TOPIC)?.values ?? [])]).toEqual([1, 3]);
  });

  it('takes its word back when undone, and resumes when asked again', () => {
    connection.start();
    world.hello();
    const undo = connection.subscribe(TOPIC);
    world.say({t: 'snap', id: ID, epoch: 'e1', seq: 10, tbl: 't', ts: 0, i: [0], v: [1], n: [1]});
    undo();
    expect(world.socket.sent[1]).toEqual({t: 'unsub', id: ID});
    world.say({t: 'd', id: ID, seq: 11, from: 10, ts: 0, i: [0], v: [9], n: [1]});
    expect(connection.cells(TOPIC)?.seq).toBe(10);
    connection.subscribe(TOPIC);
    expect(world.socket.sent[2]).toMatchObject({t: 'sub', since: {epoch: 'e1', seq: 10}});
    undo();
    expect(world.socket.sent).toHaveLength(3);
  });

  it('subscribes again when a delta does not build on what it has, the second time without since', () => {
    subscribed();
    world.say({t: 'd', id: ID, seq: 14, from: 12, ts: 0, i: [0], v: [5], n: [1]});
    expect(connection.cells(TOPIC)?.seq).toBe(10);
    expect(world.socket.sent.slice(1)).toEqual([{t: 'unsub', id: ID}, {t: 'sub', id: OTHER, topic: TOPIC, since: {epoch: 'e1', seq: 10}}]);
    world.say({t: 'd', id: OTHER, seq: 15, from: 13, ts: 0, i: [0], v: [5], n: [1]});
    expect(world.socket.sent.slice(3)).toEqual([{t: 'unsub', id: OTHER}, {t: 'sub', id: ID, topic: TOPIC}]);
  });

  it('asks again from the last event after a gap', () => {
    connection.subscribe('alerts');
    connection.start();
    world.hello();
    world.say({t: 'snap', id: ALERTS, epoch: 'a', seq: 3, ts: 0, alerts: []});
    world.say(event(ALERTS, 4, 1));
    world.say({t: 'gap', id: ALERTS, after: 4});
    expect(world.socket.sent[2]).toEqual({t: 'sub', id: ALERTS_OTHER, topic: 'alerts', since: {epoch: 'a', seq: 4}});
  });

  it('tells of a repeated alert revision once', () => {
    connection.subscribe('alerts');
    connection.start();
    world.hello();
    world.say({t: 'snap', id: ALERTS, epoch: 'a', seq: 3, ts: 0, alerts: []});
    world.say(event(ALERTS, 4, 1));
    world.say(event(ALERTS, 4, 1));
    world.say(event(ALERTS, 5, 2));
    expect(news).toEqual(['x.1', 'x.2']);
    expect(connection.sequences()).toEqual({alerts: 5});
    expect(books).toHaveLength(4);
  });
});

describe('the line', () => {
  it('is stale after twelve silent seconds, and connects anew', () => {
    subscribed();
    world.pass(STALE_AFTER_MS - 1);
    expect(link).toMatchObject({stale: false, phase: 'live'});
    world.pass(1);
    expect(link).toMatchObject({stale: true, phase: 'waiting'});
    expect(world.sockets[0]?.closed).toBe(true);
    world.pass(500);
    expect(world.sockets).toHaveLength(2);
    world.hello();
    expect(link).toMatchObject({stale: false, phase: 'live'});
  });

  it('answers heartbeats', () => {
    subscribed();
    world.say({t: 'hb', now: 1234, lag: null});
    expect(world.socket.sent.slice(1)).toEqual([{t: 'hb', now: 1234}]);
  });

  it('knows how large the district is', () => {
    connection.start();
    world.say({t: 'hello', v: 1, server: 's', epoch: 'e1', now: world.now, hb: 5000, district: {'9': 700, '10': 4870}});
    expect(link.district).toEqual({9: 700, 10: 4870});
  });

  it('is stale when the server was never reached', () => {
    connection.start();
    world.pass(STALE_AFTER_MS);
    expect(link).toMatchObject({stale: true, lastFrameAtMs: null});
  });

  it('stays fresh while heartbeats come', () => {
    subscribed();
    for (let k = 0; k < 10; k++) {
      world.pass(5000);
      world.say({t: 'hb', now: world.now, lag: 700});
    }
    expect(link).toMatchObject({stale: false, phase: 'live', lagMs: 700});
  });

  it('waits longer after each failure, with full jitter, never over thirty seconds', () => {
    expect([0, 1, 2, 6, 20].map((n) => backoffMs(n, 0.999_999))).toEqual([500, 1000, 2000, 30_000, 30_000]);
    expect(backoffMs(20, 0)).toBe(0);
    connection.start();
    world.chance = 0.999_999;
    const waits: number[] = [];
    for (let k = 0; k < 4; k++) {
      world.socket.events.closed();
      waits.push((link.retryAtMs ?? 0) - world.now);
      world.pass(waits[k] ?? 0);
    }
    expect(waits).toEqual([500, 1000, 2000, 4000]);
  });

  it('starts over with short waits after a heartbeat', () => {
    connection.start();
    world.chance = 0.999_999;
    for (let k = 0; k < 5; k++) {
      world.socket.events.closed();
      world.pass(30_000);
    }
    world.hello();
    world.say({t: 'hb', now: world.now, lag: null});
    world.socket.events.closed();
    expect((link.retryAtMs ?? 0) - world.now).toBe(500);
  });

  it('comes back when the server that said goodbye told it to', () => {
    subscribed();
    world.say({t: 'bye', code: 1012, retry_ms: 7777});
    expect((link.retryAtMs ?? 0) - world.now).toBe(7777);
    world.pass(7776);
    expect(world.sockets).toHaveLength(1);
    world.pass(1);
    expect(world.sockets).toHaveLength(2);
  });

  it('checks at once when the page wakes up', () => {
    subscribed();
    world.chance = 0.999_999;
    world.now += 60_000; // timers slept as well
    connection.check();
    expect(link).toMatchObject({stale: true});
    world.pass(0);
    expect(world.sockets).toHaveLength(2);
  });

  it('does not wait out the backoff when the network is back', () => {
    subscribed();
    world.chance = 0.999_999;
    world.socket.events.closed();
    connection.check();
    expect(world.sockets).toHaveLength(2);
    expect(link.phase).toBe('connecting');
  });

  it('hears nothing of a socket that was given up', () => {
    subscribed();
    const old = world.socket;
    connection.cut();
    old.events.message(JSON.stringify({t: 'd', id: ID, seq: 11, from: 10, ts: 0, i: [0], v: [9], n: [1]}));
    old.events.closed();
    expect(connection.cells(TOPIC)?.seq).toBe(10);
    world.pass(500);
    expect(world.sockets).toHaveLength(2);
  });

  it('gives a server up that speaks nonsense, and says so', () => {
    subscribed();
    world.socket.events.message('{');
    expect(problems).toHaveLength(1);
    expect(link.phase).toBe('waiting');
  });

  it('gives up a socket that opens and never says hello', () => {
    connection.start();
    world.socket.events.opened();
    world.pass(10_500);
    expect(world.sockets).toHaveLength(2);
    expect(world.sockets[0]?.closed).toBe(true);
  });

  it('opens nothing more after stop', () => {
    subscribed();
    connection.stop();
    world.pass(120_000);
    expect(world.sockets).toHaveLength(1);
    expect(world.socket.closed).toBe(true);
  });
});
