// The main views as their reviewed references show them.
const DESKTOP = {width: 1366, height: 768};

/** What to open, how, what says that it is complete; a key to press then, and what shows what it did. */
export const SCENES = [
  {name: 'live-zh-dark', path: '/?kind=noise', viewport: DESKTOP, lang: 'zh-CN', theme: 'dark', ready: '[data-testid=alert]'},
  {name: 'live-en-light-1920', path: '/?kind=noise&tab=cells', viewport: {width: 1920, height: 1080}, lang: 'en', theme: 'light', ready: '[data-testid=cell-table]'},
  {name: 'wall-zh-dark-1920', path: '/?kiosk&every=3600&kinds=noise', viewport: {width: 1920, height: 1080}, lang: 'zh-CN', theme: 'dark', ready: '.system .is-ok'},
  {name: 'wall-zh-dark-3840', path: '/?kiosk&every=3600&kinds=noise', viewport: {width: 3840, height: 1080}, lang: 'zh-CN', theme: 'dark', ready: '.system .is-ok'},
  {name: 'alerts-zh-dark', path: '/alerts', viewport: DESKTOP, lang: 'zh-CN', theme: 'dark', ready: '[data-testid=row], [data-testid=queue] [role=listitem]'},
  {name: 'alert-zh-dark', path: '/alerts', viewport: DESKTOP, lang: 'zh-CN', theme: 'dark', ready: '[data-testid=row], [data-testid=queue] [role=listitem]', press: 'j', then: '[data-testid=detail], main h3'},
  {name: 'alerts-en-light-390', path: '/alerts', viewport: {width: 390, height: 844}, lang: 'en', theme: 'light', ready: '[data-testid=row], [data-testid=queue] [role=listitem]'},
  {name: 'devices-zh-light', path: '/devices', viewport: DESKTOP, lang: 'zh-CN', theme: 'light', ready: 'main [role=listitem], main tbody tr'},
  {name: 'reports-zh-light', path: '/reports', viewport: DESKTOP, lang: 'zh-CN', theme: 'light', ready: 'main h2'},
  {name: 'settings-en-dark', path: '/settings', viewport: DESKTOP, lang: 'en', theme: 'dark', ready: 'main h2'},
];

/** Brings an opened page to its scene. */
export async function enter(page, scene) {
  await page.locator(scene.ready).first().waitFor({timeout: 30_000});
  if (scene.press === undefined) return;
  await page.keyboard.press(scene.press);
  await page.locator(scene.then).first().waitFor({timeout: 30_000});
}
