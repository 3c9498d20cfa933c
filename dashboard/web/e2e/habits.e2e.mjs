// What people do without thinking: they hold a key, press Back, let go beside a
// dialog, work with an old browser, and look at the page while the line is cut.
import assert from 'node:assert/strict';
import {describe, it} from 'node:test';
import {until} from './binary.mjs';
import {openPage, shoot} from './browser.mjs';
import {theStage} from './stage.mjs';

const DESKTOP = {width: 1366, height: 768};
const PHONE = {width: 360, height: 740};

const stage = theStage({
  name: 'habits',
  ready: ({api}) => until(async () => (await api('alerts?state=open&limit=5')).alerts.length >= 2, {within: 60_000, what: 'two alerts are open'}),
});
const {api, assertClean} = stage;

/** Opens an address as a person; nobody when name is ''. */
async function open(path, {name = '王芳', before = async () => undefined, ...options} = {}) {
  const opened = await openPage(stage.browser, {viewport: DESKTOP, ...options});
  if (name !== '') await opened.context.addInitScript((n) => localStorage.setItem('urbangrid.name', n), name);
  await before(opened);
  await opened.page.goto(`${stage.server.url}${path}`);
  await until(() => opened.page.evaluate(() => window.urbangrid?.link.phase === 'live'), {within: 20_000, what: 'the page is live'});
  return opened;
}

const active = (page) => page.evaluate(() => document.activeElement?.id);

describe('the settings', () => {
  for (const viewport of [DESKTOP, PHONE]) {
    it(`every panel lies beside the menu, at ${viewport.width}`, async () => {
      const {context, page, seen} = await open('/settings/rules', {viewport});
      for (const section of ['rules', 'kinds', 'areas', 'channels', 'users', 'system']) {
        await page.locator(`.sections a[href="/settings/${section}"]`).click();
        await until(() => page.evaluate(() => document.querySelector('.content > *:not([data-testid=loading])') !== null), {within: 20_000, what: `${section} is there`});
        const lies = await page.evaluate(() => {
          const box = (e) => e.getBoundingClientRect();
          const [menu, content] = [box(document.querySelector('.sections')), box(document.querySelector('.content'))];
          const panels = [...document.querySelectorAll('.content > *')].map(box);
          return {
            count: panels.length,
            outside: panels.filter((p) => p.left < content.left - 1 || p.top < content.top - 1 || p.width > content.width + 1).length,
            over: panels.filter((p) => p.left < menu.right - 1 && p.right > menu.left + 1 && p.top < menu.bottom - 1 && p.bottom > menu.top + 1).length,
            narrow: panels.filter((p) => p.width < content.width * 0.5).length,
          };
        });
        assert.ok(lies.count > 0, section);
        assert.deepEqual([lies.outside, lies.over, lies.narrow], [0, 0, 0], `${section}: panels outside, over the menu, narrow`);
        await shoot(page, `habits-settings-${section}-${viewport.width}`);
      }
      assertClean(seen);
      await context.close();
    });
  }
});

describe('a form', () => {
  it('of a rule keeps what was filled in, and the browser asks before it is lost', async () => {
    const {context, page, seen} = await open('/settings/rules/noise_loud');
    const raise = page.locator('[data-testid=rule-form][data-rule=noise_loud] [data-param=raise]');
    const before = await raise.inputValue();
    await raise.fill('77');
    await page.locator('[data-testid=rule-list] a[data-rule]:not([data-rule=noise_loud])').first().click();
    await raise.waitFor({state: 'detached'});
    await page.locator('[data-testid=nav-devices]').click();
    await page.locator('[data-testid=nav-settings]').click();
    const marked = page.locator('[data-rule=noise_loud]', {has: page.locator('[data-testid=unsaved]')});
    await marked.click();
    assert.equal(await raise.inputValue(), '77');
    const asked = [];
    page.on('dialog', (d) => {
      asked.push(d.type());
      void d.dismiss();
    });
    await page.evaluate(() => location.reload());
    await until(() => asked.length === 1, {within: 5000, what: 'the browser asks'});
    assert.deepEqual(asked, ['beforeunload']);
    await page.locator('[data-testid=rule-discard]').click();
    await marked.waitFor({state: 'detached'});
    assert.equal(await raise.inputValue(), before);
    assertClean(seen);
    await context.close();
  });

  it('that the server refuses says so in Chinese, and what the server said when it is asked', async () => {
    const {context, page} = await open('/settings/rules/noise_loud');
    await page.route('**/api/v1/rules/noise_loud', (route) => (route.request().method() === 'PUT'
      ? route.fulfill({status: 422, contentType: 'application/problem+json', body: JSON.stringify({title: 'Unprocessable Entity', status: 422, detail: 'raise must lie above clear'})})
      : route.continue()));
    await page.locator('[data-param=raise]').fill('88');
    await page.locator('[data-testid=rule-save]').click();
    const refused = page.locator('[data-testid=rule-refused]');
    await refused.waitFor();
    assert.match(await refused.innerText(), /^填写的内容没有被接受。\s*详情$/);
    await refused.locator('summary').click();
    assert.match(await refused.innerText(), /raise must lie above clear/);
    await context.close();
  });
});

