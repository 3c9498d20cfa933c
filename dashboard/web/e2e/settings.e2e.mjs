// The settings in a real browser against the real binary: a rule is tried and
// changed, by two people at once; areas are imported; the system tells how it does.
import assert from 'node:assert/strict';
import {writeFileSync} from 'node:fs';
import {createServer} from 'node:http';
import {join} from 'node:path';
import {before, describe, it} from 'node:test';
import {publish, until} from './binary.mjs';
import {openPage, shoot} from './browser.mjs';
import {assertAccessible} from './checks.mjs';
import {theStage} from './stage.mjs';

const DESKTOP = {width: 1366, height: 768};
const PHONE = {width: 360, height: 740};

const stage = theStage({name: 'settings', args: ['--notify-local']});
const {api, assertClean} = stage;

/** Opens a page of the settings as a person; nobody when name is ''. */
async function open(name, path, options = {}) {
  const opened = await openPage(stage.browser, {viewport: DESKTOP, ...options});
  if (name !== '') await opened.context.addInitScript((n) => localStorage.setItem('urbangrid.name', n), name);
  await opened.page.goto(`${stage.server.url}/settings/${path}`);
  await opened.page.locator('[data-testid=settings]').waitFor({timeout: 20_000});
  return opened;
}

const form = (page) => page.locator('[data-testid=rule-form]');
const field = (page, key) => page.locator(`[data-param=${key}]`);

/** One area in two halves; the second begins that far to the east of the first. */
function halves(east) {
  const square = (west) => [[[west, 31.24], [west + 0.01, 31.24], [west + 0.01, 31.25], [west, 31.25], [west, 31.24]]];
  const feature = (code, name, west) => ({type: 'Feature', properties: {code, name}, geometry: {type: 'Polygon', coordinates: square(west)}});
  return {type: 'FeatureCollection', features: [feature('310107005001', '东半', 121.4), feature('310107005002', '西半', 121.4 + east)]};
}

function saveFile(name, content) {
  const path = join(stage.data, name);
  writeFileSync(path, JSON.stringify(content));
  return path;
}

describe('rules', () => {
  it('a changed threshold is tried on what was observed, saved, and judged by at once', async () => {
    const {context, page, seen} = await open('王芳', 'rules');
    await page.locator('[data-testid=rule-filter]').fill('noise_loud');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await form(page).waitFor();
    await page.locator('[data-param=raise]').fill('eighty');
    await page.locator('.field-error').waitFor();
    assert.equal(await page.locator('[data-testid=rule-save]').isDisabled(), true, 'what cannot be read cannot be saved');
    await field(page, 'raise').fill('20');
    await field(page, 'clear').fill('10');
    await field(page, 'hold_raise_seconds').fill('');
    await until(async () => (await api('counts')).counts.noise > 200, {within: 30_000, what: 'stored observations of noise'});
    await page.locator('[data-testid=preview-run]').click();
    const summary = page.locator('[data-testid=preview-summary]');
    await summary.waitFor({timeout: 30_000});
    const [changed, present] = [Number(await summary.getAttribute('data-changed')), Number(await summary.getAttribute('data-present'))];
    assert.ok(changed > present, `${changed} as changed, ${present} as it is`);
    await shoot(page, 'settings-rule-zh');
    await assertAccessible(page, 'a rule with its preview');
    await page.locator('[data-testid=rule-save]').click();
    await page.locator('[data-testid=rule-form][data-version="1"]').waitFor();
    const rule = await api('rules/noise_loud');
    assert.deepEqual([rule.rule.threshold.raise, rule.by, rule.pending], [20, '王芳', false]);
    await until(async () => (await api('alerts?kind=noise&state=open&limit=1000')).alerts.filter((a) => a.rule === 'noise_loud').length > 5,
      {within: 20_000, what: 'alerts by the changed rule, without a restart'});
    await page.locator('[data-testid=rule-history]').click();
    await page.locator('[data-testid=history] .is-new', {hasText: 'raise: 20'}).waitFor();
    await page.keyboard.press('Escape');
    await page.locator('[data-testid=rule-reset]').click();
    await page.locator('[data-testid=rule-form][data-version="2"]').waitFor();
    assert.equal((await api('rules/noise_loud')).rule.threshold.raise, 85);
    assertClean(seen);
    await context.close();
  });

  it('of two people the second sees what the first did, and loses nothing', async () => {
    const first = await open('王芳', 'rules/pm25_heavy');
    const second = await open('李明', 'rules/pm25_heavy', {lang: 'en'});
    await field(first.page, 'raise').fill('160');
    await field(second.page, 'raise').fill('170');
    await first.page.locator('[data-testid=rule-save]').click();
    await first.page.locator('[data-testid=rule-form][data-version="1"]').waitFor();
    await second.page.locator('[data-testid=rule-save]').click();
    const clash = second.page.locator('[data-testid=rule-conflict]');
    await clash.waitFor();
    assert.match(await clash.innerText(), /王芳 has just changed the same[\s\S]*160\s+170/);
    assert.equal((await api('rules/pm25_heavy')).rule.threshold.raise, 160, 'what the first saved stands');
    await shoot(second.page, 'settings-conflict-en');
    await assertAccessible(second.page, 'a conflict');
    await second.page.locator('[data-testid=keep-mine]').click();
    await second.page.locator('[data-testid=rule-form][data-version="2"]').waitFor();
    assert.deepEqual([(await api('rules/pm25_heavy')).rule.threshold.raise, (await api('rules/pm25_heavy')).by], [170, '李明']);
    assertClean(first.seen);
    assertClean(second.seen, /412/);
    await first.context.close();
    await second.context.close();
  });
});

