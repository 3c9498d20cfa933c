// What stays open all day keeps nothing of what has passed: an hour of updates, alerts
// that come and close, and turns of the wall, as fast as the page takes them. After each
// round the page is in the same state as after the one before; heap, DOM nodes and
// listeners after a forced garbage collection must not grow over the second half.
import assert from 'node:assert/strict';
import {mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {after, before, describe, it} from 'node:test';
import {cellToLatLng} from 'h3-js';
import {publish, startBinary, until} from './binary.mjs';
import {GRAPHICS, launch} from './browser.mjs';
import {cellsAround, startFeeder} from './feeder.mjs';

const VIEWPORT = {width: 1366, height: 768};
const CELLS = cellsAround(1000, 10);

/** Rounds of a soak, and what each brings: in all an hour of updates, and twenty alerts a minute. */
const ROUNDS = 20;
const UPDATES = 180;
const ALERTS = 60;

/** Alerts that are open at the end of each round, and closed ones from the beginning: as many as the page keeps. */
const STEADY = 12;
const CLOSED = 500;

/** How much more the last quarter of the rounds may hold than the one before, at the median: a share and an amount. */
const TOLERANCE = {heapMB: [0.01, 0.1], nodes: [0.01, 10], listeners: [0.01, 5]};

/** Too far from the cells for an alert to be grouped with theirs. */
const AWAY = {lat: 31.285, lon: 121.36};

const median = (numbers) => [...numbers].sort((a, b) => a - b)[numbers.length >> 1];

/** An alert of the feeder about one of the cells. */
function madeUp(template, name, k, state, revision) {
  const cell = CELLS[(k * 37) % CELLS.length];
  const [lat, lon] = cellToLatLng(cell);
  const now = new Date().toISOString();
  return {...template, id: `soak-${name}-${k}`, place: `device/soak-${name}-${k}`, device: `soak-${name}-${k}`, severity: ['critical', 'warning', 'notice'][k % 3],
    state, revision, cell, lat, lon, raised_at: now, updated_at: now, cleared_at: state === 'closed' ? now : null};
}

let data;
let server;
let browser;
let real; // an alert that the server has

before(async () => {
  data = mkdtempSync(join(tmpdir(), 'urbangrid-soak-'));
  server = await startBinary({data});
  const answer = async () => (await (await fetch(`${server.url}/api/v1/alerts?kind=manhole_tilt&state=open`)).json()).alerts;
  await publish(server.mqtt, 'soak-tilt', {kind: 'manhole_tilt', value: 30, ...AWAY});
  real = await until(async () => (await answer()).find((a) => a.device === 'soak-tilt'), {within: 30_000, what: 'an alert of the server'});
  browser = await launch(GRAPHICS.none);
});

after(async () => {
  await browser?.close();
  await server?.stop();
  rmSync(data, {recursive: true, force: true});
});

/** Opens a page behind a feeder and answers how to bring it through a round, and what it holds after that. */
async function openFed(href, {clock = false} = {}) {
  const standing = Array.from({length: STEADY}, (_, k) => madeUp(real, 'steady', k, 'open', 1));
  const closed = Array.from({length: CLOSED}, (_, k) => madeUp(real, 'closed', k, 'closed', 2));
  const feeder = await startFeeder(server.url, CELLS, [real, ...standing, ...closed]);
  const context = await browser.newContext({viewport: VIEWPORT, timezoneId: 'UTC', locale: 'zh-CN', reducedMotion: 'reduce'});
  const page = await context.newPage();
  if (clock) await page.clock.install();
  await page.goto(`${feeder.url}${href}`);
  await until(() => page.evaluate(() => window.urbangrid?.alerts.length > 0), {within: 60_000, what: 'alerts'});
  const cdp = await context.newCDPSession(page);
  await cdp.send('HeapProfiler.enable');
  await cdp.send('Performance.enable');
  let revision = real.revision;
  const settled = (alert) => until(() => page.evaluate(([id, state]) => window.urbangrid.alerts.some((a) => a.id === id && a.state === state), [alert.id, alert.state]),
    {within: 30_000, what: `${alert.id} is ${alert.state}`, every: 10});
  return {
    page,
    feeder,
    /** Alerts of a round come and close, and the one that is looked at changes. */
    async alerts(round) {
      const some = Array.from({length: ALERTS}, (_, k) => round * ALERTS + k);
      for (const k of some) feeder.tell(madeUp(real, 'passing', k, 'open', 1));
      await settled(madeUp(real, 'passing', some.at(-1), 'open', 1));
      revision++;
      feeder.tell({...real, revision, value: 30 + (revision % 7), updated_at: new Date().toISOString()});
      for (const k of some) feeder.tell(madeUp(real, 'passing', k, 'closed', 2));
      await settled(madeUp(real, 'passing', some.at(-1), 'closed', 2));
    },
    /** So many updates reach the map. */
    async updates(n) {
      for (let k = 1; k <= n; k++) {
        const seq = feeder.step();
        if (k % 20 === 0 || k === n) {
          await until(() => page.evaluate((want) => Object.entries(window.urbangrid.seq).some(([topic, s]) => topic !== 'alerts' && s >= want), seq),
            {within: 30_000, what: `number ${seq}`, every: 10});
        }
      }
    },
    async held() {
      await page.evaluate(() => new Promise((resolve) => { requestAnimationFrame(() => requestAnimationFrame(resolve)); }));
      for (let k = 0; k < 2; k++) await cdp.send('HeapProfiler.collectGarbage');
      const {metrics} = await cdp.send('Performance.getMetrics');
      const of = (name) => metrics.find((m) => m.name === name).value;
      return {heapMB: of('JSHeapUsedSize') / 1e6, nodes: of('Nodes'), listeners: of('JSEventListeners')};
    },
    close: async () => { await context.close(); await feeder.stop(); },
  };
}

/** Brings a page through all rounds and holds what it keeps against the tolerance. */
async function soak(name, fed, round) {
  const held = [];
  for (let k = 0; k < ROUNDS; k++) {
    await round(k);
    held.push(await fed.held());
  }
  const quarter = ROUNDS / 4;
  for (const [what, [share, amount]] of Object.entries(TOLERANCE)) {
    const all = held.map((h) => h[what]);
    const [third, fourth] = [median(all.slice(2 * quarter, 3 * quarter)), median(all.slice(3 * quarter))];
    console.log(JSON.stringify({name: `page.soak.${name}.${what.toLowerCase()}`, value: Math.round((fourth - third) * 1000) / 1000, unit: what === 'heapMB' ? 'MB' : '1',
      note: `the last quarter over the one before, which holds ${Math.round(third * 100) / 100}; first round ${Math.round(all[0] * 100) / 100}`}));
    assert.ok(fourth <= third * (1 + share) + amount, `${name}: ${what} grew from ${third} to ${fourth}, at most ${share * 100} % and ${amount}: ${all.map((n) => Math.round(n * 100) / 100).join(' ')}`);
  }
}

describe('what stays open all day', {timeout: 300_000}, () => {
  it('the live map with a cell open, while alerts come and close', async () => {
    const fed = await openFed(`/?kind=noise&res=10&cell=${CELLS[500]}`);
    try {
      await fed.page.locator('[data-testid=cell-panel]').waitFor({timeout: 30_000});
      await soak('map', fed, async (k) => {
        await fed.alerts(k);
        await fed.updates(UPDATES);
      });
    } finally {
      await fed.close();
    }
  });

  it('the alerts with one of them open, while others come and close', async () => {
    const fed = await openFed(`/alerts?at=${real.id}`);
    try {
      const mine = `[data-id="${real.id}"]`;
      const detail = (which) => fed.page.locator(`[data-testid=detail]${which}`).waitFor({timeout: 30_000});
      await detail(mine);
      await soak('alerts', fed, async (k) => {
        await fed.alerts(k);
        // It is the oldest and so the last of the queue: the one above it is looked at, and it again.
        await fed.page.keyboard.press('k');
        await detail(`:not(${mine})`);
        await fed.page.keyboard.press('j');
        await detail(mine);
        await fed.alerts(ROUNDS + k);
      });
    } finally {
      await fed.close();
    }
  });

  it('the wall while it turns', async () => {
    const fed = await openFed('/?kiosk&every=5&kinds=noise,pm25,stall', {clock: true});
    try {
      const shown = () => fed.page.locator('[data-testid=kiosk]').evaluate((e) => `${e.dataset.view} ${e.dataset.kind}`);
      await soak('wall', fed, async (k) => {
        for (let turn = 0; turn < 6; turn++) { // once through the map of each kind and the other views
          const before = await shown();
          // It turns while it hears the server, and so just after an update.
          await fed.page.clock.runFor(3500);
          await fed.updates(UPDATES / 6);
          await fed.page.clock.runFor(2000);
          await until(async () => (await shown()) !== before, {within: 10_000, what: 'the wall turns', every: 20});
        }
        await fed.alerts(k);
      });
    } finally {
      await fed.close();
    }
  });
});
