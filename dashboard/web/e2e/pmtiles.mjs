// Writes the smallest PMTiles file that has something to see: one vector tile for
// the whole world, all of it "earth" in the schema of Protomaps.
// Formats: PMTiles specification version 3; Mapbox Vector Tile specification 2.1.
import {Buffer} from 'node:buffer';

function varint(n) {
  const out = [];
  for (; n >= 128; n = Math.floor(n / 128)) out.push((n % 128) | 128);
  return [...out, n];
}

function field(number, wire, ...bytes) {
  return [...varint(number * 8 + wire), ...(wire === 2 ? varint(bytes.length) : []), ...bytes];
}

const text = (s) => [...Buffer.from(s, 'utf8')];

/** A tile with one layer of one square that covers it. */
function tile(layer) {
  const zigzag = (n) => (n < 0 ? -2 * n - 1 : 2 * n);
  const move = (x, y) => [9, zigzag(x), zigzag(y)];
  const line = (...steps) => [(steps.length / 2) * 8 + 2, ...steps.map(zigzag)];
  const geometry = [...move(0, 0), ...line(4096, 0, 0, 4096, -4096, 0), 15].flatMap(varint);
  const feature = [...field(3, 0, 3), ...field(4, 2, ...geometry)];
  return field(3, 2, ...field(15, 0, 2), ...field(1, 2, ...text(layer)), ...field(2, 2, ...feature), ...field(5, 0, ...varint(4096)));
}

/** The bytes of the file. */
export function worldOfEarth(attribution) {
  const body = Buffer.from(tile('earth'));
  const metadata = Buffer.from(JSON.stringify({name: 'earth', attribution, vector_layers: [{id: 'earth', fields: {}}]}));
  // One entry: tile 0, a run of one, its length, its offset plus one.
  const directory = Buffer.from([1, 0, 1, ...varint(body.length), 1]);
  const header = Buffer.alloc(127);
  header.write('PMTiles', 0, 'latin1');
  header[7] = 3;
  const place = (at, offset, length) => {
    header.writeBigUInt64LE(BigInt(offset), at);
    header.writeBigUInt64LE(BigInt(length), at + 8);
  };
  const [d, m] = [127 + directory.length, 127 + directory.length + metadata.length];
  place(8, 127, directory.length);
  place(24, d, metadata.length);
  place(40, m, 0);
  place(56, m, body.length);
  for (const at of [72, 80, 88]) header.writeBigUInt64LE(1n, at);
  header.set([1, 1, 1, 1, 0, 0], 96); // clustered; no compression within and without; MVT; zooms 0 to 0
  header.writeInt32LE(-1_800_000_000, 102);
  header.writeInt32LE(-850_000_000, 106);
  header.writeInt32LE(1_800_000_000, 110);
  header.writeInt32LE(850_000_000, 114);
  return Buffer.concat([header, directory, metadata, body]);
}
