import type {Lang} from '../i18n';
import type {OverlayFault} from './overlay';

const zh = {
  layers: '底图图层',
  broken: (n: number) => `${n} 个文件没有画出`,
  wait: '正在读取…',
  missing: '没能读出，稍后再试',
  faults: {
    unreadable: '文件打不开',
    too_large: '超过上限：20 MB 或 20 万个坐标点',
    too_many: '超过 32 个文件的上限',
    not_utf8: '文字编码不是 UTF-8，请另存为 UTF-8',
    not_geojson: '不是 GeoJSON，或文件不完整',
    datum: '坐标系名称不认识，或文件名与文件内容不一致',
    crs: '不是经纬度坐标系（crs），请转换为 CRS84、EPSG:4326 或 EPSG:4490',
    out_of_range: '坐标不是经纬度，或纬度在前',
    empty: '没有可以画的内容',
  } satisfies Readonly<Record<Exclude<OverlayFault, ''>, string>>,
};

const en: typeof zh = {
  layers: 'Layers of the basemap',
  broken: (n) => (n === 1 ? '1 file is not drawn' : `${n} files are not drawn`),
  wait: 'Being read…',
  missing: 'Could not be read; it is tried again',
  faults: {
    unreadable: 'The file cannot be opened',
    too_large: 'Beyond the bound of 20 MB or 200,000 positions',
    too_many: 'Beyond the bound of 32 files',
    not_utf8: 'The text is not UTF-8: save it in that encoding',
    not_geojson: 'Not GeoJSON, or not whole',
    datum: 'An unknown datum, or one in the name and another in the file',
    crs: 'Not longitude and latitude (crs): convert it to CRS84, EPSG:4326 or EPSG:4490',
    out_of_range: 'Positions are not longitude and latitude, or the latitude comes first',
    empty: 'Nothing to draw',
  },
};

/** What the map says of its basemap. */
export const MESSAGES: Readonly<Record<Lang, typeof zh>> = {zh, en};
