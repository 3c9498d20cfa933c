import type {Lang} from '../../i18n';
import type {Severity} from '../../wire';

const zh = {
  on: '声音：开',
  off: '声音：关',
  blocked: '声音未开启',
  unlock: '浏览器还没有允许发声，点此开启',
  impossible: '浏览器不能发声',
  quiet: (text: string) => `静音 ${text}`,
  title: '告警声音与通知',
  close: '关闭',
  sound: '新告警发声',
  soundHint: '严重和警告级别会反复响，直到有人确认。',
  from: '最低级别',
  severities: {critical: '仅严重', warning: '警告及以上', notice: '全部'} satisfies Record<Severity, string>,
  volume: '音量',
  test: '试听',
  desktop: '桌面通知',
  desktopHint: '页面不在前台时，用系统通知提示新告警。',
  desktopDenied: '浏览器没有允许通知，请在浏览器设置中打开。',
  quietFor: '静音 5 分钟',
  quietEnd: '取消静音',
  notification: {critical: '严重告警', warning: '警告', notice: '提示'} satisfies Record<Severity, string>,
};

const en: typeof zh = {
  on: 'Sound: on',
  off: 'Sound: off',
  blocked: 'Sound is off',
  unlock: 'The browser does not allow sound yet: click to ask',
  impossible: 'This browser makes no sound',
  quiet: (text) => `Quiet for ${text}`,
  title: 'Sound and messages of alerts',
  close: 'Close',
  sound: 'New alerts make a sound',
  soundHint: 'Critical ones and warnings sound again until somebody acknowledges them.',
  from: 'From',
  severities: {critical: 'Critical only', warning: 'Warnings and graver', notice: 'All'},
  volume: 'Volume',
  test: 'Try',
  desktop: 'Desktop messages',
  desktopHint: 'While the page is not in front, the system tells of new alerts.',
  desktopDenied: 'The browser does not allow messages: change that in its settings.',
  quietFor: 'Quiet for 5 minutes',
  quietEnd: 'End the quiet',
  notification: {critical: 'Critical alert', warning: 'Warning', notice: 'Notice'},
};

/** The texts of the bell. */
export const BELL_MESSAGES: Readonly<Record<Lang, typeof zh>> = {zh, en};
