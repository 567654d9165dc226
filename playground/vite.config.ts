// Two pages may be built from here: GraphiQL now, and what is to be shown at `/` later. All paths are relative, so that the
// pages also work under a prefix that a proxy puts before them.

import { defineConfig } from 'vite'

import { licences } from './build/licences.js'
import { pack } from './build/pack.js'

const notices = licences()

export default defineConfig({
  base: './',
  build: {
    assetsDir: 'playground/assets',
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 4000,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    rolldownOptions: {
      input: ['graphql.html'],
      // Libraries say "use client", which means nothing here.
      onwarn: (warning, say) => { if (warning.code !== 'MODULE_LEVEL_DIRECTIVE') say(warning) },
    },
    target: 'es2023',
  },
  plugins: [notices.collect(), notices.write('playground/licences.txt'), pack()],
  worker: { plugins: () => [notices.collect()] },
})
