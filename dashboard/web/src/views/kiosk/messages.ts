import type {Lang} from '../../i18n';

const zh = {
  title: '大屏',
  open: '未关闭告警',
  critical: '严重',
  warning: '警告',
  notice: '提示',
  cells: '有数据网格',
  newest: '最新数据',
  alerts: '当前告警',
  quiet: '目前没有城市告警',
  more: (n: number) => `另有 ${n} 条`,
  system: '系统',
  parts: {journal: '日志', series: '时序库', records: '档案库', ingest: '接入'},
  ok: '正常',
  bad: '异常',
  unknown: '未知',
  backlog: '待入库 / 待研判',
  paused: '轮播已暂停',
};

const en: typeof zh = {
  title: 'Wall',
  open: 'Open alerts',
  critical: 'critical',
  warning: 'warning',
  notice: 'notice',
  cells: 'Cells with data',
  newest: 'Newest data',
  alerts: 'Alerts now',
  quiet: 'No alert about the city now',
  more: (n) => `${n} more`,
  system: 'System',
  parts: {journal: 'journal', series: 'series', records: 'records', ingest: 'ingest'},
  ok: 'fine',
  bad: 'fails',
  unknown: 'unknown',
  backlog: 'to record / to judge',
  paused: 'rotation paused',
};

/** The texts of the wall. */
export const MESSAGES: Readonly<Record<Lang, typeof zh>> = {zh, en};
