// Stands between a page and the real server: everything passes through but the live
// view, whose frames a test makes, with the cell tables that they name.
import {createServer, request} from 'node:http';
import {latLngToCell} from 'h3-js';
import {WebSocketServer} from 'ws';

const EPOCH = 'feeder';

/** So many cells of a resolution around Putuo, in ascending order. */
export function cellsAround(n, resolution) {
  const cells = new Set();
  const step = 0.0009;
  for (let ring = 0; cells.size < n; ring++) {
    for (let k = -ring; k <= ring; k++) {
      for (const [y, x] of [[k, -ring], [k, ring], [-ring, k], [ring, k]]) {
        if (cells.size < n) cells.add(latLngToCell(31.25 + y * step, 121.4 + x * step, resolution));
      }
    }
  }
  return [...cells].sort();
}

/** Passes a request on to the real server. */
function pass(target, req, res) {
  const onward = request(new URL(req.url, target), {method: req.method, headers: {...req.headers, host: new URL(target).host}}, (answer) => {
    res.writeHead(answer.statusCode, answer.headers);
    answer.pipe(res);
  });
  onward.on('error', () => res.destroy());
  req.pipe(onward);
}

/**
 * Serves a page of `target` whose map has `cells` at every resolution, and `alerts`.
 * `step()` sends a delta in which every cell changes and answers its number; `tell()`
 * sends an alert.
 */
export async function startFeeder(target, cells, alerts = []) {
  const table = JSON.stringify({hash: `t${cells.length}`, resolution: 10, cells});
  const server = createServer((req, res) => {
    if (req.url.startsWith('/api/v1/cells/tables/')) {
      res.writeHead(200, {'content-type': 'application/json'});
      res.end(table);
    } else pass(target, req, res);
  });
  const sockets = new WebSocketServer({server, path: '/api/v1/live', perMessageDeflate: false});
  let seq = 1;
  let viewer = null; // {ws, id}
  let listener = null; // {ws, id} of the alerts
  let told = 0;
  const columns = () => ({
    i: cells.map((_, k) => (k === 0 ? 0 : 1)),
    v: cells.map((_, k) => 45 + ((k * 13 + seq * 7) % 400) / 10),
    n: cells.map((_, k) => 1 + ((k + seq) % 9)),
  });
  const say = (ws, frame) => ws.send(JSON.stringify(frame));
  sockets.on('connection', (ws) => {
    say(ws, {t: 'hello', v: 1, server: 'feeder', epoch: EPOCH, now: Date.now(), hb: 5000, lag: 0});
    const beat = setInterval(() => say(ws, {t: 'hb', now: Date.now(), lag: 0}), 5000);
    ws.on('close', () => clearInterval(beat));
    ws.on('message', (data) => {
      const frame = JSON.parse(String(data));
      if (frame.t !== 'sub') return;
      if (frame.topic === 'alerts') {
        listener = {ws, id: frame.id};
        say(ws, {t: 'snap', id: frame.id, epoch: EPOCH, seq: told, ts: Date.now(), alerts});
        return;
      }
      viewer = {ws, id: frame.id};
      say(ws, {t: 'snap', id: frame.id, epoch: EPOCH, seq, tbl: `t${cells.length}`, ts: Date.now(), ...columns()});
    });
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    step() {
      seq++;
      if (viewer !== null) say(viewer.ws, {t: 'd', id: viewer.id, seq, from: seq - 1, ts: Date.now(), ...columns()});
      return seq;
    },
    tell(alert) {
      told++;
      if (listener !== null) say(listener.ws, {t: 'ev', id: listener.id, seq: told, alert});
    },
    stop: () => new Promise((resolve) => {
      for (const ws of sockets.clients) ws.terminate();
      server.closeAllConnections();
      server.close(resolve);
    }),
  };
}
