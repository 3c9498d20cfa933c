// Records the moment that references show: `make references` runs it, then makes
// the pictures. The simulated district is that of the demo, at its usual seed.
import {mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {startBinary, until} from './binary.mjs';
import {GRAPHICS, launch, openPage} from './browser.mjs';
import {enter, SCENES} from './scenes.mjs';
import {keep, record} from './still.mjs';

const data = mkdtempSync(join(tmpdir(), 'urbangrid-record-'));
const server = await startBinary({data});
const browser = await launch(GRAPHICS.none);
try {
  console.log('waiting for the incidents of the simulated district (two minutes)');
  await until(async () => (await (await fetch(`${server.url}/api/v1/alerts?limit=50`)).json()).alerts.length >= 8, {within: 240_000, what: 'eight alerts', every: 2000});
  const recorded = {nowMs: Date.now(), hello: null, snapshots: {}, answers: {}};
  for (const scene of SCENES) {
    const {page, context} = await openPage(browser, scene);
    await record(page, recorded.nowMs, recorded);
    await page.goto(`${server.url}${scene.path}`);
    await enter(page, scene);
    await page.waitForTimeout(1500);
    await context.close();
  }
  // The clock of the page and that of the server are one.
  recorded.hello = {...recorded.hello, now: recorded.nowMs, lag: 2000};
  keep(recorded);
  console.log(`recorded ${Object.keys(recorded.answers).length} answers and ${Object.keys(recorded.snapshots).length} topics`);
} finally {
  await browser.close();
  await server.stop();
  rmSync(data, {recursive: true, force: true});
}
