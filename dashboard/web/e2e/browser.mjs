// Debian's Chromium, driven by playwright-core, and what a test may read of its pictures.
import {mkdirSync} from 'node:fs';
import {join} from 'node:path';
import {inflateSync} from 'node:zlib';
import {chromium} from 'playwright-core';

const FLAGS = [
  '--headless', '--no-sandbox', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync', '--hide-scrollbars',
];

/** The two ways of drawing: software WebGL, and no WebGL at all. */
export const GRAPHICS = {
  webgl: {flags: ['--use-angle=swiftshader', '--enable-unsafe-swiftshader'], query: '?renderer=webgl', renderer: 'webgl2'},
  none: {flags: ['--disable-gpu', '--disable-3d-apis'], query: '', renderer: 'canvas2d'},
};

/** Launches Chromium with an empty profile; URBANGRID_CHROMIUM names another one. */
export function launch(graphics) {
  return chromium.launch({
    executablePath: process.env['URBANGRID_CHROMIUM'] ?? '/usr/bin/chromium',
    args: [...FLAGS, ...graphics.flags],
  });
}

/**
 * Opens a page that notes every console error, every request to another host
 * and every WebSocket frame. `outage` says that the server is away on purpose;
 * without motion the map is at once where it is to be.
 */
export async function openPage(browser, {viewport, lang = 'zh-CN', theme = 'dark', motion = false}) {
  const context = await browser.newContext({viewport, timezoneId: 'UTC', locale: 'zh-CN', reducedMotion: motion ? 'no-preference' : 'reduce'});
  await context.addInitScript(([l, t]) => {
    if (localStorage.getItem('urbangrid.lang') === null) localStorage.setItem('urbangrid.lang', l);
    if (localStorage.getItem('urbangrid.theme') === null) localStorage.setItem('urbangrid.theme', t);
  }, [lang, theme]);
  const page = await context.newPage();
  const seen = {errors: [], hosts: new Set(), sent: [], received: [], sockets: 0, outage: false};
  const network = /ERR_CONNECTION_REFUSED|ERR_CONNECTION_RESET|ERR_INTERNET_DISCONNECTED|ERR_CONNECTION_CLOSED|WebSocket connection|WebSocket is closed|Failed to fetch/;
  page.on('console', (m) => {
    if (m.type() === 'error' && !(seen.outage && network.test(m.text()))) seen.errors.push(m.text());
  });
  page.on('pageerror', (e) => seen.errors.push(e.stack ?? e.message));
  context.on('request', (r) => {
    if (/^(https?|wss?):/.test(r.url())) seen.hosts.add(new URL(r.url()).host);
  });
  page.on('websocket', (ws) => {
    const socket = ++seen.sockets;
    seen.hosts.add(new URL(ws.url()).host);
    ws.on('framesent', (f) => seen.sent.push({socket, ...JSON.parse(String(f.payload))}));
    ws.on('framereceived', (f) => seen.received.push({socket, ...JSON.parse(String(f.payload))}));
  });
  return {context, page, seen};
}

/** Saves a picture into URBANGRID_SHOTS, if that is set. */
export async function shoot(page, name) {
  const folder = process.env['URBANGRID_SHOTS'];
  if (!folder) return;
  mkdirSync(folder, {recursive: true});
  await page.screenshot({path: join(folder, `${name}.png`)});
}

function paeth(a, b, c) {
  const p = a + b - c;
  const [pa, pb, pc] = [Math.abs(p - a), Math.abs(p - b), Math.abs(p - c)];
  return pa <= pb && pa <= pc ? a : pb <= pc ? b : c;
}

/** Decodes a PNG of 8-bit RGB or RGBA, which is what screenshots are. */
export function decodePNG(png) {
  const parts = [];
  let [width, height, channels] = [0, 0, 0];
  for (let at = 8; at < png.length;) {
    const length = png.readUInt32BE(at);
    const type = png.toString('latin1', at + 4, at + 8);
    const body = png.subarray(at + 8, at + 8 + length);
    if (type === 'IHDR') {
      [width, height, channels] = [body.readUInt32BE(0), body.readUInt32BE(4), body[9] === 6 ? 4 : 3];
    }
    if (type === 'IDAT') parts.push(body);
    at += length + 12;
  }
  const raw = inflateSync(Buffer.concat(parts));
  const stride = width * channels;
  const out = Buffer.alloc(stride * height);
  for (let y = 0; y < height; y++) {
    const filter = raw[y * (stride + 1)];
    for (let x = 0; x < stride; x++) {
      const value = raw[y * (stride + 1) + 1 + x];
      const a = x >= channels ? out[y * stride + x - channels] : 0;
      const b = y > 0 ? out[(y - 1) * stride + x] : 0;
      const c = x >= channels && y > 0 ? out[(y - 1) * stride + x - channels] : 0;
      const add = [0, a, b, (a + b) >> 1, paeth(a, b, c)][filter];
      out[y * stride + x] = (value + add) & 255;
    }
  }
  const at = (x, y) => {
    const k = y * stride + x * channels;
    return [out[k], out[k + 1], out[k + 2]];
  };
  return {width, height, at};
}

/** Whether a pixel has a colour that only cells with a value have, on the dark map. */
export function isCellColor([r, g, b]) {
  const blue = b - r > 45 && b < 150 && g < 90;
  const middle = r > 70 && r < 130 && Math.abs(r - g) < 14 && Math.abs(b - r) < 22;
  const yellow = r - b > 50 && r > 130 && g > 120 && r - g < 60;
  return blue || middle || yellow;
}

/** The map's picture with the panels that lie on it left out. */
export async function mapPicture(page) {
  const clip = await page.locator('[data-testid=map]').boundingBox();
  if (clip === null) throw new Error('the map has no size');
  const free = {x: clip.x + 215, y: clip.y + 10, width: clip.width - 290, height: clip.height - 190};
  const png = await page.screenshot({clip: free});
  return {...decodePNG(png), left: free.x, top: free.y};
}

/** How many pixels have a cell's colour. */
export function cellPixels(picture) {
  let n = 0;
  for (let y = 0; y < picture.height; y++) for (let x = 0; x < picture.width; x++) if (isCellColor(picture.at(x, y))) n++;
  return n;
}

/** How many pixels two pictures of one size differ in, by more than a shade. */
export function differingPixels(a, b) {
  let n = 0;
  for (let y = 0; y < a.height; y++) {
    for (let x = 0; x < a.width; x++) {
      const [p, q] = [a.at(x, y), b.at(x, y)];
      if (Math.abs(p[0] - q[0]) + Math.abs(p[1] - q[1]) + Math.abs(p[2] - q[2]) > 6) n++;
    }
  }
  return n;
}

/** A place on the page in the middle of a coloured cell, null when there is none. */
export function cellToClick(picture) {
  const reach = 4;
  for (let y = reach; y < picture.height - reach; y += 3) {
    for (let x = reach; x < picture.width - reach; x += 3) {
      const middle = picture.at(x, y);
      let same = isCellColor(middle);
      for (let d = -reach; same && d <= reach; d++) {
        for (const [dx, dy] of [[d, 0], [0, d], [d, d], [d, -d]]) {
          const p = picture.at(x + dx, y + dy);
          if (Math.abs(p[0] - middle[0]) + Math.abs(p[1] - middle[1]) + Math.abs(p[2] - middle[2]) > 12) same = false;
        }
      }
      if (same) return {x: picture.left + x, y: picture.top + y};
    }
  }
  return null;
}
