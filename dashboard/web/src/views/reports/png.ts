/** Pictures to keep: a figure as PNG, with what it shows written on it. */
import {LABEL_FONT} from '../../map/city-map';

/** A figure and its captions. */
export interface Sheet {
  /** An SVG document with width and height. */
  readonly svg: string;
  readonly widthPixels: number;
  readonly heightPixels: number;
  readonly title: string;
  readonly subtitle: string;
  /** Where the numbers come from. */
  readonly source: string;
}

const MARGIN = 20;
const HEAD = 64;
const FOOT = 30;

/** Twice the pixels, for paper and sharp screens. */
const SHARPNESS = 2;

async function pictureOf(svg: string): Promise<HTMLImageElement> {
  const url = URL.createObjectURL(new Blob([svg], {type: 'image/svg+xml'}));
  try {
    const image = new Image();
    image.src = url;
    await image.decode();
    return image;
  } finally {
    URL.revokeObjectURL(url);
  }
}

/** The sheet as PNG; on white, because it goes into documents. */
export async function pngOf(sheet: Sheet): Promise<Blob> {
  const image = await pictureOf(sheet.svg);
  const canvas = document.createElement('canvas');
  const [width, height] = [sheet.widthPixels + 2 * MARGIN, sheet.heightPixels + HEAD + FOOT + MARGIN];
  [canvas.width, canvas.height] = [width * SHARPNESS, height * SHARPNESS];
  const ctx = canvas.getContext('2d');
  if (ctx === null) throw new Error('no canvas');
  ctx.scale(SHARPNESS, SHARPNESS);
  ctx.fillStyle = '#ffffff';
  ctx.fillRect(0, 0, width, height);
  ctx.fillStyle = '#14202b';
  ctx.font = `700 17px ${LABEL_FONT}`;
  ctx.fillText(sheet.title, MARGIN, 30, width - 2 * MARGIN);
  ctx.fillStyle = '#4c5d6d';
  ctx.font = `13px ${LABEL_FONT}`;
  ctx.fillText(sheet.subtitle, MARGIN, 52, width - 2 * MARGIN);
  ctx.drawImage(image, MARGIN, HEAD, sheet.widthPixels, sheet.heightPixels);
  ctx.font = `11px ${LABEL_FONT}`;
  ctx.fillText(sheet.source, MARGIN, height - 14, width - 2 * MARGIN);
  return new Promise((resolve, reject) => {
    canvas.toBlob((blob) => (blob === null ? reject(new Error('no picture')) : resolve(blob)), 'image/png');
  });
}

/** Hands a file to the person. */
export function save(blob: Blob, name: string): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
