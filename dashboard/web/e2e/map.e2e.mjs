// What one can do with the live map beside looking at it: go back in time, find
// places, share what is on screen, see devices, and put a basemap below.
import assert from 'node:assert/strict';
import {mkdirSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync} from 'node:fs';
import {createServer} from 'node:http';
import {createRequire} from 'node:module';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {after, before, describe, it} from 'node:test';
import {deflateSync} from 'node:zlib';
import {cellToParent, getResolution, latLngToCell} from 'h3-js';
import {publish, startBinary, until} from './binary.mjs';
import {decodePNG, GRAPHICS, launch, openPage, shoot} from './browser.mjs';
import {worldOfEarth} from './pmtiles.mjs';

const DESKTOP = {width: 1366, height: 768};
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const PLACE = {lat: 31.2512, lon: 121.3911};

async function assertAccessible(page, what) {
  await page.evaluate(axe);
  const violations = await page.evaluate(() => window.axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']})
    .then((r) => r.violations.map((v) => `${v.id}: ${v.nodes.map((n) => `${n.target.join(' ')} ${n.any.map((a) => a.message).join(' ')}`).slice(0, 3).join(' | ')}`)));
  assert.deepEqual(violations, [], `axe, ${what}`);
}

function folder() {
  return mkdtempSync(join(tmpdir(), 'urbangrid-map-'));
}

