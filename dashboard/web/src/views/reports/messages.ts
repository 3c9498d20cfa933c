import type {Lang} from '../../i18n';

const zh = {
  title: '分析',
  loading: '正在读取…',
};

const en: typeof zh = {
  title: 'Reports',
  loading: 'Loading…',
};

/** The texts of the view. */
export const MESSAGES: Readonly<Record<Lang, typeof zh>> = {zh, en};
