import {afterEach, describe, expect, it, vi} from 'vitest';
import {decodeMute, endMute, mutesNotOver} from '../src/views/alerts/mutes';

const wire = (id: string, over: Readonly<Record<string, unknown>> = {}): Readonly<Record<string, unknown>> => ({
  id, purpose: 'mute', kind: 'noise', from: '2026-11-22T08:00:00Z', to: '2026-11-22T09:00:00Z', reason: '路面施工', by: '王芳', created_at: '2026-11-22T08:00:00Z', in_force: true, ...over,
});

describe('mutes', () => {
  afterEach(() => { vi.unstubAllGlobals(); });

  it('are read, and refused when they are not what was agreed', () => {
    expect(decodeMute(wire('a', {all: false}))).toEqual({
      id: 'a', purpose: 'mute', kind: 'noise', area: '', device: '', cell: '', rule: '', fromMs: Date.UTC(2026, 10, 22, 8), toMs: Date.UTC(2026, 10, 22, 9),
      reason: '路面施工', by: '王芳', isInForce: true,
    });
    expect(() => decodeMute(wire('a', {purpose: 'sleep'}))).toThrow();
  });

  it('come from all pages, those in force first and what ends soonest before the others', async () => {
    const asked: string[] = [];
    const pages = [
      {mutes: [wire('later', {from: '2026-11-24T00:00:00Z', to: '2026-11-25T00:00:00Z', in_force: false}), wire('long', {to: '2026-11-23T00:00:00Z'})], next: 'long'},
      {mutes: [wire('short'), wire('soon', {from: '2026-11-23T00:00:00Z', to: '2026-11-26T00:00:00Z', in_force: false})], next: ''},
    ];
    vi.stubGlobal('fetch', (path: string) => {
      asked.push(path);
      return Promise.resolve(new Response(JSON.stringify(pages[asked.length - 1])));
    });
    const found = await mutesNotOver(new AbortController().signal);
    expect(found.map((x) => x.id)).toEqual(['short', 'long', 'soon', 'later']);
    expect(asked).toEqual(['/api/v1/mutes?not_over=true&limit=1000', '/api/v1/mutes?not_over=true&limit=1000&before=long']);
  });

  it('are ended by name', async () => {
    const asked: [string, string | undefined][] = [];
    vi.stubGlobal('fetch', (path: string, init: RequestInit) => {
      asked.push([path, init.method]);
      return Promise.resolve(new Response(JSON.stringify(wire('a/b', {in_force: false}))));
    });
    expect((await endMute('a/b')).isInForce).toBe(false);
    expect(asked).toEqual([['/api/v1/mutes/a%2Fb', 'DELETE']]);
  });
});
