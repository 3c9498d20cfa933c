// The main views look as somebody has reviewed them: pictures of the recorded
// moment are compared with those in references/.
import assert from 'node:assert/strict';
import {mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {after, before, describe, it} from 'node:test';
import {startBinary} from './binary.mjs';
import {GRAPHICS, launch, openPage} from './browser.mjs';
import {enter, SCENES} from './scenes.mjs';
import {compare, hold, kept} from './still.mjs';

describe('the page of a recorded moment', {timeout: 300_000}, () => {
  const recorded = kept();
  let data;
  let server;
  let browser;

  before(async () => {
    data = mkdtempSync(join(tmpdir(), 'urbangrid-still-'));
    server = await startBinary({data});
    browser = await launch(GRAPHICS.none);
  });

  after(async () => {
    await browser?.close();
    await server?.stop();
    rmSync(data, {recursive: true, force: true});
  });

  for (const scene of SCENES) {
    it(`looks as reviewed: ${scene.name}`, async () => {
      const {page, context} = await openPage(browser, scene);
      const missing = await hold(context, page, recorded);
      await page.goto(`${server.url}${scene.path}`);
      await enter(page, scene);
      await page.waitForLoadState('networkidle');
      await page.evaluate(() => document.fonts.ready);
      await page.waitForFunction(() => document.querySelector('main[data-view=live] [data-testid=map], [data-testid=kiosk] [data-testid=map]') === null
        || (window.urbangrid.liveCells > 20 && window.urbangrid.frames > 0));
      await page.waitForTimeout(600);
      assert.deepEqual(missing, [], 'what the page asks for was recorded: make references');
      await compare(page, scene.name);
      await context.close();
    });
  }
});
