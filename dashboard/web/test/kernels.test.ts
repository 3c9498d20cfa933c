import {afterEach, describe, expect, it, vi} from 'vitest';
import {unwhere, unwhereAll} from '../unwhere';

/**
 * What Chromium 86 lacks and the page does without; what polyfill.ts gives is not
 * in it. Each with the release that brought it.
 */
const NEWER: Readonly<Record<string, RegExp>> = {
  'longOffset (95)': /(?:long|short)(?:Offset|Generic)/,
  'structuredClone (98)': /\bstructuredClone\(/,
  'findLast (97)': /\.findLast(?:Index)?\(/,
  'toSorted (110)': /\.(?:toSorted|toReversed|toSpliced)\(/,
  'groupBy (117)': /\b(?:Object|Map)\.groupBy\(/,
  'withResolvers (119)': /\bPromise\.withResolvers\(/,
  'AbortSignal.timeout (103) and any (116)': /\bAbortSignal\.(?:timeout|any)\(/,
  'randomUUID (92, secure contexts only)': /\brandomUUID\(/,
  'size of URLSearchParams (113)': /(?:[qQ]uery|[pP]arams)\.size\b/,
  'methods of iterators (122)': /\.(?:values|keys|entries)\(\)\.(?:map|filter|some|every|find|toArray|reduce|take|drop|flatMap|forEach)\(/,
  'canParse (120)': /\bURL\.canParse\(/,
  'checkVisibility (105)': /\.checkVisibility\(/,
  ':is in a query (88)': /querySelector(?:All)?(?:<[^>]*>)?\([^)]*:(?:is|where|has)\(/,
};

const NEWER_CSS: Readonly<Record<string, RegExp>> = {
  ':has (105)': /:has\(/,
  'container queries (105)': /@container|\bcontainer(?:-type|-name)?:/,
  'layers (99)': /@layer/,
  'color-mix (111)': /color-mix\(|oklch\(/,
  'units of what is seen (108)': /\d[dsl]v[hw]\b/,
  'aspect-ratio (88)': /aspect-ratio:/,
};

function textOf(files: Readonly<Record<string, unknown>>): readonly (readonly [string, string])[] {
  return Object.entries(files).map(([name, text]) => [name, String(text)] as const);
}

function found(files: readonly (readonly [string, string])[], newer: Readonly<Record<string, RegExp>>): readonly string[] {
  return files.flatMap(([name, text]) => Object.entries(newer).filter(([, pattern]) => pattern.test(text)).map(([what]) => `${name}: ${what}`));
}

const components = textOf(import.meta.glob('../src/**/*.svelte', {query: '?raw', import: 'default', eager: true}));
const scripts = textOf(import.meta.glob('../src/**/*.ts', {query: '?raw', import: 'default', eager: true}));
const sheets = textOf(import.meta.glob('../src/*.css', {query: '?raw', import: 'default', eager: true}));

const styleOf = (component: string): string => /<style>([\s\S]*)<\/style>/.exec(component)?.[1] ?? '';
const scriptOf = (component: string): string => component.replace(/<style>[\s\S]*<\/style>/, '');

describe('Chromium 86', () => {
  afterEach(() => {
    vi.unstubAllGlobals();
    vi.resetModules();
  });

  it('is asked for nothing newer by the sources', () => {
    expect(components.length, 'components').toBeGreaterThan(50);
    expect(found([...scripts, ...components.map(([name, text]) => [name, scriptOf(text)] as const)], NEWER)).toEqual([]);
    expect(found([...sheets, ...components.map(([name, text]) => [name, styleOf(text)] as const)], NEWER_CSS)).toEqual([]);
  });

  it('knows no names of offsets, and the page reckons them', async () => {
    const real = Intl.DateTimeFormat;
    const old = function (locale?: string, options: Intl.DateTimeFormatOptions = {}): Intl.DateTimeFormat {
      if (/Offset|Generic/.test(options.timeZoneName ?? '')) throw new RangeError(`Value ${options.timeZoneName ?? ''} out of range`);
      return new real(locale, options);
    };
    vi.stubGlobal('Intl', {...Intl, DateTimeFormat: old, NumberFormat: Intl.NumberFormat});
    const {momentWithOffset, offsetAt, useZone} = await import('../src/format');
    const winter = Date.UTC(2026, 0, 1, 0, 30, 15, 250);
    const offsets = ['Asia/Shanghai', 'Asia/Kolkata', 'America/St_Johns', 'UTC', 'Pacific/Kiritimati'].map((zone) => {
      useZone(zone);
      return offsetAt(winter);
    });
    expect(offsets).toEqual(['UTC+08:00', 'UTC+05:30', 'UTC-03:30', 'UTC+00:00', 'UTC+14:00']);
    useZone('Europe/Berlin');
    expect([offsetAt(winter), offsetAt(Date.UTC(2026, 6, 1))]).toEqual(['UTC+01:00', 'UTC+02:00']);
    useZone('Asia/Shanghai');
    expect(momentWithOffset(winter)).toBe('2026-01-01 08:30:15 UTC+08:00');
  });

  it('is given throwIfAborted', async () => {
    const {throwIfAborted} = await import('../src/polyfill');
    const request = new AbortController();
    expect(() => throwIfAborted.call(request.signal)).not.toThrow();
    request.abort();
    expect(() => throwIfAborted.call(request.signal)).toThrow(expect.objectContaining({name: 'AbortError'}));
  });
});

describe('the scope of styles', () => {
  it('is written without :where, with the weight it had', () => {
    const rewritten = [
      ['.a.svelte-x1 .b:where(.svelte-x1)', '.a .b.svelte-x1'],
      ['.a.svelte-x1 thead:where(.svelte-x1) th:where(.svelte-x1):hover', '.a thead th.svelte-x1:hover'],
      ['.a.svelte-x1 > :where(.svelte-x1)', '.a > *.svelte-x1'],
      ['.a.svelte-x1:has(input:where(.svelte-x1):checked)', '.a.svelte-x1:has(input:checked)'],
      ['.a.svelte-x1:is(:where(.svelte-x1):first-child)', '.a.svelte-x1:is(*:first-child)'],
      ['.wall.svelte-x1 .view:where(.svelte-x1) .zoom', '.wall .view.svelte-x1 .zoom'],
      ['.a.svelte-x1', '.a.svelte-x1'],
    ];
    for (const [from = '', to] of rewritten) expect(unwhere(from)).toBe(to);
  });

  it('is so in every rule of a sheet', () => {
    expect(unwhereAll('.top{color:red}@media (max-width:9px){.a.s:not(.b,.c),.a.svelte-x b:where(.svelte-x){top:0}.d{left:0}}'))
      .toBe('.top{color:red}@media (max-width:9px){.a.s:not(.b,.c),.a b.svelte-x{top:0}.d{left:0}}');
  });
});

describe('names of classes', () => {
  /** Building blocks that app.css puts somewhere and that components use on purpose: the buttons of a map, and what it says at the pointer. */
  const SHARED = new Set(['zoom', 'hover']);

  it('that app.css puts in a place are no component\'s for something of its own', () => {
    const sheet = (sheets[0]?.[1] ?? '').replace(/\/\*[\s\S]*?\*\//g, '');
    const placed = new Set([...sheet.matchAll(/(?:^|\})\s*\.([\w-]+)\s*\{[^}]*(?:position: (?:absolute|fixed)|grid-(?:row|column): )[^}]*/gm)].map((found_) => found_[1] ?? ''));
    expect([...placed]).toEqual(expect.arrayContaining(['zoom', 'hover', 'cell-panel']));
    const taken = components.flatMap(([name, text]) => {
      const own = new Set([...styleOf(text).replace(/\{[^{}]*\}/g, ' ').replace(/:global\([^)]*\)/g, ' ').matchAll(/\.([a-zA-Z][\w-]*)/g)].map((found_) => found_[1] ?? ''));
      return [...own].filter((c) => placed.has(c) && !SHARED.has(c)).map((c) => `${name}: .${c}`);
    });
    expect(taken).toEqual([]);
  });
});