describe('areas', () => {
  it('a file with a fault is refused with the place, a right one shows its cells and is saved', async () => {
    await publish(stage.server.mqtt, 'e2e-area', {kind: 'noise', value: 50, lat: 31.245, lon: 121.405});
    const {context, page, seen} = await open('王芳', 'areas');
    await page.locator('[data-testid=areas-file]').setInputFiles(saveFile('bad.geojson', halves(0.005)));
    await page.locator('[data-testid=areas-check]').click();
    const check = page.locator('[data-testid=area-check]');
    await page.locator('[data-testid=area-check][data-faults="1"]').waitFor({timeout: 20_000});
    assert.match(await check.innerText(), /区域重叠.*310107005001.*310107005002/);
    assert.equal(await page.locator('[data-testid=areas-save]').isDisabled(), true, 'areas with a fault cannot be saved');
    await shoot(page, 'settings-areas-fault-zh');
    await assertAccessible(page, 'areas with a fault');
    await page.locator('[data-testid=areas-file]').setInputFiles(saveFile('good.geojson', halves(0.01)));
    await page.locator('[data-testid=areas-check]').click();
    await page.locator('[data-testid=area-check][data-faults="0"]').waitFor({timeout: 20_000});
    assert.equal(await page.locator('[data-testid=coverage] tbody tr').count(), 2);
    assert.ok(Number(await page.locator('[data-testid=devices-moved]').getAttribute('data-moved')) >= 0);
    await page.locator('[data-testid=areas-save]').click();
    await page.locator('[data-testid=areas-pending]').waitFor();
    const saved = await api('settings/areas');
    assert.deepEqual([saved.areas, saved.pending, saved.by], [2, true, '王芳']);
    assertClean(seen);
    await context.close();
  });

  it('a corner is moved by the keyboard and by its coordinates', async () => {
    const {context, page, seen} = await open('王芳', 'areas', {lang: 'en'});
    await page.locator('[data-testid=areas-draw]').click();
    const corners = page.locator('[data-testid=area-corners]');
    const before = await corners.inputValue();
    await page.locator('[data-corner="0"]').focus();
    await page.keyboard.press('Shift+ArrowLeft');
    await until(async () => (await corners.inputValue()) !== before, {within: 5000, what: 'the corner has moved'});
    await page.keyboard.press('+');
    await until(async () => (await corners.inputValue()).split('\n').length === before.split('\n').length + 1, {within: 5000, what: 'a corner more'});
    await corners.fill('121.4, 31.24\nhere');
    await page.keyboard.press('Tab');
    await page.locator('.field-error').waitFor();
    await corners.fill(before);
    await page.keyboard.press('Tab');
    await page.locator('[data-testid=draw-check]').click();
    await page.locator('[data-testid=area-check]').waitFor({timeout: 20_000});
    await shoot(page, 'settings-areas-draw-en');
    await assertAccessible(page, 'drawing');
    assertClean(seen);
    await context.close();
  });
});

