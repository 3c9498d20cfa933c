import {svelte} from '@sveltejs/vite-plugin-svelte';
import {defineConfig} from 'vitest/config';
import {unwhereAll} from './unwhere.ts';

export default defineConfig({
  plugins: [svelte(), {
    name: 'unwhere',
    generateBundle(_, bundle): void {
      for (const file of Object.values(bundle)) {
        if (file.type === 'asset' && file.fileName.endsWith('.css')) file.source = unwhereAll(String(file.source));
      }
    },
  }],
  build: {
    target: 'chrome86',
    cssTarget: 'chrome86',
    // The page ships under default-src 'self': data: URLs would be refused.
    assetsInlineLimit: 0,
    modulePreload: {polyfill: false},
    reportCompressedSize: true,
    chunkSizeWarningLimit: 1300,
  },
  // MapLibre's package calls its worker free of side effects, and it would be shaken off.
  worker: {format: 'iife', rolldownOptions: {treeshake: false}},
  // Machines are shared: a test that computes for a second may wait for ten.
  test: {include: ['test/**/*.test.ts'], environment: 'node', testTimeout: 30_000, css: {include: /app\.css/}},
});
