import {flag, int, instantMs, list, num, record, str} from '../../wire';

/** How many alerts an area had, by severity. */
export interface AreaTally {
  readonly area: string;
  readonly critical: number;
  readonly warning: number;
  readonly notice: number;
  /** Of all of these, those that are open still. */
  readonly open: number;
}

/** The alerts of some hours by area, the one with most first. */
export interface Tally {
  readonly areas: readonly AreaTally[];
  /** Only the newest are counted. */
  readonly isTruncated: boolean;
}

/** Decodes the answer of /alerts/tally. */
export function decodeTally(x: unknown): Tally {
  const o = record(x, 'tally');
  return {
    areas: list(o['areas'], 'tally.areas').map((entry) => {
      const a = record(entry, 'tally.area');
      return {
        area: str(a['area'], 'area'), critical: int(a['critical'], 'critical'), warning: int(a['warning'], 'warning'),
        notice: int(a['notice'], 'notice'), open: int(a['open'], 'open'),
      };
    }),
    isTruncated: flag(o['truncated'], 'tally.truncated'),
  };
}

/** Conditions of devices, the best first. */
export const CONDITIONS = ['online', 'late', 'odd', 'offline', 'silent'] as const;

/** A condition of a device. */
export type Condition = (typeof CONDITIONS)[number];

/** How the system and its devices are. */
export interface Works {
  readonly perSecond: number;
  /** Share of the disk that is free, null when nobody knows. */
  readonly freeShare: number | null;
  readonly devices: Readonly<Record<Condition, number>>;
}

/** Decodes the answers of /system and /devices. */
export function decodeWorks(system: unknown, devices: unknown): Works {
  const o = record(system, 'system');
  const disk = record(o['disk'], 'system.disk');
  const size = num(disk['size'], 'disk.size');
  const counts = record(record(devices, 'devices')['counts'], 'devices.counts');
  const count = (c: Condition): number => (counts[c] === undefined ? 0 : int(counts[c], c));
  return {
    perSecond: num(record(o['ingest'], 'system.ingest')['observations_per_second'], 'observations_per_second'),
    freeShare: size > 0 ? num(disk['free'], 'disk.free') / size : null,
    devices: {online: count('online'), late: count('late'), odd: count('odd'), offline: count('offline'), silent: count('silent')},
  };
}

/** What is usual in an hour. */
export interface UsualHour {
  readonly atMs: number;
  readonly low: number;
  readonly middle: number;
  readonly high: number;
}

/** Decodes the answer of /series/usual. */
export function decodeUsualHours(x: unknown): readonly UsualHour[] {
  return list(record(x, 'usual')['points'], 'usual.points').map((entry) => {
    const p = record(entry, 'usual.point');
    return {atMs: instantMs(p['at'], 'at'), low: num(p['low'], 'low'), middle: num(p['middle'], 'middle'), high: num(p['high'], 'high')};
  });
}
