// The clients that README.md shows, to be run as they stand there.

import { rmSync } from 'node:fs'
import { mkdtemp, readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath, pathToFileURL } from 'node:url'

/** Writes the block of JavaScript under this heading that begins with `// <name>`, changed so, to a file; returns its URL. */
export async function snippet(heading, name, change = code => code) {
  const readme = await readFile(new URL('../../README.md', import.meta.url), 'utf8')
  const [, section] = readme.split(`\n### ${heading}\n`)
  const block = section?.split('\n### ')[0].split('\n```').find(block => block.startsWith(`js\n// ${name}\n`))
  if (!block) throw new Error(`README.md has no ${name} under ${heading}`)
  // Where it finds the packages; a folder of its own, since both engines are tested at once.
  const folder = await mkdtemp(fileURLToPath(new URL('node_modules/.readme-', import.meta.url)))
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  const file = new URL(name, pathToFileURL(`${folder}/`))
  await writeFile(file, change(block.slice('js\n'.length)))
  return file
}
