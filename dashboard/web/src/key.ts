/**
 * A key that no other order has: 96 random bits in hexadecimal. It works on a
 * page without a secure context and in browsers before Chromium 92, where there
 * is no crypto.randomUUID.
 */
export function newKey(): string {
  return [...crypto.getRandomValues(new Uint8Array(12))].map((b) => b.toString(16).padStart(2, '0')).join('');
}
