import {worldPixels} from '../geo';
import type {Lang} from '../i18n';
import type {Theme} from './city-map';
import type {Camera} from './gestures';
import {OVERLAY_STYLES, SHINE, type Overlay, type OverlayShape} from './overlay';
import {flattened, penOf, type FlatShape} from './overlay-flat';
import type {Label} from './overlay-labels';
import {covers, planned, type Plan} from './overlay-plan';

/** A plan of more corners is drawn onto sheets, which are then laid on the screen each frame. */
const SHEET_CORNERS = 4000;

/** Sheets are drawn anew for another zoom when it has been the same for so long. */
const REST_MS = 180;

/** What the map shows, in pixels of the page. */
export interface Screen {
  readonly ctx: CanvasRenderingContext2D;
  readonly camera: Camera;
  readonly width: number;
  readonly height: number;
  readonly theme: Theme;
  /** Pixels of the canvas to one of the page. */
  readonly ratio: number;
}

/** What lies below the cells, and what of it shines through them. */
interface Sheets {
  readonly theme: Theme;
  readonly ratio: number;
  readonly below: HTMLCanvasElement;
  readonly lines: HTMLCanvasElement;
}

/** Draws overlays for the Canvas map. The transform of the context is that of the page's pixels, and stays. */
export class OverlayPainter {
  readonly #changed: () => void;
  /** Flattened once a version of a file. */
  readonly #flat = new WeakMap<readonly OverlayShape[], readonly FlatShape[]>();
  #shapes: readonly FlatShape[] = [];
  #lang: Lang = 'zh';
  #plan: Plan<Path2D> | null = null;
  #sheets: Sheets | null = null;
  #resting: ReturnType<typeof setTimeout> | undefined;

  /** changed is called when a frame would look better than the last. */
  constructor(changed: () => void) {
    this.#changed = changed;
  }

  set(overlays: readonly Overlay[], lang: Lang): void {
    this.#shapes = overlays.flatMap((o) => (o.shapes === null ? [] : this.#flattened(o.shapes)));
    this.#lang = lang;
    this.#forget();
  }

  destroy(): void {
    clearTimeout(this.#resting);
  }

  #flattened(shapes: readonly OverlayShape[]): readonly FlatShape[] {
    const flat = this.#flat.get(shapes) ?? shapes.map(flattened);
    this.#flat.set(shapes, flat);
    return flat;
  }

  /** Draws areas and lines, which lie below the cells. */
  paintBelow(screen: Screen): void {
    this.#paint(screen, false);
  }

  /** Lets lines shine through the cells. */
  paintShine(screen: Screen): void {
    this.#paint(screen, true);
  }

  /** Draws points, which lie above the cells. */
  paintPoints(screen: Screen): void {
    const {ctx, theme} = screen;
    const plan = this.#planFor(screen);
    if (plan === null) return;
    const {scale, dx, dy} = placed(plan, screen);
    ctx.lineWidth = 1.2;
    ctx.strokeStyle = theme === 'dark' ? 'rgba(6,12,20,0.9)' : 'rgba(255,255,255,0.95)';
    for (const p of plan.points) {
      const pen = penOf('point', p.look, OVERLAY_STYLES[theme]);
      ctx.beginPath();
      ctx.arc(p.x * scale + dx, p.y * scale + dy, pen.width, 0, 2 * Math.PI);
      ctx.fillStyle = pen.fill;
      ctx.fill();
      ctx.stroke();
    }
  }

  /** The names, in pixels of the page. */
  labels(screen: Screen): readonly Label[] {
    const plan = this.#planFor(screen);
    if (plan === null) return [];
    const {scale, dx, dy} = placed(plan, screen);
    return plan.labels.map(({text, spots}) => ({text, spots: spots.map(({x, y}) => ({x: x * scale + dx, y: y * scale + dy}))}));
  }

