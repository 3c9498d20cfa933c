import {decodeOverlayFiles, decodeShapes, type Overlay, type OverlayFile, type OverlayShape} from './overlay';

/** How often the server is asked whether files have changed. */
export const LOOK_EVERY_MS = 30_000;

/** What an OverlayBook needs. */
export interface OverlayWorld {
  nowMs(): number;
  /** The answer of /basemap. */
  list(): Promise<unknown>;
  load(url: string): Promise<unknown>;
  hidden(): ReadonlySet<string>;
  show(overlays: readonly Overlay[]): void;
}

/**
 * OverlayBook knows the GeoJSON files of the server: it asks for the list from
 * time to time, for a file once a version, and for one that is hidden not at all.
 */
export class OverlayBook {
  readonly #world: OverlayWorld;
  #overlays: readonly Overlay[] = [];
  #lookedAtMs = -Infinity;
  /** The looks that were asked for, one after another. */
  #work: Promise<void> = Promise.resolve();

  constructor(world: OverlayWorld) {
    this.#world = world;
  }

  /** Looks again if it is time to. */
  refresh(): Promise<void> {
    return this.#world.nowMs() - this.#lookedAtMs < LOOK_EVERY_MS ? Promise.resolve() : this.look();
  }

  /** Looks at once. It never fails: what did not come is asked for again. */
  look(): Promise<void> {
    this.#lookedAtMs = this.#world.nowMs();
    this.#work = this.#work.then(() => this.#look());
    return this.#work;
  }

  async #look(): Promise<void> {
    try {
      this.#take(decodeOverlayFiles(await this.#world.list()));
    } catch (error) {
      console.warn('overlays', error);
      return;
    }
    for (const {name} of this.#overlays) await this.#load(name);
  }

  /** Keeps the shapes of files that are the same as before. */
  #take(files: readonly OverlayFile[]): void {
    const before = new Map(this.#overlays.map((o) => [o.name, o]));
    const next = files.map((file): Overlay => {
      const was = before.get(file.name);
      return was !== undefined && was.etag === file.etag && was.fault === file.fault
        ? {...file, shapes: was.shapes, isMissing: was.isMissing}
        : {...file, shapes: null, isMissing: false};
    });
    if (JSON.stringify(this.#overlays.map(withoutShapes)) === JSON.stringify(next.map(withoutShapes))) return;
    this.#show(next);
  }

  async #load(name: string): Promise<void> {
    const file = this.#overlays.find((o) => o.name === name);
    if (file === undefined || file.fault !== '' || file.shapes !== null || this.#world.hidden().has(name)) return;
    let shapes: readonly OverlayShape[] | null = null;
    try {
      shapes = decodeShapes(await this.#world.load(file.url));
    } catch (error) {
      console.warn('overlay', name, error);
    }
    this.#show(this.#overlays.map((o) => (o.name === name ? {...o, shapes, isMissing: shapes === null} : o)));
  }

  #show(overlays: readonly Overlay[]): void {
    this.#overlays = overlays;
    this.#world.show(overlays);
  }
}

function withoutShapes(o: Overlay): OverlayFile {
  const {name, url, title, attribution, etag, bounds, fault, error} = o;
  return {name, url, title, attribution, etag, bounds, fault, error};
}
