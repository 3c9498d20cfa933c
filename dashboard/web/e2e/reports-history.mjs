// Weeks of a district that never was, so that reports have something to say:
// events and noise of past days, published by `urbangrid replay`.
import {execFile} from 'node:child_process';
import {writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {promisify} from 'node:util';

const DAY_MS = 86_400_000;

/** How many whole days the history has. */
export const HISTORY_DAYS = 70;

/** Places where things gather, and what they do: degrees of WGS 84. */
const CENTRES = {
  always: [31.2405, 121.4105],
  newly: [31.2690, 121.3820],
  before: [31.2330, 121.3650],
};

/** The same numbers at every run. */
function dice(seed) {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** The rows of one day, `ago` whole days before today. */
function* dayOf(startMs, ago, random) {
  const weekday = new Date(startMs + 8 * 3_600_000).getUTCDay();
  const rest = weekday === 0 || weekday === 6 ? 0.65 : 1;
  const at = () => new Date(startMs + random() * DAY_MS).toISOString();
  const near = ([lat, lon], metres) => {
    const [r, a] = [Math.sqrt(random()) * metres, random() * 2 * Math.PI];
    return [lat + (r * Math.cos(a)) / 111_195, lon + (r * Math.sin(a)) / 95_000];
  };
  const anywhere = () => [31.215 + random() * 0.085, 121.345 + random() * 0.105];
  const row = (kind, [lat, lon], value = 1) => [at(), kind, lat.toFixed(6), lon.toFixed(6), value].join(',');
  // More of it week by week, and half as much again from three weeks ago on.
  const parking = (26 + (HISTORY_DAYS - ago) * 0.25) * (ago < 21 ? 1.5 : 1) * rest;
  for (let k = 0; k < parking; k++) yield row('illegal_parking', k % 3 === 0 ? near(CENTRES.always, 320) : anywhere());
  for (let k = 0; k < (ago < 6 ? 14 : 1); k++) yield row('illegal_parking', near(CENTRES.newly, 260));
  for (let k = 0; k < (ago > 25 ? 9 : 0); k++) yield row('illegal_parking', near(CENTRES.before, 260));
  for (let k = 0; k < 12 * rest; k++) yield row('stall', anywhere());
  // The same corner on some days, again and again.
  if (ago % 4 < 2) for (let k = 0; k < 6; k++) yield row('stall', near(CENTRES.always, 40));
  if (ago % 9 < 3) for (let k = 0; k < 4; k++) yield row('stall', near(CENTRES.newly, 40));
  for (let k = 0; k < 10; k++) yield row('noise', near(CENTRES.always, 900), (58 + random() * 12).toFixed(1));
}

/** The history as CSV. */
export function historyCSV(nowMs) {
  const today = Math.floor((nowMs + 8 * 3_600_000) / DAY_MS) * DAY_MS - 8 * 3_600_000;
  const random = dice(7);
  const lines = ['at,kind,lat,lon,value'];
  for (let ago = HISTORY_DAYS; ago >= 1; ago--) lines.push(...dayOf(today - ago * DAY_MS, ago, random));
  return `${lines.join('\n')}\n`;
}

const MAPPING = `time:
  columns: [at]
  layouts: ["2006-01-02T15:04:05.000Z07:00"]
  zone: UTC
position:
  lat: lat
  lon: lon
  datum: wgs84
device: "history-{kind}"
observations:
  - kind_from:
      column: kind
      values: {illegal_parking: illegal_parking, stall: stall, noise: noise}
    value: {column: value}
`;

/** Publishes the history to a server and waits until it has taken everything in. */
export async function replayHistory(server, folder) {
  const [file, map] = [join(folder, 'history.csv'), join(folder, 'history.yaml')];
  writeFileSync(file, historyCSV(Date.now()));
  writeFileSync(map, MAPPING);
  await promisify(execFile)(process.env['URBANGRID_BIN'], ['replay', '--broker', server.mqtt, '--file', file, '--map', map, '--http', server.url], {maxBuffer: 1 << 24});
}
