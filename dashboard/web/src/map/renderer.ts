/** What the machine can draw with. */
export interface Graphics {
  readonly webgl2: boolean;
  /** The driver's own name for the renderer, '' when it does not tell. */
  readonly name: string;
}

const SOFTWARE = /SwiftShader|llvmpipe|softpipe|Basic Render|Software/i;

/**
 * Chooses the map. Without WebGL 2 and on software renderers Canvas 2D is
 * several times as fluent. `wish` comes from ?renderer= and wins where it can.
 */
export function chooseRenderer(graphics: Graphics, wish: string | null): 'webgl2' | 'canvas2d' {
  if (!graphics.webgl2 || wish === 'canvas') return 'canvas2d';
  if (wish === 'webgl') return 'webgl2';
  return SOFTWARE.test(graphics.name) ? 'canvas2d' : 'webgl2';
}

/** Asks the browser what it can draw with. */
export function probeGraphics(): Graphics {
  const gl = document.createElement('canvas').getContext('webgl2');
  if (gl === null) return {webgl2: false, name: ''};
  const info = gl.getExtension('WEBGL_debug_renderer_info');
  const name: unknown = gl.getParameter(info === null ? gl.RENDERER : info.UNMASKED_RENDERER_WEBGL);
  gl.getExtension('WEBGL_lose_context')?.loseContext();
  return {webgl2: true, name: typeof name === 'string' ? name : ''};
}
