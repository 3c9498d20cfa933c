import {writable, type Readable} from 'svelte/store';

/**
 * What people filled in and did not save, by a name of it. It stays while they look
 * at something else on the page, and is gone with the page, which asks before.
 */
export class Drafts<T> {
  readonly #all = writable<ReadonlyMap<string, T>>(new Map());
  #now: ReadonlyMap<string, T> = new Map();

  /** All of them. */
  get all(): Readable<ReadonlyMap<string, T>> {
    return this.#all;
  }

  /** How many there are. */
  get count(): number {
    return this.#now.size;
  }

  /** The draft of that name, undefined where nothing is unsaved. */
  of(name: string): T | undefined {
    return this.#now.get(name);
  }

  /** Keeps a draft in the place of the one before; null says that nothing is unsaved any more. */
  put(name: string, draft: T | null): void {
    if (draft === null && !this.#now.has(name)) return;
    const next = new Map(this.#now);
    if (draft === null) next.delete(name);
    else next.set(name, draft);
    this.#now = next;
    this.#all.set(next);
  }
}

/** What a page that is about to be left is asked by. */
export interface Leaving {
  preventDefault(): void;
  returnValue: unknown;
}

/** What a window has of this. */
export interface Leavable {
  addEventListener(type: 'beforeunload', listener: (event: Leaving) => void): void;
}

/** Has the browser ask before the page is left while any of these hold something. */
export function askBeforeLeaving(page: Leavable, held: readonly {readonly count: number}[]): void {
  page.addEventListener('beforeunload', (event) => {
    if (held.every((d) => d.count === 0)) return;
    event.preventDefault();
    // Chromium before 119 asks only for this.
    event.returnValue = true;
  });
}
