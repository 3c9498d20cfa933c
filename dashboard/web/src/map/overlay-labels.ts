import {OVERLAY_TEXT_PIXELS} from './overlay';
import type {Spot} from './overlay-window';

/** A name and the places where its middle can be written, best first. */
export interface Label {
  readonly text: string;
  readonly spots: readonly Spot[];
}

interface Taken extends Spot {
  readonly half: number;
}

/** Names beyond so many are left out. */
const MOST_LABELS = 400;

const ROW_PIXELS = 18;

/** About how wide a name is: Chinese signs are squares, others half as wide. */
export function textPixels(text: string): number {
  let n = 0;
  for (const sign of text) n += (sign.codePointAt(0) ?? 0) > 0x2e7f ? 1 : 0.55;
  return n * OVERLAY_TEXT_PIXELS;
}

/** LabelRows keeps names apart: who comes first stands. */
export class LabelRows {
  readonly #rows = new Map<number, Taken[]>();
  readonly #placed: Label[] = [];

  /** The names that stand, in the order in which they came. */
  get placed(): readonly Label[] {
    return this.#placed;
  }

  get isFull(): boolean {
    return this.#placed.length >= MOST_LABELS;
  }

  /** Places a name at the best of its places that has room, the others are kept behind it; it is left out when none has. */
  place({text, spots}: Label): void {
    if (this.isFull) return;
    const half = textPixels(text) / 2 + 4;
    const free = spots.find((s) => !this.#isTaken(s, half));
    if (free === undefined) return;
    const row = Math.floor(free.y / ROW_PIXELS);
    const mates = this.#rows.get(row);
    if (mates === undefined) this.#rows.set(row, [{...free, half}]);
    else mates.push({...free, half});
    this.#placed.push({text, spots: [free, ...spots.filter((s) => s !== free)]});
  }

  #isTaken(at: Spot, half: number): boolean {
    const row = Math.floor(at.y / ROW_PIXELS);
    return [row - 1, row, row + 1].some((k) => (this.#rows.get(k) ?? []).some((other) => (
      Math.abs(other.x - at.x) < half + other.half && Math.abs(other.y - at.y) < ROW_PIXELS
    )));
  }
}
