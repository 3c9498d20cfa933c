/** Where all pages of one browser keep what they have told; localStorage is one. */
export interface Shelf {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
}

/** Runs work while no other page of the browser runs its own. */
export type Exclusive = (work: () => void) => Promise<void>;

const KEY = 'urbangrid.told';

/** So many claims are kept, the newest. */
export const CLAIMS_KEPT = 500;

/** A page in front of a person claims at once; the others leave it so long to do so. */
export const YIELD_MS = 500;

/**
 * Claims decide which of the pages of one browser tells of an alert, so that
 * several open pages tell of it once, and none of them while a person looks at one.
 */
export class Claims {
  readonly #shelf: Shelf;
  readonly #exclusive: Exclusive;

  constructor(shelf: Shelf, exclusive: Exclusive) {
    this.#shelf = shelf;
    this.#exclusive = exclusive;
  }

  /** Whether this page was the first to ask for the alert. */
  async claim(id: string): Promise<boolean> {
    let isFirst = true;
    await this.#exclusive(() => {
      const told = this.#told();
      isFirst = !told.includes(id);
      if (!isFirst) return;
      try {
        this.#shelf.setItem(KEY, JSON.stringify([...told, id].slice(-CLAIMS_KEPT)));
      } catch {
        // A browser that keeps nothing lets each page tell: twice is better than not at all.
      }
    });
    return isFirst;
  }

  #told(): readonly string[] {
    try {
      const kept: unknown = JSON.parse(this.#shelf.getItem(KEY) ?? '[]');
      return Array.isArray(kept) ? kept.filter((x): x is string => typeof x === 'string') : [];
    } catch {
      return [];
    }
  }
}

/** The claims of this browser. Where there are no locks there are no messages of the desktop either: both need a secure page. */
export function browserClaims(): Claims {
  const exclusive: Exclusive = async (work) => {
    if ('locks' in navigator) await navigator.locks.request(KEY, work);
    else work();
  };
  return new Claims({
    getItem: (key) => localStorage.getItem(key),
    setItem: (key, value) => localStorage.setItem(key, value),
  }, exclusive);
}
