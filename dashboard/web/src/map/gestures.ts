import {worldPixels} from '../geo';

/** Where a flat map looks: centre in mercator, and zoom. */
export interface Camera {
  readonly x: number;
  readonly y: number;
  readonly zoom: number;
}

/** Who owns the camera and hears of picks. */
export interface GestureOwner {
  camera(): Camera;
  moved(camera: Camera): void;
  picked(xPixels: number, yPixels: number): void;
  hovered(xPixels: number | null, yPixels: number): void;
}

/** A press that moves less than this is a click. */
const CLICK_PIXELS = 5;

const KEY_PAN_PIXELS = 80;

/** Pointer, wheel and keyboard on a flat map: drag, pinch, wheel, double click, arrows, plus and minus. */
export class Gestures {
  readonly #element: HTMLElement;
  readonly #owner: GestureOwner;
  readonly #pointers = new Map<number, {x: number; y: number}>();
  readonly #undo: (() => void)[] = [];
  #travelled = 0;

  constructor(element: HTMLElement, owner: GestureOwner) {
    this.#element = element;
    this.#owner = owner;
    this.#on('pointerdown', (e) => this.#down(e));
    this.#on('pointermove', (e) => this.#move(e));
    this.#on('pointerup', (e) => this.#up(e, true));
    this.#on('pointercancel', (e) => this.#up(e, false));
    this.#on('pointerleave', () => owner.hovered(null, 0));
    this.#on('dblclick', (e) => this.#zoomAround(e.offsetX, e.offsetY, 1));
    this.#on('wheel', (e) => {
      e.preventDefault();
      const lines = e.deltaMode === 1 ? 20 : 1;
      this.#zoomAround(e.offsetX, e.offsetY, Math.max(-0.6, Math.min(0.6, (-e.deltaY * lines) / 300)));
    });
    this.#on('keydown', (e) => this.#key(e));
  }

  /** Takes every listener off. */
  destroy(): void {
    for (const undo of this.#undo.splice(0)) undo();
  }

  #on<K extends keyof HTMLElementEventMap>(type: K, fn: (e: HTMLElementEventMap[K]) => void): void {
    this.#element.addEventListener(type, fn, {passive: false});
    this.#undo.push(() => this.#element.removeEventListener(type, fn));
  }

  #down(e: PointerEvent): void {
    if (e.button !== 0) return;
    this.#element.setPointerCapture(e.pointerId);
    if (this.#pointers.size === 0) this.#travelled = 0;
    this.#pointers.set(e.pointerId, {x: e.offsetX, y: e.offsetY});
  }

  #move(e: PointerEvent): void {
    const was = this.#pointers.get(e.pointerId);
    if (was === undefined) {
      if (e.pointerType === 'mouse') this.#owner.hovered(e.offsetX, e.offsetY);
      return;
    }
    const [dx, dy] = [e.offsetX - was.x, e.offsetY - was.y];
    this.#travelled += Math.abs(dx) + Math.abs(dy);
    const other = [...this.#pointers].find(([id]) => id !== e.pointerId)?.[1];
    this.#pointers.set(e.pointerId, {x: e.offsetX, y: e.offsetY});
    if (this.#travelled < CLICK_PIXELS) return;
    this.#pan(dx / this.#pointers.size, dy / this.#pointers.size);
    if (other !== undefined) {
      const before = Math.hypot(was.x - other.x, was.y - other.y);
      const after = Math.hypot(e.offsetX - other.x, e.offsetY - other.y);
      if (before > 0 && after > 0) this.#zoomAround((e.offsetX + other.x) / 2, (e.offsetY + other.y) / 2, Math.log2(after / before));
    }
  }

  #up(e: PointerEvent, click: boolean): void {
    if (!this.#pointers.delete(e.pointerId)) return;
    if (click && this.#pointers.size === 0 && this.#travelled < CLICK_PIXELS) this.#owner.picked(e.offsetX, e.offsetY);
  }

  #key(e: KeyboardEvent): void {
    const pans: Readonly<Record<string, readonly [number, number]>> = {
      ArrowLeft: [KEY_PAN_PIXELS, 0], ArrowRight: [-KEY_PAN_PIXELS, 0], ArrowUp: [0, KEY_PAN_PIXELS], ArrowDown: [0, -KEY_PAN_PIXELS],
    };
    const zooms: Readonly<Record<string, number>> = {'+': 1, '=': 1, '-': -1, _: -1};
    const pan = pans[e.key];
    const zoom = zooms[e.key];
    if (pan === undefined && zoom === undefined) return;
    e.preventDefault();
    if (pan !== undefined) this.#pan(pan[0], pan[1]);
    if (zoom !== undefined) this.#zoomAround(this.#element.clientWidth / 2, this.#element.clientHeight / 2, zoom);
  }

  #pan(dx: number, dy: number): void {
    const c = this.#owner.camera();
    const size = worldPixels(c.zoom);
    this.#owner.moved({...c, x: c.x - dx / size, y: c.y - dy / size});
  }

  #zoomAround(x: number, y: number, levels: number): void {
    const c = this.#owner.camera();
    const zoom = Math.max(8, Math.min(19, c.zoom + levels));
    const [ox, oy] = [x - this.#element.clientWidth / 2, y - this.#element.clientHeight / 2];
    const k = 1 / worldPixels(c.zoom) - 1 / worldPixels(zoom);
    this.#owner.moved({x: c.x + ox * k, y: c.y + oy * k, zoom});
  }
}
