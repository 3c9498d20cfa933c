/** Gives the kernels from Chromium 86 to 99 what they lack of the libraries' needs. */

/** `at` of lists: negative numbers count from the end. */
export function at(this: ArrayLike<unknown>, index: number): unknown {
  const n = Math.trunc(index) || 0;
  return this[n < 0 ? this.length + n : n];
}

/** `Object.hasOwn`. */
export function hasOwn(object: object, key: PropertyKey): boolean {
  return Object.prototype.hasOwnProperty.call(object, key);
}

/** `throwIfAborted` of an AbortSignal. */
export function throwIfAborted(this: AbortSignal): void {
  if (this.aborted) throw new DOMException('signal is aborted without reason', 'AbortError');
}

function give(target: object, name: string, value: unknown): void {
  if (!Reflect.has(target, name)) Object.defineProperty(target, name, {value, writable: true, configurable: true});
}

give(Object, 'hasOwn', hasOwn);
give(AbortSignal.prototype, 'throwIfAborted', throwIfAborted);
const lists: readonly object[] = [Array.prototype, String.prototype, Reflect.getPrototypeOf(Uint8Array.prototype) ?? {}];
for (const list of lists) give(list, 'at', at);
