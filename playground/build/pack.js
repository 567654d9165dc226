// What the server embeds: every file compressed, and the table that src/http/playground.rs includes.

import { createHash } from 'node:crypto'
import { readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join, relative, resolve, sep } from 'node:path'
import { brotliCompressSync, constants } from 'node:zlib'

/** The files below a folder, in an order that is always the same. */
export const filesOf = folder => readdirSync(folder, { recursive: true, withFileTypes: true })
  .filter(entry => entry.isFile())
  .map(entry => relative(folder, join(entry.parentPath, entry.name)).split(sep).join('/'))
  .sort()

const compressed = bytes => brotliCompressSync(bytes, {
  params: {
    [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY,
    [constants.BROTLI_PARAM_LGWIN]: constants.BROTLI_MAX_WINDOW_BITS,
    [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length,
  },
})

/** A Vite plugin that comes last. */
export function pack() {
  let folder
  return {
    name: 'pack',
    apply: 'build',
    configResolved(config) { folder = resolve(config.root, config.build.outDir) },
    closeBundle(error) {
      if (error) return
      const lines = filesOf(folder).map(name => {
        const path = join(folder, name)
        const bytes = readFileSync(path)
        writeFileSync(`${path}.br`, compressed(bytes))
        rmSync(path)
        const hash = createHash('sha256').update(bytes).digest('hex').slice(0, 16)
        return `    ("${name}", "W/\\"${hash}\\"", include_bytes!("${name}.br")),\n`
      })
      const head = '// Made by `npm run build` in playground: path, ETag, and what is there, in brotli.\n'
      writeFileSync(join(folder, 'files.rs'), `${head}&[\n${lines.join('')}]\n`)
    },
  }
}
