import {worldPixels} from '../geo';
import type {Basemap} from './basemap';
import type {Camera} from './gestures';

/** Pictures that are kept; a 4K screen shows about 180. */
const KEPT = 400;

/** Width of a tile in pixels of the screen. */
const TILE = 256;

/** A tile in view. */
export interface TileInView {
  readonly z: number;
  readonly x: number;
  readonly y: number;
  readonly left: number;
  readonly top: number;
  readonly side: number;
}

/** The tiles that cover a screen. */
export function tilesInView(camera: Camera, width: number, height: number, minZoom: number, maxZoom: number): readonly TileInView[] {
  const z = Math.max(minZoom, Math.min(maxZoom, Math.round(camera.zoom + Math.log2(512 / TILE))));
  const side = worldPixels(camera.zoom) / 2 ** z;
  const left = width / 2 - camera.x * worldPixels(camera.zoom);
  const top = height / 2 - camera.y * worldPixels(camera.zoom);
  const last = 2 ** z - 1;
  const out: TileInView[] = [];
  for (let y = Math.max(0, Math.floor(-top / side)); y <= Math.min(last, Math.floor((height - top) / side)); y++) {
    for (let x = Math.max(0, Math.floor(-left / side)); x <= Math.min(last, Math.floor((width - left) / side)); x++) {
      out.push({z, x, y, left: left + x * side, top: top + y * side, side});
    }
  }
  return out;
}

/** Raster tiles for the Canvas map. */
export class RasterTiles {
  readonly #basemap: Basemap;
  readonly #changed: () => void;
  readonly #pictures = new Map<string, HTMLImageElement>();

  constructor(basemap: Basemap, changed: () => void) {
    this.#basemap = basemap;
    this.#changed = changed;
  }

  /** Draws what has come, and asks for the rest. */
  paint(ctx: CanvasRenderingContext2D, camera: Camera, width: number, height: number): void {
    for (const t of tilesInView(camera, width, height, this.#basemap.minZoom, this.#basemap.maxZoom)) {
      const picture = this.#picture(t);
      if (picture.complete && picture.naturalWidth > 0) ctx.drawImage(picture, t.left, t.top, t.side, t.side);
    }
  }

  #picture(t: TileInView): HTMLImageElement {
    const url = this.#basemap.url.replace('{z}', String(t.z)).replace('{x}', String(t.x)).replace('{y}', String(t.y));
    const known = this.#pictures.get(url);
    this.#pictures.delete(url);
    const picture = known ?? this.#ask(url);
    this.#pictures.set(url, picture);
    for (const old of this.#pictures.keys()) {
      if (this.#pictures.size <= KEPT) break;
      this.#pictures.delete(old);
    }
    return picture;
  }

  #ask(url: string): HTMLImageElement {
    const picture = new Image();
    picture.onload = this.#changed;
    picture.src = url;
    return picture;
  }
}
