import type {PaletteName} from '../color';
import type {Bounds, Place} from '../geo';
import type {Lang} from '../i18n';
import type {Area, LonLat, Severity} from '../wire';
import type {Basemap} from './basemap';
import type {Overlay} from './overlay';

/** Light or dark. */
export type Theme = 'dark' | 'light';

/** An open alert on the map. */
export interface Marker extends Place {
  readonly id: string;
  readonly severity: Severity;
  readonly selected: boolean;
}

/** The outline of an open hotspot. */
export interface Outline {
  readonly id: string;
  readonly severity: Severity;
  /** Closed rings around all of its cells, holes among them. */
  readonly rings: readonly (readonly LonLat[])[];
  readonly selected: boolean;
  /** It appeared while the map was looked at, and says so once. */
  readonly isNew: boolean;
}

/** A device on the map. */
export interface DevicePoint extends Place {
  readonly id: string;
  readonly isCamera: boolean;
  readonly isOnline: boolean;
}

/** The corners of one cell, five or six, not closed, as [lat, lon] in degrees. */
export type Corners = readonly (readonly [number, number])[];

/** What a map tells. Places are those under the pointer. */
export interface MapEvents {
  picked(at: Place): void;
  hovered(at: Place | null, xPixels: number, yPixels: number): void;
  /** Whom the basemap's file names as its makers, as plain text. */
  credited(attribution: string): void;
  /** The view came to rest, or moved by a wheel's click. It is fitted while nobody has moved it away from what fit() asked for. */
  viewed(zoom: number, centre: Place, bounds: Bounds, isFitted: boolean): void;
}

/**
 * A map of the city: the one contract of the WebGL map and its Canvas 2D twin.
 * Calls take effect with the next frame.
 */
export interface CityMap {
  readonly renderer: 'webgl2' | 'canvas2d';
  setTheme(theme: Theme): void;
  /** Names the map for people who hear the page. */
  setLabel(text: string): void;
  /** What lies below everything; it is set once. A map that cannot draw it leaves it out. */
  setBasemap(basemap: Basemap): void;
  /** Replaces the GeoJSON files that are drawn below the cells, the first lowest. */
  setOverlays(overlays: readonly Overlay[], lang: Lang): void;
  setAreas(areas: readonly Area[], lang: Lang): void;
  /** Replaces the cells; all show nothing until setValues. */
  setCells(corners: readonly Corners[]): void;
  /** One byte a cell, 0 for none, else the index into the palette. The caller may not change it later. */
  setValues(bytes: Uint8Array): void;
  /** The colours of the bytes. */
  setPalette(name: PaletteName): void;
  setMarkers(markers: readonly Marker[]): void;
  setOutlines(outlines: readonly Outline[]): void;
  setDevices(devices: readonly DevicePoint[]): void;
  setSelected(corners: Corners | null): void;
  fit(bounds: Bounds): void;
  flyTo(at: Place, zoom: number): void;
  /** Puts a place into the middle at once. */
  jumpTo(at: Place, zoom: number): void;
  zoomBy(levels: number): void;
  resize(): void;
  /** Frames drawn since the beginning. */
  frames(): number;
  destroy(): void;
}

/** Colours of the basemap, one set a theme. */
export interface MapColors {
  readonly ground: string;
  readonly land: string;
  readonly grid: string;
  readonly border: string;
  readonly outline: string;
  readonly label: string;
  readonly halo: string;
  readonly empty: readonly [number, number, number, number];
  readonly edge: readonly [number, number, number, number];
  readonly selected: string;
}

/** The basemap's colours. */
export const MAP_COLORS: Readonly<Record<Theme, MapColors>> = {
  dark: {
    ground: '#0a1119', land: '#101b27', grid: '#16222f', border: '#3b5068', outline: '#6f8aa6',
    label: '#c9d6e4', halo: '#0a1119', empty: [0.62, 0.74, 0.88, 0.035], edge: [0.62, 0.74, 0.88, 0.13], selected: '#ffffff',
  },
  light: {
    ground: '#e3e8ed', land: '#f5f7f9', grid: '#d8dfe6', border: '#9aabbb', outline: '#5d7184',
    label: '#22303d', halo: '#f5f7f9', empty: [0.2, 0.3, 0.42, 0.03], edge: [0.2, 0.3, 0.42, 0.16], selected: '#0b1622',
  },
};

