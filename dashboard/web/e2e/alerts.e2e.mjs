// The alert queue in a real browser against the real binary: worked by keyboard,
// by two people at once, on a phone, in both languages, and while the line is down.
import assert from 'node:assert/strict';
import {readFileSync} from 'node:fs';
import {describe, it} from 'node:test';
import {publish, publishAll, until} from './binary.mjs';
import {openPage, shoot} from './browser.mjs';
import {assertAccessible} from './checks.mjs';
import {theStage} from './stage.mjs';

const DESKTOP = {width: 1366, height: 768};
const PHONE = {width: 360, height: 740};

const stage = theStage({name: 'alerts'});
const {api, assertClean} = stage;

let place = 0;

/** One smoke alarm in a cell where none is expected raises an alert; each call takes a place of its own, far from the others. */
async function raise() {
  const n = place++;
  const [lat, lon] = [31.222 + (n % 8) * 0.0085, 121.372 + Math.floor(n / 8) * 0.011];
  await publish(stage.server.mqtt, `e2e-queue-${n}`, {kind: 'smoke', lat, lon});
  return until(async () => {
    const {alerts} = await api('alerts?kind=smoke&state=open&limit=1000');
    return alerts.find((a) => a.devices.includes(`e2e-queue-${n}`));
  }, {within: 20_000, what: `a smoke alert at ${lat}, ${lon}`});
}

/** Opens the queue as a person; nobody when name is ''. The address narrows it to one alert where id says so. */
async function open(name, {id = '', query = '', ...options} = {}) {
  const opened = await openPage(stage.browser, {viewport: DESKTOP, ...options});
  if (name !== '') await opened.context.addInitScript((n) => localStorage.setItem('urbangrid.name', n), name);
  const asked = new URLSearchParams(query);
  if (id !== '') asked.set('text', id);
  await opened.page.goto(`${stage.server.url}/alerts?${asked}`);
  await until(() => opened.page.evaluate(() => window.urbangrid?.link.phase === 'live'), {within: 20_000, what: 'the page is live'});
  return opened;
}

const row = (page, id) => page.locator(`[data-testid=row][data-id="${id}"]`);
const detail = (page) => page.locator('[data-testid=detail]');

async function assertHandled(page, id, state) {
  await page.locator(`[data-testid=detail][data-id="${id}"][data-handling=${state}]`).waitFor({timeout: 10_000});
  const {handling} = await api(`alerts/${id}`);
  assert.equal(handling.state, state);
  return handling;
}

/** The browser logs every refused request as an error; that one was refused is what the test is about. */
const REFUSED = /status of 412/;