describe('the map', {timeout: 300_000}, () => {
  let data;
  let server;
  let browser;
  // A whole step of five minutes, two hours back.
  const then = new Date(Math.floor((Date.now() - 7_200_000) / 300_000) * 300_000);

  before(async () => {
    data = folder();
    server = await startBinary({data});
    for (const [minutes, value] of [[4, 81], [2, 83]]) {
      await publish(server.mqtt, 'e2e-past', {kind: 'noise', value, time: new Date(then.getTime() - minutes * 60_000).toISOString(), ...PLACE});
    }
    browser = await launch(GRAPHICS.none);
  });

  after(async () => {
    await browser?.close();
    await server?.stop();
    rmSync(data, {recursive: true, force: true});
  });

  async function open(href, options = {}) {
    const opened = await openPage(browser, {viewport: DESKTOP, ...options});
    await opened.page.goto(`${server.url}${href}`);
    return opened;
  }

  const live = (page, within = 60_000) => until(() => page.evaluate(() => window.urbangrid?.liveCells > 20 && window.urbangrid.frames > 2), {within, what: 'a living map'});

  it('shows the past at the moment of the address, says that it is the past, and returns to the present', async () => {
    const {page, seen, context} = await open(`/?kind=noise&res=10&tab=cells&t=${then.toISOString()}`);
    await page.locator('[data-testid=timeline][data-frame=shown]').waitFor({timeout: 60_000});
    const table = page.locator('[data-testid=cell-table]');
    await until(async () => /82/.test(await table.innerText()), {within: 20_000, what: 'the mean of what was observed then'});
    const cell = latLngToCell(PLACE.lat, PLACE.lon, 10).replace(/f+$/, '');
    assert.ok((await table.innerText()).includes(cell), 'in the cell where it was');
    assert.match(await page.locator('[data-testid=timeline]').innerText(), /正在看过去的情况/);
    await shoot(page, 'map-past');
    await assertAccessible(page, 'the past');
    await page.locator('[data-testid=go-live]').click();
    await page.locator('[data-testid=timeline][data-frame=live]').waitFor();
    await live(page);
    await until(() => !new URL(page.url()).searchParams.has('t'), {within: 5000, what: 'the address says the present'});
    assert.deepEqual(seen.errors, []);
    await context.close();
  });

  it('plays by keyboard', async () => {
    const {page, context} = await open('/?kind=noise');
    await live(page);
    await page.locator('[data-testid=play]').focus();
    await page.keyboard.press('Enter');
    await page.locator('[data-testid=timeline][data-frame=shown]').waitFor({timeout: 20_000});
    const moment = () => page.locator('[data-testid=moment]').inputValue().then(Number);
    const first = await moment();
    await until(async () => (await moment()) >= first + 900_000, {within: 20_000, what: 'three steps are played'});
    await page.keyboard.press('Enter');
    const stopped = await moment();
    await page.locator('[data-testid=moment]').focus();
    await page.keyboard.press('ArrowLeft');
    await until(async () => (await moment()) < stopped + 1, {within: 5000, what: 'a step back by keyboard'});
    assert.ok((await moment()) >= first);
    await context.close();
  });

  it('gives an address for what is on screen, which shows the same to somebody else', async () => {
    const one = await open('/');
    await live(one.page);
    await one.page.locator('[data-testid=kind-pm25]').focus();
    await one.page.keyboard.press('Space');
    await one.page.locator('[data-testid=layer]').selectOption('excess');
    await one.page.locator('[data-testid=resolution]').selectOption('8');
    await one.page.locator('[data-testid=search]').fill('31.2402, 121.4125');
    await one.page.keyboard.press('Enter');
    await one.page.locator('[data-testid=cell-panel]').waitFor();
    await until(() => {
      const q = new URL(one.page.url()).searchParams;
      return q.get('kind') === 'pm25' && q.get('layer') === 'excess' && q.get('res') === '8' && q.has('cell') && q.has('view');
    }, {within: 10_000, what: 'the address says all of it'});
    const href = one.page.url().slice(server.url.length);
    const cell = await one.page.locator('[data-testid=cell-id]').innerText();
    const two = await open(href);
    await two.page.locator('[data-testid=cell-panel]').waitFor({timeout: 60_000});
    assert.equal(await two.page.locator('[data-testid=cell-id]').innerText(), cell);
    assert.equal(cell, latLngToCell(31.2402, 121.4125, 8));
    assert.equal(await two.page.locator('[data-testid=layer]').inputValue(), 'excess');
    assert.equal(await two.page.locator('[data-testid=kind-pm25]').isChecked(), true);
    await until(async () => new URL(two.page.url()).searchParams.get('view') === new URL(`http://x${href}`).searchParams.get('view'), {within: 8000, what: 'the same view'});
    await one.context.close();
    await two.context.close();
  });

  it('keeps the outline, the panel and the address at one cell when the map goes over to another grid', async () => {
    const {page, seen, context} = await open(`/?kind=noise&view=31.25,121.41,12view=31.25,121.41,13.2&cell=cell=${latLngToCell(31.25, 121.41, 9)}`, {motion: true});
    await live(page);
    assert.equal(await page.evaluate(() => window.urbangrid.resolution), 9);
    const search = page.locator('[data-testid=search]');
    await search.fill('noise-0012');
    await page.locator('[data-testid=results] [role=option]').first().waitFor();
    await page.keyboard.press('Enter');
    await until(() => page.evaluate(() => window.urbangrid.resolution === 10), {within: 20_000, what: 'the map has flown to the device'});
    const shown = page.locator('[data-testid=cell-id]');
    await until(async () => getResolution(await shown.innerText()) === 10, {within: 10_000, what: 'the panel is about a cell of the map'});
    await until(async () => /^[\d.]+$/.test(await page.locator('[data-testid=cell-value]').innerText()), {within: 20_000, what: 'what is measured there'});
    await until(async () => new URL(page.url()).searchParams.get('cell') === await shown.innerText(), {within: 5000, what: 'the address names it'});
    const fine = await shown.innerText();
    for (let k = 0; k < 3; k++) {
      await page.locator('.zoom .button').nth(1).click();
      await until(() => page.evaluate((n) => Number(new URLSearchParams(location.search).get('view').split(',')[2]) < n, 15 - k - 0.5), {within: 10_000, what: 'it is zoomed out'});
    }
    await until(async () => await shown.innerText() === cellToParent(fine, 9), {within: 10_000, what: 'the cell around it'});
    await until(async () => /^[\d.]+$/.test(await page.locator('[data-testid=cell-value]').innerText()), {within: 20_000, what: 'what is measured in it'});
    for (let k = 0; k < 3; k++) await page.locator('.zoom .button').first().click();
    await until(async () => await shown.innerText() === fine, {within: 10_000, what: 'the cell of before'});
    assert.deepEqual(seen.errors, []);
    await context.close();
  });

  it('says of a cell in the past what was known then', async () => {
    const asked = [];
    const {page, seen, context} = await openPage(browser, {viewport: DESKTOP});
    page.on('request', (r) => {
      const {pathname, searchParams} = new URL(r.url());
      if (/\/(series|series\/baseline|observations)$/.test(pathname)) asked.push(`${pathname.split('/').pop()} ${searchParams.get('to')}`);
    });
    await page.goto(`${server.url}/?kind=noise&res=10&t=${then.toISOString()}&cell=${latLngToCell(PLACE.lat, PLACE.lon, 10)}&span=24h`);
    await page.locator('[data-testid=timeline][data-frame=shown]').waitFor({timeout: 60_000});
    await until(async () => /e2e-past/.test(await page.locator('[data-testid=cell-devices]').innerText()), {within: 20_000, what: 'who spoke then'});
    assert.match(await page.locator('[data-testid=cell-value]').innerText(), /^82/);
    await shoot(page, 'map-past-cell');
    const until_ = (what) => asked.filter((a) => a.startsWith(`${what} `)).map((a) => Date.parse(a.slice(what.length + 1)));
    assert.deepEqual([...new Set(until_('series'))], [then.getTime()]);
    assert.deepEqual([...new Set(until_('observations'))], [then.getTime()]);
    assert.ok(until_('baseline').every((ms) => ms <= then.getTime() + 600_000), 'what was usual then');
    await page.locator('[data-testid=go-live]').click();
    await until(() => until_('observations').some((ms) => ms > Date.now() - 60_000), {within: 10_000, what: 'who speaks now is asked for'});
    assert.deepEqual(seen.errors, []);
    await context.close();
  });

  it('finds subdistricts, devices and cells by keyboard', async () => {
    const {page, context} = await open('/?kind=noise', {lang: 'en'});
    await live(page);
    const search = page.locator('[data-testid=search]');
    await search.fill('noise-00');
    await until(async () => (await page.locator('[data-testid=results] [role=option]').count()) >= 5, {within: 10_000, what: 'devices are found'});
    await assertAccessible(page, 'results');
    await shoot(page, 'map-search');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    await page.locator('[data-testid=cell-panel]').waitFor();
    await until(async () => /noise-00/.test(await page.locator('[data-testid=cell-devices]').innerText()), {within: 20_000, what: 'the device is among those of its cell'});
    await shoot(page, 'map-device');
    await search.fill('Changzheng');
    await page.locator('[data-testid=results] [role=option]').first().waitFor();
    await search.fill('nothing of the kind');
    await until(async () => /Nothing found/.test(await page.locator('[data-testid=results]').innerText()), {within: 10_000, what: 'it says that nothing was found'});
    await context.close();
  });

  it('shows every layer with its unit', async () => {
    const {page, seen, context} = await open('/?kind=noise');
    await live(page);
    for (const [layer, unit] of [['count', /次观测/], ['heat', /标准分/], ['excess', /标准差/], ['cells', /dB/]]) {
      await page.locator('[data-testid=layer]').selectOption(layer);
      await until(async () => unit.test(await page.locator('[data-testid=legend-unit]').innerText()), {within: 5000, what: `the unit of ${layer}`});
      await until(() => page.evaluate((topic) => Object.keys(window.urbangrid.seq).some((t) => t.startsWith(topic)), `${layer}/noise/`), {within: 20_000, what: `the server sends ${layer}`});
    }
    assert.deepEqual(seen.errors, []);
    await context.close();
  });

  it('is a wall that turns by itself, with large numbers and no controls', async () => {
    const {page, seen, context} = await open('/?kiosk&every=5&views=map&kinds=noise,pm25', {viewport: {width: 1920, height: 1080}});
    await page.locator('[data-testid=kiosk][data-kind=noise]').waitFor({timeout: 60_000});
    await live(page);
    await until(async () => Number(await page.locator('[data-testid=wall-open]').innerText()) >= 0, {within: 20_000, what: 'a number of alerts'});
    await until(async () => (await page.locator('.system .is-ok').count()) >= 4, {within: 20_000, what: 'the state of the system'});
    await shoot(page, 'wall-zh-dark');
    assert.equal(await page.locator('[data-testid=nav-alerts], [data-testid=search], [data-testid=timeline]').count(), 0);
    await page.locator('[data-testid=kiosk][data-kind=pm25]').waitFor({timeout: 15_000});
    await page.locator('[data-testid=kiosk][data-kind=noise]').waitFor({timeout: 15_000});
    assert.match(page.url(), /\?kiosk&every=5&views=map&kinds=noise,pm25$/, 'the address stays that of the wall');
    await assertAccessible(page, 'the wall');
    await page.setViewportSize({width: 3840, height: 1080});
    await shoot(page, 'wall-zh-dark-3840');
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth && document.documentElement.scrollHeight <= window.innerHeight), 'all of it fits');
    assert.deepEqual(seen.errors, []);
    await context.close();
  });
});

