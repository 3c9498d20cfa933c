import type {Severity} from '../../wire';
import type {Channel, ChannelType} from './wire';

/** A channel as it stands in its form. */
export interface ChannelDraft {
  readonly name: string;
  readonly type: ChannelType;
  readonly on: boolean;
  readonly lang: 'zh' | 'en';
  readonly severity: Severity;
  readonly areas: string;
  readonly quality: boolean;
  readonly quiet: boolean;
  readonly quietFrom: string;
  readonly quietTo: string;
  readonly quietCritical: boolean;
  readonly page: string;
  readonly url: string;
  readonly secret: string;
  readonly server: string;
  readonly security: 'starttls' | 'tls' | 'none';
  readonly user: string;
  readonly from: string;
  readonly to: string;
}

/** The form of a new channel. */
export const NEW_CHANNEL: ChannelDraft = {
  name: '', type: 'wecom', on: true, lang: 'zh', severity: 'warning', areas: '', quality: false, quiet: false, quietFrom: '22:00', quietTo: '07:00', quietCritical: true,
  page: '', url: '', secret: '', server: '', security: 'starttls', user: '', from: '', to: '',
};

/** The form of a channel; its address and secret are empty, which leaves them as they are. */
export function channelDraftOf(c: Channel): ChannelDraft {
  return {
    ...NEW_CHANNEL, name: c.name, type: c.type, on: c.on, lang: c.lang, severity: c.severity, areas: c.areas.join('\n'), quality: c.quality, page: c.page,
    ...(c.quiet === null ? {} : {quiet: true, quietFrom: c.quiet.from, quietTo: c.quiet.to, quietCritical: c.quiet.critical}),
    ...(c.mail === null ? {} : {server: c.mail.server, security: c.mail.security, user: c.mail.user, from: c.mail.from, to: c.mail.to.join('\n')}),
  };
}

/** What the server tells of a channel, and what of it matters only while there are quiet hours. */
const TOLD = ['name', 'type', 'server', 'security', 'user', 'from', 'to', 'severity', 'lang', 'areas', 'page', 'on', 'quality', 'quiet'] as const;
const QUIET = ['quietFrom', 'quietTo', 'quietCritical'] as const;

/** The fields in which two forms differ that the server tells: an address and a secret are told to nobody. */
export function differingChannel(a: ChannelDraft, b: ChannelDraft): readonly (keyof ChannelDraft)[] {
  const quiet = a.quiet || b.quiet ? QUIET : [];
  return [...TOLD, ...quiet].filter((k) => saidAs(a, k) !== saidAs(b, k));
}

function saidAs(d: ChannelDraft, key: keyof ChannelDraft): string {
  return key === 'areas' || key === 'to' ? lines(d[key]).join('\n') : String(d[key]).trim();
}

const lines = (text: string): readonly string[] => text.split(/[\n,，]/).map((l) => l.trim()).filter((l) => l !== '');

/** What a form says, as the API takes it. */
export function channelBodyOf(d: ChannelDraft, by: string): Readonly<Record<string, unknown>> {
  return {
    channel: {
      name: d.name.trim(), type: d.type, on: d.on, lang: d.lang, severity: d.severity, areas: lines(d.areas), quality: d.quality, page: d.page.trim(),
      ...(d.type === 'email' ? {mail: {server: d.server.trim(), security: d.security, user: d.user.trim(), from: d.from.trim(), to: lines(d.to)}} : {}),
      ...(d.quiet ? {quiet: {from: d.quietFrom, to: d.quietTo, critical: d.quietCritical}} : {}),
    },
    ...(d.url.trim() === '' || d.type === 'email' ? {} : {url: d.url.trim()}),
    ...(d.secret === '' ? {} : {secret: d.secret}),
    by,
  };
}

/** Whether a form has all that its type needs; isNew says that nothing is kept of it yet. */
export function isComplete(d: ChannelDraft, isNew: boolean): boolean {
  if (d.name.trim() === '') return false;
  if (d.type === 'email') return d.server.trim() !== '' && d.from.trim() !== '' && lines(d.to).length > 0;
  return !isNew || d.url.trim() !== '';
}
