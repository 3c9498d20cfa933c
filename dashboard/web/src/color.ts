/** 256 colours of cividis as RGBA bytes: ordered in lightness and safe for the colour-blind. */
export function cividis(): Uint8Array {
  const out = new Uint8Array(256 * 4);
  for (let k = 0; k < 256; k++) {
    const t = k / 255;
    out.set([
      clampByte(-4.54 - t * (35.34 - t * (2381.73 - t * (6402.7 - t * (7024.72 - t * 2710.57))))),
      clampByte(32.49 + t * (170.73 + t * (52.82 - t * (131.46 - t * (176.58 - t * 67.37))))),
      clampByte(81.24 + t * (442.36 - t * (2482.43 - t * (6167.24 - t * (6614.94 - t * 2475.67))))),
      255,
    ], k * 4);
  }
  return out;
}

function clampByte(x: number): number {
  return Math.max(0, Math.min(255, Math.round(x)));
}

/** A palette: of amounts, or of what lies to both sides of nothing special. */
export type PaletteName = 'sequential' | 'diverging';

/** Blue, grey and orange, which all kinds of colour vision tell apart, at the ends and in the middle. */
const DIVERGING: readonly (readonly [at: number, red: number, green: number, blue: number])[] = [
  [0, 33, 94, 186], [0.35, 110, 152, 200], [0.5, 128, 134, 140], [0.65, 214, 150, 84], [1, 250, 128, 10],
];

/** 256 colours from blue over grey to orange as RGBA bytes. */
export function diverging(): Uint8Array {
  const out = new Uint8Array(256 * 4);
  for (let k = 0; k < 256; k++) {
    const t = k / 255;
    const high = Math.max(1, DIVERGING.findIndex(([at]) => at >= t));
    const [a, b] = [DIVERGING[high - 1], DIVERGING[high]];
    if (a === undefined || b === undefined) continue;
    const w = (t - a[0]) / (b[0] - a[0]);
    out.set([clampByte(a[1] + w * (b[1] - a[1])), clampByte(a[2] + w * (b[2] - a[2])), clampByte(a[3] + w * (b[3] - a[3])), 255], k * 4);
  }
  return out;
}

/** The colours of a palette. */
export function paletteOf(name: PaletteName): Uint8Array {
  return name === 'diverging' ? diverging() : cividis();
}

/** How values become colours. */
export interface Scale {
  readonly low: number;
  readonly high: number;
  /** Low values are the bad ones and take the bright end. */
  readonly reversed: boolean;
}

/** The byte of a value: 0 for none, else 1 to 255, clamped at the ends of the scale. */
export function encodeValue(value: number, scale: Scale): number {
  if (Number.isNaN(value)) return 0;
  const span = scale.high - scale.low;
  const t = span === 0 ? 0 : Math.max(0, Math.min(1, (value - scale.low) / span));
  return 1 + Math.round(254 * (scale.reversed ? 1 - t : t));
}

/** One byte a cell for a table of `size` cells; values beyond the end count as none. */
export function encodeValues(values: Float64Array, size: number, scale: Scale): Uint8Array {
  const out = new Uint8Array(size);
  const n = Math.min(size, values.length);
  for (let k = 0; k < n; k++) out[k] = encodeValue(values[k] ?? NaN, scale);
  return out;
}

/** The CSS colour of a byte of encodeValue, in the given palette. */
export function cssColor(palette: Uint8Array, byte: number): string {
  return `rgb(${palette[byte * 4] ?? 0},${palette[byte * 4 + 1] ?? 0},${palette[byte * 4 + 2] ?? 0})`;
}
