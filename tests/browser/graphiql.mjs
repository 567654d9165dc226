// GraphiQL, as its users handle it.

import { eventually } from './browser.mjs'

/** The text of one of the four editors: operation.graphql, variables.json, request-headers.json, response.json. */
const text = (page, editor) => page.evaluate(
  name => globalThis.__MONACO?.editor.getModels().find(model => model.uri.path.endsWith(name))?.getValue() ?? '', editor)

export const response = page => text(page, 'response.json')

/** Types into an editor, in place of what stands there. */
export async function write(page, label, content) {
  const editor = page.locator(`section[aria-label="${label}"] .monaco-editor:visible`).first()
  await editor.click()
  await page.keyboard.press('ControlOrMeta+A')
  await page.keyboard.press('Delete')
  await page.keyboard.insertText(content)
}

export const query = (page, content) => write(page, 'Operation Editor', content)

export async function variables(page, content) {
  await page.getByRole('button', { name: 'Variables', exact: true }).click()
  await write(page, 'Variables', JSON.stringify(content))
}

export async function headers(page, content) {
  await page.getByRole('button', { name: 'Headers', exact: true }).click()
  await write(page, 'Headers', content && JSON.stringify(content))
}

/** Once there is an editor to run from, and one to answer in. */
export async function run(page) {
  await page.locator('.graphiql-query-editor .monaco-editor').first().waitFor()
  await page.locator('.graphiql-response .monaco-editor').first().waitFor()
  await page.locator('.graphiql-execute-button').click()
}

/** Waits until the response pane has it. */
export const responds = (page, expected) => eventually(
  async () => `${expected} in the response: ${await response(page)}`,
  async () => {
    const found = await response(page)
    return (expected instanceof RegExp ? expected.test(found) : found.includes(expected)) && JSON.parse(found)
  })

/** Opens one of the operations on the left. */
export const starter = (page, name) => page.locator('.operations button').filter({ has: page.locator('b', { hasText: new RegExp(`^${name}$`) }) }).click()

/** Acts as another of dev mode's users, and waits until the page says so. */
export async function actAs(page, name, words) {
  await page.locator('select[name=identity]').selectOption(name)
  await page.locator('.who', { hasText: words }).waitFor()
}

export const socketIs = (page, word) => page.locator('.socket', { hasText: word }).waitFor()

/** Waits until the docs, the completion and the explorer have their schema. */
export const schemaIsKnown = page => page.locator('main[data-schema=known]').waitFor()