describe('two people at once', () => {
  const put = async (path, method, body, version = 0) => {
    const done = await fetch(`${stage.server.url}/api/v1/${path}`, {
      method, headers: {'content-type': 'application/json', ...(version === 0 ? {} : {'if-match': `"${version}"`})}, body: JSON.stringify(body),
    });
    assert.ok(done.ok, `${method} ${path}: ${done.status} ${await done.clone().text()}`);
    return done.json();
  };

  it('at a channel: the second sees what the first did, and saves over it', async () => {
    const channel = {name: '值班', type: 'webhook', on: true, lang: 'zh', severity: 'warning', areas: [], quality: false, page: ''};
    const made = await put('channels', 'POST', {channel, url: 'http://127.0.0.1:9/hook', by: '王芳'});
    const {context, page, seen} = await open('李明', 'channels', {lang: 'en'});
    await page.locator(`[data-channel="${made.id}"]`).getByRole('button', {name: /^Change: /}).click();
    await page.locator('[data-testid=channel-dialog] [data-field=name]').fill('夜班');
    await put(`channels/${made.id}`, 'PUT', {channel: {...channel, severity: 'critical'}, by: '王芳'}, made.version);
    await page.locator('[data-testid=channel-save]').click();
    const clash = page.locator('[data-testid=channel-conflict]');
    await clash.waitFor({timeout: 10_000});
    assert.match(await clash.innerText(), /王芳 has just changed the same[\s\S]*Name\s+值班\s+夜班[\s\S]*Critical\s+Warning/);
    await assertAccessible(page, 'a channel in conflict');
    await clash.locator('[data-testid=keep-mine]').click();
    await page.locator('[data-testid=channel-dialog]').waitFor({state: 'detached', timeout: 10_000});
    const kept = (await api('channels')).channels.find((c) => c.id === made.id);
    assert.deepEqual([kept.name, kept.severity, kept.by], ['夜班', 'warning', '李明']);
    assertClean(seen, /412/);
    await context.close();
  });

  it('at a kind: a second press of save overwrites nothing, and theirs can be taken', async () => {
    const {context, page, seen} = await open('李明', 'kinds');
    const before_ = (await api('settings/kinds')).kinds.find((k) => k.key === 'noise');
    await page.locator('[data-kind=noise] button').click();
    const dialog = page.locator('[data-testid=kind-dialog]');
    await dialog.locator('[data-field=zh]').fill('噪音');
    await put('settings/kinds/noise', 'PUT', {kind: {...before_.kind, names: {zh: '声级', en: 'Sound level'}}, by: '王芳'}, before_.version);
    await dialog.locator('[data-testid=kind-save]').click();
    const clash = dialog.locator('[data-testid=kind-conflict]');
    await clash.waitFor({timeout: 10_000});
    assert.match(await clash.innerText(), /王芳[\s\S]*声级\s+噪音/);
    await dialog.locator('[data-testid=kind-save]').click();
    await clash.waitFor();
    const now = async () => (await api('settings/kinds')).kinds.find((k) => k.key === 'noise');
    await until(async () => (await now()).kind.names.zh === '声级', {within: 3000, what: 'what the first saved stands'});
    await clash.locator('[data-testid=take-theirs]').click();
    await clash.waitFor({state: 'detached'});
    assert.equal(await dialog.locator('[data-field=zh]').inputValue(), '声级');
    await dialog.locator('[data-field=zh]').fill('环境声级');
    await dialog.locator('[data-testid=kind-save]').click();
    await dialog.waitFor({state: 'detached', timeout: 10_000});
    assert.deepEqual([(await now()).kind.names.zh, (await now()).by], ['环境声级', '李明']);
    assertClean(seen, /412/);
    await context.close();
  });

  it('at the areas: the second sees which differ', async () => {
    const {context, page, seen} = await open('李明', 'areas', {lang: 'en'});
    await page.locator('[data-testid=areas-file]').setInputFiles(saveFile('mine.geojson', halves(0.01)));
    await page.locator('[data-testid=areas-check]').click();
    await page.locator('[data-testid=area-check][data-faults="0"]').waitFor({timeout: 20_000});
    const theirs = halves(0.01);
    theirs.features[1].properties = {code: '310107005003', name: '新区'};
    await put(`settings/areas?by=${encodeURIComponent('王芳')}`, 'PUT', {...theirs, datum: 'wgs84'}, (await api('settings/areas')).version);
    await page.locator('[data-testid=areas-save]').click();
    const clash = page.locator('[data-testid=areas-conflict]');
    await clash.waitFor({timeout: 10_000});
    assert.match(await clash.innerText(), /王芳[\s\S]*310107005002\s+none\s+西半[\s\S]*310107005003\s+新区.*\s+none/);
    assert.doesNotMatch(await clash.innerText(), /310107005001/);
    await shoot(page, 'settings-areas-conflict-en');
    await assertAccessible(page, 'areas in conflict');
    await clash.locator('[data-testid=keep-mine]').click();
    await clash.waitFor({state: 'detached', timeout: 20_000});
    assert.equal((await api('settings/areas')).by, '李明');
    assertClean(seen, /412/);
    await context.close();
  });
});

