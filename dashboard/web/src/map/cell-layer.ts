import type {CustomLayerInterface, CustomRenderMethodInput, MapLibreMap} from 'maplibre-gl';
import {paletteOf, type PaletteName} from '../color';
import {project} from '../geo';
import {MAP_COLORS, type Corners, type Theme} from './city-map';

/** Width of the value texture in texels. */
const ROW = 256;

const VERTEX = `#version 300 es
precision highp float;
in vec2 a_place;      // mercator, relative to the origin
in float a_inner;     // 1 at the centre, 0 on the boundary
in uint a_cell;
uniform mat4 u_matrix;
uniform highp sampler2D u_values;
out float v_inner;
flat out float v_value;
void main() {
  int i = int(a_cell);
  v_value = texelFetch(u_values, ivec2(i % ${ROW}, i / ${ROW}), 0).r;
  v_inner = a_inner;
  gl_Position = u_matrix * vec4(a_place, 0.0, 1.0);
}`;

const FRAGMENT = `#version 300 es
precision highp float;
in float v_inner;
flat in float v_value;
uniform sampler2D u_palette;
uniform vec4 u_empty;
uniform vec4 u_edge;
uniform float u_opacity;
out vec4 color;
void main() {
  float rim = 1.0 - smoothstep(0.0, max(fwidth(v_inner) * 1.5, 0.02), v_inner);
  vec4 fill = u_empty;
  if (v_value > 0.0) fill = vec4(texture(u_palette, vec2(v_value * (255.0 / 256.0) + 0.5 / 256.0, 0.5)).rgb, u_opacity);
  vec4 edge = v_value > 0.0 ? vec4(mix(fill.rgb, u_edge.rgb, 0.35), u_opacity) : u_edge;
  vec4 c = mix(fill, edge, rim);
  color = vec4(c.rgb * c.a, c.a);
}`;

/** The corners of cells as triangles around each centre, relative to an origin. */
export interface Mesh {
  readonly originX: number;
  readonly originY: number;
  /** x, y, inner for each vertex. */
  readonly vertices: Float32Array;
  readonly cells: Uint32Array;
  readonly triangles: Uint32Array;
}

/** Makes the mesh. The origin is subtracted in double precision: at zoom 18 single precision would tremble. */
export function meshOf(corners: readonly Corners[]): Mesh {
  const first = corners[0]?.[0] ?? [31.25, 121.4];
  const origin = project(first[1], first[0]);
  const points = corners.reduce((n, c) => n + c.length, 0);
  const vertices = new Float32Array((points + corners.length) * 3);
  const cells = new Uint32Array(points + corners.length);
  const triangles = new Uint32Array(points * 3);
  let v = 0;
  let t = 0;
  corners.forEach((ring, cell) => {
    const centre = v;
    let [sx, sy] = [0, 0];
    ring.forEach(([lat, lon], k) => {
      const p = project(lon, lat);
      const at = centre + 1 + k;
      vertices.set([p.x - origin.x, p.y - origin.y, 0], at * 3);
      cells[at] = cell;
      triangles.set([centre, at, centre + 1 + ((k + 1) % ring.length)], t);
      t += 3;
      sx += p.x - origin.x;
      sy += p.y - origin.y;
    });
    vertices.set([sx / ring.length, sy / ring.length, 1], centre * 3);
    cells[centre] = cell;
    v += ring.length + 1;
  });
  return {originX: origin.x, originY: origin.y, vertices, cells, triangles};
}

/** m · translate(x, y, 0), in double precision, then as floats. */
export function translated(m: ArrayLike<number>, x: number, y: number): Float32Array {
  const out = Float64Array.from({length: 16}, (_, k) => m[k] ?? 0);
  for (let row = 0; row < 4; row++) {
    out[12 + row] = (m[row] ?? 0) * x + (m[4 + row] ?? 0) * y + (m[12 + row] ?? 0);
  }
  return Float32Array.from(out);
}

/** The first and last texture row in which two value arrays of one length differ, null when none. */
export function changedRows(before: Uint8Array, after: Uint8Array): readonly [number, number] | null {
  let first = -1;
  let last = -1;
  for (let k = 0; k < after.length; k++) {
    if (before[k] === after[k]) continue;
    if (first < 0) first = k;
    last = k;
  }
  return first < 0 ? null : [Math.floor(first / ROW), Math.floor(last / ROW)];
}