describe('an operator with nothing but a keyboard', {timeout: 180_000}, () => {
  it('works an alert from its arrival to its close', async () => {
    const {page, seen, context} = await open('');
    const keys = page.keyboard;
    const alert = await raise();
    await row(page, alert.id).waitFor({timeout: 10_000});
    await keys.press('/');
    await keys.type(alert.id);
    await until(() => new URL(page.url()).searchParams.get('text') === alert.id, {within: 5000, what: 'the filter is in the address'});
    await until(async () => (await page.locator('[data-testid=row]').count()) === 1, {within: 5000, what: 'the filter narrows to one'});
    await keys.press('Escape');

    await keys.press('j');
    await detail(page).waitFor();
    await until(() => page.evaluate(() => document.activeElement?.getAttribute('aria-current') === 'true'), {within: 5000, what: 'the line has the focus'});
    await page.locator('[data-testid=alert-series][data-state=loaded]').waitFor({timeout: 20_000});
    assert.ok((await page.locator('[data-testid=small-map] svg path.cell').count()) > 0, 'the cell is on the small map');

    await keys.press('a');
    await page.locator('[data-testid=ask-name]').waitFor();
    await keys.type('王芳');
    await keys.press('Enter');
    assert.equal((await assertHandled(page, alert.id, 'acknowledged')).by, '王芳');
    await until(() => page.evaluate(() => document.activeElement?.getAttribute('aria-current') === 'true'), {within: 5000, what: 'the focus is back on the line'});

    await keys.press('d');
    await page.locator('[data-testid=order]').waitFor();
    await keys.press('Tab');
    await keys.type('曹杨新村街道城管中队');
    await keys.press('Enter');
    assert.equal((await assertHandled(page, alert.id, 'dispatched')).to.unit, '曹杨新村街道城管中队');

    await keys.press('c');
    await page.locator('[data-testid=order]').waitFor();
    await keys.type('现场已处理');
    await keys.press('Control+Enter');
    await assertHandled(page, alert.id, 'done');
    await row(page, alert.id).waitFor({state: 'detached'});

    await until(async () => (await page.locator('[data-testid=log]').getAttribute('data-entries')) === '3', {within: 5000, what: 'three entries in the log'});
    assert.deepEqual(await page.locator('[data-testid=log-entry]').evaluateAll((all) => all.map((e) => e.dataset.action)), ['acknowledge', 'dispatch', 'close']);
    assert.match(await page.locator('[data-testid=log]').innerText(), /王芳.*办结[\s\S]*现场已处理/);
    await keys.press('?');
    await page.locator('[data-testid=help]').waitFor();
    await keys.press('Escape');
    await page.locator('[data-testid=help]').waitFor({state: 'detached'});
    assertClean(seen);
    await context.close();
  });

  it('does one thing to all that are selected', async () => {
    const alerts = [await raise(), await raise(), await raise()];
    const {page, seen, context} = await open('李强', {query: 'state=new'});
    for (const a of alerts) await row(page, a.id).waitFor({timeout: 10_000});
    await page.keyboard.press('X');
    const selected = Number(/\d+/.exec(await page.locator('[data-testid=selection] strong').innerText())?.[0]);
    assert.ok(selected >= 3, `${selected} are selected`);
    await page.keyboard.press('a');
    for (const a of alerts) await row(page, a.id).waitFor({state: 'detached', timeout: 10_000});
    for (const a of alerts) {
      const {handling} = await api(`alerts/${a.id}`);
      assert.deepEqual([handling.state, handling.by], ['acknowledged', '李强']);
    }
    await page.locator('[data-testid=tab-mine]').click();
    for (const a of alerts) await row(page, a.id).waitFor({timeout: 10_000});
    assert.equal(new URL(page.url()).searchParams.get('by'), '李强');
    await page.reload();
    for (const a of alerts) await row(page, a.id).waitFor({timeout: 20_000});
    assertClean(seen);
    await context.close();
  });

  it('hears a grave alert until it is acknowledged', async () => {
    const alert = await raise();
    const {page, seen, context} = await open('王芳', {id: alert.id});
    const bell = page.locator('[data-testid=bell]');
    const rings = async () => Number(await bell.getAttribute('data-rings'));
    await until(async () => (await rings()) > 0, {within: 10_000, what: 'a sound was asked for'});
    assert.equal(await bell.getAttribute('data-state'), 'blocked', 'the page says that the browser keeps it quiet');
    await page.keyboard.press('j');
    await until(async () => (await bell.getAttribute('data-state')) === 'on', {within: 5000, what: 'a key lets the page be heard'});
    const before_ = await rings();
    await until(async () => (await rings()) > before_, {within: 15_000, what: 'the sound comes again'});
    assert.equal(alert.severity, 'critical');
    await page.keyboard.press('a');
    await assertHandled(page, alert.id, 'acknowledged');
    assertClean(seen);
    await context.close();
  });
});

