/** What a token says, as far as it can be read: whether it is true is for the server to judge. */
export function claimsOf(token: string | undefined): { exp?: number } | null {
  try {
    const payload = token?.split('.')[1] ?? ''
    return JSON.parse(atob(payload.replaceAll('-', '+').replaceAll('_', '/')))
  } catch {
    return null
  }
}
