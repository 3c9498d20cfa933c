// A stand-in for the server while working on the page: speaks docs/PROTOCOL.md
// with invented numbers. Development only; the end-to-end test drives the real
// binary. Usage: node e2e/dev-server.mjs [port] [--empty] [--silent-after=SECONDS]
import {readFileSync, existsSync} from 'node:fs';
import {createServer} from 'node:http';
import {extname, join, normalize} from 'node:path';
import {fileURLToPath} from 'node:url';
import {latLngToCell, cellToParent, polygonToCells, cellToLatLng} from 'h3-js';
import {WebSocketServer} from 'ws';

const here = fileURLToPath(new URL('.', import.meta.url));
const dist = join(here, '..', 'dist');
const port = Number(process.argv[2] ?? 0);
const empty = process.argv.includes('--empty');
const silentAfter = Number((process.argv.find((a) => a.startsWith('--silent-after=')) ?? '').split('=')[1] ?? Infinity);
const policy = "default-src 'self'; img-src 'self' data: blob:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

const source = JSON.parse(readFileSync(join(here, '..', '..', '..', 'grid', 'putuo.geojson'), 'utf8'));
const areas = {
  ...source,
  features: source.features.map((f) => ({
    ...f, properties: {code: f.properties.code, names: {zh: f.properties.name, en: f.properties.name_en}, parent: f.properties.parent},
  })),
};
const kinds = [
  ['noise', '环境噪声', 'Noise', 'measure', 'dB(A)', [45, 85]],
  ['pm25', 'PM2.5', 'PM2.5', 'measure', 'µg/m³', [0, 150]],
  ['bin_fill', '垃圾箱满溢度', 'Bin fill level', 'measure', '%', [0, 100]],
  ['manhole_tilt', '井盖倾斜', 'Manhole cover tilt', 'measure', '°', [0, 45]],
  ['road_water', '道路积水', 'Water on the road', 'measure', 'cm', [0, 30]],
  ['smoke', '烟雾', 'Smoke', 'event', '', [0, 5]],
  ['illegal_parking', '违法停车', 'Illegal parking', 'event', '', [0, 10]],
  ['stall', '占道摊位', 'Street stall', 'event', '', [0, 10]],
  ['crowd', '人群密度', 'Crowd', 'measure', '人', [0, 200]],
  ['lane_blocked', '消防通道占用', 'Fire lane blocked', 'event', '', [0, 4]],
].map(([key, zh, en, type, unit, scale]) => ({
  key, names: {zh, en}, type, unit: '1', unit_label: {zh: unit, en: unit}, range: [0, 1000], scale, bad: 'high', class_code: '', live_window_seconds: 300,
}));

const base = [...new Set(source.features.flatMap((f) => polygonToCells(f.geometry.coordinates, 10, true)))].sort();
const tables = new Map();
for (const r of [7, 8, 9, 10]) {
  const cells = [...new Set(base.map((c) => (r === 10 ? c : cellToParent(c, r))))].sort();
  tables.set(`t${r}`, {hash: `t${r}`, resolution: r, cells});
}
const epoch = `e${Date.now()}`;
let seq = 1;
let alertSeq = 0;
const alerts = [];
const started = Date.now();

function valueOf(kind, cell, t) {
  const [lat, lon] = cellToLatLng(cell);
  const h = Math.abs(Math.sin(lat * 9431.7 + lon * 7919.3) * 1e4) % 1;
  if (h < 0.35 || empty) return null;
  const wave = 0.5 + 0.5 * Math.sin((lat - 31.2) * 120 + (lon - 121.3) * 90 + t / 9000 + h * 1.5);
  const v = kind.scale[0] + (kind.scale[1] - kind.scale[0]) * Math.min(1, Math.max(0, wave * 0.75 + h * 0.25));
  return kind.type === 'event' ? Math.round(v) : Math.round(v * 10) / 10;
}

function columns(kind, table, only) {
  const [i, v, n] = [[], [], []];
  let last = 0;
  table.cells.forEach((cell, k) => {
    if (only && (k * 7 + seq) % 5 !== 0) return;
    const value = valueOf(kind, cell, Date.now() - started);
    if (value === null) return;
    i.push(k - last);
    last = k;
    v.push(value);
    n.push(3 + (k % 9));
  });
  return {i, v, n};
}

