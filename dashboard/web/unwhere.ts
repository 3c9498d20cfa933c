/**
 * Writes a selector of Svelte's without `:where(.svelte-hash)`, which Chromium
 * reads only from 88 on. Svelte scopes the first compound by a class and the
 * others by `:where`, which weighs nothing; here the class stands at the last one
 * instead, so that the weight is the same and the element that is styled is still
 * one of the component.
 */
export function unwhere(selector: string): string {
  const scope = /:where\((\.svelte-[a-z0-9]+)\)/.exec(selector)?.[1];
  if (scope === undefined) return selector;
  const mark = `:where(${scope})`;
  // What has nothing but its scope is any element, and stays one.
  const whole = selector.replace(/(^|[\s>+~(,])(?=:where\(\.svelte-)/g, '$1*').replace(/(^|[\s>+~,])(?=\.svelte-)/g, '$1*');
  const last = lastOutside(whole, mark);
  if (last < 0) return whole.replaceAll(mark, '');
  const before = whole.slice(0, last).replaceAll(mark, '').replace(scope, '');
  return `${before}${scope}${whole.slice(last + mark.length).replaceAll(mark, '')}`;
}

/** Where the mark stands last outside of brackets; -1 for nowhere. */
function lastOutside(selector: string, mark: string): number {
  let [depth, found] = [0, -1];
  for (let k = 0; k < selector.length; k++) {
    if (depth === 0 && selector.startsWith(mark, k)) found = k;
    if (selector[k] === '(') depth++;
    if (selector[k] === ')') depth--;
  }
  return found;
}

/** Does so with every rule of a style sheet that was made small: without comments, and braces in no string. */
export function unwhereAll(css: string): string {
  return css.replace(/[^{}]*:where\(\.svelte-[^{}]*(?=\{)/g, (list) => splitOutside(list).map(unwhere).join(','));
}

/** The parts of a list of selectors: a comma in brackets parts nothing. */
function splitOutside(list: string): readonly string[] {
  const parts = [''];
  let depth = 0;
  for (const c of list) {
    if (c === '(') depth++;
    if (c === ')') depth--;
    if (c === ',' && depth === 0) parts.push('');
    else parts[parts.length - 1] = `${parts[parts.length - 1] ?? ''}${c}`;
  }
  return parts;
}
