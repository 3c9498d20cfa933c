// The view of devices in a real browser against the real binary: what speaks over
// MQTT is seen, adopted, moved, worked on, and read again from quarantine.
import assert from 'node:assert/strict';
import {writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {after, before, describe, it} from 'node:test';
import {publish, until} from './binary.mjs';
import {openPage, shoot} from './browser.mjs';
import {assertAccessible} from './checks.mjs';
import {theStage} from './stage.mjs';

const DESKTOP = {width: 1366, height: 768};

const stage = theStage({name: 'devices', args: ['--device-policy', 'closed']});
const {api, assertClean} = stage;

async function open(path, options = {}) {
  const opened = await openPage(stage.browser, {viewport: DESKTOP, ...options});
  await opened.page.goto(`${stage.server.url}${path}`);
  await opened.page.locator('[data-testid=devices-view]').waitFor({timeout: 30_000});
  return opened;
}

/** Says who one is, when the page asks. */
async function sign(page, name = '王芳') {
  const field = page.locator('[data-testid=name]');
  await field.waitFor();
  await field.fill(name);
  await page.keyboard.press('Enter');
}

describe('a person at the devices', {timeout: 300_000}, () => {
  let opened;

  before(async () => {
    opened = await open('/devices/unknown');
  });

  it('sees that nobody waits to be entered', async () => {
    await opened.page.locator('[data-testid=unknown-empty]').waitFor({timeout: 20_000});
    await assertAccessible(opened.page, 'nobody unknown');
  });

  it('sees a device that speaks and is in no register, with what it said', async () => {
    const {page} = opened;
    await publish(stage.server.mqtt, 'e2e-new', {kind: 'noise', value: 57.25, lat: 31.2498, lon: 121.3955});
    const row = page.locator('[data-unknown=e2e-new]');
    await row.waitFor({timeout: 20_000});
    await row.locator('a').click();
    await page.locator('[data-testid=message-faults]').waitFor();
    assert.match(await page.locator('[data-testid=message-faults]').innerText(), /设备未登记/);
    assert.match(await page.locator('[data-testid=payload-text]').innerText(), /"value": 57\.25/);
    await shoot(page, 'devices-unknown');
  });

  it('adopts it with a kind and a place, and sees its last message as received and as understood', async () => {
    const {page} = opened;
    await page.locator('[data-unknown=e2e-new] [data-testid=adopt-one]').click();
    await page.locator('[data-testid=edit-dialog]').waitFor();
    await page.locator('[data-testid=field-name]').fill('新来的');
    await page.locator('[data-testid=kind-noise]').check();
    await page.locator('[data-testid=place-lat]').fill('31.2498');
    await page.locator('[data-testid=place-lon]').fill('121.3955');
    await page.locator('[data-testid=cell-after]').waitFor();
    await assertAccessible(page, 'the form');
    await shoot(page, 'devices-adopt');
    await page.locator('[data-testid=edit-save]').click();
    await sign(page);
    const detail = page.locator('[data-testid=device-detail][data-device=e2e-new]');
    await detail.waitFor({timeout: 20_000});
    await publish(stage.server.mqtt, 'e2e-new', {kind: 'noise', value: 61.5});
    await page.locator('[data-testid=understood]').waitFor({timeout: 20_000});
    assert.match(await page.locator('[data-testid=message-topic]').innerText(), /urbangrid\/v1\/e2e-new\/obs/);
    assert.equal(await page.locator('[data-testid=message-format]').innerText(), 'native');
    const understood = await page.locator('[data-testid=understood]').innerText();
    assert.match(understood, /61\.5 dB\(A\)/);
    assert.match(understood, /登记位置/);
    assert.ok(understood.includes(await page.locator('[data-testid=device-cell]').innerText()), 'the cell of the registered place');
    await page.locator('[data-testid=last-message] .chip', {hasText: '十六进制'}).click();
    assert.match(await page.locator('[data-testid=payload-text]').innerText(), /^0000 {2}7b 22/);
    assert.match(await page.locator('[data-testid=changes]').innerText(), /王芳[^]*登记/);
    await assertAccessible(page, 'a device');
    await shoot(page, 'devices-device');
  });

  it('reads what was refused again: it is stored, and has left the quarantine', async () => {
    const {page} = opened;
    await page.locator('[data-testid=part-quarantine]').click();
    await page.locator('[data-testid=reason-unknown_device]').click();
    await page.waitForURL(/reason=unknown_device/);
    const row = page.locator('[data-testid=reject-row]', {hasText: 'e2e-new'});
    await row.waitFor({timeout: 20_000});
    await row.click();
    assert.match(await page.locator('[data-testid=reject-why]').innerText(), /e2e-new is not in the register/);
    assert.match(await page.locator('[data-testid=reject-message-text]').innerText(), /57\.25/);
    await assertAccessible(page, 'a reject');
    await shoot(page, 'devices-reject');
    await page.locator('[data-testid=try-again]').click();
    assert.match(await page.locator('[data-testid=reread-told]').innerText({timeout: 20_000}), /读出 1 条观测/);
    await row.waitFor({state: 'detached', timeout: 20_000});
    await until(async () => (await api('observations?device=e2e-new')).observations.some((o) => o.value === 57.25), {within: 20_000, what: 'the observation is stored'});
  });

  it('sees a bad payload with its reason; trying again does not mend it', async () => {
    const {page} = opened;
    await page.goto(`${stage.server.url}/devices/quarantine`);
    await publish(stage.server.mqtt, 'e2e-new', Buffer.from('{"kind":"noise","value":'));
    const row = page.locator('[data-testid=reject-row]', {hasText: '不是 JSON'});
    await row.waitFor({timeout: 20_000});
    await row.click();
    await page.locator('[data-testid=try-again]').click();
    assert.match(await page.locator('[data-testid=reread-told]').innerText({timeout: 20_000}), /仍有问题：不是 JSON/);
    await page.locator('[data-testid=reject-row]', {hasText: '不是 JSON'}).waitFor({timeout: 20_000});
  });

  it('reads all of a filter again in the background once the device is mended', async () => {
    const {page} = opened;
    for (let n = 0; n < 5; n++) await publish(stage.server.mqtt, 'e2e-new', {kind: 'smoke', time: new Date(Date.now() - n * 1000).toISOString()});
    await page.goto(`${stage.server.url}/devices/quarantine?reason=unexpected_kind`);
    await until(async () => (await page.locator('[data-testid=reject-row]').count()) === 5, {within: 20_000, what: 'five smoke messages are refused'});
    const device = await api('devices/e2e-new');
    await api('devices/e2e-new', {
      method: 'PUT', headers: {'content-type': 'application/json', 'if-match': `"${device.version}"`},
      body: JSON.stringify({name: device.name, place: device.place, kinds: ['noise', 'smoke'], by: '李明'}),
    });
    await page.locator('[data-testid=try-all]').click();
    await page.locator('[data-testid=job][data-state=done]').waitFor({timeout: 30_000});
    assert.match(await page.locator('[data-testid=job]').innerText(), /5 \/ 5[^]*读出 5 条观测[^]*王芳/);
    await page.locator('[data-testid=quarantine-empty]').waitFor({timeout: 20_000});
    await shoot(page, 'devices-job');
    await until(async () => (await api('observations?device=e2e-new&kind=smoke')).observations.length === 5, {within: 20_000, what: 'five observations are stored'});
  });

  it('moves it, sees the cell before and after, and later observations go there', async () => {
    const {page} = opened;
    await page.goto(`${stage.server.url}/devices?device=e2e-new`);
    const before_ = await page.locator('[data-testid=device-cell]').innerText({timeout: 20_000});
    await page.locator('[data-testid=deed-move]').click();
    await page.locator('[data-testid=place-datum]').selectOption('gcj02');
    const lonlat = await api('locate?lat=31.2498&lon=121.3955&datum=gcj02');
    await page.locator('[data-testid=cell-after]', {hasText: lonlat.cell}).waitFor({timeout: 10_000});
    assert.equal(await page.locator('[data-testid=cell-before]').innerText(), before_);
    assert.notEqual(lonlat.cell, before_, 'the datum decides the cell');
    await page.locator('[data-testid=place-map] canvas').click({position: {x: 300, y: 60}});
    await until(async () => (await page.locator('[data-testid=place-datum]').inputValue()) === 'wgs84', {within: 5000, what: 'a place of the map is in WGS 84'});
    await until(async () => ![before_, lonlat.cell].includes(await page.locator('[data-testid=cell-after]').innerText()), {within: 10_000, what: 'the picked cell'});
    const picked = await page.locator('[data-testid=cell-after]').innerText();
    await assertAccessible(page, 'the move');
    await shoot(page, 'devices-move');
    await page.locator('[data-testid=move-save]').click();
    await page.locator('[data-testid=move-dialog]').waitFor({state: 'detached'});
    await until(async () => (await page.locator('[data-testid=device-cell]').innerText()) === picked, {within: 10_000, what: 'the device is in the new cell'});
    await publish(stage.server.mqtt, 'e2e-new', {kind: 'noise', value: 44});
    await until(async () => (await api('observations?device=e2e-new&kind=noise&limit=1')).observations[0].cell === picked, {within: 20_000, what: 'what it says now is there'});
  });

  it('begins and ends a maintenance with a reason', async () => {
    const {page} = opened;
    await page.locator('[data-testid=deed-maintenance]').click();
    await page.locator('[data-testid=maintenance-until]').fill('2020-01-01T00:00');
    await page.locator('[data-testid=maintenance-start]').click();
    await page.locator('[data-testid=maintenance-dialog] .field-error').waitFor();
    await page.locator('[data-testid=maintenance-dialog] .chip').first().click();
    await page.locator('[data-testid=maintenance-note]').fill('换电池');
    await page.locator('[data-testid=maintenance-start]').click();
    await page.locator('[data-testid=maintenance-now]', {hasText: '换电池'}).waitFor({timeout: 10_000});
    assert.equal((await api('devices/e2e-new')).health.under_maintenance, true);
    await page.locator('[data-testid=filter-maintenance]').click();
    await until(async () => (await page.locator('[data-testid=device-row]').count()) === 1, {within: 10_000, what: 'the one in maintenance is listed'});
    await page.locator('[data-testid=filter-maintenance]').click();
    await page.locator('[data-testid=deed-maintenance]').click();
    await page.locator('[data-testid=maintenance-end]').click();
    await page.locator('[data-testid=maintenance-now]').waitFor({state: 'detached', timeout: 10_000});
    assert.equal((await api('devices/e2e-new')).health.under_maintenance, false);
  });

  it('is shown what somebody else changed meanwhile, and saves on top of it', async () => {
    const {page, seen} = opened;
    await page.locator('[data-testid=deed-edit]').click();
    await page.locator('[data-testid=field-name]').fill('我的名字');
    const device = await api('devices/e2e-new');
    await api('devices/e2e-new', {
      method: 'PUT', headers: {'content-type': 'application/json', 'if-match': `"${device.version}"`},
      body: JSON.stringify({name: '别人的名字', owner: '市政所', place: device.place, kinds: device.kinds, maintenance: device.maintenance, by: '李明'}),
    });
    await page.locator('[data-testid=edit-save]').click();
    const conflict = page.locator('[data-testid=conflict]');
    await conflict.waitFor({timeout: 10_000});
    assert.match(await conflict.innerText(), /李明[^]*我的名字[^]*别人的名字/);
    await assertAccessible(page, 'a conflict');
    await shoot(page, 'devices-conflict');
    seen.errors = seen.errors.filter((e) => !e.includes('412'));
    await page.locator('[data-testid=conflict-keep]').click();
    await page.locator('[data-testid=edit-dialog]').waitFor({state: 'detached', timeout: 10_000});
    const now = await api('devices/e2e-new');
    assert.deepEqual([now.name, now.owner], ['我的名字', '市政所'], 'mine where I changed it, theirs in all else');
  });

  it('issues a password that is shown once, and revokes it', async () => {
    const {page} = opened;
    await page.locator('[data-testid=deed-password]').click();
    await page.locator('[data-testid=password-none]').waitFor();
    await page.locator('[data-testid=password-issue]').click();
    const password = await page.locator('[data-testid=password]').innerText({timeout: 20_000});
    assert.ok(password.length >= 16, 'a long password');
    await page.keyboard.press('Escape');
    await page.locator('[data-testid=deed-password]').click();
    await page.locator('[data-testid=password-revoke]').click();
    await page.locator('[data-testid=password-none]').waitFor({timeout: 10_000});
    await page.keyboard.press('Escape');
    await until(async () => /收回密码/.test(await page.locator('[data-testid=changes]').innerText()), {within: 10_000, what: 'the history tells of it'});
  });

  it('caused no error and asked no other host', () => {
    assertClean(opened.seen);
  });
});

describe('many devices', {timeout: 240_000}, () => {
  let opened;

  before(async () => {
    const rows = Array.from({length: 20_000}, (_, k) => `bulk-${String(k).padStart(5, '0')},设备 ${k},${31.21 + (k % 200) * 0.0005},${121.33 + Math.floor(k / 200) * 0.0013}`);
    writeFileSync(join(stage.data, 'many.csv'), `id,name,lat,lon\n${rows.join('\n')}\n`);
    opened = await open('/devices?q=bulk-');
  });

  it('are checked and imported from a file, and faults are named', async () => {
    const {page, seen} = opened;
    await page.locator('[data-testid=devices-empty]').waitFor({timeout: 20_000});
    await page.locator('[data-testid=files]').click();
    await page.locator('[data-testid=import-file]').setInputFiles({name: 'bad.csv', mimeType: 'text/csv', buffer: Buffer.from('id,lat,lon\na/b,31,121\nok,95,121\n')});
    await page.locator('[data-testid=import-check]').click();
    await page.locator('[data-testid=import-checked] table').waitFor({timeout: 20_000});
    assert.match(await page.locator('[data-testid=import-checked]').innerText(), /2 处错误/);
    seen.errors = seen.errors.filter((e) => !e.includes('422'));
    await page.locator('[data-testid=import-file]').setInputFiles(join(stage.data, 'many.csv'));
    await page.locator('[data-testid=import-check]').click();
    await page.locator('[data-testid=import-checked]', {hasText: '20,000 行全部正确'}).waitFor({timeout: 60_000});
    await page.locator('[data-testid=import-run]').click();
    await sign(page);
    await page.locator('[data-testid=files-dialog]').waitFor({state: 'detached', timeout: 120_000});
    await page.locator('[data-testid=device-count]', {hasText: '20,000'}).waitFor({timeout: 60_000});
  });

  it('are scrolled, sorted and searched without being all in the page', async () => {
    const {page} = opened;
    await page.locator('[data-testid=sort-id]').click();
    await page.locator('[data-device=bulk-00000]').waitFor({timeout: 20_000});
    assert.ok((await page.locator('[data-testid=device-row]').count()) < 60, 'only what is seen is in the page');
    const list = page.locator('[data-testid=device-list]');
    await list.evaluate((e) => { e.scrollTop = e.scrollHeight; });
    await page.locator('[data-device=bulk-19999]').waitFor({timeout: 20_000});
    await page.locator('[data-testid=device-search]').fill('bulk-0777');
    await page.waitForURL(/q=bulk-0777/);
    await until(async () => (await page.locator('[data-testid=device-row]').count()) === 10, {within: 20_000, what: 'ten are found'});
    await page.reload();
    await until(async () => (await page.locator('[data-testid=device-row]').count()) === 10, {within: 20_000, what: 'the address keeps the filter'});
    await page.locator('[data-testid=filter-clear]').click();
    await until(async () => Number(await page.locator('[data-testid=device-map]').getAttribute('data-dots')) > 20_000, {within: 30_000, what: 'all are on the map'});
    await shoot(page, 'devices-many');
  });

  it('are chosen on the map', async () => {
    const {page} = opened;
    await page.goto(`${stage.server.url}/devices?q=bulk-07777`);
    await until(async () => (await page.locator('[data-testid=device-map]').getAttribute('data-dots')) === '1', {within: 20_000, what: 'one dot'});
    await page.locator('[data-testid=device-row]').click();
    await page.locator('[data-testid=device-detail]').waitFor();
    await page.locator('[data-testid=detail-close]').click();
    await page.locator('[data-testid=device-detail]').waitFor({state: 'detached'});
    const box = await page.locator('[data-testid=device-map] canvas').boundingBox();
    await page.mouse.click(box.x + box.width / 2, box.y + box.height / 2);
    await page.locator('[data-testid=device-detail][data-device=bulk-07777]').waitFor({timeout: 5000});
    assertClean(opened.seen);
  });
});

describe('keyboard, languages and bad days', {timeout: 240_000}, () => {
  it('many are adopted by keyboard alone', async () => {
    for (const id of ['key-1', 'key-2']) await publish(stage.server.mqtt, id, {kind: 'noise', value: 50, lat: 31.24, lon: 121.4});
    const {page, seen, context} = await open('/devices/unknown');
    await page.locator('[data-unknown=key-2]').waitFor({timeout: 20_000});
    await page.locator('[data-testid=choose-all]').focus();
    await page.keyboard.press('Space');
    await page.keyboard.press('Tab');
    assert.equal(await page.evaluate(() => document.activeElement?.dataset.testid), 'adopt-chosen');
    await page.keyboard.press('Enter');
    await page.locator('[data-testid=bulk-dialog]').waitFor();
    await page.locator('[data-testid=bulk-kind-noise]').focus();
    await page.keyboard.press('Space');
    await page.locator('[data-testid=bulk-map] canvas').focus();
    await page.keyboard.press('Enter');
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('Enter');
    await assertAccessible(page, 'many to adopt');
    await page.locator('[data-testid=bulk-adopt]').focus();
    await page.keyboard.press('Enter');
    await sign(page, '赵强');
    await page.locator('[data-testid=unknown-empty]').waitFor({timeout: 20_000});
    for (const id of ['key-1', 'key-2']) {
      const d = await api(`devices/${id}`);
      assert.deepEqual([d.auto, d.kinds, d.wgs84 !== undefined], [false, ['noise'], true], id);
      assert.equal((await api(`devices/${id}/changes`)).changes[0].by, '赵强');
    }
    await page.locator('[data-testid=part-register]').focus();
    await page.keyboard.press('Enter');
    await page.locator('[data-testid=device-row]').first().waitFor({timeout: 20_000});
    await page.keyboard.press('/');
    assert.equal(await page.evaluate(() => document.activeElement?.dataset.testid), 'device-search');
    await page.keyboard.type('key-');
    await until(async () => (await page.locator('[data-testid=device-row]').count()) === 2, {within: 10_000, what: 'two are found'});
    await page.keyboard.press('Tab');
    await page.locator('[data-testid=device-list]').focus();
    await page.keyboard.press('j');
    await page.keyboard.press('j');
    await until(() => page.evaluate(() => document.activeElement?.getAttribute('data-device') !== null), {within: 5000, what: 'the cursor is on a row'});
    await page.keyboard.press('Enter');
    await page.locator('[data-testid=device-detail]').waitFor({timeout: 10_000});
    await page.locator('[data-testid=deed-edit]').focus();
    await page.keyboard.press('Enter');
    await page.locator('[data-testid=edit-dialog]').waitFor();
    await page.keyboard.press('Escape');
    await page.locator('[data-testid=edit-dialog]').waitFor({state: 'detached'});
    assert.equal(await page.evaluate(() => document.activeElement?.dataset.testid), 'deed-edit', 'focus comes back');
    assertClean(seen);
    await context.close();
  });

  for (const [lang, theme, path, name] of [
    ['en', 'light', '/devices?device=e2e-new', 'device'], ['en', 'dark', '/devices/quarantine', 'quarantine'],
    ['zh-CN', 'light', '/devices', 'register'], ['en', 'light', '/devices/unknown', 'unknown'],
  ]) {
    it(`${name} is accessible and fits: ${lang}, ${theme}`, async () => {
      const {page, seen, context} = await open(path, {lang, theme});
      await page.locator('[data-testid=device-detail], [data-testid=reject-row], [data-testid=device-row], [data-testid=unknown-empty]').first().waitFor({timeout: 20_000});
      await assertAccessible(page, name);
      for (const [width, height] of [[1366, 768], [1920, 1080], [390, 844]]) {
        await page.setViewportSize({width, height});
        const wide = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
        assert.ok(wide <= 0, `${wide} pixels too wide at ${width}`);
        await shoot(page, `devices-${name}-${lang}-${theme}-${width}`);
      }
      assertClean(seen);
      await context.close();
    });
  }

  it('says when the register does not answer, and what is seen is old', async () => {
    const {page, seen, context} = await openPage(stage.browser, {viewport: DESKTOP});
    let isAway = true;
    await page.route('**/api/v1/devices?**', (route) => (isAway
      ? route.fulfill({status: 503, contentType: 'application/problem+json', body: '{"status":503,"title":"Service Unavailable","detail":"the store does not answer"}'})
      : route.continue()));
    await page.goto(`${stage.server.url}/devices`);
    await page.locator('[data-testid=devices-failed]').waitFor({timeout: 20_000});
    await assertAccessible(page, 'a failure');
    isAway = false;
    await page.locator('[data-testid=devices-failed] button').click();
    await page.locator('[data-testid=device-row]').first().waitFor({timeout: 20_000});
    isAway = true;
    await page.locator('[data-testid=list-stale]').waitFor({timeout: 20_000});
    isAway = false;
    await page.locator('[data-testid=list-stale]').waitFor({state: 'detached', timeout: 20_000});
    await page.goto(`${stage.server.url}/devices?device=nobody`);
    await page.locator('[data-testid=device-gone]').waitFor({timeout: 20_000});
    seen.errors = seen.errors.filter((e) => !/503|404/.test(e));
    assertClean(seen);
    await context.close();
  });
});
