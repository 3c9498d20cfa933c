// The main views as their reviewed references show them.
const DESKTOP = {width: 1366, height: 768};

/** What to open, how, and what says that it is complete. */
export const SCENES = [
  {name: 'live-zh-dark', path: '/?kind=noise', viewport: DESKTOP, lang: 'zh-CN', theme: 'dark', ready: '[data-testid=alert]'},
  {name: 'live-en-light-1920', path: '/?kind=noise&tab=cells', viewport: {width: 1920, height: 1080}, lang: 'en', theme: 'light', ready: '[data-testid=cell-table]'},
  {name: 'wall-zh-dark-1920', path: '/?kiosk&every=3600&kinds=noise', viewport: {width: 1920, height: 1080}, lang: 'zh-CN', theme: 'dark', ready: '.system .is-ok'},
  {name: 'wall-zh-dark-3840', path: '/?kiosk&every=3600&kinds=noise', viewport: {width: 3840, height: 1080}, lang: 'zh-CN', theme: 'dark', ready: '.system .is-ok'},
  {name: 'alerts-zh-dark', path: '/alerts', viewport: DESKTOP, lang: 'zh-CN', theme: 'dark', ready: '[data-testid=row], [data-testid=queue] [role=listitem]'},
  {name: 'alerts-en-light-390', path: '/alerts', viewport: {width: 390, height: 844}, lang: 'en', theme: 'light', ready: '[data-testid=row], [data-testid=queue] [role=listitem]'},
  {name: 'devices-zh-light', path: '/devices', viewport: DESKTOP, lang: 'zh-CN', theme: 'light', ready: 'main [role=listitem], main tbody tr'},
  {name: 'reports-zh-light', path: '/reports', viewport: DESKTOP, lang: 'zh-CN', theme: 'light', ready: 'main h2'},
  {name: 'settings-en-dark', path: '/settings', viewport: DESKTOP, lang: 'en', theme: 'dark', ready: 'main h2'},
];
