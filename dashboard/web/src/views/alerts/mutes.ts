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

/** Ends a mute now; one that has not begun never will. */
export async function endMute(id: string): Promise<Mute> {
  return (await send('DELETE', `mutes/${encodeURIComponent(id)}`, {decode: decodeMute})).value;
}
