/** The ways in which bytes are shown. */
export const SHAPES = ['json', 'text', 'hex'] as const;

/** A way in which bytes are shown. */
export type Shape = (typeof SHAPES)[number];

/** The bytes as UTF-8 text, null when they are none. */
export function asText(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder('utf-8', {fatal: true, ignoreBOM: true}).decode(bytes);
  } catch {
    return null;
  }
}

/** The bytes as indented JSON with its numbers as they were written, null when they are none. */
export function asJSON(bytes: Uint8Array): string | null {
  const text = asText(bytes);
  if (text === null) return null;
  try {
    JSON.parse(text);
  } catch {
    return null;
  }
  return indented(text);
}

/** Indents valid JSON without reading its values: 1.0 stays 1.0, and long integers keep their digits. */
function indented(text: string): string {
  const tokens = text.match(/"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/gu) ?? [];
  let depth = 0;
  let out = '';
  tokens.forEach((token, k) => {
    const next = tokens[k + 1];
    if (token === '{' || token === '[') {
      out += token;
      if (next === '}' || next === ']') return;
      depth++;
      out += line(depth);
    } else if (token === '}' || token === ']') {
      const before = tokens[k - 1];
      if (before !== '{' && before !== '[') {
        depth--;
        out += line(depth);
      }
      out += token;
    } else if (token === ',') {
      out += `,${line(depth)}`;
    } else {
      out += token === ':' ? ': ' : token;
    }
  });
  return out;
}

function line(depth: number): string {
  return `\n${'  '.repeat(depth)}`;
}

const PER_LINE = 16;

/** The bytes as hex: offset, sixteen bytes, and what of them is ASCII. */
export function asHex(bytes: Uint8Array): string {
  const lines: string[] = [];
  for (let at = 0; at < bytes.length; at += PER_LINE) {
    const row = [...bytes.subarray(at, at + PER_LINE)];
    const hex = row.map((b) => b.toString(16).padStart(2, '0'));
    const left = hex.slice(0, 8).join(' ');
    const right = hex.slice(8).join(' ');
    const ascii = row.map((b) => (b >= 0x20 && b < 0x7f ? String.fromCharCode(b) : '·')).join('');
    lines.push(`${at.toString(16).padStart(4, '0')}  ${`${left}  ${right}`.padEnd(48)}  ${ascii}`);
  }
  return lines.join('\n');
}

/** The best way to show bytes: JSON when they are, else text, else hex. */
export function bestShape(bytes: Uint8Array): Shape {
  if (asJSON(bytes) !== null) return 'json';
  return asText(bytes) !== null ? 'text' : 'hex';
}

/** The bytes in a shape; in the best one when they do not have it. */
export function shaped(bytes: Uint8Array, shape: Shape): string {
  const wanted = shape === 'json' ? asJSON(bytes) : shape === 'text' ? asText(bytes) : asHex(bytes);
  return wanted ?? asHex(bytes);
}

/** The shapes that bytes have. */
export function shapesOf(bytes: Uint8Array): readonly Shape[] {
  return SHAPES.filter((s) => s === 'hex' || (s === 'json' ? asJSON(bytes) : asText(bytes)) !== null);
}