function raise() {
  const kind = kinds[alertSeq % kinds.length];
  const cell = base[(alertSeq * 797) % base.length];
  const [lat, lon] = cellToLatLng(cell);
  const severity = ['warning', 'critical', 'notice'][alertSeq % 3];
  const now = new Date().toISOString();
  const a = {
    id: `0193-${alertSeq}`, revision: 1, rule: `${kind.key}_high`, kind: kind.key, place: `device/${kind.key}-${alertSeq}`, state: 'open', severity,
    device: `${kind.key}-${alertSeq}`, cell, area: '310107103', lat, lon, value: 88.2, baseline: 85, p: null, window_seconds: 0,
    reason: {zh: `${kind.names.zh} 88.2 ${kind.unit_label.zh}，超过阈值 85，已持续 30 秒`, en: `${kind.names.en} 88.2 ${kind.unit_label.en}, above the threshold of 85 for 30 s`},
    raised_at: now, updated_at: now, cleared_at: null,
  };
  alerts.push(a);
  return a;
}

const http = createServer((req, res) => {
  const url = new URL(req.url ?? '/', 'http://x');
  res.setHeader('Content-Security-Policy', policy);
  const json = (body) => {
    res.setHeader('Content-Type', 'application/json');
    res.end(JSON.stringify(body));
  };
  if (url.pathname === '/api/v1/kinds') return json({kinds});
  if (url.pathname === '/api/v1/areas.geojson') return json(areas);
  if (url.pathname === '/api/v1/alerts') return json({alerts});
  if (url.pathname.startsWith('/api/v1/cells/tables/')) return json(tables.get(url.pathname.split('/').pop()));
  if (url.pathname === '/api/v1/series') {
    const to = Date.parse(url.searchParams.get('to'));
    const kind = kinds.find((k) => k.key === url.searchParams.get('kind'));
    const points = Array.from({length: 80}, (_, k) => to - 900_000 + k * 11_000)
      .map((t) => [new Date(t).toISOString(), valueOf(kind, url.searchParams.get('cell'), t - started)]).filter((p) => p[1] !== null);
    return json({series: points.length ? [{key: {}, unit: 'dB', points}] : []});
  }
  const name = normalize(url.pathname === '/' ? '/index.html' : url.pathname);
  const file = join(dist, name);
  if (!existsSync(file)) {
    res.statusCode = 404;
    return res.end();
  }
  const types = {'.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml'};
  res.setHeader('Content-Type', types[extname(name)] ?? 'application/octet-stream');
  res.end(readFileSync(file));
});

const sockets = new WebSocketServer({server: http, path: '/api/v1/live'});
sockets.on('connection', (ws) => {
  const subs = new Map();
  const send = (o) => {
    if (Date.now() - started < silentAfter * 1000) ws.send(JSON.stringify(o));
  };
  send({t: 'hello', v: 1, server: 'dev', epoch, now: Date.now(), hb: 5000});
  send({t: 'hb', now: Date.now(), lag: 900});
  ws.on('message', (data) => {
    const m = JSON.parse(data);
    if (m.t === 'unsub') return subs.delete(m.id);
    if (m.topic === 'alerts') {
      subs.set(m.id, {alerts: true});
      if (m.since?.epoch === 'a') {
        alerts.slice(m.since.seq).forEach((alert, k) => send({t: 'ev', id: m.id, seq: m.since.seq + k + 1, alert}));
        return undefined;
      }
      return send({t: 'snap', id: m.id, epoch: 'a', seq: alertSeq, ts: Date.now(), alerts});
    }
    const [, key, r] = m.topic.split('/');
    const kind = kinds.find((k) => k.key === key);
    const table = tables.get(`t${r.slice(1)}`);
    subs.set(m.id, {kind, table, at: seq});
    return send({t: 'snap', id: m.id, epoch, seq, tbl: table.hash, ts: Date.now(), ...columns(kind, table, false)});
  });
  const tick = setInterval(() => {
    for (const [id, s] of subs) {
      if (s.alerts) continue;
      send({t: 'd', id, seq, from: s.at, ts: Date.now(), ...columns(s.kind, s.table, true)});
      s.at = seq;
    }
  }, 1000);
  const beat = setInterval(() => send({t: 'hb', now: Date.now(), lag: 900}), 5000);
  const hear = (alert, n) => {
    for (const [id, s] of subs) if (s.alerts) send({t: 'ev', id, seq: n, alert});
  };
  sockets.on('alert', hear);
  ws.on('close', () => {
    clearInterval(tick);
    clearInterval(beat);
    sockets.off('alert', hear);
  });
});
setInterval(() => seq++, 1000);
if (!empty) {
  for (let k = 0; k < 5; k++) {
    alertSeq++;
    raise();
  }
  Object.assign(alerts[2], {state: 'closed', revision: 2, cleared_at: new Date().toISOString()});
  setInterval(() => {
    alertSeq++;
    sockets.emit('alert', raise(), alertSeq);
  }, 8000);
}
http.listen(port, '127.0.0.1', () => console.log(`http  http://127.0.0.1:${http.address().port}`));