/** A picture of one colour, 256 by 256. */
function plainPNG([r, g, b]) {
  const table = Array.from({length: 256}, (_, n) => {
    let c = n;
    for (let k = 0; k < 8; k++) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
    return c >>> 0;
  });
  const crc = (bytes) => (bytes.reduce((c, x) => (table[(c ^ x) & 255] ^ (c >>> 8)) >>> 0, 0xffffffff) ^ 0xffffffff) >>> 0;
  const chunk = (type, body) => {
    const out = Buffer.alloc(12 + body.length);
    out.writeUInt32BE(body.length, 0);
    out.write(type, 4, 'latin1');
    body.copy(out, 8);
    out.writeUInt32BE(crc(out.subarray(4, 8 + body.length)), 8 + body.length);
    return out;
  };
  const head = Buffer.alloc(13);
  head.writeUInt32BE(256, 0);
  head.writeUInt32BE(256, 4);
  head.set([8, 2, 0, 0, 0], 8);
  const row = Buffer.concat([Buffer.from([0]), Buffer.concat(Array.from({length: 256}, () => Buffer.from([r, g, b])))]);
  return Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), chunk('IHDR', head), chunk('IDAT', deflateSync(Buffer.concat(Array.from({length: 256}, () => row)))), chunk('IEND', Buffer.alloc(0))]);
}

