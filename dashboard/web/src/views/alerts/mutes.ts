import {get, send} from '../../api';
import {flag, instantMs, isRecord, list, oneOf, optional, record, str} from '../../wire';

/** A mute, or a window of maintenance. */
export interface Mute {
  readonly id: string;
  readonly purpose: 'mute' | 'maintenance';
  /** What it narrows to; '' does not narrow. All that are given must match. */
  readonly kind: string;
  readonly area: string;
  readonly device: string;
  readonly cell: string;
  readonly rule: string;
  readonly fromMs: number;
  readonly toMs: number;
  readonly reason: string;
  readonly by: string;
  readonly isInForce: boolean;
  /** Who ended it before its time; '' while nobody has. */
  readonly endedBy: string;
  readonly endedMs: number | null;
}

/** Decodes one mute. */
export function decodeMute(x: unknown): Mute {
  const o = record(x, 'mute');
  return {
    id: str(o['id'], 'mute.id'), purpose: oneOf(o['purpose'], ['mute', 'maintenance'], 'mute.purpose'),
    kind: optional(o['kind'], 'mute.kind'), area: optional(o['area'], 'mute.area'), device: optional(o['device'], 'mute.device'),
    cell: optional(o['cell'], 'mute.cell'), rule: optional(o['rule'], 'mute.rule'),
    fromMs: instantMs(o['from'], 'mute.from'), toMs: instantMs(o['to'], 'mute.to'),
    reason: str(o['reason'], 'mute.reason'), by: str(o['by'], 'mute.by'), isInForce: flag(o['in_force'], 'mute.in_force'),
    endedBy: str(o['ended_by'], 'mute.ended_by'), endedMs: o['ended_at'] === null ? null : instantMs(o['ended_at'], 'mute.ended_at'),
  };
}

interface MutePage {
  readonly mutes: readonly Mute[];
  readonly next: string;
}

function decodePage(x: unknown): MutePage {
  const o = isRecord(x) ? x : {};
  return {mutes: list(o['mutes'], 'mutes').map(decodeMute), next: optional(o['next'], 'mutes.next')};
}

/** All mutes that are in force or will be: those in force first, then by what ends or begins soonest. */
export async function mutesNotOver(signal: AbortSignal): Promise<readonly Mute[]> {
  const all: Mute[] = [];
  let before = '';
  do {
    const query = new URLSearchParams({not_over: 'true', limit: '1000', ...(before === '' ? {} : {before})});
    const page = await get(`mutes?${query.toString()}`, decodePage, signal);
    all.push(...page.mutes);
    before = page.next;
  } while (before !== '');
  const due = (m: Mute): number => (m.isInForce ? m.toMs : m.fromMs);
  return all.sort((a, b) => Number(b.isInForce) - Number(a.isInForce) || due(a) - due(b) || (a.id < b.id ? -1 : 1));
}

/** What the list of mutes shows. */
export interface Mutes {
  /** In force now, or going to be. */
  readonly open: readonly Mute[];
  /** The last ones that somebody ended before their time, the newest first. */
  readonly ended: readonly Mute[];
}

/** How many of the ended mutes are shown. */
const ENDED_SHOWN = 10;

/** All mutes that are not over, and the last ones that somebody ended. */
export async function mutesShown(signal: AbortSignal): Promise<Mutes> {
  const [open, ended] = await Promise.all([mutesNotOver(signal), get(`mutes?ended=true&limit=${ENDED_SHOWN}`, decodePage, signal)]);
  return {open, ended: [...ended.mutes].sort((a, b) => (b.endedMs ?? 0) - (a.endedMs ?? 0))};
}

/** Ends a mute now, for a person; one that has not begun never will. The answer says who was first to end it. */
export async function endMute(id: string, by: string): Promise<Mute> {
  return (await send('DELETE', `mutes/${encodeURIComponent(id)}?${new URLSearchParams({by}).toString()}`, {decode: decodeMute})).value;
}