describe('what is muted', {timeout: 120_000}, () => {
  const mute = async (body) => {
    const added = await fetch(`${stage.server.url}/api/v1/mutes`, {method: 'POST', headers: {'content-type': 'application/json'}, body: JSON.stringify({by: '王芳', ...body})});
    assert.equal(added.status, 201);
    return added.json();
  };
  const inHours = (h) => new Date(Date.now() + h * 3_600_000).toISOString();

  it('is listed with who, why and until when, and ended by keyboard', async () => {
    const {page, seen, context} = await open('李强');
    await page.keyboard.press('M');
    const dialog = page.locator('[data-testid=mutes]');
    await dialog.locator('[data-testid=mutes-none]').waitFor({timeout: 10_000});
    await assertAccessible(page, 'no mutes');
    await page.keyboard.press('Escape');
    await dialog.waitFor({state: 'detached'});

    const now = await mute({purpose: 'mute', kind: 'pm25', rule: 'pm25_heavy', to: inHours(1), reason: '路面施工'});
    const later = await mute({purpose: 'maintenance', kind: 'noise', from: inHours(24), to: inHours(26), reason: '更换传感器'});
    await page.keyboard.press('M');
    await dialog.locator('[data-testid=mute]').nth(1).waitFor({timeout: 10_000});
    assert.deepEqual(await dialog.locator('[data-testid=mute]').evaluateAll((all) => all.map((e) => [e.dataset.id, e.dataset.inForce])), [[now.id, 'true'], [later.id, 'false']]);
    assert.match(await dialog.innerText(), /静默[\s\S]*规则 PM2\.5 重度污染[\s\S]*路面施工[\s\S]*王芳[\s\S]*直到[\s\S]*维护[\s\S]*更换传感器/);
    await shoot(page, 'alerts-mutes-zh');
    await assertAccessible(page, 'mutes');
    await until(async () => {
      await page.keyboard.press('Tab');
      return page.evaluate(() => document.activeElement?.closest('[data-testid=mute]') !== null);
    }, {within: 5000, what: 'the keyboard reaches the first mute'});
    await page.keyboard.press('Enter');
    await dialog.locator(`[data-id="${now.id}"]`).waitFor({state: 'detached', timeout: 10_000});
    const {mutes} = await api('mutes?not_over=true');
    assert.deepEqual(mutes.map((m) => m.id), [later.id]);
    await until(() => page.evaluate(() => document.activeElement?.closest('[data-testid=mute]') !== null), {within: 5000, what: 'the focus is on the next'});
    await page.keyboard.press('Enter');
    await dialog.locator('[data-testid=mutes-none]').waitFor({timeout: 10_000});
    await page.keyboard.press('Escape');
    await dialog.waitFor({state: 'detached'});
    assertClean(seen);
    await context.close();
  });
});

describe('the file of the queue', {timeout: 120_000}, () => {
  it('holds exactly what is filtered, in the language of the page', async () => {
    const [first, second] = [await raise(), await raise()];
    const {page, seen, context} = await open('', {id: second.id, lang: 'en', query: 'state=new,acknowledged,dispatched,done&life=any'});
    await row(page, second.id).waitFor({timeout: 10_000});
    const [download] = await Promise.all([page.waitForEvent('download'), page.locator('[data-testid=alerts-csv]').click()]);
    assert.equal(download.suggestedFilename(), 'alerts.csv');
    const text = readFileSync(await download.path(), 'utf8');
    assert.match(text, /^\ufeffID,Raised,/);
    assert.ok(text.includes(second.id) && !text.includes(first.id), text);
    assert.match(text, /T\d\d:\d\d:\d\d[+-]\d\d:\d\d/);
    assertClean(seen);
    await context.close();
  });
});

