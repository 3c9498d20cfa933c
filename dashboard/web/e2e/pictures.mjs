// Takes the pictures of the README from the running product: make pictures.
import {mkdirSync, mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {startBinary, until} from './binary.mjs';
import {GRAPHICS, launch, openPage} from './browser.mjs';

const OUT = process.argv[2] ?? '../../docs/images';
const WIDE = {width: 1440, height: 860};
const PICTURES = [
  {name: 'live-map', path: '/?kind=noise', viewport: WIDE, ready: '[data-testid=alert]'},
  {name: 'alerts', path: '/alerts', viewport: WIDE, ready: '[role=listitem]', press: 'j'},
  {name: 'wall', path: '/?kiosk&kinds=noise', viewport: {width: 1920, height: 1080}, ready: '.system .is-ok'},
  {name: 'reports', path: '/reports', viewport: WIDE, theme: 'light', ready: 'main h2'},
  {name: 'devices', path: '/devices', viewport: WIDE, theme: 'light', ready: 'main'},
];

const data = mkdtempSync(join(tmpdir(), 'urbangrid-pictures-'));
mkdirSync(OUT, {recursive: true});
const server = await startBinary({data});
const browser = await launch(GRAPHICS.none);
try {
  console.log('waiting for the incidents of the simulated district');
  await until(async () => (await (await fetch(`${server.url}/api/v1/alerts?limit=50`)).json()).alerts.length >= 8, {within: 240_000, what: 'eight alerts', every: 2000});
  for (const {name, path, viewport, theme, ready, press} of PICTURES) {
    const {page, context} = await openPage(browser, {viewport, theme: theme ?? 'dark'});
    await page.goto(`${server.url}${path}`);
    await page.locator(ready).first().waitFor({timeout: 30_000});
    if (press !== undefined) await page.keyboard.press(press);
    await page.waitForTimeout(3000);
    await page.screenshot({path: join(OUT, `${name}.png`), animations: 'disabled'});
    console.log(`${name}.png`);
    await context.close();
  }
} finally {
  await browser.close();
  await server.stop();
  rmSync(data, {recursive: true, force: true});
}