  #paint(screen: Screen, isShine: boolean): void {
    const {ctx, theme} = screen;
    const plan = this.#planFor(screen);
    if (plan === null || plan.paths.length === 0) return;
    const {scale, dx, dy} = placed(plan, screen);
    ctx.save();
    ctx.transform(scale, 0, 0, scale, dx, dy);
    if (isShine) ctx.globalAlpha = SHINE;
    if (plan.corners <= SHEET_CORNERS) {
      stroke(ctx, plan, theme, scale, isShine);
    } else {
      const {halfWidth, halfHeight} = plan.window;
      const {below, lines} = this.#sheetsOf(plan, screen);
      ctx.drawImage(isShine ? lines : below, -halfWidth, -halfHeight, 2 * halfWidth, 2 * halfHeight);
    }
    ctx.restore();
  }

  #planFor({camera, width, height}: Screen): Plan<Path2D> | null {
    if (this.#shapes.length === 0) return null;
    if (this.#plan === null || !covers(this.#plan, camera, width, height)) {
      this.#forget();
      this.#plan = planned(this.#shapes, camera, width, height, this.#lang, () => new Path2D());
    }
    return this.#plan;
  }

  #sheetsOf(plan: Plan<Path2D>, {camera, theme, ratio}: Screen): Sheets {
    if (camera.zoom !== plan.camera.zoom) this.#sharpenLater();
    if (this.#sheets === null || this.#sheets.theme !== theme || this.#sheets.ratio !== ratio) {
      this.#sheets = {theme, ratio, below: sheetOf(plan, theme, ratio, false), lines: sheetOf(plan, theme, ratio, true)};
    }
    return this.#sheets;
  }

  #sharpenLater(): void {
    clearTimeout(this.#resting);
    this.#resting = setTimeout(() => {
      this.#forget();
      this.#changed();
    }, REST_MS);
  }

  #forget(): void {
    clearTimeout(this.#resting);
    this.#plan = null;
    this.#sheets = null;
  }
}

/** How a plan lies on the screen. */
function placed(plan: Plan<Path2D>, {camera, width, height}: Screen): {readonly scale: number; readonly dx: number; readonly dy: number} {
  const size = worldPixels(camera.zoom);
  return {
    scale: 2 ** (camera.zoom - plan.camera.zoom),
    dx: (plan.camera.x - camera.x) * size + width / 2,
    dy: (plan.camera.y - camera.y) * size + height / 2,
  };
}

function sheetOf(plan: Plan<Path2D>, theme: Theme, ratio: number, onlyLines: boolean): HTMLCanvasElement {
  const {halfWidth, halfHeight} = plan.window;
  const sheet = document.createElement('canvas');
  sheet.width = Math.ceil(2 * halfWidth * ratio);
  sheet.height = Math.ceil(2 * halfHeight * ratio);
  const ctx = sheet.getContext('2d');
  if (ctx === null) throw new Error('no 2D canvas');
  ctx.scale(sheet.width / (2 * halfWidth), sheet.height / (2 * halfHeight));
  ctx.translate(halfWidth, halfHeight);
  stroke(ctx, plan, theme, 1, onlyLines);
  return sheet;
}

/** Draws the paths of a plan in its own pixels, as strong as the context is. */
function stroke(ctx: CanvasRenderingContext2D, plan: Plan<Path2D>, theme: Theme, scale: number, onlyLines: boolean): void {
  const strength = ctx.globalAlpha;
  ctx.lineJoin = 'round';
  ctx.lineCap = 'round';
  for (const {form, look, path} of plan.paths) {
    if (form === 'area' && onlyLines) continue;
    const pen = penOf(form, look, OVERLAY_STYLES[theme]);
    if (form === 'area' && pen.fillOpacity > 0) {
      ctx.globalAlpha = pen.fillOpacity * strength;
      ctx.fillStyle = pen.fill;
      ctx.fill(path);
    }
    if (pen.width === 0 || pen.opacity === 0) continue;
    ctx.globalAlpha = pen.opacity * strength;
    ctx.strokeStyle = pen.stroke;
    ctx.lineWidth = pen.width / scale;
    ctx.stroke(path);
  }
}