describe('an alert', () => {
  it('names its rule', async () => {
    const {alerts: [alert]} = await api('alerts?state=open&limit=1');
    const {rules} = await api('rules');
    const {context, page} = await open(`/alerts?at=${alert.id}`);
    const named = rules.find((r) => r.name === alert.rule).rule.names.zh;
    await until(async () => (await page.locator('[data-testid=rule]').innerText()) === named, {within: 10_000, what: `the rule is called ${named}`});
    await context.close();
  });
});

describe('the keyboard', () => {
  it('the arrows move the focus to the tab that they choose', async () => {
    const {context, page} = await open('/');
    await page.locator('[data-testid=tab-alerts]').focus();
    for (const [key, tab] of [['ArrowRight', 'tab-cells'], ['ArrowLeft', 'tab-alerts'], ['ArrowLeft', 'tab-cells']]) {
      await page.keyboard.press(key);
      await until(async () => (await page.locator('[role=tab][aria-selected=true]').getAttribute('id')) === tab, {within: 3000, what: `${tab} is chosen`});
      assert.equal(await active(page), tab, key);
    }
    await context.close();
  });

  it('a key that is held or pressed twice gives one order', async () => {
    const sent = [];
    const {alerts: [alert]} = await api('alerts?state=open&handling=new&limit=1');
    const {context, page, seen} = await open(`/alerts?text=${alert.id}&at=${alert.id}`);
    page.on('request', (r) => {
      if (r.method() === 'POST') sent.push(r.url());
    });
    // The server takes its time, as over a slow line.
    await page.route('**/actions', async (route) => {
      await new Promise((done) => { setTimeout(done, 400); });
      await route.continue();
    });
    await page.locator(`[data-testid=detail][data-id="${alert.id}"]`).waitFor();
    await page.evaluate(() => {
      const press = (repeat) => document.body.dispatchEvent(new KeyboardEvent('keydown', {key: 'a', bubbles: true, cancelable: true, repeat}));
      for (const repeat of [false, true, true, false]) press(repeat);
    });
    await page.locator(`[data-testid=detail][data-id="${alert.id}"][data-handling=acknowledged]`).waitFor({timeout: 10_000});
    await page.keyboard.press('a');
    await page.locator('[data-testid=toasts] .toast').nth(1).waitFor();
    assert.equal(sent.length, 1, 'orders that were sent');
    assert.equal(await page.locator('[data-testid=conflict]').count(), 0, 'nobody clashes with themselves');
    assert.equal((await api(`alerts/${alert.id}`)).handling.version, 1);
    assertClean(seen);
    await context.close();
  });
});

describe('the pointer', () => {
  it('a selection that ends beside a dialog leaves it open; a click beside it closes it', async () => {
    const {context, page} = await open('/alerts');
    await page.locator('[data-testid=row] [data-row]').first().click();
    await page.locator('[data-testid=detail]').waitFor();
    await page.keyboard.press('c');
    const note = page.locator('[data-testid=note]');
    await note.fill('一段很长的说明文字');
    const box = await note.boundingBox();
    await page.mouse.move(box.x + 150, box.y + 15);
    await page.mouse.down();
    await page.mouse.move(box.x - 300, box.y + 15, {steps: 5});
    await page.mouse.up();
    assert.equal(await note.inputValue(), '一段很长的说明文字');
    await page.mouse.click(20, 300);
    await note.waitFor({state: 'detached', timeout: 5000});
    await context.close();
  });
});

