/** Watching the part of a large district that is in view, see docs/PROTOCOL.md. */
import type {CellsState} from './cells';
import type {Bounds, Place} from './geo';
import type {CellCounts, CellId, Resolution} from './wire';
import type {PlacedTable} from './model';

/** How many resolutions a tile is coarser than the cells in it. */
export const TILE_STEPS = 4;

/** A district of more cells than this is watched by tiles. */
export const TILES_FROM = 10_000;

/** Tiles beyond so many, the farthest from the middle, are not watched: the server allows 32 subscriptions. */
export const MAX_TILES = 24;

/** Edge of a tile in degrees of latitude, by the resolution of its cells. */
const EDGE_DEGREES: Readonly<Record<Resolution, number>> = {7: 0.62, 8: 0.234, 9: 0.0885, 10: 0.0334};

/** Whether cells of a resolution are watched by tiles. */
export function byTiles(district: CellCounts, resolution: Resolution): boolean {
  return (district[resolution] ?? 0) > TILES_FROM;
}

/**
 * The tiles that are in view, in ascending order. They are looked for at points a
 * third of a tile apart, one step beyond the view on every side, so that none of
 * which a part is seen is missed.
 */
export function tilesInView(tileAt: (p: Place, resolution: number) => CellId, bounds: Bounds, resolution: Resolution): readonly CellId[] {
  const [west, south, east, north] = bounds;
  const step = EDGE_DEGREES[resolution] / 3;
  const middle = {latDegrees: (south + north) / 2, lonDegrees: (west + east) / 2};
  const lonStep = step / Math.max(0.1, Math.cos((middle.latDegrees * Math.PI) / 180));
  const rows = Math.min(60, Math.ceil((north - south) / step) + 2);
  const columns = Math.min(60, Math.ceil((east - west) / lonStep) + 2);
  const nearest = new Map<CellId, number>();
  for (let y = 0; y <= rows; y++) {
    for (let x = 0; x <= columns; x++) {
      const dLat = (y - rows / 2) * step;
      const dLon = (x - columns / 2) * lonStep;
      const tile = tileAt({latDegrees: middle.latDegrees + dLat, lonDegrees: middle.lonDegrees + dLon}, resolution - TILE_STEPS);
      const distance = (dLat / step) ** 2 + (dLon / lonStep) ** 2;
      if (distance < (nearest.get(tile) ?? Infinity)) nearest.set(tile, distance);
    }
  }
  return [...nearest].sort((a, b) => a[1] - b[1]).slice(0, MAX_TILES).map(([tile]) => tile).sort();
}

/** A tile whose table has come. */
export interface TilePart {
  readonly table: PlacedTable;
  readonly cells: CellsState;
}

/** Makes one table of those of tiles in ascending order: its cells ascend as well. */
export function joinTables(parts: readonly TilePart[]): PlacedTable {
  return {
    hash: parts.map((p) => p.table.hash).join('+'),
    resolution: parts[0]?.table.resolution ?? 0,
    cells: parts.flatMap((p) => p.table.cells),
    areas: parts.flatMap((p) => p.table.areas),
  };
}

/** Makes of tiles in ascending order the cells that their joined table lists. */
export function joinCells(parts: readonly TilePart[], table: PlacedTable): CellsState {
  const values = new Float64Array(table.cells.length).fill(NaN);
  const counts = new Float64Array(table.cells.length);
  let at = 0;
  for (const {table: own, cells} of parts) {
    values.set(cells.values.subarray(0, own.cells.length), at);
    counts.set(cells.counts.subarray(0, own.cells.length), at);
    at += own.cells.length;
  }
  return {
    epoch: parts[0]?.cells.epoch ?? '',
    seq: Math.max(0, ...parts.map((p) => p.cells.seq)),
    table: table.hash,
    atMs: Math.max(0, ...parts.map((p) => p.cells.atMs)),
    values, counts,
  };
}

/** What a TileFeed needs. */
export interface TileWorld {
  subscribe(topic: string): () => void;
  /** What is remembered of a topic. */
  cells(topic: string): CellsState | null;
  loadTable(hash: string): Promise<PlacedTable>;
  show(cells: CellsState, table: PlacedTable): void;
  /** Calls fn soon, once for however many tiles have changed; the answer undoes it. */
  soon(fn: () => void): () => void;
}

/** TileFeed subscribes to tiles of a topic and shows them as one. */
export class TileFeed {
  readonly #world: TileWorld;
  /** By topic, in ascending order of the tile. */
  #tiles = new Map<string, {readonly undo: () => void}>();
  readonly #tables = new Map<string, PlacedTable>();
  #joined: PlacedTable | null = null;
  #cancel: (() => void) | null = null;

  constructor(world: TileWorld) {
    this.#world = world;
  }

  /** Watches other tiles of a topic; none ends it. Those that were watched before go on. */
  watch(topic: string, tiles: readonly CellId[]): void {
    const wanted = tiles.map((tile) => `${topic}/${tile}`);
    for (const [name, {undo}] of this.#tiles) if (!wanted.includes(name)) undo();
    const before = this.#tiles;
    this.#tiles = new Map(wanted.map((name) => [name, before.get(name) ?? {undo: this.#world.subscribe(name)}]));
    for (const name of wanted) this.#want(name);
    this.#later();
  }

  /** Takes news of a topic, if it is one of the tiles. */
  take(topic: string): boolean {
    if (!this.#tiles.has(topic)) return false;
    this.#want(topic);
    this.#later();
    return true;
  }

  #want(topic: string): void {
    const hash = this.#world.cells(topic)?.table;
    if (hash === undefined || this.#tables.has(hash)) return;
    this.#world.loadTable(hash).then((table) => {
      this.#tables.set(hash, table);
      this.#later();
    }).catch(() => undefined); // the next change asks again
  }

  #later(): void {
    this.#cancel ??= this.#world.soon(() => {
      this.#cancel = null;
      this.#show();
    });
  }

  #show(): void {
    const parts: TilePart[] = [];
    const used = new Set<string>();
    for (const topic of this.#tiles.keys()) {
      const cells = this.#world.cells(topic);
      const table = cells === null ? undefined : this.#tables.get(cells.table);
      if (cells === null || table === undefined) continue;
      used.add(table.hash);
      parts.push({table, cells});
    }
    for (const hash of this.#tables.keys()) if (!used.has(hash) && this.#tables.size > 4 * MAX_TILES) this.#tables.delete(hash);
    if (parts.length === 0) return;
    const hash = parts.map((p) => p.table.hash).join('+');
    const table = this.#joined?.hash === hash ? this.#joined : joinTables(parts);
    this.#joined = table;
    this.#world.show(joinCells(parts, table), table);
  }
}
