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

/** What is usual over time, in windows of one length. */
export interface Band {
  /** Begins of the windows, seconds since 1970, ascending. */
  readonly times: readonly number[];
  readonly everySeconds: number;
  /** A tenth of what is usual lies below. */
  readonly low: readonly number[];
  /** What is expected: the median of the past, or the mean that was learned. */
  readonly middle: readonly number[];
  /** A tenth of what is usual lies above. */
  readonly high: readonly number[];
}

/** The reasons why nothing is learned, as the server names them. */
export const UNLEARNED = ['no_rule', 'outside', 'unheard', 'too_soon'] as const;

/** Why there is no learned baseline; unavailable: the engine could not be asked. */
export type Unlearned = (typeof UNLEARNED)[number] | 'unavailable';

/** What the engine has learned and judges by. */
export interface Learned extends Band {
  readonly basis: 'learned';
  /** Every time has been learned: before, the band is wide. */
  readonly isFull: boolean;
  readonly learnedHours: number;
  readonly fullHours: number;
  readonly observations: number;
  /** Cells of the finest grid that it is made of. */
  readonly cells: number;
}

/** That the engine has not learned what is usual. */
export interface NotLearned {
  readonly basis: 'none';
  readonly why: Unlearned;
  readonly learnedHours: number;
  readonly fullHours: number;
}

/** The range of the same time on days before, in place of what is not learned. */
export interface Past extends Band {
  readonly basis: 'past';
  /** How many past days there is data of. */
  readonly days: number;
  readonly instead: NotLearned;
}

/** What is usual in a cell. */
export type Usual = Learned | Past;

function bandOf(o: Readonly<Record<string, unknown>>, middle: string): Band {
  const points = list(o['points'], 'usual.points').map((p) => record(p, 'usual.point'));
  const column = (key: string): readonly number[] => points.map((p) => num(p[key], `usual.${key}`));
  return {
    times: points.map((p) => instantMs(p['at'], 'usual.at') / 1000), everySeconds: num(o['every_seconds'], 'usual.every_seconds'),
    low: column('low'), middle: column(middle), high: column('high'),
  };
}

/** Decodes the answer of /series/baseline. */
export function decodeLearned(x: unknown): Learned | NotLearned {
  const o = record(x, 'baseline');
  const state = str(o['state'], 'baseline.state');
  const hours = {learnedHours: num(o['learned_hours'], 'baseline.learned_hours'), fullHours: num(o['full_hours'], 'baseline.full_hours')};
  if (state === 'none') {
    const why = str(o['why'], 'baseline.why');
    return {basis: 'none', why: UNLEARNED.find((u) => u === why) ?? 'unavailable', ...hours};
  }
  return {
    basis: 'learned', isFull: state === 'learned', ...hours, ...bandOf(o, 'expected'),
    observations: num(o['observations'], 'baseline.observations'), cells: int(o['cells'], 'baseline.cells'),
  };
}

/** Decodes the answer of /series/usual, which stands in for what is not learned. */
export function decodePast(x: unknown, instead: NotLearned): Past {
  const o = record(x, 'usual');
  return {basis: 'past', ...bandOf(o, 'middle'), days: int(o['days'], 'usual.days'), instead};
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
