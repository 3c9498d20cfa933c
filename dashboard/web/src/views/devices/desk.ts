import {ApiError, get, send, type Answer} from '../../api';
import {bodyOf, draftOf, rebased, type Draft} from './draft';
import {decodeChanges, decodeDevice, type Device} from './wire';

/** What a person can do to a device. */
export type Deed = 'edit' | 'move' | 'maintenance' | 'password' | 'adopt';

/** What came of saving a device. */
export type Saved =
  | {readonly outcome: 'saved'; readonly device: Device}
  | {readonly outcome: 'conflict'; readonly by: string; readonly theirs: Device}
  | {readonly outcome: 'failed'; readonly detail: string};

/** The path of a device. */
export function devicePath(id: string): string {
  return `devices/${encodeURIComponent(id)}`;
}

/**
 * Saves a form over the version it was opened with; base null enters a new
 * device. When somebody else was faster, it tells what they made of it.
 */
export async function saveDevice(draft: Draft, base: Device | null, by: string): Promise<Saved> {
  return told(draft.id, () => send('PUT', devicePath(draft.id), {
    body: bodyOf(draft, by), decode: decodeDevice, ...(base === null ? {ifNoneMatch: '*'} : {ifMatch: `"${base.version}"`}),
  }));
}

/** Adopts a device that nobody entered yet. */
export async function adoptDevice(draft: Draft, by: string): Promise<Saved> {
  return told(draft.id, () => send('POST', `${devicePath(draft.id)}/adopt`, {body: bodyOf(draft, by), decode: decodeDevice}));
}

async function told(id: string, save: () => Promise<Answer<Device>>): Promise<Saved> {
  try {
    return {outcome: 'saved', device: (await save()).value};
  } catch (error) {
    if (error instanceof ApiError && error.isConflict) return present(id, error);
    return {outcome: 'failed', detail: error instanceof Error ? error.message : String(error)};
  }
}

/** The device as somebody else left it, and who that was. */
async function present(id: string, refusal: ApiError): Promise<Saved> {
  try {
    const theirs = await get(devicePath(id), decodeDevice);
    const changes = await get(`${devicePath(id)}/changes?limit=1`, decodeChanges);
    return {outcome: 'conflict', theirs, by: changes[0]?.by ?? ''};
  } catch {
    return {outcome: 'failed', detail: refusal.message};
  }
}

/** What I changed since base, laid over what they made of it. */
export function rebasedOn(base: Device | null, mine: Draft, theirs: Device): Draft {
  return base === null ? mine : rebased(draftOf(base), mine, draftOf(theirs));
}
