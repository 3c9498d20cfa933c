// A still life of the page: its answers and its clock are those of one recorded
// moment of a simulated district, so that its pictures can be compared.
import {existsSync, mkdirSync, readFileSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {dirname, join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {gunzipSync, gzipSync} from 'node:zlib';
import {decodePNG, differingPixels} from './browser.mjs';

const HERE = dirname(fileURLToPath(import.meta.url));
const RECORDED = join(HERE, 'still.json.gz');

/** Answers that are the same for any query but these keys are found by them. */
function keyOf(url) {
  const {pathname, searchParams} = new URL(url);
  searchParams.sort();
  return `${pathname}?${searchParams.toString()}`;
}

/** Notes what the server answers on a page whose clock stands at nowMs. */
export async function record(page, nowMs, into) {
  await page.clock.setFixedTime(nowMs);
  page.on('response', async (r) => {
    if (!r.url().includes('/api/v1/') && !r.url().endsWith('/readyz')) return;
    if (r.request().method() !== 'GET' || r.status() !== 200) return;
    const body = await r.text().catch(() => null);
    if (body !== null) into.answers[keyOf(r.url())] ??= {type: r.headers()['content-type'] ?? '', body};
  });
  const topics = new Map();
  page.on('websocket', (ws) => {
    ws.on('framesent', (f) => {
      const frame = JSON.parse(String(f.payload));
      if (frame.t === 'sub') topics.set(frame.id, frame.topic);
    });
    ws.on('framereceived', (f) => {
      const frame = JSON.parse(String(f.payload));
      if (frame.t === 'hello') into.hello ??= frame;
      if (frame.t === 'snap' && topics.has(frame.id)) into.snapshots[topics.get(frame.id)] ??= frame;
    });
  });
}

/** Writes a record down. */
export function keep(recorded) {
  writeFileSync(RECORDED, gzipSync(JSON.stringify(recorded), {level: 9}));
}

/** The record. */
export function kept() {
  return JSON.parse(gunzipSync(readFileSync(RECORDED)).toString('utf8'));
}

/**
 * Puts the recorded moment in the place of the server, but for the page itself.
 * What was not recorded is answered 404 and listed in `missing`.
 */
export async function hold(context, page, recorded) {
  const missing = [];
  await page.clock.setFixedTime(recorded.nowMs);
  const answer = async (route) => {
    const known = recorded.answers[keyOf(route.request().url())];
    if (known === undefined) missing.push(keyOf(route.request().url()));
    await route.fulfill(known === undefined
      ? {status: 404, contentType: 'application/problem+json', body: '{"title":"not recorded","status":404}'}
      : {status: 200, contentType: known.type, body: known.body});
  };
  await context.route('**/api/v1/**', answer);
  await context.route('**/readyz', answer);
  await page.routeWebSocket('**/api/v1/live', (ws) => {
    ws.send(JSON.stringify(recorded.hello));
    const signs = setInterval(() => ws.send(JSON.stringify({t: 'hb', now: recorded.nowMs, lag: recorded.hello.lag})), 4000);
    ws.onClose(() => clearInterval(signs));
    page.once('close', () => clearInterval(signs));
    ws.onMessage((message) => {
      const frame = JSON.parse(String(message));
      const snapshot = frame.t === 'sub' ? recorded.snapshots[frame.topic] : undefined;
      if (snapshot !== undefined) ws.send(JSON.stringify({...snapshot, id: frame.id}));
    });
  });
  return missing;
}

/** Share of the pixels that may differ: fonts of another build are a shade wider. */
const TOLERATED = 0.004;

/** Compares the page with its reviewed reference, or makes that anew when URBANGRID_UPDATE is set. */
export async function compare(page, name) {
  const reference = join(HERE, 'references', `${name}.png`);
  const png = await page.screenshot({animations: 'disabled', caret: 'hide'});
  if (process.env['URBANGRID_UPDATE']) {
    mkdirSync(dirname(reference), {recursive: true});
    writeFileSync(reference, png);
    return;
  }
  if (!existsSync(reference)) throw new Error(`${name} has no reference; look at the page and run make references`);
  const [now, before] = [decodePNG(png), decodePNG(readFileSync(reference))];
  const differ = now.width === before.width && now.height === before.height ? differingPixels(now, before) : Infinity;
  if (differ <= now.width * now.height * TOLERATED) return;
  const found = join(process.env['URBANGRID_SHOTS'] ?? tmpdir(), `urbangrid-${name}.png`);
  writeFileSync(found, png);
  throw new Error(`${name} differs from its reference in ${differ} of ${now.width * now.height} pixels; it now looks like ${found}. If that is meant: make references`);
}