interface Resources {
  readonly gl: WebGL2RenderingContext;
  readonly program: WebGLProgram;
  readonly array: WebGLVertexArrayObject;
  readonly buffers: readonly WebGLBuffer[];
  readonly values: WebGLTexture;
  readonly palette: WebGLTexture;
  readonly uniforms: Readonly<Record<'matrix' | 'values' | 'palette' | 'empty' | 'edge' | 'opacity', WebGLUniformLocation | null>>;
}

/**
 * The cells as one draw call: a static mesh, one byte a cell in an R8 texture
 * and a 256 x 1 palette. An update uploads only the rows that changed. After a
 * lost context MapLibre adds the layer anew and everything is uploaded again.
 */
export class CellLayer implements CustomLayerInterface {
  readonly id = 'cells';
  readonly type = 'custom';
  readonly renderingMode = '2d';
  #map: MapLibreMap | null = null;
  #r: Resources | null = null;
  #mesh: Mesh = meshOf([]);
  #rows = 1;
  #uploaded: Uint8Array = new Uint8Array(ROW);
  #theme: Theme = 'dark';
  #palette: PaletteName = 'sequential';

  setPalette(name: PaletteName): void {
    if (name === this.#palette) return;
    this.#palette = name;
    if (this.#r !== null) uploadPalette(this.#r.gl, this.#r.palette, name);
    this.#map?.triggerRepaint();
  }

  setTheme(theme: Theme): void {
    this.#theme = theme;
    this.#map?.triggerRepaint();
  }

  setCells(corners: readonly Corners[]): void {
    this.#mesh = meshOf(corners);
    this.#rows = Math.max(1, Math.ceil(corners.length / ROW));
    this.#uploaded = new Uint8Array(this.#rows * ROW);
    if (this.#r !== null) this.#uploadMesh(this.#r);
    this.#map?.triggerRepaint();
  }

  setValues(bytes: Uint8Array): void {
    const padded = new Uint8Array(this.#rows * ROW);
    padded.set(bytes.subarray(0, padded.length));
    const rows = changedRows(this.#uploaded, padded);
    this.#uploaded = padded;
    if (rows === null) return;
    if (this.#r !== null) this.#uploadRows(this.#r, rows[0], rows[1]);
    this.#map?.triggerRepaint();
  }

  onAdd(map: MapLibreMap, gl: WebGL2RenderingContext): void {
    this.#map = map;
    this.#r = makeResources(gl, this.#palette);
    this.#uploadMesh(this.#r);
  }

  onRemove(_map: MapLibreMap, gl: WebGL2RenderingContext): void {
    const r = this.#r;
    this.#r = null;
    this.#map = null;
    if (r === null) return;
    for (const b of r.buffers) gl.deleteBuffer(b);
    gl.deleteVertexArray(r.array);
    gl.deleteTexture(r.values);
    gl.deleteTexture(r.palette);
    gl.deleteProgram(r.program);
  }

  render(gl: WebGL2RenderingContext, input: CustomRenderMethodInput): void {
    const r = this.#r;
    if (r === null || this.#mesh.triangles.length === 0) return;
    const colors = MAP_COLORS[this.#theme];
    gl.useProgram(r.program);
    gl.uniformMatrix4fv(r.uniforms.matrix, false, translated(input.defaultProjectionData.mainMatrix, this.#mesh.originX, this.#mesh.originY));
    gl.uniform4fv(r.uniforms.empty, [...colors.empty]);
    gl.uniform4fv(r.uniforms.edge, [...colors.edge]);
    gl.uniform1f(r.uniforms.opacity, this.#theme === 'dark' ? 0.86 : 0.82);
    gl.activeTexture(gl.TEXTURE0);
    gl.bindTexture(gl.TEXTURE_2D, r.values);
    gl.uniform1i(r.uniforms.values, 0);
    gl.activeTexture(gl.TEXTURE1);
    gl.bindTexture(gl.TEXTURE_2D, r.palette);
    gl.uniform1i(r.uniforms.palette, 1);
    gl.bindVertexArray(r.array);
    gl.drawElements(gl.TRIANGLES, this.#mesh.triangles.length, gl.UNSIGNED_INT, 0);
    gl.bindVertexArray(null);
    gl.activeTexture(gl.TEXTURE0);
  }

  #uploadMesh(r: Resources): void {
    const {gl} = r;
    const [places, cells, triangles] = r.buffers;
    gl.bindVertexArray(r.array);
    gl.bindBuffer(gl.ARRAY_BUFFER, places ?? null);
    gl.bufferData(gl.ARRAY_BUFFER, this.#mesh.vertices, gl.STATIC_DRAW);
    attribute(gl, r.program, 'a_place', (at) => gl.vertexAttribPointer(at, 2, gl.FLOAT, false, 12, 0));
    attribute(gl, r.program, 'a_inner', (at) => gl.vertexAttribPointer(at, 1, gl.FLOAT, false, 12, 8));
    gl.bindBuffer(gl.ARRAY_BUFFER, cells ?? null);
    gl.bufferData(gl.ARRAY_BUFFER, this.#mesh.cells, gl.STATIC_DRAW);
    attribute(gl, r.program, 'a_cell', (at) => gl.vertexAttribIPointer(at, 1, gl.UNSIGNED_INT, 4, 0));
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, triangles ?? null);
    gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, this.#mesh.triangles, gl.STATIC_DRAW);
    gl.bindVertexArray(null);
    unpackPlainly(gl);
    gl.bindTexture(gl.TEXTURE_2D, r.values);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.R8, ROW, this.#rows, 0, gl.RED, gl.UNSIGNED_BYTE, this.#uploaded);
    sampleNearest(gl);
  }

  #uploadRows(r: Resources, first: number, last: number): void {
    const {gl} = r;
    unpackPlainly(gl);
    gl.bindTexture(gl.TEXTURE_2D, r.values);
    gl.texSubImage2D(
      gl.TEXTURE_2D, 0, 0, first, ROW, last - first + 1, gl.RED, gl.UNSIGNED_BYTE,
      this.#uploaded.subarray(first * ROW, (last + 1) * ROW),
    );
  }
}

function attribute(gl: WebGL2RenderingContext, program: WebGLProgram, name: string, point: (at: number) => void): void {
  const at = gl.getAttribLocation(program, name);
  if (at < 0) return;
  gl.enableVertexAttribArray(at);
  point(at);
}

function unpackPlainly(gl: WebGL2RenderingContext): void {
  gl.bindBuffer(gl.PIXEL_UNPACK_BUFFER, null);
  gl.pixelStorei(gl.UNPACK_ALIGNMENT, 1);
  gl.pixelStorei(gl.UNPACK_FLIP_Y_WEBGL, false);
  gl.pixelStorei(gl.UNPACK_PREMULTIPLY_ALPHA_WEBGL, false);
}

function sampleNearest(gl: WebGL2RenderingContext): void {
  for (const p of [gl.TEXTURE_MIN_FILTER, gl.TEXTURE_MAG_FILTER]) gl.texParameteri(gl.TEXTURE_2D, p, gl.NEAREST);
  for (const p of [gl.TEXTURE_WRAP_S, gl.TEXTURE_WRAP_T]) gl.texParameteri(gl.TEXTURE_2D, p, gl.CLAMP_TO_EDGE);
}

function compiled(gl: WebGL2RenderingContext, type: number, source: string): WebGLShader {
  const shader = gl.createShader(type);
  if (shader === null) throw new Error('the graphics context is lost');
  gl.shaderSource(shader, source);
  gl.compileShader(shader);
  if (gl.getShaderParameter(shader, gl.COMPILE_STATUS) !== true && !gl.isContextLost()) {
    throw new Error(`cell shader: ${gl.getShaderInfoLog(shader) ?? ''}`);
  }
  return shader;
}

function uploadPalette(gl: WebGL2RenderingContext, texture: WebGLTexture, name: PaletteName): void {
  unpackPlainly(gl);
  gl.bindTexture(gl.TEXTURE_2D, texture);
  gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, 256, 1, 0, gl.RGBA, gl.UNSIGNED_BYTE, paletteOf(name));
  sampleNearest(gl);
}

function makeResources(gl: WebGL2RenderingContext, paletteName: PaletteName): Resources {
  const program = gl.createProgram();
  gl.attachShader(program, compiled(gl, gl.VERTEX_SHADER, VERTEX));
  gl.attachShader(program, compiled(gl, gl.FRAGMENT_SHADER, FRAGMENT));
  gl.linkProgram(program);
  const palette = gl.createTexture();
  uploadPalette(gl, palette, paletteName);
  const uniform = (name: string): WebGLUniformLocation | null => gl.getUniformLocation(program, `u_${name}`);
  return {
    gl, program, palette,
    array: gl.createVertexArray(),
    buffers: [gl.createBuffer(), gl.createBuffer(), gl.createBuffer()],
    values: gl.createTexture(),
    uniforms: {
      matrix: uniform('matrix'), values: uniform('values'), palette: uniform('palette'),
      empty: uniform('empty'), edge: uniform('edge'), opacity: uniform('opacity'),
    },
  };
}
