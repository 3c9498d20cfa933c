// What holds for every view: it is accessible in each language and theme, fits its
// screens, is reached by keyboard, says when what it shows is old, asks no other
// host and writes no error.
import assert from 'node:assert/strict';
import {describe, it} from 'node:test';
import {publish, until} from './binary.mjs';
import {openPage, shoot} from './browser.mjs';
import {assertAccessible, assertFits} from './checks.mjs';
import {theStage} from './stage.mjs';

const VIEWS = ['live', 'alerts', 'reports', 'devices', 'settings'];
const DESKTOP = {width: 1366, height: 768};
const href = (view) => (view === 'live' ? '/' : `/${view}`);

const stage = theStage({
  name: 'every',
  ready: ({api}) => until(async () => (await api('alerts?limit=1')).alerts.length > 0, {within: 120_000, what: 'an alert', every: 1000}),
});
const {api, assertClean} = stage;

/** Waits until a page is there, with what it shows. */
async function settled(page, what) {
  await until(() => page.evaluate(() => window.urbangrid?.link.phase === 'live' && document.querySelector('[data-testid=loading]') === null),
    {within: 30_000, what: `${what} is there`});
}

async function open(view, options) {
  const opened = await openPage(stage.browser, options);
  await opened.page.goto(`${stage.server.url}${href(view)}`);
  await opened.page.locator(`main[data-view=${view}]`).waitFor({timeout: 30_000});
  await settled(opened.page, view);
  return opened;
}

describe('every view', {timeout: 420_000}, () => {
  for (const view of VIEWS) {
    for (const lang of ['zh-CN', 'en']) {
      for (const theme of ['dark', 'light']) {
        it(`${view} is accessible and fits: ${lang}, ${theme}`, async () => {
          const {page, seen, context} = await open(view, {viewport: {width: 1366, height: 768}, lang, theme});
          await assertAccessible(page, view);
          await assertFits(page, [[1366, 768], [1920, 1080], [3840, 2160], ...(view === 'alerts' || view === 'live' ? [[360, 740]] : [])]);
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
    const {alerts} = await api('alerts?limit=1');
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
    const {page, context} = await openPage(stage.browser, {viewport: {width: 1366, height: 768}});
    await page.goto(`${stage.server.url}/nowhere`);
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

/** Clicks what has this test id. */
const press = (id) => async (page) => {
  await page.locator(`[data-testid=${id}]`).first().click();
};

/** Presses a key in the alert queue, whose cursor is on an alert. */
const key = (name) => async (page) => {
  await page.locator('[data-testid=detail]').waitFor({timeout: 20_000});
  await page.keyboard.press(name);
};

/**
 * Each page below the views, and each dialog: its address, what leads to it there,
 * and what shows that it has come.
 */
function pages({alert, device, reject}) {
  const at = `/alerts?at=${alert}&text=${alert}`;
  const of = `/devices?device=${encodeURIComponent(device)}`;
  const report = (name) => ({name: `report ${name}`, href: `/reports/${name}`, there: '[data-testid=report]'});
  return [
    {name: 'a cell', href: `/?alert=${alert}`, there: '[data-testid=cell-panel] [data-testid=chart]'},
    {name: 'the table of cells', href: '/?tab=cells', there: '[data-testid=cell-table]'},
    {name: 'the wall', href: '/?kiosk', there: '[data-testid=kiosk]'},
    {name: 'an alert', href: at, there: '[data-testid=alert-series][data-state=loaded]', phone: true},
    {name: 'the filter of alerts', href: at, lead: press('filter-toggle'), there: '[data-testid=alerts-view] select', phone: true},
    {name: 'what is done', href: '/alerts?state=done&life=any', there: '[data-testid=row], [data-testid=queue-empty]', phone: true},
    {name: 'mutes', href: '/alerts', lead: press('mutes-button'), there: '[data-testid=mutes]', phone: true},
    {name: 'keys', href: '/alerts', lead: press('help-button'), there: '[data-testid=help]'},
    {name: 'the bell', href: '/alerts', lead: async (page) => { await page.keyboard.press('Shift'); await press('bell')(page); }, there: '[data-testid=bell-dialog]', phone: true},
    {name: 'an order', href: at, lead: key('d'), there: '[data-testid=order]', phone: true},
    {name: 'the name of a person', href: '/alerts', lead: press('who'), there: '[data-testid=ask-name]', phone: true},
    ...['trend', 'hotspots', 'stubborn', 'emerging', 'quality', 'health'].map(report),
    {name: 'saved reports', href: '/reports/saved', there: '[data-testid=saved]'},
    {name: 'a device', href: of, there: '[data-testid=deed-edit]'},
    ...['edit', 'move', 'maintenance', 'password'].map((deed) => ({name: `a device: ${deed}`, href: of, lead: press(`deed-${deed}`), there: `[data-testid=${deed}-dialog]`})),
    {name: 'files of devices', href: '/devices', lead: press('files'), there: '[data-testid=files-dialog]'},
    {name: 'unknown devices', href: '/devices/unknown', there: '[data-testid=unknown-list], [data-testid=unknown-empty]'},
    {name: 'quarantine', href: `/devices/quarantine?reject=${reject}`, there: '[data-testid=reject-row]'},
    ...['rules', 'kinds', 'areas', 'channels', 'users', 'system'].map((part) => ({name: `settings: ${part}`, href: `/settings/${part}`, there: '[data-testid=settings] .content > *'})),
    {name: 'a rule', href: '/settings/rules/noise_loud', there: '[data-testid=rule-form]'},
    {name: 'the history of a rule', href: '/settings/rules/noise_loud', lead: press('rule-history'), there: '[data-testid=history]'},
    {name: 'a new channel', href: '/settings/channels', lead: press('channel-add'), there: '[data-testid=channel-dialog]'},
    {name: 'no such page', href: '/nowhere', there: '[data-testid=no-such-page]'},
  ];
}

// One language and theme each, so that every page is seen in both.
for (const [lang, theme] of [['zh-CN', 'dark'], ['en', 'light']]) {
  describe(`every page and dialog below the views, ${lang}, ${theme}`, {timeout: 300_000}, () => {
    it('is accessible, tells the offset of its times, and fits', async (t) => {
      await publish(stage.server.mqtt, 'e2e-every', {kind: 'no_such_kind', value: 1, lat: 31.24, lon: 121.4});
      const found = await until(async () => {
        const {alerts: [alert]} = await api('alerts?state=open&limit=1');
        const {rejects: [reject]} = await api('quarantine?limit=1');
        return alert !== undefined && reject !== undefined && {alert: alert.id, reject: reject.id, device: (await api('devices?limit=1')).devices[0].id};
      }, {within: 60_000, what: 'an alert, a device and a reject'});
      const {page, seen, context} = await openPage(stage.browser, {viewport: DESKTOP, lang, theme});
      for (const {name, href: to, lead, there, phone = false} of pages(found)) {
        await t.test(name, async () => {
          await page.setViewportSize(DESKTOP);
          await page.goto(`${stage.server.url}${to}`);
          await settled(page, name);
          await lead?.(page);
          await page.locator(there).first().waitFor({timeout: 20_000});
          await shoot(page, `every-${name.replaceAll(/\W+/g, '-')}-${lang}`);
          await assertAccessible(page, name);
          await assertFits(page, [[1366, 768], ...(phone ? [[360, 740]] : [])], name);
        });
      }
      assertClean(seen);
      await context.close();
    });
  });
}
