import type {Lang, Messages} from './i18n';
import {setZone, zoneName} from './zone.svelte';

const formats = new Map<string, Intl.DateTimeFormat>();

/**
 * Takes the zone of the district, the one zone of the page: operators of one city
 * must never add hours. One that the browser does not know changes nothing.
 */
export function useZone(zone: string): boolean {
  try {
    new Intl.DateTimeFormat('en', {timeZone: zone});
  } catch {
    return false;
  }
  formats.clear();
  setZone(zone);
  return true;
}

function dateFormat(name: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const timeZone = zoneName();
  const known = formats.get(name);
  if (known !== undefined) return known;
  const made = new Intl.DateTimeFormat('zh-CN', {timeZone, hourCycle: 'h23', ...options});
  formats.set(name, made);
  return made;
}

/** "16:05:09" in the district. */
export function clockTime(ms: number): string {
  return dateFormat('clock', {hour: '2-digit', minute: '2-digit', second: '2-digit'}).format(ms);
}

/** "16:05" in the district. */
export function hourMinute(ms: number): string {
  return dateFormat('minute', {hour: '2-digit', minute: '2-digit'}).format(ms);
}

/** "2026-11-22" in the district. */
export function day(ms: number): string {
  const parts = dateFormat('day', {year: 'numeric', month: '2-digit', day: '2-digit'}).formatToParts(ms);
  const of = (type: string): string => parts.find((p) => p.type === type)?.value ?? '';
  return `${of('year')}-${of('month')}-${of('day')}`;
}

/** "16:05:09" on the day of now, else with the day before it. */
export function timeNear(ms: number, nowMs: number): string {
  return day(ms) === day(nowMs) ? clockTime(ms) : `${monthDay(ms)} ${clockTime(ms)}`;
}

/** "11-22" in the district. */
export function monthDay(ms: number): string {
  return day(ms).slice(5);
}

/** "16:05" on the day of now, else with the day before it. */
export function minuteNear(ms: number, nowMs: number): string {
  return day(ms) === day(nowMs) ? hourMinute(ms) : `${monthDay(ms)} ${hourMinute(ms)}`;
}

/** "2026-11-22 16:05:09 UTC+08:00": a moment in full, in the zone of the page. */
export function momentWithOffset(ms: number): string {
  return `${day(ms)} ${clockTime(ms)} ${offsetAt(ms)}`;
}

/** "UTC+08:00": how far the zone of the page is from UTC at a moment. */
export function offsetAt(ms: number): string {
  const minutes = Math.round((wallMs(ms) - ms) / 60_000);
  const two = (n: number): string => String(Math.floor(n)).padStart(2, '0');
  return `UTC${minutes < 0 ? '-' : '+'}${two(Math.abs(minutes) / 60)}:${two(Math.abs(minutes) % 60)}`;
}

/**
 * What a clock on the wall in the zone of the page shows, as if it stood in UTC.
 * Browsers name offsets themselves only from Chromium 95 on.
 */
function wallMs(ms: number): number {
  const parts = dateFormat('wall', {
    year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric', second: 'numeric',
  }).formatToParts(ms);
  const of = (type: string): number => Number(parts.find((p) => p.type === type)?.value);
  return Date.UTC(of('year'), of('month') - 1, of('day'), of('hour'), of('minute'), of('second'));
}

/** How a moment is written beside its offset on hover. */
export type TimeForm = 'near' | 'minute' | 'clock' | 'day' | 'monthDay' | 'dayMinute' | 'ago' | 'full';

/** Writes a moment in a form; what is near or ago is so of now. */
export function timeAs(form: TimeForm, ms: number, nowMs: number, m: Messages): string {
  switch (form) {
    case 'near':
      return timeNear(ms, nowMs);
    case 'minute':
      return minuteNear(ms, nowMs);
    case 'clock':
      return clockTime(ms);
    case 'day':
      return day(ms);
    case 'monthDay':
      return monthDay(ms);
    case 'dayMinute':
      return `${day(ms)} ${hourMinute(ms)}`;
    case 'ago':
      return m.ago(duration(nowMs - ms, m));
    case 'full':
      return momentWithOffset(ms);
  }
}

/** Stands in a text for the moment that Said puts there. */
export const HERE = '\u{FFFC}';

/** "12 s", "3 min", "2 h": one unit, rounded down. */
export function duration(ms: number, m: Messages): string {
  const s = Math.max(0, Math.floor(ms / 1000));
  if (s < 60) return m.seconds(s);
  if (s < 3600) return m.minutes(Math.floor(s / 60));
  if (s < 86_400) return m.hours(Math.floor(s / 3600));
  return m.days(Math.floor(s / 86_400));
}

/** A value as people read it: three digits that matter, grouped. */
export function quantity(value: number, lang: Lang): string {
  const size = Math.abs(value);
  const digits = Number.isInteger(value) || size >= 1000 ? 0 : size >= 1 ? 1 : 2;
  return value.toLocaleString(lang === 'zh' ? 'zh-CN' : 'en', {maximumFractionDigits: digits});
}