describe('two operators at one alert', {timeout: 120_000}, () => {
  it('do not overwrite each other: the loser sees what happened, and by whom', async () => {
    const alert = await raise();
    const wang = await open('王芳', {id: alert.id, query: 'state=new,acknowledged,dispatched,done&life=any'});
    const li = await open('李强', {id: alert.id, query: 'state=new,acknowledged,dispatched,done&life=any'});
    for (const {page} of [wang, li]) {
      await row(page, alert.id).waitFor({timeout: 10_000});
      await page.keyboard.press('j');
      await detail(page).waitFor();
    }
    // 李强 decides before 王芳's action reaches him, and his own arrives after it.
    let release;
    const held = new Promise((resolve) => { release = resolve; });
    await li.page.route('**/actions', async (route) => {
      await held;
      await route.continue();
    });
    await li.page.keyboard.press('f');
    await li.page.keyboard.type('测试烟雾');
    await li.page.locator('[data-testid=give]').click();
    await wang.page.keyboard.press('a');
    await assertHandled(wang.page, alert.id, 'acknowledged');
    release();

    const conflict = li.page.locator('[data-testid=conflict]');
    await conflict.waitFor({timeout: 10_000});
    assert.match(await conflict.innerText(), /王芳 确认了告警/);
    await shoot(li.page, 'alerts-conflict');
    assert.equal((await api(`alerts/${alert.id}`)).handling.by, '王芳', 'nothing was overwritten');
    await li.page.locator('[data-testid=conflict-look]').click();
    await conflict.waitFor({state: 'detached'});
    await assertHandled(li.page, alert.id, 'acknowledged');

    // Now that he has seen it he may repeat it, and 王芳 sees that at once.
    await li.page.keyboard.press('f');
    await li.page.locator('[data-testid=order]').waitFor();
    await li.page.locator('[data-testid=give]').click();
    await assertHandled(li.page, alert.id, 'done');
    await wang.page.locator('[data-testid=detail][data-handling=done]').waitFor({timeout: 5000});
    assert.match(await wang.page.locator('[data-testid=handling]').innerText(), /误报.*李强/);
    assertClean(wang.seen);
    assertClean(li.seen, REFUSED);
    await wang.context.close();
    await li.context.close();
  });

  it('may repeat what was refused from where they are told of it', async () => {
    const alert = await raise();
    const li = await open('李强', {id: alert.id, query: 'state=new,acknowledged,dispatched,done&life=any'});
    await row(li.page, alert.id).waitFor({timeout: 10_000});
    await li.page.keyboard.press('j');
    await detail(li.page).waitFor();
    let isFirst = true;
    await li.page.route('**/actions', async (route) => {
      if (!isFirst) return route.continue();
      isFirst = false;
      const taken = await fetch(`${stage.server.url}/api/v1/alerts/${alert.id}/actions`, {
        method: 'POST', headers: {'content-type': 'application/json', 'if-match': '"0"'}, body: JSON.stringify({action: 'acknowledge', by: '赵一', note: '已联系物业'}),
      });
      assert.equal(taken.status, 200);
      return route.continue();
    });
    await li.page.keyboard.press('a');
    const conflict = li.page.locator('[data-testid=conflict]');
    await conflict.waitFor({timeout: 10_000});
    assert.match(await conflict.innerText(), /赵一 确认了告警[\s\S]*已联系物业/);
    await li.page.locator('[data-testid=conflict-repeat]').click();
    await li.page.locator('[data-testid=detail][data-version="2"]').waitFor({timeout: 10_000});
    assert.equal((await api(`alerts/${alert.id}`)).handling.by, '李强');
    assertClean(li.seen, REFUSED);
    await li.context.close();
  });
});

