import {get} from '../../api';
import type {Bounds} from '../../geo';
import {decodeNear, type NearbyDevice} from './wire';

/** From this zoom on devices are shown. */
export const DEVICES_FROM_ZOOM = 14;

/** Devices come and go: what is shown is asked for again after this. */
const FRESH_MS = 45_000;

/** The view must rest so long before it is asked what is in it. */
const REST_MS = 350;

/** What a Nearby needs. */
export interface NearbySurroundings {
  show(devices: readonly NearbyDevice[]): void;
  nowMs(): number;
  after(ms: number, fn: () => void): () => void;
  /** The devices in a box; left out: those of the server. */
  fetch?(bounds: Bounds, signal: AbortSignal): Promise<readonly NearbyDevice[]>;
}

function fromServer(bounds: Bounds, signal: AbortSignal): Promise<readonly NearbyDevice[]> {
  return get(`devices/near?bbox=${bounds.map((x) => x.toFixed(5)).join(',')}`, decodeNear, signal);
}

function contains(outer: Bounds, inner: Bounds): boolean {
  return outer[0] <= inner[0] && outer[1] <= inner[1] && outer[2] >= inner[2] && outer[3] >= inner[3];
}

/** A box half as wide again, so that small moves need no question. */
function widened(b: Bounds): Bounds {
  const [dx, dy] = [(b[2] - b[0]) / 4, (b[3] - b[1]) / 4];
  return [b[0] - dx, b[1] - dy, b[2] + dx, b[3] + dy];
}

/** Nearby keeps the devices of the part of the map that is looked at from near. */
export class Nearby {
  readonly #out: NearbySurroundings;
  #known: Bounds | null = null;
  #atMs = 0;
  #request: AbortController | null = null;
  #cancel: () => void = () => undefined;

  constructor(out: NearbySurroundings) {
    this.#out = out;
  }

  /** The view is now this. */
  look(bounds: Bounds, zoom: number): void {
    if (zoom < DEVICES_FROM_ZOOM) {
      this.#cancel();
      this.#request?.abort();
      this.#request = null;
      if (this.#known !== null) this.#out.show([]);
      this.#known = null;
      return;
    }
    if (this.#known !== null && contains(this.#known, bounds)) return;
    this.#cancel();
    this.#cancel = this.#out.after(REST_MS, () => void this.#load(widened(bounds)));
  }

  /** Asks again for what is shown, when it is due. */
  refresh(nowMs: number): void {
    if (this.#known === null || nowMs - this.#atMs < FRESH_MS) return;
    this.#atMs = nowMs;
    void this.#load(this.#known);
  }

  async #load(bounds: Bounds): Promise<void> {
    this.#request?.abort();
    const request = new AbortController();
    this.#request = request;
    try {
      const devices = await (this.#out.fetch ?? fromServer)(bounds, request.signal);
      if (this.#request !== request) return;
      this.#known = bounds;
      this.#atMs = this.#out.nowMs();
      this.#out.show(devices);
    } catch (error) {
      // The map goes without them; the next move asks again.
      if (!request.signal.aborted) console.warn('devices', error);
    }
  }
}
