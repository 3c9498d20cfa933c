/** Overlays as MapLibre draws them. */
import type {Feature, FeatureCollection, Geometry} from 'geojson';
import type {DataDrivenPropertyValueSpecification, ExpressionSpecification, LayerSpecification} from 'maplibre-gl';
import type {Lang} from '../i18n';
import type {LonLat} from '../wire';
import type {Theme} from './city-map';
import {OVERLAY_STYLES, OVERLAY_TEXT_PIXELS, POINT_PIXELS, SHINE, type Look, type OverlayShape} from './overlay';

/** Where a layer goes: under the cells, right over them, or among the names. */
export type Place = 'below' | 'shine' | 'names';

/** A layer and where it goes. */
export interface PlacedLayer {
  readonly place: Place;
  readonly layer: LayerSpecification;
}

function copy(path: readonly LonLat[]): [number, number][] {
  return path.map(([lon, lat]) => [lon, lat]);
}

function geometryOf(shape: OverlayShape): Geometry {
  switch (shape.form) {
    case 'area':
      return {type: 'MultiPolygon', coordinates: shape.polygons.map((rings) => rings.map(copy))};
    case 'line':
      return {type: 'MultiLineString', coordinates: shape.lines.map(copy)};
    case 'point':
      return {type: 'MultiPoint', coordinates: copy(shape.points)};
  }
}

/** The features of shapes; names of areas are points of their own. */
export function featuresOf(shapes: readonly OverlayShape[]): FeatureCollection {
  const features = shapes.flatMap((shape): Feature[] => {
    const {zh, en} = shape.names;
    const feature: Feature = {type: 'Feature', geometry: geometryOf(shape), properties: {form: shape.form, zh, en, ...said(shape.look)}};
    if (shape.form !== 'area' || shape.label === null || zh === '') return [feature];
    return [feature, {type: 'Feature', geometry: {type: 'Point', coordinates: [...shape.label]}, properties: {form: 'name', zh, en}}];
  });
  return {type: 'FeatureCollection', features};
}

/** What a look says, without what it leaves open. */
function said(look: Look): Record<string, string | number> {
  return Object.fromEntries(Object.entries(look).filter(([, value]) => value !== null));
}

/** What a shape says itself, else what the theme says. */
function own(key: string, otherwise: string | number): ExpressionSpecification {
  return ['coalesce', ['get', key], otherwise];
}

function isForm(...forms: readonly (OverlayShape['form'] | 'name')[]): ExpressionSpecification {
  return ['in', ['get', 'form'], ['literal', [...forms]]];
}

/** The layers of one overlay from the lowest to the highest; their ids begin with its source. */
export function layersOf(source: string, theme: Theme, lang: Lang, halo: string): readonly PlacedLayer[] {
  const s = OVERLAY_STYLES[theme];
  const lineOpacity: ExpressionSpecification = ['coalesce', ['get', 'strokeOpacity'], ['case', ['has', 'stroke'], 1, s.lineOpacity]];
  const line = (id: string, opacity: DataDrivenPropertyValueSpecification<number>): LayerSpecification => ({
    id: `${source}:${id}`, type: 'line', source, filter: isForm('line'),
    layout: {'line-join': 'round', 'line-cap': 'round'},
    paint: {'line-color': own('stroke', s.line), 'line-width': own('strokeWidth', s.lineWidth), 'line-opacity': opacity},
  });
  const text = {
    'text-field': ['get', lang] satisfies ExpressionSpecification, 'text-size': OVERLAY_TEXT_PIXELS, 'text-font': ['Noto Sans CJK SC Regular'],
    'text-max-width': 9, 'text-padding': 4,
  };
  const ink = {'text-color': s.label, 'text-halo-color': halo, 'text-halo-width': 1.4};
  return [
    {
      place: 'below',
      layer: {id: `${source}:fill`, type: 'fill', source, filter: isForm('area'), paint: {'fill-color': own('fill', s.fill), 'fill-opacity': own('fillOpacity', s.fillOpacity), 'fill-antialias': false}},
    },
    {
      place: 'below',
      layer: {
        id: `${source}:edge`, type: 'line', source, filter: isForm('area'), layout: {'line-join': 'round'},
        paint: {'line-color': ['coalesce', ['get', 'stroke'], ['get', 'fill'], s.edge], 'line-width': own('strokeWidth', s.edgeWidth), 'line-opacity': own('strokeOpacity', s.edgeOpacity)},
      },
    },
    {place: 'below', layer: line('line', lineOpacity)},
    {place: 'shine', layer: line('shine', ['*', SHINE, lineOpacity])},
    {
      place: 'names',
      layer: {
        id: `${source}:point`, type: 'circle', source, filter: isForm('point'),
        paint: {
          'circle-color': own('markerColor', s.point),
          'circle-radius': ['match', ['get', 'markerSize'], 'small', POINT_PIXELS.small, 'large', POINT_PIXELS.large, POINT_PIXELS.medium],
          'circle-stroke-width': 0.6, 'circle-stroke-color': theme === 'dark' ? 'rgba(6,12,20,0.9)' : 'rgba(255,255,255,0.95)',
        },
      },
    },
    {place: 'names', layer: {id: `${source}:names`, type: 'symbol', source, filter: isForm('name'), layout: text, paint: ink}},
    {place: 'names', layer: {id: `${source}:along`, type: 'symbol', source, filter: isForm('line'), layout: {...text, 'symbol-placement': 'line', 'symbol-spacing': 400}, paint: ink}},
    {place: 'names', layer: {id: `${source}:beside`, type: 'symbol', source, filter: isForm('point'), layout: {...text, 'text-anchor': 'top', 'text-offset': [0, 0.45]}, paint: ink}},
  ];
}
