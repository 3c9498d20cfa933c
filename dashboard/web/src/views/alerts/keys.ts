import type {Handling, HandlingState} from '../../wire';
import type {Action} from './wire';

/** What a key asks for. */
export type Command =
  | 'next' | 'previous' | 'first' | 'last' | 'open' | 'expand'
  | 'select' | 'selectAll' | 'clear'
  | 'acknowledge' | 'dispatch' | 'falseAlarm' | 'confirm' | 'mute' | 'comment' | 'reopen'
  | 'filter' | 'mutes' | 'help';

/** The keys and what they ask for, in the order of the help. */
export const KEYS: readonly (readonly [key: string, command: Command])[] = [
  ['j', 'next'], ['k', 'previous'], ['g', 'first'], ['G', 'last'], ['Enter', 'open'], ['e', 'expand'],
  ['x', 'select'], ['X', 'selectAll'], ['Escape', 'clear'],
  ['a', 'acknowledge'], ['d', 'dispatch'], ['f', 'falseAlarm'], ['v', 'confirm'], ['m', 'mute'], ['c', 'comment'], ['r', 'reopen'],
  ['/', 'filter'], ['M', 'mutes'], ['?', 'help'],
];

const ALSO: readonly (readonly [key: string, command: Command])[] = [['ArrowDown', 'next'], ['ArrowUp', 'previous'], ['Home', 'first'], ['End', 'last']];

const COMMANDS: ReadonlyMap<string, Command> = new Map([...KEYS, ...ALSO]);

/** A key as it was pressed, and where. */
export interface Press {
  readonly key: string;
  readonly ctrlKey: boolean;
  readonly altKey: boolean;
  readonly metaKey: boolean;
  /** The key writes, or works a control that has the focus. */
  readonly inField: boolean;
  /** A button or a link has the focus, which Enter presses. */
  readonly onButton: boolean;
}

/** What a key asks for, null when it is none of the queue's. */
export function commandOf(press: Press): Command | null {
  if (press.ctrlKey || press.altKey || press.metaKey || press.inField) return null;
  const command = COMMANDS.get(press.key) ?? null;
  return command === 'open' && press.onButton ? null : command;
}

/** Whether a command steps through the queue, which a held key goes on doing; all else is done once a press. */
export function isStep(command: Command): boolean {
  return command === 'next' || command === 'previous';
}

/** Where the cursor comes to from `at` among `count` lines; -1 is nowhere. `lost` is where it was before its line went away. */
export function moved(command: 'next' | 'previous' | 'first' | 'last', at: number, count: number, lost = -1): number {
  if (count === 0) return -1;
  switch (command) {
    case 'first':
      return 0;
    case 'last':
      return count - 1;
    case 'next':
      return at >= 0 ? Math.min(at + 1, count - 1) : Math.min(Math.max(lost, 0), count - 1);
    case 'previous':
      return at >= 0 ? Math.max(at - 1, 0) : Math.min(Math.max(lost - 1, 0), count - 1);
  }
}

/** The selection with an alert put in or taken out. */
export function toggled(selected: ReadonlySet<string>, ids: readonly string[]): ReadonlySet<string> {
  const next = new Set(selected);
  const all = ids.every((id) => selected.has(id));
  for (const id of ids) {
    if (all) next.delete(id);
    else next.add(id);
  }
  return next;
}

/** Whether an action means anything in a state: what the server would refuse is not offered. */
export function applies(action: Action, state: HandlingState): boolean {
  switch (action) {
    case 'acknowledge':
      return state === 'new' || state === 'acknowledged';
    case 'dispatch':
    case 'close':
      return state !== 'done';
    case 'reopen':
      return state === 'done';
    case 'comment':
    case 'confirmed':
    case 'false_alarm':
    case 'mute':
      return true;
  }
}

/** Whether an action by `me` would change nothing. */
export function isIdle(action: Action, h: Handling, me: string): boolean {
  return action === 'acknowledge' && h.state === 'acknowledged' && h.by === me;
}
