import {unturned} from './wire';

/** A request that the server refused or that did not reach it (status 0), see RFC 9457. */
export class ApiError extends Error {
  readonly status: number;
  /** What was wrong with the request, in the server's words; '' when it did not say. */
  readonly detail: string;

  constructor(status: number, title: string, detail: string) {
    super(detail === '' ? title : `${title}: ${detail}`);
    this.name = 'ApiError';
    this.status = status;
    this.detail = detail;
  }

  /** Somebody else changed it first. */
  get isConflict(): boolean {
    return this.status === 412 || this.status === 409;
  }
}

/** An answer with the version that a change of it has to name. */
export interface Answer<T> {
  readonly value: T;
  /** As If-Match wants it, '' when the answer had none. */
  readonly etag: string;
}

/** How a command is sent. */
export interface Sending<T> {
  readonly body?: unknown;
  /** The version that is changed. */
  readonly ifMatch?: string;
  /** '*' refuses to replace what is there already. */
  readonly ifNoneMatch?: '*';
  /** Makes a command that is sent twice count once. */
  readonly idempotencyKey?: string;
  readonly decode: (answer: unknown) => T;
  readonly signal?: AbortSignal;
}

type Method = 'POST' | 'PUT' | 'PATCH' | 'DELETE';

const ROOT = '/api/v1';

function text(x: unknown, key: string): string {
  if (typeof x !== 'object' || x === null || !(key in x)) return '';
  const value: unknown = Reflect.get(x, key);
  return typeof value === 'string' ? unturned(value) : '';
}

/** The messages of a problem's parts, which say which field was wrong. */
function parts(x: unknown): string {
  const errors: unknown = typeof x === 'object' && x !== null ? Reflect.get(x, 'errors') : null;
  if (!Array.isArray(errors)) return '';
  return errors.map((e: unknown) => [text(e, 'location'), text(e, 'message')].filter((s) => s !== '').join(': ')).join('; ');
}

async function problem(answer: Response): Promise<ApiError> {
  let body: unknown = null;
  try {
    body = await answer.json();
  } catch {
    // Not every refusal is a document; the status says enough.
  }
  const detail = [text(body, 'detail'), parts(body)].filter((s) => s !== '').join(' — ');
  return new ApiError(answer.status, text(body, 'title') || `HTTP ${answer.status}`, detail);
}

async function request(path: string, init: RequestInit): Promise<Response> {
  let answer: Response;
  try {
    answer = await fetch(path.startsWith('/') ? path : `${ROOT}/${path}`, {credentials: 'same-origin', ...init});
  } catch (error) {
    if (init.signal?.aborted === true) throw error;
    throw new ApiError(0, error instanceof Error ? error.message : String(error), '');
  }
  if (!answer.ok) throw await problem(answer);
  return answer;
}

async function bodyOf(answer: Response): Promise<unknown> {
  if (answer.status === 204) return null;
  const body = await answer.text();
  return body === '' ? null : parsed(body);
}

/** Asks for path ("alerts?limit=3" is under /api/v1) and throws ApiError on anything but success. */
export async function get<T>(path: string, decode: (answer: unknown) => T, signal?: AbortSignal): Promise<T> {
  return (await getVersioned(path, decode, signal)).value;
}

/** As get, with the version of what came. */
export async function getVersioned<T>(path: string, decode: (answer: unknown) => T, signal?: AbortSignal): Promise<Answer<T>> {
  const answer = await request(path, {headers: {accept: 'application/json, application/geo+json'}, ...(signal === undefined ? {} : {signal})});
  return {value: decode(await bodyOf(answer)), etag: answer.headers.get('etag') ?? ''};
}

/** Sends a command and throws ApiError on anything but success. */
export async function send<T>(method: Method, path: string, sending: Sending<T>): Promise<Answer<T>> {
  const headers: Record<string, string> = {accept: 'application/json'};
  if (sending.body !== undefined) headers['content-type'] = 'application/json';
  if (sending.ifMatch !== undefined && sending.ifMatch !== '') headers['if-match'] = sending.ifMatch;
  if (sending.ifNoneMatch !== undefined) headers['if-none-match'] = sending.ifNoneMatch;
  if (sending.idempotencyKey !== undefined) headers['idempotency-key'] = sending.idempotencyKey;
  const answer = await request(path, {
    method, headers,
    ...(sending.body === undefined ? {} : {body: JSON.stringify(sending.body)}),
    ...(sending.signal === undefined ? {} : {signal: sending.signal}),
  });
  return {value: sending.decode(await bodyOf(answer)), etag: answer.headers.get('etag') ?? ''};
}

/** A decoder for answers that nobody reads. */
export function nothing(): null {
  return null;
}

function parsed(body: string): unknown {
  const value: unknown = JSON.parse(body);
  return value;
}
