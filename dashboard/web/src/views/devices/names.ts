import {day, hourMinute, offsetAt, quantity} from '../../format';
import {inLang, type Lang} from '../../i18n';
import type {Model} from '../../model';
import type {StatedPlace} from './wire';

/** What an area is called, its code when nobody knows. */
export function areaName(model: Model, code: string): string {
  const area = model.areas.state === 'loaded' ? model.areas.value.find((a) => a.code === code) : undefined;
  return area === undefined ? code : inLang(area.names, model.lang);
}

/** What a kind is called, its key when nobody knows. */
export function kindName(model: Model, key: string): string {
  const kind = model.kinds.state === 'loaded' ? model.kinds.value.find((k) => k.key === key) : undefined;
  return kind === undefined ? key : inLang(kind.names, model.lang);
}

/** The unit of a kind as people write it, the UCUM code when nobody knows. */
export function unitName(model: Model, key: string, code: string): string {
  const kind = model.kinds.state === 'loaded' ? model.kinds.value.find((k) => k.key === key) : undefined;
  const label = kind === undefined ? code : inLang(kind.unitLabel, model.lang);
  return label === '1' ? '' : label;
}

/** A place with six decimals, which is a tenth of a metre: latitude first. */
export function placeText(p: {readonly lat: number; readonly lon: number}): string {
  return `${p.lat.toFixed(6)}, ${p.lon.toFixed(6)}`;
}

/** A stated place with its datum. */
export function statedText(p: StatedPlace): string {
  return `${placeText(p)} ${p.datum.toUpperCase().replace('WGS84', 'WGS 84').replace('GCJ02', 'GCJ-02').replace('BD09', 'BD-09')}`;
}

/** A whole number, grouped. */
export function whole(n: number, lang: Lang): string {
  return n.toLocaleString(lang === 'zh' ? 'zh-CN' : 'en');
}

/** "2.5 %", "<0.1 %": a share of 0 to 1. */
export function percent(share: number, lang: Lang): string {
  if (share > 0 && share < 0.001) return '<0.1%';
  return `${quantity(Math.round(share * 1000) / 10, lang)}%`;
}

/** A moment for a field of type datetime-local, in the zone of the page. */
export function localField(ms: number): string {
  return `${day(ms)}T${hourMinute(ms)}`;
}

/** The moment of such a field, null for none. */
export function fieldMs(text: string): number | null {
  if (!/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}$/.test(text)) return null;
  const from = (near: number): number => Date.parse(`${text}:00${offsetAt(near).slice('UTC'.length)}`);
  const ms = from(Date.parse(`${text}:00Z`));
  // The offset of the moment itself, should the clocks have been changed in between.
  return Number.isNaN(ms) ? null : from(ms);
}

/** Eight in the morning of the next day in the zone of the page. */
export function nextMorningMs(nowMs: number): number {
  const tomorrow = day(nowMs + 86_400_000);
  return fieldMs(`${tomorrow}T08:00`) ?? nowMs + 86_400_000;
}
