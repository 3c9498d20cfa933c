// What one can do with the live map beside looking at it: go back in time, find
// places, share what is on screen, see devices, and put a basemap below.
import assert from 'node:assert/strict';
import {mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {createServer} from 'node:http';
import {createRequire} from 'node:module';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {after, before, describe, it} from 'node:test';
import {deflateSync} from 'node:zlib';
import {latLngToCell} from 'h3-js';
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
    const {page, seen, context} = await open('/?kiosk&every=5&kinds=noise,pm25', {viewport: {width: 1920, height: 1080}});
    await page.locator('[data-testid=kiosk][data-kind=noise]').waitFor({timeout: 60_000});
    await live(page);
    await until(async () => Number(await page.locator('[data-testid=wall-open]').innerText()) >= 0, {within: 20_000, what: 'a number of alerts'});
    await until(async () => (await page.locator('.system .is-ok').count()) >= 4, {within: 20_000, what: 'the state of the system'});
    await shoot(page, 'wall-zh-dark');
    assert.equal(await page.locator('[data-testid=nav-alerts], [data-testid=search], [data-testid=timeline]').count(), 0);
    await page.locator('[data-testid=kiosk][data-kind=pm25]').waitFor({timeout: 15_000});
    await page.locator('[data-testid=kiosk][data-kind=noise]').waitFor({timeout: 15_000});
    assert.match(page.url(), /\?kiosk&every=5&kinds=noise,pm25$/, 'the address stays that of the wall');
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
