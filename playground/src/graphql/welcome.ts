/** What stands in the first tab. */
export const welcome = `# Ctrl-Enter runs it. On the left there is an operation for everything that the API can do: a click opens it.
#
# To see something live: run the stream LeadCreated as pat, and in a second window, as casey, CreateLead, then as admin
# VerifyLead. Each window remembers whom it acts as.
query Welcome {
  viewer {
    id
    unreadCount
    user { name role }
    tenant { name }
  }
}
`
