import {cellToParent, getResolution, latLngToCell} from 'h3-js';
import {describe, expect, it} from 'vitest';
import type {CellsState} from '../src/cells';
import type {PlacedTable} from '../src/model';
import {byTiles, joinCells, joinTables, MAX_TILES, TileFeed, tilesInView, type TilePart} from '../src/tiles';

const tileAt = (p: {latDegrees: number; lonDegrees: number}, resolution: number): string => latLngToCell(p.latDegrees, p.lonDegrees, resolution);

function table(hash: string, cells: readonly string[]): PlacedTable {
  return {hash, resolution: 10, cells, areas: cells.map(() => null)};
}

function state(hash: string, values: readonly number[], seq = 1): CellsState {
  return {epoch: 'e', seq, table: hash, atMs: seq, values: Float64Array.from(values), counts: Float64Array.from(values.map(() => 1))};
}

describe('tiles', () => {
  it('are for resolutions at which the district is large', () => {
    expect([byTiles({10: 60_000, 9: 9000}, 10), byTiles({10: 60_000, 9: 9000}, 9), byTiles({}, 10)]).toEqual([true, false, false]);
  });

  it('hold every cell that is in view', () => {
    for (const [resolution, wide] of [[10, 0.2], [10, 0.01], [9, 0.5], [8, 1.2], [7, 2]] as const) {
      const bounds = [121.3, 31.1, 121.3 + wide, 31.1 + wide * 0.6] as const;
      const tiles = tilesInView(tileAt, bounds, resolution);
      expect(tiles).toEqual([...tiles].sort());
      for (const tile of tiles) expect(getResolution(tile)).toBe(resolution - 4);
      for (let k = 0; k < 3000; k++) {
        const cell = latLngToCell(bounds[1] + (((k * 37) % 101) / 101) * wide * 0.6, bounds[0] + (((k * 53) % 89) / 89) * wide, resolution);
        // The tile of a cell is its parent by name; at the rim of a tile it is not always the one that the point lies in.
        expect(tiles, `${cell} in view of ${wide} degrees`).toContain(cellToParent(cell, resolution - 4));
      }
    }
  });

  it('are bounded, the nearest first', () => {
    const tiles = tilesInView(tileAt, [120, 30, 123, 33], 10);
    expect(tiles.length).toBe(MAX_TILES);
    expect(tiles).toContain(latLngToCell(31.5, 121.5, 6));
  });

  it('are joined to one table that ascends, and its values', () => {
    const parts: readonly TilePart[] = [
      {table: table('a', ['1', '2', '3']), cells: state('a', [1], 4)},
      {table: table('b', ['4', '5']), cells: state('b', [NaN, 5], 9)},
    ];
    const joined = joinTables(parts);
    expect(joined).toMatchObject({hash: 'a+b', cells: ['1', '2', '3', '4', '5']});
    const cells = joinCells(parts, joined);
    expect([...cells.values]).toEqual([1, NaN, NaN, NaN, 5]);
    expect(cells).toMatchObject({table: 'a+b', seq: 9});
  });
});

describe('TileFeed', () => {
  const known = new Map<string, CellsState>();
  const subscribed = new Set<string>();
  const shown: [CellsState, PlacedTable][] = [];
  let due: (() => void) | null = null;
  const tables = new Map([['a', table('a', ['1', '2'])], ['b', table('b', ['3'])], ['c', table('c', ['4'])]]);
  const feed = new TileFeed({
    subscribe: (topic) => {
      subscribed.add(topic);
      return () => subscribed.delete(topic);
    },
    cells: (topic) => known.get(topic) ?? null,
    loadTable: (hash) => {
      const found = tables.get(hash);
      return found === undefined ? Promise.reject(new Error('no table')) : Promise.resolve(found);
    },
    show: (cells, joined) => shown.push([cells, joined]),
    soon: (fn) => {
      due = fn;
      return () => { due = null; };
    },
  });
  const settle = async (): Promise<void> => {
    await Promise.resolve();
    await Promise.resolve();
    due?.();
  };

  it('shows what has come, and follows other tiles', async () => {
    feed.watch('t', ['x', 'y']);
    expect([...subscribed]).toEqual(['t/x', 't/y']);
    await settle();
    expect(shown).toEqual([]);
    known.set('t/x', state('a', [1, 2]));
    expect(feed.take('t/x')).toBe(true);
    expect(feed.take('t')).toBe(false);
    await settle();
    expect(shown.at(-1)?.[1].hash).toBe('a');
    known.set('t/y', state('b', [3]));
    feed.take('t/y');
    await settle();
    expect([...(shown.at(-1)?.[0].values ?? [])]).toEqual([1, 2, 3]);
    const joined = shown.at(-1)?.[1];
    known.set('t/y', state('b', [4], 2));
    feed.take('t/y');
    await settle();
    expect(shown.at(-1)?.[1], 'the same table as long as the tiles are the same').toBe(joined);
    feed.watch('t', ['y', 'z']);
    expect([...subscribed]).toEqual(['t/y', 't/z']);
    known.set('t/z', state('c', [9]));
    feed.take('t/z');
    await settle();
    expect(shown.at(-1)?.[1].hash).toBe('b+c');
    feed.watch('', []);
    expect([...subscribed]).toEqual([]);
  });
});
