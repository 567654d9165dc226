/** An address of the server's: beside the page, whatever prefix a proxy has put before both. */
export const address = (path: string) => new URL(path, location.href)

/** The API, over HTTP. */
export const api = () => address('graphql')

/** The API, over WebSocket. */
export function socket() {
  const url = api()
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:'
  return url.href
}
