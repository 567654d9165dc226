// `node build/compare.js <a> <b>`: whether two builds are the same. They are compared as they are when decompressed, since what
// brotli makes of them may differ between versions of Node.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { brotliDecompressSync } from 'node:zlib'

import { filesOf } from './pack.js'

const [made, committed] = process.argv.slice(2).map(folder => new Map(filesOf(folder).map(name => {
  const bytes = readFileSync(join(folder, name))
  return [name, name.endsWith('.br') ? brotliDecompressSync(bytes) : bytes]
})))
const names = [...new Set([...made.keys(), ...committed.keys()])].sort()
const differ = names.filter(name => !made.get(name) || !committed.get(name) || !made.get(name).equals(committed.get(name)))
if (differ.length) {
  console.error(`playground/dist is not what playground's source makes; these differ:\n  ${differ.join('\n  ')}`)
  console.error('Build it anew: (cd playground && npm ci && npm run build)')
  process.exit(1)
}
console.log(`${names.length} files are as committed.`)
