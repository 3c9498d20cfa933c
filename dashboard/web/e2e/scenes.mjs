// The main views as their reviewed references show them.
const DESKTOP = {width: 1366, height: 768};

/** What to open, how, what says that it is complete; a key to press then, and what shows what it did. */
export const SCENES = [
  {name: 'live-zh-dark', path: '/?kind=noise', viewport: DESKTOP, lang: 'zh-CN', theme: 'dark', ready: '[data-testid=alert]'},
  {name: 'live-en-light-1920', path: '/?kind=noise&tab=cells', viewport: {width: 1920, height: 1080}, lang: 'en', theme: 'light', ready: '[data-testid=cell-table]'},
  {name: 'wall-zh-dark-1920', path: '/?kiosk&every=3600&kinds=noise&views=map', viewport: {width: 1920, height: 1080}, lang: 'zh-CN', theme: 'dark', ready: '.system .is-ok'},
  {name: 'wall-zh-dark-3840', path: '/?kiosk&every=3600&kinds=noise&views=map', viewport: {width: 3840, height: 1080}, lang: 'zh-CN', theme: 'dark', ready: '.system .is-ok'},
  {name: 'wall-alerts-en-light', path: '/?kiosk&every=3600&views=alerts', viewport: {width: 1920, height: 1080}, lang: 'en', theme: 'light', ready: '[data-testid=wall-alerts][data-state=loaded]'},
  {name: 'wall-today-zh-dark', path: '/?kiosk&every=3600&views=today', viewport: {width: 1920, height: 1080}, lang: 'zh-CN', theme: 'dark', ready: '[data-testid=wall-today][data-state=loaded]'},
  {name: 'alerts-zh-dark', path: '/alerts', viewport: DESKTOP, lang: 'zh-CN', theme: 'dark', ready: '[data-testid=row], [data-testid=queue] [role=listitem]'},
  {name: 'alert-zh-dark', path: '/alerts', viewport: DESKTOP, lang: 'zh-CN', theme: 'dark', ready: '[data-testid=row], [data-testid=queue] [role=listitem]', press: 'j', then: '[data-testid=detail], main h3'},
  {name: 'alerts-en-light-390', path: '/alerts', viewport: {width: 390, height: 844}, lang: 'en', theme: 'light', ready: '[data-testid=row], [data-testid=queue] [role=listitem]'},
  {name: 'devices-zh-light', path: '/devices', viewport: DESKTOP, lang: 'zh-CN', theme: 'light', ready: 'main [role=listitem], main tbody tr'},
  {name: 'reports-zh-light', path: '/reports', viewport: DESKTOP, lang: 'zh-CN', theme: 'light', ready: 'main h2'},
  {name: 'saved-zh-light', path: '/reports/saved', viewport: DESKTOP, lang: 'zh-CN', theme: 'light', ready: '[data-testid=saved]'},
  {name: 'kinds-zh-light', path: '/settings/kinds', viewport: DESKTOP, lang: 'zh-CN', theme: 'light', ready: 'main table tbody tr'},
  {name: 'settings-en-dark', path: '/settings', viewport: DESKTOP, lang: 'en', theme: 'dark', ready: 'main h2'},
];

/** Brings an opened page to its scene. */
export async function enter(page, scene) {
  await page.locator(scene.ready).first().waitFor({timeout: 30_000});
  if (scene.press === undefined) return;
  await page.keyboard.press(scene.press);
  await page.locator(scene.then).first().waitFor({timeout: 30_000});
}