describe('a handler with a phone', {timeout: 120_000}, () => {
  it('finds, acknowledges and leaves an alert at 360 pixels', async () => {
    const alert = await raise();
    const {page, seen, context} = await open('王芳', {viewport: PHONE});
    /** What sticks out of the screen. */
    const wide = () => page.evaluate(() => [...document.querySelectorAll('body, .alerts-view *')]
      .filter((e) => e.getBoundingClientRect().right > innerWidth + 1 && !e.closest('svg') && !e.classList.contains('unseen'))
      .map((e) => `${e.tagName} ${e.className} ${e.getBoundingClientRect().right}`));
    await row(page, alert.id).waitFor({timeout: 10_000});
    assert.deepEqual(await wide(), [], 'the queue fits');
    await shoot(page, 'alerts-phone-queue');
    await row(page, alert.id).locator('button').first().click();
    await detail(page).waitFor();
    assert.ok(!(await row(page, alert.id).isVisible()), 'the alert has the screen to itself');
    assert.deepEqual(await wide(), [], 'the alert fits');
    await shoot(page, 'alerts-phone-detail');
    await page.locator('[data-testid=act-acknowledge]').click();
    await assertHandled(page, alert.id, 'acknowledged');
    const size = await page.locator('[data-testid=act-dispatch]').boundingBox();
    assert.ok(size.height >= 40, `a button is ${size.height} pixels high`);
    await assertAccessible(page, 'phone');
    await page.locator('[data-testid=back]').click();
    await row(page, alert.id).waitFor();
    assertClean(seen);
    await context.close();
  });
});

describe('the queue', {timeout: 240_000}, () => {
  for (const [lang, theme] of [['zh-CN', 'dark'], ['zh-CN', 'light'], ['en', 'dark'], ['en', 'light']]) {
    it(`is accessible in ${lang}, ${theme}`, async () => {
      const alert = await raise();
      const {page, seen, context} = await open('王芳', {lang, theme});
      await row(page, alert.id).waitFor({timeout: 10_000});
      const english = lang === 'en';
      assert.match(await page.locator('[data-testid=tab-waiting]').innerText(), english ? /To do/ : /待处置/);
      await row(page, alert.id).locator('button').first().click();
      await page.locator('[data-testid=alert-series][data-state=loaded]').waitFor({timeout: 20_000});
      assert.ok((await detail(page).innerText()).includes(alert.reason[english ? 'en' : 'zh']));
      await page.locator('[data-testid=filter-toggle]').click();
      await shoot(page, `alerts-${lang}-${theme}`);
      await assertAccessible(page, 'queue and alert');
      for (const [key, dialog] of [['d', 'order'], ['m', 'order'], ['c', 'order'], ['?', 'help']]) {
        await page.keyboard.press(key);
        await page.locator(`[data-testid=${dialog}]`).waitFor();
        await assertAccessible(page, `dialog of ${key}`);
        await page.keyboard.press('Escape');
        await page.locator(`[data-testid=${dialog}]`).waitFor({state: 'detached'});
      }
      assertClean(seen);
      await context.close();
    });
  }

  it('says what to do when nothing meets the filter, and when there is no such alert', async () => {
    const {page, context} = await open('', {query: 'text=no-such-thing'});
    await page.locator('[data-testid=queue-empty] button').waitFor({timeout: 10_000});
    await page.locator('[data-testid=queue-empty] button').click();
    assert.equal(new URL(page.url()).search, '');
    await page.goto(`${stage.server.url}/alerts/018f0000-0000-7000-8000-000000000000`);
    await page.locator('[data-testid=no-such-alert]').waitFor({timeout: 10_000});
    await context.close();
  });

  it('is not worked while the line is down, and says so', async () => {
    const alert = await raise();
    const {page, seen, context} = await open('王芳', {id: alert.id});
    await row(page, alert.id).waitFor({timeout: 10_000});
    await page.keyboard.press('j');
    await page.locator('[data-testid=alert-series][data-state=loaded]').waitFor({timeout: 20_000});
    seen.outage = true;
    await context.setOffline(true);
    await page.evaluate(() => window.urbangrid.cutSocket());
    await page.locator('[data-testid=detail-stale]').waitFor({timeout: 20_000});
    assert.ok(await page.locator('[data-testid=act-acknowledge]').isDisabled());
    await page.keyboard.press('a');
    await shoot(page, 'alerts-stale');
    assert.equal((await api(`alerts/${alert.id}`)).handling.state, 'new');
    await context.setOffline(false);
    await page.locator('[data-testid=detail-stale]').waitFor({state: 'detached', timeout: 40_000});
    seen.outage = false;
    await page.keyboard.press('a');
    await assertHandled(page, alert.id, 'acknowledged');
    await context.close();
  });
});

