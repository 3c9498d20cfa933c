import {afterEach, describe, expect, it, vi} from 'vitest';
import {decodeMute, endMute, mutesNotOver, mutesShown} from '../src/views/alerts/mutes';

const wire = (id: string, over: Readonly<Record<string, unknown>> = {}): Readonly<Record<string, unknown>> => ({
  id, purpose: 'mute', kind: 'noise', from: '2026-11-22T08:00:00Z', to: '2026-11-22T09:00:00Z', reason: '路面施工', by: '王芳', created_at: '2026-11-22T08:00:00Z', in_force: true, ended_by: '', ended_at: null, ...over,
});

describe('mutes', () => {
  afterEach(() => { vi.unstubAllGlobals(); });

  it('are read, and refused when they are not what was agreed', () => {
    expect(decodeMute(wire('a', {all: false}))).toEqual({
      id: 'a', purpose: 'mute', kind: 'noise', area: '', device: '', cell: '', rule: '', fromMs: Date.UTC(2026, 10, 22, 8), toMs: Date.UTC(2026, 10, 22, 9),
      reason: '路面施工', by: '王芳', isInForce: true, endedBy: '', endedMs: null,
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
      return Promise.resolve(new Response(JSON.stringify(wire('a/b', {in_force: false, ended_by: '李强', ended_at: '2026-11-22T08:30:00Z'}))));
    });
    expect(await endMute('a/b', '李 强')).toMatchObject({isInForce: false, endedBy: '李强', endedMs: Date.UTC(2026, 10, 22, 8, 30)});
    expect(asked).toEqual([['/api/v1/mutes/a%2Fb?by=%E6%9D%8E+%E5%BC%BA', 'DELETE']]);
  });

  it('are shown with the last ones that somebody ended', async () => {
    vi.stubGlobal('fetch', (path: string) => Promise.resolve(new Response(JSON.stringify(path.includes('ended=true')
      ? {mutes: [wire('b', {ended_by: '李强', ended_at: '2026-11-22T08:10:00Z'}), wire('a', {ended_by: '赵敏', ended_at: '2026-11-22T08:30:00Z'})], next: ''}
      : {mutes: [wire('open')], next: ''}))));
    const shown = await mutesShown(new AbortController().signal);
    expect(shown.open.map((x) => x.id)).toEqual(['open']);
    expect(shown.ended.map((x) => [x.id, x.endedBy])).toEqual([['a', '赵敏'], ['b', '李强']]);
  });
});
