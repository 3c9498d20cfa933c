import type {Alert, Severity} from '../../wire';

/** What one person wants to hear and see of new alerts. */
export interface BellWish {
  readonly on: boolean;
  /** The mildest severity that sounds. */
  readonly from: Severity;
  /** 0 to 1. */
  readonly volume: number;
  /** Messages of the desktop, of the same severities. */
  readonly desktop: boolean;
}

/** What holds until a person wishes otherwise. */
export const FIRST_WISH: BellWish = {on: true, from: 'warning', volume: 0.5, desktop: false};

/** How often the sound of a severity comes again while somebody has to acknowledge; null for once. */
export const REPEAT_MS: Readonly<Record<Severity, number | null>> = {critical: 8_000, warning: 30_000, notice: null};

const RANK: Readonly<Record<Severity, number>> = {notice: 0, warning: 1, critical: 2};

/** What has sounded. */
export interface Bell {
  /** When the last sound of each severity was; of what was never heard there is none. */
  readonly lastMs: Readonly<Partial<Record<Severity, number>>>;
  /** Alerts that have sounded. */
  readonly heard: ReadonlySet<string>;
  /** A person asked for quiet until then. */
  readonly quietUntilMs: number;
}

/** Before anything has sounded. */
export const FIRST_BELL: Bell = {lastMs: {}, heard: new Set(), quietUntilMs: 0};

/** Whether an alert calls for somebody: it goes on, nobody has looked at it, and nobody asked for quiet about it. */
export function calls(a: Alert, wish: BellWish): boolean {
  return a.state === 'open' && a.handling.state === 'new' && !a.muted && a.mergedInto === '' && RANK[a.severity] >= RANK[wish.from];
}

/** What is to sound now. */
export interface Ring {
  readonly bell: Bell;
  /** The gravest severity that is due; null for silence. */
  readonly sound: Severity | null;
}

/**
 * Decides what sounds. A new alert sounds at once; grave ones again and again
 * until somebody acknowledges them, so that a moment's absence misses nothing.
 * Of several severities that are due only the gravest sounds, and all count as
 * sounded: a burst is one sound.
 */
export function ring(bell: Bell, alerts: Iterable<Alert>, wish: BellWish, nowMs: number): Ring {
  const calling = [...alerts].filter((a) => calls(a, wish));
  const heard = new Set(calling.filter((a) => bell.heard.has(a.id)).map((a) => a.id));
  if (!wish.on || nowMs < bell.quietUntilMs) return {bell: {...bell, heard}, sound: null};
  const due = calling.filter((a) => {
    const every = REPEAT_MS[a.severity];
    const last = bell.lastMs[a.severity];
    return !heard.has(a.id) || (every !== null && (last === undefined || nowMs - last >= every));
  });
  const sound = due.reduce<Severity | null>((most, a) => (most === null || RANK[a.severity] > RANK[most] ? a.severity : most), null);
  if (sound === null) return {bell: {...bell, heard}, sound};
  const lastMs = {...bell.lastMs};
  for (const a of due) {
    lastMs[a.severity] = nowMs;
    heard.add(a.id);
  }
  return {bell: {...bell, heard, lastMs}, sound};
}

/** What messages of the desktop are due, and what counts as told after them. */
export interface News {
  readonly told: ReadonlySet<string>;
  readonly due: readonly Alert[];
}

/**
 * The messages of the desktop that are due: one of each alert that calls and was
 * not told of. While none are wished what calls counts as told, so that the wish
 * brings what comes after it and no flood. What is no longer among the alerts is
 * forgotten.
 */
export function news(told: ReadonlySet<string>, alerts: Iterable<Alert>, wish: BellWish): News {
  const next = new Set<string>();
  const due: Alert[] = [];
  for (const a of alerts) {
    const isTold = told.has(a.id);
    const isDue = !isTold && calls(a, wish);
    if (isTold || isDue) next.add(a.id);
    if (isDue && wish.desktop) due.push(a);
  }
  return {told: next, due};
}

/** One tone of a sound. */
export interface Tone {
  readonly atSeconds: number;
  readonly seconds: number;
  readonly hertz: number;
}

/** The sounds: graver ones have more tones and a wider step, so that they differ for people who do not hear pitch well. */
export const TONES: Readonly<Record<Severity, readonly Tone[]>> = {
  notice: [{atSeconds: 0, seconds: 0.18, hertz: 660}],
  warning: [{atSeconds: 0, seconds: 0.16, hertz: 740}, {atSeconds: 0.24, seconds: 0.22, hertz: 554}],
  critical: [0, 0.18, 0.36, 0.72, 0.9, 1.08].map((atSeconds, k) => ({atSeconds, seconds: 0.14, hertz: k % 3 === 1 ? 988 : 784})),
};

/** Reads a wish that a browser kept. */
export function wishFrom(text: string): BellWish {
  let kept: unknown;
  try {
    kept = JSON.parse(text);
  } catch {
    return FIRST_WISH;
  }
  if (typeof kept !== 'object' || kept === null) return FIRST_WISH;
  const of = (key: string): unknown => Reflect.get(kept, key);
  const volume = of('volume');
  return {
    on: of('on') !== false,
    from: (['notice', 'warning', 'critical'] as const).find((s) => s === of('from')) ?? FIRST_WISH.from,
    volume: typeof volume === 'number' && volume >= 0 && volume <= 1 ? volume : FIRST_WISH.volume,
    desktop: of('desktop') === true,
  };
}
