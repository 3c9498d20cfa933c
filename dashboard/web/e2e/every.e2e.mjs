// What holds for every view: it is accessible in each language and theme, fits its
// screens, is reached by keyboard, says when what it shows is old, asks no other
// host and writes no error.
import assert from 'node:assert/strict';
import {mkdtempSync, readFileSync, rmSync} from 'node:fs';
import {createRequire} from 'node:module';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {after, before, describe, it} from 'node:test';
import {startBinary, until} from './binary.mjs';
import {GRAPHICS, launch, openPage, shoot} from './browser.mjs';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const VIEWS = ['live', 'alerts', 'reports', 'devices', 'settings'];
const href = (view) => (view === 'live' ? '/' : `/${view}`);

let data;
let server;
let browser;

before(async () => {
  data = mkdtempSync(join(tmpdir(), 'urbangrid-every-'));
  server = await startBinary({data});
  browser = await launch(GRAPHICS.none);
  await until(async () => (await (await fetch(`${server.url}/api/v1/alerts?limit=1`)).json()).alerts.length > 0, {within: 120_000, what: 'an alert', every: 1000});
});

after(async () => {
  await browser?.close();
  await server?.stop();
  rmSync(data, {recursive: true, force: true});
});

async function open(view, options) {
  const opened = await openPage(browser, options);
  await opened.page.goto(`${server.url}${href(view)}`);
  await opened.page.locator(`main[data-view=${view}]`).waitFor({timeout: 30_000});
  await until(() => opened.page.evaluate(() => window.urbangrid?.link.phase === 'live' && document.querySelector('[data-testid=loading]') === null),
    {within: 30_000, what: `${view} is there`});
  return opened;
}

function assertClean(seen) {
  assert.deepEqual(seen.errors, [], 'console errors');
  assert.deepEqual([...seen.hosts], [new URL(server.url).host], 'hosts that were asked');
}

describe('every view', {timeout: 420_000}, () => {
  for (const view of VIEWS) {
    for (const lang of ['zh-CN', 'en']) {
      for (const theme of ['dark', 'light']) {
        it(`${view} is accessible and fits: ${lang}, ${theme}`, async () => {
          const {page, seen, context} = await open(view, {viewport: {width: 1366, height: 768}, lang, theme});
          await page.evaluate(axe);
          const violations = await page.evaluate(() => window.axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']})
            .then((r) => r.violations.map((v) => `${v.id}: ${v.nodes.map((n) => `${n.target.join(' ')} ${n.any.map((a) => a.message).join(' ')}`).slice(0, 3).join(' | ')}`)));
          assert.deepEqual(violations, [], 'axe');
          for (const [width, height] of [[1366, 768], [1920, 1080], [3840, 2160], ...(view === 'alerts' || view === 'live' ? [[360, 740]] : [])]) {
            await page.setViewportSize({width, height});
            const wide = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
            assert.ok(wide <= 0, `${wide} pixels too wide at ${width}`);
          }
          assertClean(seen);
          await context.close();
        });
      }
    }
  }

  it('is reached from every other by keyboard, has a title and a way past the navigation', async () => {
    const {page, seen, context} = await open('live', {viewport: {width: 1366, height: 768}, lang: 'en'});
    const titles = new Set([await page.title()]);
    for (const view of VIEWS.slice(1)) {
      await page.locator(`[data-testid=nav-${view}]`).focus();
      await page.keyboard.press('Enter');
      await page.locator(`main[data-view=${view}]`).waitFor();
      titles.add(await page.title());
      assert.equal(await page.locator('.nav-link[aria-current=page]').getAttribute('data-testid'), `nav-${view}`);
    }
    assert.equal(titles.size, VIEWS.length, `titles ${[...titles]}`);
    await page.goBack();
    await page.locator('main[data-view=devices]').waitFor();
    await page.locator('.skip').focus();
    await page.keyboard.press('Enter');
    assert.equal(await page.evaluate(() => document.activeElement?.id), 'main');
    assertClean(seen);
    await context.close();
  });

  it('says when its code cannot be fetched, as after an upgrade, and offers the page anew', async () => {
    const {page, seen, context} = await open('live', {viewport: {width: 1366, height: 768}});
    seen.outage = true;
    await context.route('**/assets/View-*.js', (route) => route.fulfill({status: 404, body: 'gone'}));
    await page.locator('[data-testid=nav-devices]').click();
    await page.locator('[data-testid=view-failed]').waitFor();
    await context.unroute('**/assets/View-*.js');
    await page.locator('[data-testid=view-failed] button').click();
    await page.locator('main[data-view=devices] [data-testid]').first().waitFor();
    await context.close();
  });

  it('links from an alert to its place on the map, also when the map was open before', async () => {
    const {page, seen, context} = await open('live', {viewport: {width: 1366, height: 768}, lang: 'en'});
    await page.locator('[data-testid=kind-pm25]').focus();
    await page.keyboard.press('Space');
    const {alerts} = await (await fetch(`${server.url}/api/v1/alerts?limit=1`)).json();
    await page.locator('[data-testid=nav-alerts]').click();
    await page.locator('main[data-view=alerts]').waitFor();
    await page.evaluate((id) => { history.replaceState(null, '', `/alerts?at=${id}`); window.dispatchEvent(new PopStateEvent('popstate')); }, alerts[0].id);
    await page.locator(`a[href*="alert=${alerts[0].id}"]`).first().click();
    await page.locator('main[data-view=live] [data-testid=cell-panel]').waitFor();
    assert.equal(await page.locator(`[data-testid=kind-${alerts[0].kind}]`).isChecked(), true, 'of the kind of the alert');
    await until(() => new URL(page.url()).searchParams.get('alert') === alerts[0].id, {within: 5000, what: 'the address keeps it'});
    assertClean(seen);
    await context.close();
  });

  it('says that there is no such page', async () => {
    const {page, context} = await openPage(browser, {viewport: {width: 1366, height: 768}});
    await page.goto(`${server.url}/nowhere`);
    await page.locator('[data-testid=no-such-page] a').click();
    await page.locator('main[data-view=live]').waitFor();
    await context.close();
  });

  for (const view of VIEWS) {
    it(`${view} says that what it shows is old while the line is cut, keeps the focus, and goes on`, async () => {
      const {page, seen, context} = await open(view, {viewport: {width: 1366, height: 768}});
      await page.locator('[data-testid=theme]').focus();
      seen.outage = true;
      await context.setOffline(true);
      await page.evaluate(() => window.urbangrid.cutSocket());
      await page.locator('[data-testid=stale-banner]').waitFor({timeout: 16_000});
      await shoot(page, `${view}-stale`);
      assert.equal(await page.evaluate(() => document.activeElement?.getAttribute('data-testid')), 'theme', 'focus stays');
      await context.setOffline(false);
      await page.evaluate(() => window.dispatchEvent(new Event('online')));
      await page.locator('[data-testid=stale-banner]').waitFor({state: 'detached', timeout: 35_000});
      await context.close();
    });
  }
});
