import type {Device, Point, StatedPlace, Unknown} from './wire';

/** A device that waits for a person: refused, or entered by itself. */
export interface Candidate {
  readonly id: string;
  /** Why it is refused, '' when it is not. */
  readonly reason: string;
  readonly rejects: number;
  readonly topic: string;
  readonly lastSeenMs: number | null;
  /** As the register has it, null when it is not there. */
  readonly device: Device | null;
}

/** Those that are refused and those that entered themselves, the last heard first; one that is both is there once. */
export function candidatesOf(strangers: readonly Unknown[], auto: readonly Device[]): readonly Candidate[] {
  const refused = new Map(strangers.map((u) => [u.id, u]));
  const entered = auto.map((device): Candidate => {
    const u = refused.get(device.id);
    refused.delete(device.id);
    return {
      id: device.id, reason: u?.reason ?? '', rejects: u?.rejects ?? 0, topic: u?.topic ?? '', device,
      lastSeenMs: Math.max(device.lastSeenMs ?? 0, u?.lastSeenMs ?? 0) || null,
    };
  });
  const rest = [...refused.values()].map((u): Candidate => ({...u, device: null}));
  return [...entered, ...rest].sort((a, b) => (b.lastSeenMs ?? 0) - (a.lastSeenMs ?? 0) || (a.id < b.id ? -1 : 1));
}

/** The place to begin with: the registered one, else the one that it reports. */
export function knownPlace(c: Candidate): StatedPlace | null {
  return c.device?.place ?? c.device?.health.reported ?? null;
}

/** The places with that of one device set to where the map was clicked. */
export function withPlace(places: ReadonlyMap<string, StatedPlace>, id: string, at: Point): ReadonlyMap<string, StatedPlace> {
  return new Map([...places, [id, {lat: Number(at.lat.toFixed(6)), lon: Number(at.lon.toFixed(6)), datum: 'wgs84'}]]);
}

/** The set with id taken out, or put in when it is not there. */
export function toggled(set: ReadonlySet<string>, id: string): ReadonlySet<string> {
  return set.has(id) ? new Set([...set].filter((other) => other !== id)) : new Set([...set, id]);
}