/**
 * Opens the queue as somebody who wishes messages of the desktop and has allowed
 * them, in a page that is not in front. What the page asks of the desktop is noted.
 */
async function openBehind(context, path = '/alerts') {
  const page = await context.newPage();
  await page.addInitScript(() => {
    localStorage.setItem('urbangrid.bell', JSON.stringify({on: true, from: 'warning', volume: 0.5, desktop: true}));
    window.isInFront = false;
    document.hasFocus = () => window.isInFront;
    window.focused = 0;
    window.focus = () => { window.focused++; };
    const Real = window.Notification;
    window.messages = [];
    window.Notification = class extends Real {
      constructor(title, options) {
        super(title, options);
        window.messages.push({title, ...options, message: this});
      }
    };
  });
  await page.goto(`${stage.server.url}${path}`);
  await until(() => page.evaluate(() => window.urbangrid?.link.phase === 'live' && window.urbangrid.alerts.length > 0), {within: 20_000, what: 'the page is live'});
  return page;
}

const told = (page, id) => page.evaluate((alert) => window.messages.filter((m) => m.tag === alert).map(({title, body}) => ({title, body})), id);
const knows = (page, id) => until(() => page.evaluate((alert) => window.urbangrid.alerts.some((a) => a.id === alert), id), {within: 10_000, what: 'the page knows the alert'});

/** A page looks for news once a second, and leaves another page half a second to claim it. */
const LOOKED_MS = 3500;
const looked = () => new Promise((done) => { setTimeout(done, LOOKED_MS); });

/** An alert of the level of one device, which comes at once. */
async function raiseLevel(kind, value) {
  const n = place++;
  await publish(stage.server.mqtt, `e2e-level-${n}`, {kind, value, lat: 31.262, lon: 121.372 + n * 0.0004});
  return until(async () => (await api(`alerts?kind=${kind}&state=open&limit=1000`)).alerts.find((a) => a.device === `e2e-level-${n}`), {within: 20_000, what: `an alert of ${kind}`});
}

describe('a message of the desktop', {timeout: 180_000}, () => {
  async function person() {
    await raise(); // what is there before the page is no news
    const context = await stage.browser.newContext({viewport: DESKTOP, locale: 'zh-CN', timezoneId: 'UTC'});
    await context.grantPermissions(['notifications'], {origin: stage.server.url});
    return context;
  }

  it('tells of an alert of the severity that is wished, once, also across a lost line, and leads to it', async () => {
    const context = await person();
    const page = await openBehind(context, '/devices');
    const mild = await raiseLevel('bin_fill', 96);
    const grave = await raiseLevel('manhole_tilt', 22);
    assert.deepEqual([mild.severity, grave.severity], ['notice', 'warning']);
    await until(async () => (await told(page, grave.id)).length > 0, {within: 10_000, what: 'a message'});
    assert.deepEqual(await told(page, grave.id), [{title: '警告', body: grave.reason.zh}]);

    await context.setOffline(true);
    await page.evaluate(() => window.urbangrid.cutSocket());
    await until(() => page.evaluate(() => window.urbangrid.link.phase !== 'live'), {within: 10_000, what: 'the line is lost'});
    const meanwhile = await raise();
    await context.setOffline(false);
    await page.evaluate(() => window.dispatchEvent(new Event('online')));
    await until(async () => (await told(page, meanwhile.id)).length > 0, {within: 40_000, what: 'what came meanwhile is told'});
    await looked();
    assert.deepEqual([(await told(page, grave.id)).length, (await told(page, meanwhile.id)).length, (await told(page, mild.id)).length], [1, 1, 0], 'each once, the mild one never');

    await page.evaluate((id) => window.messages.find((m) => m.tag === id).message.onclick(new Event('click')), grave.id);
    await page.locator(`[data-testid=detail][data-id="${grave.id}"]`).waitFor({timeout: 20_000});
    assert.equal(await page.evaluate(() => window.focused), 1, 'the page was brought to the front');
    await context.close();
  });

  it('comes from one of several pages, and from none while a person looks at one', async () => {
    const context = await person();
    const pages = [await openBehind(context), await openBehind(context, '/'), await openBehind(context, '/settings')];
    const count = async (id) => (await Promise.all(pages.map((p) => told(p, id)))).flat().length;
    const first = await raise();
    for (const p of pages) await knows(p, first.id);
    await until(async () => (await count(first.id)) > 0, {within: 10_000, what: 'a message'});
    await looked();
    assert.equal(await count(first.id), 1, 'one of three pages tells');

    await pages[1].evaluate(() => { window.isInFront = true; });
    const second = await raise();
    for (const p of pages) await knows(p, second.id);
    await looked();
    assert.equal(await count(second.id), 0, 'who looks at a page needs no message');
    await context.close();
  });
});

