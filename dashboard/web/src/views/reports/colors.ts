/** Colours of charts and maps, one set a theme; pairs that colour-blind people tell apart. */
import type {Theme} from '../../map/city-map';

/** Colours of a chart. */
export interface ChartColors {
  readonly text: string;
  readonly muted: string;
  readonly line: string;
  readonly ground: string;
  /** What the chart is about, and what it is held against. */
  readonly first: string;
  readonly second: string;
  readonly third: string;
  readonly band: string;
  readonly good: string;
  readonly bad: string;
  readonly idle: string;
}

/** The colours of charts. */
export const CHART_COLORS: Readonly<Record<Theme, ChartColors>> = {
  dark: {
    text: '#e8eff6', muted: '#a3b5c7', line: '#25374a', ground: '#101b27', first: '#7cc0ff', second: '#ffb057', third: '#55d6a0',
    band: 'rgba(255,176,87,0.20)', good: '#55d6a0', bad: '#ff7a88', idle: '#6d8299',
  },
  light: {
    text: '#14202b', muted: '#4c5d6d', line: '#cdd7e0', ground: '#ffffff', first: '#0a5ba8', second: '#b35c00', third: '#08643f',
    band: 'rgba(179,92,0,0.16)', good: '#2f8f63', bad: '#c2314a', idle: '#94a5b4',
  },
};

/** Colours of a map's ground. */
export interface GroundColors {
  readonly ground: string;
  readonly land: string;
  readonly border: string;
  readonly label: string;
  readonly halo: string;
  readonly outline: string;
  readonly picked: string;
  /** Of cells that do not stand out. */
  readonly plain: string;
}

/** The colours of maps. */
export const GROUND_COLORS: Readonly<Record<Theme, GroundColors>> = {
  dark: {ground: '#0a1119', land: '#14202d', border: '#3b5068', label: '#c9d6e4', halo: '#0a1119', outline: '#ffffff', picked: '#ffcf3f', plain: 'rgba(158,189,224,0.10)'},
  light: {ground: '#eef2f5', land: '#ffffff', border: '#9aabbb', label: '#22303d', halo: '#ffffff', outline: '#14202b', picked: '#0e2a47', plain: 'rgba(51,77,107,0.08)'},
};

/** Classes of Gi*: hot and cold by the FDR-corrected probability. */
export const GI_CLASSES = [
  {key: 'hot99', fill: '#c2360a'}, {key: 'hot95', fill: '#f5924e'}, {key: 'plain', fill: ''}, {key: 'cold95', fill: '#7fb2e5'}, {key: 'cold99', fill: '#1d5fae'},
] as const;

/** Five steps of an amount, the least first; of one hue, so that the order is seen. */
export const AMOUNT_FILLS = ['#31446b', '#666870', '#958f78', '#cab969', '#ffea46'] as const;

/**
 * The categories of emerging hot spots in the order of the server's list. Hot ones are
 * warm, cold ones cool; the number that stands in each cell tells them apart without colour.
 */
export const CATEGORY_FILLS: Readonly<Record<string, string>> = {
  new_hot: '#e3007b', consecutive_hot: '#ff6d3a', intensifying_hot: '#b3001b', persistent_hot: '#d9480f', diminishing_hot: '#f7a072',
  sporadic_hot: '#ffc14d', oscillating_hot: '#c99700', historical_hot: '#a8846b',
  new_cold: '#7a3ff2', consecutive_cold: '#3f8efc', intensifying_cold: '#123c9c', persistent_cold: '#1d6fb8', diminishing_cold: '#8cbcec',
  sporadic_cold: '#5cc9d6', oscillating_cold: '#17879c', historical_cold: '#71869c',
  no_pattern: '',
};

/** Shares of devices online, the worst first. */
export const SHARE_CLASSES = [
  {key: 'below80', least: 0, fill: '#c2360a'}, {key: 'below90', least: 80, fill: '#f5924e'}, {key: 'below97', least: 90, fill: '#c9b75a'}, {key: 'good', least: 97, fill: '#2f8f7a'},
] as const;