describe('channels', () => {
  it('a robot is added, tried and never shown with its key', async () => {
    const messages = [];
    const robot = createServer((req, res) => {
      let body = '';
      req.on('data', (part) => { body += part; });
      req.on('end', () => {
        messages.push({url: req.url, body: JSON.parse(body)});
        res.end('{"errcode":0,"errmsg":"ok"}');
      });
    });
    await new Promise((done) => { robot.listen(0, '127.0.0.1', done); });
    const {context, page, seen} = await open('王芳', 'channels');
    await page.locator('[data-testid=channel-add]').click();
    await assertAccessible(page, 'a new channel');
    await page.locator('[data-field=name]').fill('值班群');
    await page.locator('[data-field=url]').fill(`http://127.0.0.1:${robot.address().port}/send?key=geheim`);
    await page.locator('[data-testid=channel-save]').click();
    const row = page.locator('[data-channel]', {hasText: '值班群'});
    await row.waitFor();
    await row.getByRole('button', {name: /发送测试/}).click();
    await until(() => messages.length === 1, {within: 10_000, what: 'the test has arrived'});
    assert.equal(messages[0].url, '/send?key=geheim');
    assert.match(messages[0].body.markdown.content, /测试/);
    assert.doesNotMatch(await page.content(), /geheim/);
    await shoot(page, 'settings-channels-zh');
    await assertAccessible(page, 'channels');
    assertClean(seen);
    await context.close();
    robot.close();
  });
});

describe('the system', () => {
  for (const [lang, viewport, theme] of [['zh-CN', DESKTOP, 'dark'], ['en', PHONE, 'light']]) {
    it(`tells how it does, ${lang} at ${viewport.width}`, async () => {
      const {context, page, seen} = await open('', 'system', {lang: lang === 'en' ? 'en' : 'zh', viewport, theme});
      await page.locator('[data-testid=system][data-ready=true]').waitFor({timeout: 20_000});
      assert.match(await page.locator('[data-testid=system]').innerText(), lang === 'en' ? /Everything answers[\s\S]*Observations a second/ : /各部分正常[\s\S]*每秒观测/);
      const width = await page.evaluate(() => document.documentElement.scrollWidth);
      assert.ok(width <= viewport.width, `the page is ${width} wide`);
      await shoot(page, `settings-system-${lang}-${viewport.width}`);
      await assertAccessible(page, 'the state of the system');
      assertClean(seen);
      await context.close();
    });
  }

  for (const section of ['rules', 'kinds', 'users']) {
    it(`${section} are there in English and light`, async () => {
      const {context, page, seen} = await open('', section, {lang: 'en', theme: 'light'});
      await page.locator(`[data-testid=${{rules: 'rule-list', kinds: 'kinds', users: 'users'}[section]}]`).waitFor();
      await shoot(page, `settings-${section}-en-light`);
      await assertAccessible(page, section);
      assertClean(seen);
      await context.close();
    });
  }
});