describe('a basemap', {timeout: 300_000}, () => {
  it('of one PMTiles file in the data folder is drawn, with its credit as plain text', async () => {
    const data = folder();
    mkdirSync(join(data, 'basemap'));
    writeFileSync(join(data, 'basemap', 'earth.pmtiles'), worldOfEarth('<a href="https://example.org">&copy; Nobody</a>'));
    const server = await startBinary({data});
    const browser = await launch(GRAPHICS.webgl);
    try {
      const {page, seen, context} = await openPage(browser, {viewport: DESKTOP});
      const ranges = [];
      page.on('response', (r) => { if (r.url().endsWith('earth.pmtiles')) ranges.push(r.status()); });
      await page.goto(`${server.url}/?renderer=webgl&kind=noise&view=31.60000,121.90000,12.00`);
      await until(() => page.evaluate(() => window.urbangrid?.frames > 2), {within: 60_000, what: 'a map'});
      await until(async () => {
        // Far from the district there is nothing but the basemap: "earth" of the dark flavour.
        const shot = decodePNG(await page.screenshot({clip: {x: 600, y: 300, width: 4, height: 4}}));
        return Math.abs(shot.at(1, 1)[0] - 0x1f) < 6 && Math.abs(shot.at(1, 1)[1] - 0x1f) < 6 && Math.abs(shot.at(1, 1)[2] - 0x1f) < 6;
      }, {within: 20_000, what: 'the colour of the land of the file', every: 500});
      assert.ok(ranges.length > 0 && ranges.every((s) => s === 206), `it is read by ranges: ${ranges}`);
      assert.match(await page.locator('[data-testid=credit]').innerText(), /© Nobody/);
      assert.deepEqual(seen.errors, []);
      assert.deepEqual([...seen.hosts], [new URL(server.url).host]);
      await shoot(page, 'map-pmtiles');
      await context.close();
    } finally {
      await browser.close();
      await server.stop();
      rmSync(data, {recursive: true, force: true});
    }
  });

  for (const [name, graphics] of Object.entries(GRAPHICS)) {
    it(`of a city's service in GCJ-02 is aligned: ${name}`, async () => {
      const asked = [];
      const picture = plainPNG([20, 90, 60]);
      const service = createServer((request, response) => {
        asked.push(request.url);
        response.writeHead(200, {'content-type': 'image/png'}).end(picture);
      });
      await new Promise((resolve) => service.listen(0, '127.0.0.1', resolve));
      const data = folder();
      writeFileSync(join(data, 'key'), 'k3y\n');
      const server = await startBinary({data, args: [
        '--basemap', `http://127.0.0.1:${service.address().port}/{z}/{x}/{y}?tk={key}`, '--basemap-datum', 'gcj02', '--basemap-key-file', join(data, 'key'),
        '--basemap-attribution', '某市测绘院', '--basemap-approval', 'GS(2026)0001号',
      ]});
      const browser = await launch(graphics);
      try {
        const {page, seen, context} = await openPage(browser, {viewport: DESKTOP});
        await page.goto(`${server.url}/${graphics.query}${graphics.query === '' ? '?' : '&'}kind=noise&res=10&view=31.25000,121.40000,17.00`);
        await until(() => page.evaluate(() => window.urbangrid?.frames > 2), {within: 60_000, what: 'a map'});
        await until(() => asked.length > 4, {within: 20_000, what: 'tiles are fetched by the server'});
        assert.match(await page.locator('[data-testid=credit]').innerText(), /某市测绘院 · GS\(2026\)0001号/);
        // 31.25, 121.4 is at 31.248173589, 121.404653039 in GCJ-02; the tile in the middle is the one there.
        const z = Number(asked[0].split('/')[1]);
        const n = 2 ** z;
        const sin = Math.sin((31.248173589 * Math.PI) / 180);
        const [x, y] = [Math.floor((121.404653039 / 360 + 0.5) * n), Math.floor((0.5 - Math.log((1 + sin) / (1 - sin)) / (4 * Math.PI)) * n)];
        await until(() => asked.includes(`/${z}/${x}/${y}?tk=k3y`), {within: 20_000, what: `tile ${z}/${x}/${y}`});
        const map = await page.locator('[data-testid=map]').boundingBox();
        await page.mouse.click(map.x + map.width / 2, map.y + map.height / 2);
        await page.locator('[data-testid=cell-panel]').waitFor();
        assert.equal(await page.locator('[data-testid=cell-id]').innerText(), latLngToCell(31.25, 121.4, 10), 'the cell in the middle is that of the place, not of the shifted one');
        await shoot(page, `map-gcj02-${name}`);
        assert.ok(!(await page.content()).includes('k3y'));
        assert.deepEqual(seen.errors, []);
        assert.deepEqual([...seen.hosts], [new URL(server.url).host], 'the browser asks the server alone');
        await context.close();
      } finally {
        await browser.close();
        await server.stop();
        service.close();
        rmSync(data, {recursive: true, force: true});
      }
    });
  }
});

