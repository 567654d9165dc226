// The licences of everything that ends up in the pages: a text that is shipped with them.

import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'

const TEXT = /^(licen[cs]e|copying|notice|third-?party-?notices)([.-].*)?$/i

/** For packages that name the licence and leave out its text. */
const TERMS = { MIT: readFileSync(new URL('../../LICENSE-MIT', import.meta.url), 'utf8').replace(/^[^]*?(?=Permission is hereby granted)/, '').trim() }

/** What a package has of others and does not mention in a text of its own. */
const MORE = { 'monaco-editor': 'Its font of icons, codicon.ttf, is from https://github.com/microsoft/vscode-codicons: Microsoft Corporation, CC BY 4.0.' }

/** The folder of the package that a module is from; null for what is our own. */
function packageOf(id) {
  const path = id.replace(/^\0/, '').split('?')[0]
  const end = path.lastIndexOf('/node_modules/')
  if (end < 0) return null
  const name = path.slice(end + '/node_modules/'.length).split('/')
  return path.slice(0, end) + '/node_modules/' + name.slice(0, name[0].startsWith('@') ? 2 : 1).join('/')
}

function notice(folder) {
  const { name, version, license, author, repository } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
  const texts = readdirSync(folder).filter(file => TEXT.test(file)).sort()
    .map(file => readFileSync(join(folder, file), 'utf8').replaceAll('\r\n', '\n').trim())
  const who = typeof author === 'string' ? author : author?.name
  const where = typeof repository === 'string' ? repository : repository?.url
  const alone = [[who && `Author: ${who}`, where && `Source: ${where}`].filter(Boolean).join('\n'), TERMS[license]]
  if (!license || (!texts.length && !TERMS[license])) throw new Error(`${name} does not say its licence`)
  const parts = [`${name} ${version}\nLicence: ${license}`, MORE[name], ...(texts.length ? texts : alone)]
  return { key: `${name} ${version}`, text: parts.filter(Boolean).join('\n\n') }
}

export function licences() {
  const folders = new Set()
  return {
    /** For the pages and for their workers alike. */
    collect: () => ({
      name: 'licences-collect',
      apply: 'build',
      generateBundle() {
        for (const id of this.getModuleIds()) {
          const folder = packageOf(id)
          if (folder && existsSync(join(folder, 'package.json'))) folders.add(folder)
        }
      },
    }),
    write: fileName => ({
      name: 'licences-write',
      apply: 'build',
      generateBundle: {
        order: 'post',
        handler() {
          const head = `GraphiQL in leadcast is made of these packages.\n`
          const notices = [...folders].map(notice)
          const once = new Map(notices.map(({ key, text }) => [key, text]))
          const rule = `\n\n${'='.repeat(80)}\n\n`
          const source = [head.trim(), ...[...once.keys()].sort().map(key => once.get(key))].join(rule) + '\n'
          this.emitFile({ type: 'asset', fileName, source })
        },
      },
    }),
  }
}
