import type {Bounds, Place} from '../geo';
import type {Lang} from '../i18n';
import type {Area, Severity} from '../wire';

/** Light or dark. */
export type Theme = 'dark' | 'light';

/** An open alert on the map. */
export interface Marker extends Place {
  readonly id: string;
  readonly severity: Severity;
  readonly selected: boolean;
}

/** The corners of one cell, five or six, not closed, as [lat, lon] in degrees. */
export type Corners = readonly (readonly [number, number])[];

/** What a map tells. Places are those under the pointer. */
export interface MapEvents {
  picked(at: Place): void;
  hovered(at: Place | null, xPixels: number, yPixels: number): void;
  /** The view came to rest, or moved by a wheel's click. */
  viewed(zoom: number, centre: Place): void;
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
  setAreas(areas: readonly Area[], lang: Lang): void;
  /** Replaces the cells; all show nothing until setValues. */
  setCells(corners: readonly Corners[]): void;
  /** One byte a cell, 0 for none, else the index into the palette. The caller may not change it later. */
  setValues(bytes: Uint8Array): void;
  setMarkers(markers: readonly Marker[]): void;
  setSelected(corners: Corners | null): void;
  fit(bounds: Bounds): void;
  flyTo(at: Place, zoom: number): void;
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

/** Whether the person asked for less motion. */
export function reducedMotion(): boolean {
  return window.matchMedia('(prefers-reduced-motion: reduce)').matches;
}
