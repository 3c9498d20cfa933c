import {decodeFaults, decodeImported, type Datum, type Fault, type Imported} from './wire';

/** What came of sending a file. */
export type Sent =
  | {readonly outcome: 'read'; readonly imported: Imported}
  | {readonly outcome: 'faulty'; readonly faults: readonly Fault[]}
  | {readonly outcome: 'failed'; readonly detail: string};

/** How a file is sent. */
export interface FileOrder {
  /** Of places that name none. */
  readonly datum: Datum;
  /** Check it, and enter nothing. */
  readonly dry: boolean;
  readonly by: string;
}

/** The media type of a file of devices, by its name. */
export function mediaTypeOf(name: string): string {
  return /\.(geo)?json$/i.test(name) ? 'application/geo+json' : 'text/csv';
}

/** Sends a file of devices. The faults of its rows are an answer, not an error. */
export async function sendFile(file: File, order: FileOrder, fetching: typeof fetch = fetch): Promise<Sent> {
  const query = new URLSearchParams({datum: order.datum, dry_run: String(order.dry), ...(order.by === '' ? {} : {by: order.by})});
  try {
    const answer = await fetching(`/api/v1/devices/import?${query.toString()}`, {
      method: 'POST', body: file, headers: {'content-type': mediaTypeOf(file.name), accept: 'application/json'}, credentials: 'same-origin',
    });
    const body: unknown = await answer.json();
    if (answer.ok) return {outcome: 'read', imported: decodeImported(body)};
    const faults = decodeFaults(body);
    return faults.length > 0 ? {outcome: 'faulty', faults} : {outcome: 'failed', detail: detailOf(body, answer.status)};
  } catch (error) {
    return {outcome: 'failed', detail: error instanceof Error ? error.message : String(error)};
  }
}

function detailOf(body: unknown, status: number): string {
  const detail: unknown = typeof body === 'object' && body !== null ? Reflect.get(body, 'detail') : undefined;
  return typeof detail === 'string' ? detail : `HTTP ${status}`;
}