/** Puts a GeoJSON file into the basemap folder of a data folder, an hour old unless it says otherwise. */
function putOverlay(data, name, file, ageSeconds = 3600) {
  const path = join(data, 'basemap', name);
  mkdirSync(join(data, 'basemap'), {recursive: true});
  writeFileSync(path, typeof file === 'string' ? file : JSON.stringify({type: 'FeatureCollection', ...file}));
  const at = Date.now() / 1000 - ageSeconds;
  utimesSync(path, at, at);
}

const feature = (type, coordinates, properties) => ({type: 'Feature', properties, geometry: {type, coordinates}});
const square = (lon, lat, half) => [[[lon - half, lat - half], [lon + half, lat - half], [lon + half, lat + half], [lon - half, lat + half], [lon - half, lat - half]]];

describe('GeoJSON files of the data folder', {timeout: 600_000}, () => {
  // Far from the district there is nothing but the basemap.
  const AT = {lat: 31.6, lon: 121.9};
  const ZOOM = 13;
  const [RED, GREEN, BLUE, BLACK] = [[230, 20, 20], [20, 200, 40], [40, 60, 240], [0x0a, 0x11, 0x19]];
  const hex = (c) => `#${c.map((v) => v.toString(16).padStart(2, '0')).join('')}`;
  const view = `view=${AT.lat.toFixed(5)},${AT.lon.toFixed(5)},${ZOOM.toFixed(2)}`;
  const shapes = {
    title: {zh: '示例', en: 'Sample'}, attribution: '某市规划院',
    features: [
      feature('Polygon', [...square(AT.lon, AT.lat, 0.012), ...square(AT.lon, AT.lat, 0.004)], {name: '大园', 'name:en': 'Great Park', fill: hex(RED), 'fill-opacity': 1, 'stroke-width': 0}),
      {type: 'Feature', properties: {name: '一号线', 'name:en': 'Line 1', stroke: hex(GREEN), 'stroke-width': 9}, geometry: {type: 'GeometryCollection', geometries: [{type: 'LineString', coordinates: [[AT.lon - 0.03, AT.lat + 0.016], [AT.lon + 0.03, AT.lat + 0.016]]}]}},
      feature('Point', [AT.lon + 0.02, AT.lat], {'marker-color': hex(BLUE), 'marker-size': 'large'}),
    ],
  };
  const broken = {features: [feature('Point', [506123, 3456789], {})]};

  /** Where places lie on the page, and what is there. */
  async function eyes(page) {
    const box = await page.locator('[data-testid=map]').boundingBox();
    const world = 512 * 2 ** ZOOM;
    const y = (lat) => Math.log(Math.tan(Math.PI / 4 + (lat * Math.PI) / 360)) / (2 * Math.PI);
    return async (lon, lat, wide = 4) => {
      const x0 = box.x + box.width / 2 + ((lon - AT.lon) / 360) * world;
      const y0 = box.y + box.height / 2 - (y(lat) - y(AT.lat)) * world;
      const shot = decodePNG(await page.screenshot({clip: {x: Math.round(x0 - wide / 2), y: Math.round(y0 - wide / 2), width: wide, height: wide}}));
      return shot.at(wide >> 1, wide >> 1);
    };
  }

  const near = (a, b) => a.every((v, k) => Math.abs(v - b[k]) < 22);

  async function sees(look, lon, lat, color, what) {
    let seen = [];
    await until(async () => near(seen = await look(lon, lat), color), {within: 20_000, what, every: 300})
      .catch(() => assert.fail(`${what}: got ${seen}, want ${color}`));
  }

  for (const [name, graphics] of Object.entries(GRAPHICS)) {
    const address = `${graphics.query}${graphics.query === '' ? '?' : '&'}kind=noise&${view}`;

    it(`are drawn with areas, lines and points, named, credited and switched off: ${name}`, async () => {
      const data = folder();
      putOverlay(data, 'sample.geojson', shapes);
      putOverlay(data, 'broken.json', broken);
      const server = await startBinary({data});
      const browser = await launch(graphics);
      try {
        const {page, seen, context} = await openPage(browser, {viewport: DESKTOP});
        await page.goto(`${server.url}/${address}`);
        await until(() => page.evaluate((renderer) => window.urbangrid?.frames > 2 && window.urbangrid.renderer === renderer, graphics.renderer), {within: 60_000, what: 'a map'});
        const look = await eyes(page);
        await sees(look, AT.lon + 0.008, AT.lat + 0.004, RED, 'the area is filled');
        await sees(look, AT.lon + 0.003, AT.lat - 0.003, BLACK, 'its hole is not');
        await sees(look, AT.lon - 0.014, AT.lat + 0.016, GREEN, 'the line');
        await sees(look, AT.lon + 0.02, AT.lat, BLUE, 'the point');
        assert.match(await page.locator('[data-testid=credit]').innerText(), /示例（某市规划院）/);
        await page.locator('[data-testid=layers-open]').focus();
        await page.keyboard.press('Enter');
        const told = page.locator('[data-testid="layer-broken.json"]');
        assert.match(await told.innerText(), /坐标不是经纬度[\s\S]*506123/);
        assert.equal(await told.locator('input').isDisabled(), true);
        await assertAccessible(page, `the layer switch, ${name}`);
        await shoot(page, `map-overlays-${name}`);
        await page.locator('[data-testid="layer-sample.geojson"] input').focus();
        await page.keyboard.press('Space');
        await sees(look, AT.lon + 0.008, AT.lat + 0.004, BLACK, 'it is switched off');
        assert.equal(await page.locator('[data-testid=credit]').count(), 0, 'what is not drawn is not credited');
        await until(() => new URL(page.url()).searchParams.get('off') === 'sample.geojson', {within: 5000, what: 'the address says that it is off'});
        await page.keyboard.press('Escape');
        assert.equal(await page.evaluate(() => document.activeElement?.getAttribute('data-testid')), 'layers-open', 'the focus returns');
        await page.reload();
        await until(() => page.evaluate(() => window.urbangrid?.frames > 2), {within: 60_000, what: 'a map again'});
        await page.locator('[data-testid=layers-open]').click();
        assert.equal(await page.locator('[data-testid="layer-sample.geojson"] input').isChecked(), false);
        await sees(look, AT.lon + 0.008, AT.lat + 0.004, BLACK, 'it stays off');
        await page.locator('[data-testid="layer-sample.geojson"] input').click();
        await sees(look, AT.lon + 0.008, AT.lat + 0.004, RED, 'it is switched on');
        assert.deepEqual(seen.errors, []);
        assert.deepEqual([...seen.hosts], [new URL(server.url).host]);
        await context.close();

        const english = await openPage(browser, {viewport: DESKTOP, lang: 'en', theme: 'light'});
        await english.page.goto(`${server.url}/${address}`);
        await english.page.locator('[data-testid=layers-open]').click({timeout: 60_000});
        assert.match(await english.page.locator('[data-testid="layer-broken.json"]').innerText(), /not longitude and latitude/);
        assert.match(await english.page.locator('[data-testid=credit]').innerText(), /Sample \(某市规划院\)/);
        await sees(await eyes(english.page), AT.lon + 0.008, AT.lat + 0.004, RED, 'the area in the light theme');
        await assertAccessible(english.page, `the layer switch, light, ${name}`);
        await shoot(english.page, `map-overlays-light-${name}`);
        assert.deepEqual(english.seen.errors, []);
        await english.context.close();
      } finally {
        await browser.close();
        await server.stop();
        rmSync(data, {recursive: true, force: true});
      }
    });

    it(`lie where tiles in GCJ-02 have them, whichever datum they are in: ${name}`, async () => {
      const picture = plainPNG([20, 90, 60]);
      const service = createServer((_request, response) => response.writeHead(200, {'content-type': 'image/png'}).end(picture));
      await new Promise((resolve) => service.listen(0, '127.0.0.1', resolve));
      const data = folder();
      // 31.6, 121.9 is at 31.597896316, 121.904138340 in GCJ-02.
      putOverlay(data, 'one.geojson', {features: [feature('Polygon', square(AT.lon, AT.lat, 0.003), {fill: hex(RED), 'fill-opacity': 1})]});
      putOverlay(data, 'two.gcj02.geojson', {features: [feature('Polygon', square(121.904138340 + 0.01, 31.597896316, 0.003), {fill: hex(BLUE), 'fill-opacity': 1})]});
      const server = await startBinary({data, args: ['--basemap', `http://127.0.0.1:${service.address().port}/{z}/{x}/{y}`, '--basemap-datum', 'gcj02']});
      const browser = await launch(graphics);
      try {
        const {page, seen, context} = await openPage(browser, {viewport: DESKTOP});
        await page.goto(`${server.url}/${address}`);
        const look = await eyes(page);
        await sees(look, AT.lon, AT.lat, RED, 'the view is that of the place, and so is the file');
        await sees(look, AT.lon + 0.0025, AT.lat + 0.002, RED, 'its corner');
        await sees(look, AT.lon + 0.01, AT.lat, BLUE, 'a file in GCJ-02');
        await sees(look, AT.lon + 0.005, AT.lat, [20, 90, 60], 'the tiles between them');
        await shoot(page, `map-overlays-gcj02-${name}`);
        assert.deepEqual(seen.errors, []);
        await context.close();
      } finally {
        await browser.close();
        await server.stop();
        service.close();
        rmSync(data, {recursive: true, force: true});
      }
    });
  }

  it('are drawn anew when they change, told in the state of the system when they cannot be, and drawn on the wall', async () => {
    const data = folder();
    putOverlay(data, 'sample.geojson', shapes);
    const server = await startBinary({data});
    const browser = await launch(GRAPHICS.none);
    try {
      const {page, seen, context} = await openPage(browser, {viewport: DESKTOP});
      await page.goto(`${server.url}/?kind=noise&${view}`);
      const look = await eyes(page);
      await sees(look, AT.lon + 0.008, AT.lat + 0.004, RED, 'the area');
      const [area, ...rest] = shapes.features;
      putOverlay(data, 'sample.geojson', {...shapes, features: [{...area, properties: {...area.properties, fill: hex(BLUE)}}, ...rest]}, 60);
      putOverlay(data, 'broken.json', broken, 60);
      await until(async () => near(await look(AT.lon + 0.008, AT.lat + 0.004), BLUE), {within: 50_000, what: 'the area in its new colour, without a reload', every: 500});
      await page.goto(`${server.url}/settings/system`);
      await until(async () => /basemap[\s\S]*broken\.json[\s\S]*out_of_range/.test(await page.locator('[data-testid=system]').innerText()), {within: 20_000, what: 'the state of the system tells of the broken file'});
      await page.goto(`${server.url}/?kiosk&every=3600&kinds=noise`);
      await page.locator('[data-testid=kiosk][data-kind=noise]').waitFor({timeout: 60_000});
      await until(async () => /示例（某市规划院）/.test(await page.locator('[data-testid=credit]').innerText()), {within: 20_000, what: 'the wall credits it'});
      assert.equal(await page.locator('[data-testid=layers]').count(), 0, 'and has no controls');
      await shoot(page, 'map-overlays-wall');
      await page.goto(`${server.url}/?kiosk&every=3600&kinds=noise&off=sample.geojson`);
      await page.locator('[data-testid=kiosk][data-kind=noise]').waitFor({timeout: 60_000});
      await until(() => page.evaluate(() => window.urbangrid?.liveCells > 20), {within: 30_000, what: 'a living wall'});
      assert.equal(await page.locator('[data-testid=credit]').count(), 0, 'an address of the wall can switch it off');
      assert.deepEqual(seen.errors, []);
      await context.close();
    } finally {
      await browser.close();
      await server.stop();
      rmSync(data, {recursive: true, force: true});
    }
  });
});
