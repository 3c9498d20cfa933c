import type {Lang} from '../../i18n';
import type {Mute} from './mutes';

const zh = {
  title: '静默与维护',
  about: '静默期间告警照常记录，但不通知；维护期间不作判断。',
  loading: '正在读取静默与维护…',
  loadFailed: '静默与维护读取失败',
  old: (time: string) => `${time} 以来读取失败，所示不是当前情况`,
  none: '现在没有静默，也没有维护',
  noneHint: '在告警上按 m 可以静默同类告警；维护在设备页登记。',
  purposes: {mute: '静默', maintenance: '维护'} satisfies Record<Mute['purpose'], string>,
  everything: '全部告警',
  area: (name: string) => `责任网格 ${name}`,
  device: (id: string) => `设备 ${id}`,
  cell: (id: string) => `网格 ${id}`,
  rule: (name: string) => `规则 ${name}`,
  until: '直到',
  from: '开始于',
  by: (name: string) => `设置人 ${name}`,
  end: '立即结束',
  call: '取消',
  endOf: (scope: string) => `立即结束：${scope}`,
  callOff: (scope: string) => `取消：${scope}`,
  ended: '已结束，新告警会照常通知',
  endedMaintenance: '维护已结束，照常判断',
  calledOff: '已取消',
  endedBefore: (name: string) => `${name} 已经结束了它`,
  endedTitle: '提前结束的',
  endedBy: (name: string) => `结束人 ${name}`,
  endFailed: '没有结束',
  close: '关闭',
};

const en: typeof zh = {
  title: 'Mutes and maintenance',
  about: 'Muted alerts are recorded, but nobody is notified; during maintenance nothing is judged.',
  loading: 'Loading mutes and maintenance…',
  loadFailed: 'Mutes and maintenance could not be loaded',
  old: (time) => `Could not be loaded since ${time}: this is old`,
  none: 'Nothing is muted, and there is no maintenance',
  noneHint: 'Press m on an alert to mute its like; maintenance is announced with the devices.',
  purposes: {mute: 'Mute', maintenance: 'Maintenance'},
  everything: 'All alerts',
  area: (name) => `area ${name}`,
  device: (id) => `device ${id}`,
  cell: (id) => `cell ${id}`,
  rule: (name) => `rule ${name}`,
  until: 'until',
  from: 'from',
  by: (name) => `by ${name}`,
  end: 'End now',
  call: 'Call off',
  endOf: (scope) => `End now: ${scope}`,
  callOff: (scope) => `Call off: ${scope}`,
  ended: 'Ended: new alerts notify again',
  endedMaintenance: 'Maintenance has ended: observations are judged again',
  calledOff: 'Called off',
  endedBefore: (name) => `${name} has ended it already`,
  endedTitle: 'Ended before their time',
  endedBy: (name) => `ended by ${name}`,
  endFailed: 'It was not ended',
  close: 'Close',
};

/** The texts of one language. */
export type MuteTexts = typeof zh;

/** The texts about mutes and maintenance. */
export const MUTE_MESSAGES: Readonly<Record<Lang, MuteTexts>> = {zh, en};
