import {LAYERS, type Layer, type Model, type Span} from '../../model';
import type {Place} from '../../geo';
import {joinedNames, splitNames} from '../../map/overlay';
import {RESOLUTIONS, type CellId, type KindKey, type Resolution} from '../../wire';

/** What an address of the live view asks for; what it does not name is left as it is. */
export interface Wish {
  readonly kind?: KindKey;
  readonly layer?: Layer;
  readonly resolution?: Resolution | 'auto';
  readonly view?: {readonly at: Place; readonly zoom: number};
  readonly cell?: CellId;
  readonly alert?: string;
  readonly span?: Span;
  readonly panel?: Model['panel'];
  /** The files of the basemap that are switched off. */
  readonly hidden?: ReadonlySet<string>;
  /** The past moment to show. */
  readonly atMs?: number;
}

function keyOf<T extends string>(keys: readonly T[], value: string | null): T | undefined {
  return keys.find((k) => k === value);
}

const SPAN_KEYS: readonly Span[] = ['15m', '1h', '24h'];

function viewOf(text: string | null): Wish['view'] {
  const parts = (text ?? '').split(',').map(Number);
  const [latDegrees, lonDegrees, zoom] = parts;
  if (parts.length !== 3 || latDegrees === undefined || lonDegrees === undefined || zoom === undefined) return undefined;
  if (!parts.every(Number.isFinite) || Math.abs(latDegrees) > 85 || Math.abs(lonDegrees) > 180 || zoom < 1 || zoom > 22) return undefined;
  return {at: {latDegrees, lonDegrees}, zoom};
}

function resolutionOf(text: string | null): Resolution | undefined {
  return RESOLUTIONS.find((r) => String(r) === text);
}

/** Reads an address; what makes no sense counts as not said. */
export function wishOf(query: URLSearchParams): Wish {
  const kind = query.get('kind');
  const cell = query.get('cell');
  const alert = query.get('alert');
  const layer = keyOf(LAYERS, query.get('layer'));
  const resolution = resolutionOf(query.get('res'));
  const view = viewOf(query.get('view'));
  const span = keyOf(SPAN_KEYS, query.get('span'));
  const panel = keyOf<Model['panel']>(['alerts', 'cells'], query.get('tab'));
  const hidden = query.get('off');
  const atMs = Date.parse(query.get('t') ?? '');
  return {
    ...(kind === null || kind === '' ? {} : {kind}),
    ...(layer === undefined ? {} : {layer}),
    ...(resolution === undefined ? {} : {resolution}),
    ...(view === undefined ? {} : {view}),
    ...(cell === null || cell === '' ? {} : {cell}),
    ...(alert === null || alert === '' ? {} : {alert}),
    ...(span === undefined ? {} : {span}),
    ...(panel === undefined ? {} : {panel}),
    ...(hidden === null ? {} : {hidden: splitNames(hidden)}),
    ...(Number.isNaN(atMs) ? {} : {atMs}),
  };
}

/** What an address says of the model; null takes a value away. */
export function queryOf(model: Model): Readonly<Record<string, string | null>> {
  const {latDegrees, lonDegrees} = model.centre;
  return {
    kind: model.kind,
    layer: model.layer === 'cells' ? null : model.layer,
    res: model.resolutionWish === 'auto' ? null : String(model.resolutionWish),
    view: model.moved ? `${latDegrees.toFixed(5)},${lonDegrees.toFixed(5)},${model.zoom.toFixed(2)}` : null,
    cell: model.selection?.cell ?? null,
    alert: model.selection === null || model.selection.alert === '' ? null : model.selection.alert,
    span: model.selection === null || model.span === '15m' ? null : model.span,
    tab: model.panel === 'alerts' ? null : model.panel,
    off: joinedNames(model.hiddenOverlays),
    t: model.playback === null ? null : new Date(model.playback.atMs).toISOString().replace('.000Z', 'Z'),
  };
}