/** The fonts of labels, all of the machine itself. */
export const LABEL_FONT = '"Noto Sans CJK SC","Noto Sans SC","PingFang SC","Microsoft YaHei","Source Han Sans SC",sans-serif';

/** Colours of the severities on the map. */
export const SEVERITY_COLORS: Readonly<Record<Severity, string>> = {notice: '#4aa8ff', warning: '#ff9d2e', critical: '#ff4d5e'};

/** Draws an alert's sign: a diamond, a triangle or a disc by severity, so that colour is not alone. */
export function drawMarker(ctx: CanvasRenderingContext2D, x: number, y: number, radius: number, severity: Severity, selected: boolean): void {
  ctx.save();
  ctx.translate(x, y);
  ctx.beginPath();
  if (severity === 'critical') {
    ctx.moveTo(0, -radius);
    ctx.lineTo(radius, 0);
    ctx.lineTo(0, radius);
    ctx.lineTo(-radius, 0);
  } else if (severity === 'warning') {
    ctx.moveTo(0, -radius * 0.95);
    ctx.lineTo(radius, radius * 0.75);
    ctx.lineTo(-radius, radius * 0.75);
  } else {
    ctx.arc(0, 0, radius * 0.8, 0, 2 * Math.PI);
  }
  ctx.closePath();
  ctx.lineJoin = 'round';
  ctx.lineWidth = selected ? radius * 0.62 : radius * 0.42;
  ctx.strokeStyle = selected ? '#ffffff' : 'rgba(6,12,20,0.9)';
  ctx.stroke();
  ctx.fillStyle = SEVERITY_COLORS[severity];
  ctx.fill();
  ctx.fillStyle = '#0a0f16';
  ctx.font = `700 ${Math.round(radius * 1.1)}px sans-serif`;
  ctx.textAlign = 'center';
  ctx.textBaseline = 'middle';
  ctx.fillText(severity === 'notice' ? 'i' : '!', 0, severity === 'warning' ? radius * 0.2 : radius * 0.06);
  ctx.restore();
}

/** How long a new hotspot pulses, once, in milliseconds. */
export const PULSE_MS = 1600;

/** Width and strength of the ring of a hotspot that began to pulse so many milliseconds ago; null when it is over. */
export function pulseAt(ms: number): {readonly width: number; readonly alpha: number} | null {
  if (ms < 0 || ms >= PULSE_MS) return null;
  const t = ms / PULSE_MS;
  return {width: 4 + 22 * t, alpha: 0.7 * (1 - t) ** 1.5};
}

/** Draws a device: a square for a camera, a ring for a sensor; hollow while it is not heard. */
export function drawDevice(ctx: CanvasRenderingContext2D, x: number, y: number, radius: number, isCamera: boolean, isOnline: boolean): void {
  ctx.beginPath();
  if (isCamera) ctx.rect(x - radius * 0.8, y - radius * 0.8, radius * 1.6, radius * 1.6);
  else ctx.arc(x, y, radius * 0.8, 0, 2 * Math.PI);
  ctx.lineWidth = radius * 0.45;
  ctx.strokeStyle = 'rgba(6,12,20,0.9)';
  ctx.stroke();
  ctx.fillStyle = isOnline ? '#f4f8fb' : '#8b98a5';
  ctx.fill();
  if (isOnline) return;
  ctx.beginPath();
  ctx.arc(x, y, radius * 0.35, 0, 2 * Math.PI);
  ctx.fillStyle = '#1a232d';
  ctx.fill();
}

/** Text of a desk, in pixels. */
const DESK_TEXT_PIXELS = 14;

/**
 * How many times larger than on a desk a map's names, signs and lines are, where
 * the text around it is of that size: a wall is read from five metres.
 */
export function scaleFor(textPixels: number): number {
  return Number.isFinite(textPixels) ? Math.max(1, textPixels / DESK_TEXT_PIXELS) : 1;
}

/** The scale of a map in its container. */
export function scaleIn(container: HTMLElement): number {
  return scaleFor(parseFloat(getComputedStyle(container).fontSize));
}

/** Whether the person asked for less motion. */
export function reducedMotion(): boolean {
  return window.matchMedia('(prefers-reduced-motion: reduce)').matches;
}