// The last: it leaves thousands of alerts behind.
describe('more open alerts than a page is told', {timeout: 300_000}, () => {
  const MANY = 2500;

  it('are counted, the gravest are listed first, and the others can be reached', async () => {
    const grave = await raise();
    await publishAll(stage.server.mqtt, Array.from({length: MANY}, (_, n) => ({
      device: `e2e-many-${n}`, observation: {kind: 'bin_fill', value: 95, lat: 31.1 + (n % 50) * 0.006, lon: 121.2 + Math.floor(n / 50) * 0.007},
    })));
    const bins = () => api('alerts/count?state=open&kind=bin_fill&handling=new,acknowledged,dispatched');
    await until(async () => (await bins()).count >= MANY, {within: 120_000, what: `${MANY} open alerts`, every: 500});

    const {page, seen, context} = await open('王芳', {query: 'kind=bin_fill'});
    const shown = page.locator('[data-testid=open-alerts]');
    await until(async () => Number(await shown.innerText()) === (await api('alerts/count?state=open')).count, {within: 30_000, what: 'all open alerts are counted', every: 500});
    assert.ok(Number(await shown.innerText()) > MANY);
    assert.ok(await page.evaluate((id) => window.urbangrid.alerts.some((a) => a.id === id), grave.id), 'an older but graver one is told');
    assert.ok(await page.evaluate(() => window.urbangrid.alerts.filter((a) => a.state === 'open').length) < MANY, 'not all are told');
    const part = page.locator('[data-testid=part]');
    await part.waitFor({timeout: 20_000});
    const {count} = await bins();
    assert.match(await part.innerText(), new RegExp(`共 ${count.toLocaleString('zh-CN')} 条`));
    await shoot(page, 'alerts-many');
    await assertAccessible(page, 'too many to be told');

    const list = page.locator('[data-testid=queue]');
    await until(async () => {
      await list.evaluate((e) => e.scrollTo(0, e.scrollHeight));
      return (await part.count()) === 0;
    }, {within: 60_000, what: 'the end of the list is reached', every: 300});
    const listed = async () => Number(/\d+/.exec(await page.locator('[data-testid=shown]').innerText())?.[0]);
    await until(async () => (await listed()) === (await bins()).count, {within: 20_000, what: 'all are listed', every: 300});

    await page.goto(`${stage.server.url}/alerts?severity=critical`);
    await row(page, grave.id).waitFor({timeout: 20_000});
    assert.equal(await part.count(), 0, 'a filter whose alerts are all at hand says nothing');
    assertClean(seen);
    await context.close();
  });
});
