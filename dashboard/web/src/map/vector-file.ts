/** PMTiles files for the WebGL map; fetched only where there is one. */
import {layers, namedFlavor} from '@protomaps/basemaps';
import {addProtocol, type LayerSpecification, type SourceSpecification} from 'maplibre-gl';
import {PMTiles, Protocol, TileType} from 'pmtiles';
import {plainText, type Basemap} from './basemap';
import type {Theme} from './city-map';

let protocol: Protocol | null = null;

/** What a file adds to a style. */
export interface FileStyle {
  readonly source: SourceSpecification;
  readonly layers: (source: string, theme: Theme, lang: string) => readonly LayerSpecification[];
  readonly attribution: string;
}

/** Reads the header of a file and says how to draw it: pictures as they are, vectors in the schema of Protomaps. */
export async function styleOfFile(basemap: Basemap): Promise<FileStyle> {
  if (protocol === null) {
    protocol = new Protocol();
    addProtocol('pmtiles', protocol.tile);
  }
  const url = new URL(basemap.url, location.href).href;
  const file = new PMTiles(url);
  protocol.add(file);
  const [header, metadata] = await Promise.all([file.getHeader(), file.getMetadata()]);
  const named: unknown = typeof metadata === 'object' && metadata !== null ? Reflect.get(metadata, 'attribution') : '';
  const attribution = typeof named === 'string' ? plainText(named) : '';
  if (header.tileType !== TileType.Mvt) {
    return {
      source: {type: 'raster', url: `pmtiles://${url}`, tileSize: 256}, attribution,
      layers: (source) => [{id: 'basemap', type: 'raster', source}],
    };
  }
  return {
    source: {type: 'vector', url: `pmtiles://${url}`}, attribution,
    // Signs and shields want a sprite, which the product does not ship.
    layers: (source, theme, lang) => layers(source, namedFlavor(theme), {lang: lang === 'zh' ? 'zh-Hans' : 'en'})
      .filter((l) => l.type !== 'symbol' || l.layout?.['icon-image'] === undefined)
      .map((l) => ({...l, id: `basemap-${l.id}`})),
  };
}
