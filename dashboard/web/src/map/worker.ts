/** MapLibre's worker, for old kernels too. */
import '../polyfill';
import 'maplibre-gl/dist/maplibre-gl-worker.mjs';
