/// <reference types="vite/client" />
/// <reference types="svelte" />

declare module 'maplibre-gl/dist/maplibre-gl-worker.mjs';
