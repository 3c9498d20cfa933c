import {decodeColumns, flag, int, list, num, optional, record, str, instantMs, WireError, type CellId, type Columns} from '../../wire';

/** What the cells showed at one moment; columns go by the cells of the History. */
export interface HistoryFrame extends Columns {
  readonly atMs: number;
}

/** Cells as they were, a frame a step. */
export interface History {
  readonly cells: readonly CellId[];
  readonly frames: readonly HistoryFrame[];
}

/** Decodes the answer of /cells/history. */
export function decodeHistory(x: unknown): History {
  const o = record(x, 'history');
  const cells = list(o['cells'], 'history.cells').map((c) => str(c, 'cell'));
  const frames = list(o['frames'], 'history.frames').map((f): HistoryFrame => {
    const frame = record(f, 'frame');
    const columns = decodeColumns(frame['i'], frame['v'], frame['n']);
    if ((columns.indices[columns.indices.length - 1] ?? -1) >= cells.length) throw new WireError('frame.i goes beyond the cells');
    return {...columns, atMs: instantMs(frame['at'], 'frame.at')};
  });
  return {cells, frames};
}

/** A device near what the map shows. */
export interface NearbyDevice {
  readonly id: string;
  readonly name: string;
  readonly latDegrees: number;
  readonly lonDegrees: number;
  readonly isCamera: boolean;
  readonly isOnline: boolean;
}

/** Decodes the answer of /devices/near. */
export function decodeNear(x: unknown): readonly NearbyDevice[] {
  return list(record(x, 'near')['devices'], 'near.devices').map((d) => {
    const o = record(d, 'device');
    return {
      id: str(o['id'], 'device.id'), name: str(o['name'], 'device.name'),
      latDegrees: num(o['lat'], 'device.lat'), lonDegrees: num(o['lon'], 'device.lon'),
      isCamera: flag(o['camera'], 'device.camera'), isOnline: str(o['state'], 'device.state') === 'online',
    };
  });
}

/** Decodes a page of /devices to those with a place. */
export function decodePlaced(x: unknown): readonly NearbyDevice[] {
  return list(record(x, 'devices')['devices'], 'devices').flatMap((d) => {
    const o = record(d, 'device');
    if (o['wgs84'] === undefined || o['wgs84'] === null) return [];
    const p = record(o['wgs84'], 'device.wgs84');
    return [{
      id: str(o['id'], 'device.id'), name: optional(o['name'], 'device.name'),
      latDegrees: num(p['lat'], 'device.lat'), lonDegrees: num(p['lon'], 'device.lon'),
      isCamera: false, isOnline: optional(o['state'], 'device.state') === 'online',
    }];
  });
}

/** What is usual at a moment: half, a tenth and nine tenths of past values lie below. */
export interface Usual {
  /** Seconds since 1970, ascending. */
  readonly times: readonly number[];
  readonly low: readonly (number | null)[];
  readonly middle: readonly (number | null)[];
  readonly high: readonly (number | null)[];
  /** How many past days there is data of. */
  readonly days: number;
}

/** Decodes the answer of /series/usual. */
export function decodeUsual(x: unknown): Usual {
  const o = record(x, 'usual');
  const points = list(o['points'], 'usual.points').map((p) => record(p, 'usual.point'));
  const column = (key: string): readonly (number | null)[] => points.map((p) => num(p[key], `usual.${key}`));
  return {
    times: points.map((p) => instantMs(p['at'], 'usual.at') / 1000),
    low: column('low'), middle: column('middle'), high: column('high'), days: int(o['days'], 'usual.days'),
  };
}

/** The last word of a device in a cell. */
export interface Heard {
  readonly device: string;
  readonly value: number;
  readonly atMs: number;
  readonly count: number;
}

/** Decodes a page of /observations to the newest of each device, the newest first. */
export function decodeHeard(x: unknown): readonly Heard[] {
  const byDevice = new Map<string, Heard>();
  for (const item of list(record(x, 'observations')['observations'], 'observations')) {
    const o = record(item, 'observation');
    const device = str(o['device'], 'observation.device');
    const atMs = instantMs(o['time'], 'observation.time');
    const known = byDevice.get(device);
    const value = num(o['value'], 'observation.value');
    byDevice.set(device, known !== undefined && known.atMs >= atMs ? {...known, count: known.count + 1} : {device, value, atMs, count: (known?.count ?? 0) + 1});
  }
  return [...byDevice.values()].sort((a, b) => b.atMs - a.atMs || (a.device < b.device ? -1 : 1));
}
