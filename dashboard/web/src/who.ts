import {get, writable, type Readable} from 'svelte/store';
import {unturned} from './wire';

/** The longest name that the server takes. */
export const NAME_LIMIT = 100;

/** Who keeps the name of the person at this screen, which commands are signed with until there are accounts. */
export class Who {
  readonly #name;
  readonly #asking = writable(false);
  readonly #keep: (name: string) => void;
  #answer: ((name: string | null) => void)[] = [];

  constructor(known: string, keep: (name: string) => void) {
    this.#name = writable(unturned(known));
    this.#keep = keep;
  }

  /** The name, '' while nobody has given one. */
  get name(): Readable<string> {
    return this.#name;
  }

  /** Whether the person is being asked. */
  get asking(): Readable<boolean> {
    return this.#asking;
  }

  /** The name, asked for if it is not known; null when the person does not give one. */
  async ask(): Promise<string | null> {
    const known = get(this.#name);
    return known !== '' ? known : this.change();
  }

  /** Asks for another name. */
  change(): Promise<string | null> {
    this.#asking.set(true);
    return new Promise((resolve) => {
      this.#answer.push(resolve);
    });
  }

  /** The person answers; null keeps things as they are. */
  answer(name: string | null): void {
    const given = name === null ? null : unturned(name).trim().slice(0, NAME_LIMIT);
    const taken = given === '' ? null : given;
    if (taken !== null) {
      this.#name.set(taken);
      this.#keep(taken);
    }
    this.#asking.set(false);
    const waiting = this.#answer;
    this.#answer = [];
    for (const resolve of waiting) resolve(taken);
  }
}
