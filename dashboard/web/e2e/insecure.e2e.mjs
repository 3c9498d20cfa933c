// A page over plain HTTP on an intranet, which browsers call insecure: there is no
// clipboard and no crypto.randomUUID. Browsers call 127.0.0.1 secure, so that both
// are taken away here as such a page lacks them. And a page that nobody looks at.
import assert from 'node:assert/strict';
import {describe, it} from 'node:test';
import {publish, until} from './binary.mjs';
import {openPage} from './browser.mjs';
import {theStage} from './stage.mjs';

const stage = theStage({name: 'insecure'});
const {api} = stage;

/** Opens a view as an insecure page, which notes what is copied. */
async function open(path) {
  const opened = await openPage(stage.browser, {viewport: {width: 1366, height: 768}});
  await opened.context.addInitScript(() => {
    localStorage.setItem('urbangrid.name', '王芳');
    delete Navigator.prototype.clipboard;
    delete Crypto.prototype.randomUUID;
    window.copied = [];
    document.addEventListener('copy', () => {
      const field = document.activeElement;
      window.copied.push(field.value.slice(field.selectionStart, field.selectionEnd));
    });
  });
  await opened.page.goto(`${stage.server.url}${path}`);
  return opened;
}

const copied = (page) => page.evaluate(() => window.copied);

describe('an insecure page', {timeout: 120_000}, () => {
  it('copies the link of a report', async () => {
    const {page, seen, context} = await open('/reports/trend');
    await page.locator('[data-testid=copy-link]').click({timeout: 20_000});
    await page.locator('.toast.is-good').waitFor({timeout: 5000});
    const [link, ...more] = await copied(page);
    assert.deepEqual([new URL(link).pathname, more], ['/reports/trend', []]);
    assert.equal(await page.evaluate(() => document.activeElement.getAttribute('data-testid')), 'copy-link', 'the focus is back on the button');
    assert.deepEqual(seen.errors, []);
    await context.close();
  });

  it('copies a password out of its dialog, which makes all else inert', async () => {
    const {devices} = await api('devices?limit=1');
    const {page, seen, context} = await open(`/devices?device=${encodeURIComponent(devices[0].id)}`);
    await page.locator('[data-testid=deed-password]').click({timeout: 30_000});
    await page.locator('[data-testid=password-issue]').click();
    const password = await page.locator('[data-testid=password]').innerText({timeout: 20_000});
    await page.locator('[data-testid=password-copy]').click();
    await until(async () => (await copied(page)).length === 1, {within: 5000, what: 'something is copied'});
    assert.deepEqual(await copied(page), [password]);
    assert.deepEqual(seen.errors, []);
    await context.close();
  });

  it('has the quarantine read again', async () => {
    await publish(stage.server.mqtt, 'e2e-insecure', {kind: 'no_such_kind', value: 1, lat: 31.24, lon: 121.4});
    const {page, seen, context} = await open('/devices/quarantine');
    await page.locator('[data-testid=reject-row]').first().waitFor({timeout: 30_000});
    await page.locator('[data-testid=try-all]').click();
    await until(async () => (await api('quarantine/jobs')).jobs.length > 0, {within: 10_000, what: 'a job was started'});
    assert.deepEqual(seen.errors, []);
    await context.close();
  });
});

describe('a page that nobody looks at', {timeout: 120_000}, () => {
  it('asks for nothing, and at once when somebody does; the quarantine asks for no job that does not run', async () => {
    const {page, context} = await open('/devices/quarantine');
    const asked = [];
    page.on('request', (r) => {
      if (r.url().includes('/quarantine')) asked.push(new URL(r.url()).pathname);
    });
    await until(() => asked.filter((p) => p.endsWith('/quarantine')).length >= 1, {within: 20_000, what: 'the list is asked for every so often'});
    const turn = (hidden) => page.evaluate((h) => {
      Object.defineProperty(document, 'hidden', {configurable: true, get: () => h});
      document.dispatchEvent(new Event('visibilitychange'));
    }, hidden);
    await turn(true);
    asked.length = 0;
    // More than two of the list's periods of five seconds.
    await new Promise((done) => { setTimeout(done, 12_000); });
    assert.deepEqual(asked, [], 'requests of a hidden page');
    await turn(false);
    await until(() => asked.some((p) => p.endsWith('/quarantine')), {within: 1000, what: 'the list is asked for at once'});
    await new Promise((done) => { setTimeout(done, 3000); });
    assert.deepEqual(asked.filter((p) => p.endsWith('/jobs')), [], 'requests about jobs while none runs');
    await context.close();
  });
});