describe('on a phone', () => {
  it('Back returns from an alert to the queue, and then leaves', async () => {
    const {context, page} = await open('/devices', {viewport: PHONE});
    await page.locator('[data-testid=nav-alerts]').click();
    await page.locator('[data-row]').first().click();
    await page.locator('[data-testid=detail]').waitFor();
    await page.keyboard.press('j');
    await page.goBack();
    await page.locator('[data-row]').first().waitFor();
    assert.deepEqual([new URL(page.url()).pathname, new URL(page.url()).searchParams.get('at')], ['/alerts', null]);
    // The page's own button does the same, and leaves nothing behind.
    await page.locator('[data-row]').first().click();
    await page.locator('[data-testid=back]').click();
    await page.locator('[data-row]').first().waitFor();
    await page.goBack();
    await until(() => new URL(page.url()).pathname === '/devices', {within: 5000, what: 'Back leaves the queue'});
    await context.close();
  });

  it('nothing lies over the buttons of the map', async () => {
    const {context, page} = await open('/', {viewport: PHONE});
    await page.locator('[data-testid=timeline]').waitFor();
    const covered = () => page.evaluate(() => [...document.querySelectorAll('.zoom button, [data-testid=timeline] button')].filter((b) => {
      const {left, top, width, height} = b.getBoundingClientRect();
      return width > 0 && [[0.5, 0.5], [0.1, 0.5], [0.9, 0.5], [0.5, 0.1], [0.5, 0.9]].some(([x, y]) => !b.contains(document.elementFromPoint(left + width * x, top + height * y)));
    }).map((b) => b.getAttribute('aria-label')));
    await shoot(page, 'habits-live-360');
    assert.deepEqual(await covered(), []);
    await page.locator('[data-testid=play]').click();
    await page.locator('[data-testid=go-live]').waitFor();
    await shoot(page, 'habits-live-past-360');
    assert.deepEqual(await covered(), []);
    await context.close();
  });
});

describe('an old browser', () => {
  it('that cannot name offsets shows the queue', async () => {
    const {context, page, seen} = await open('/alerts', {before: ({context: c}) => c.addInitScript(() => {
      const Real = Intl.DateTimeFormat;
      const Old = function (locale, options) {
        if (/Offset|Generic/.test(options?.timeZoneName ?? '')) throw new RangeError(`Value ${options.timeZoneName} out of range`);
        return new Real(locale, options);
      };
      Old.prototype = Real.prototype;
      Intl.DateTimeFormat = Old;
    })});
    await page.locator('[data-row]').first().waitFor({timeout: 10_000});
    assert.match(await page.locator('[data-row] time').first().getAttribute('title'), / UTC\+08:00$/);
    assertClean(seen);
    await context.close();
  });

  it('is served styles that it reads', async () => {
    const {context, page} = await open('/');
    const sheets = new Map();
    page.on('response', (r) => {
      if (new URL(r.url()).pathname.endsWith('.css')) sheets.set(r.url(), r.text());
    });
    await page.reload();
    for (const view of ['alerts', 'reports', 'devices', 'settings', 'live']) {
      await page.locator(`[data-testid=nav-${view}]`).click();
      await page.locator(`main[data-view=${view}] > *:not([data-testid=loading])`).first().waitFor();
    }
    assert.ok(sheets.size >= 5, `${sheets.size} style sheets`);
    for (const [url, text] of sheets) {
      // :is has a prefixed twin beside it.
      const newer = [...(await text).matchAll(/:where\(|:has\(|@container|@layer|[{;]inset:|aspect-ratio:|color-mix\(/g)].map(([what]) => what);
      assert.deepEqual(newer, [], url);
    }
    await context.close();
  });
});

describe('the line is cut', () => {
  it('the live page shows no number and no mark of the present', async () => {
    const {context, page} = await open('/');
    await page.locator('.kind-alarms').first().waitFor({timeout: 20_000});
    assert.match(await page.locator('.kind-alarms').first().innerText(), /\d/);
    await context.setOffline(true);
    await page.evaluate(() => window.urbangrid.cutSocket());
    await until(() => page.evaluate(() => window.urbangrid.link.stale), {within: 60_000, what: 'the page is stale'});
    await page.locator('[data-testid=timeline-cut]').waitFor();
    assert.equal(await page.locator('[data-testid=timeline] .live-dot').count(), 0);
    for (const text of await page.locator('.kind-alarms').allInnerTexts()) assert.match(text, /—$/);
    await shoot(page, 'habits-cut');
    await context.close();
  });
});
