// The main questions.

/** @type {import('./index.js').Starter[]} */
export const queries = [
  {
    as: ['PROVIDER', 'CUSTOMER', 'ADMIN'],
    about: 'Who you are, and where the log stands',
    text: `# \`streamCursor\` is taken before anything else is read: a page's stream that starts from it misses nothing.
query Viewer {
  streamCursor
  viewer {
    id
    tokenExpiresAt
    unreadCount
    user { name role }
    tenant { id name settings { currency defaultLeadPrice defaultMaxClaims autoVerifyLeads } }
    wallet { balance }
  }
}`,
  },
  {
    as: ['PROVIDER', 'CUSTOMER', 'ADMIN'],
    about: 'Leads, newest first or by any other order',
    text: `# \`contact\` is null for whoever has not paid for it. With { "field": "SCORE" } a provider sees the best ones first.
query Leads($filter: LeadFilter, $orderBy: LeadOrder, $after: PageCursor) {
  leads(first: 20, after: $after, filter: $filter, orderBy: $orderBy) {
    totalCount
    nodes {
      id
      title
      category
      status
      price
      claimCount
      maxClaims
      available
      match { score tier }
      contact { name phone email }
    }
    pageInfo { hasNextPage endCursor }
  }
}`,
    variables: { filter: { statuses: ['OPEN', 'IN_REVIEW', 'FULL'] }, orderBy: { field: 'CREATED_AT' } },
  },
  {
    as: ['PROVIDER', 'CUSTOMER', 'ADMIN'],
    about: 'One lead with its claims, and why it fits',
    text: `query Lead($id: ID!) {
  lead(id: $id) {
    id
    reference
    title
    description
    status
    urgency
    budget
    price
    location { country region city }
    attributes
    claimCount
    maxClaims
    competition
    contact { name phone email address }
    match { score tier reasons { code points text } }
    viewerClaim { id status price }
    claims(first: 10) { nodes { id status provider { name } claimedAt } }
    version
  }
}`,
    variables: { id: '<lead>' },
  },
  {
    as: ['PROVIDER', 'CUSTOMER', 'ADMIN'],
    about: 'Claims: your own, or those on your leads',
    text: `query Claims($filter: ClaimFilter) {
  claims(first: 20, filter: $filter) {
    totalCount
    nodes { id status price claimedAt refundAmount provider { id name } lead { id title contact { name phone } } }
    pageInfo { hasNextPage endCursor }
  }
}`,
    variables: { filter: { statuses: ['ACTIVE', 'CONTACTED'] } },
  },
  {
    as: ['PROVIDER', 'CUSTOMER', 'ADMIN'],
    about: 'One claim',
    text: `query Claim($id: ID!) {
  claim(id: $id) { id status price claimedAt contactedAt closedAt refundedAt refundAmount provider { name } lead { id title } version }
}`,
    variables: { id: '<claim>' },
  },
  {
    as: ['PROVIDER', 'ADMIN'],
    about: 'A wallet and its ledger',
    text: `# A provider leaves ownerId out and sees its own.
query Wallet($ownerId: ID) {
  wallet(ownerId: $ownerId) {
    id
    balance
    version
    entries(first: 20) {
      nodes { id type change previousBalance balance reason reference createdAt claim { id lead { title } } }
      pageInfo { hasNextPage endCursor }
    }
  }
}`,
  },
  {
    as: ['PROVIDER', 'CUSTOMER', 'ADMIN'],
    about: 'The bell: what is unread, and the inbox',
    text: `query Notifications($filter: NotificationFilter) {
  viewer { id unreadCount }
  notifications(first: 20, filter: $filter) {
    nodes { id type topic title message priority createdAt readAt lead { id title } match { score tier } }
    pageInfo { hasNextPage endCursor }
  }
}`,
    variables: { filter: { view: 'INBOX' } },
  },
  {
    as: ['PROVIDER', 'CUSTOMER', 'ADMIN'],
    about: 'One notification',
    text: `query Notification($id: ID!) {
  notification(id: $id) { id type topic title message data priority createdAt readAt openedAt archivedAt snoozedUntil }
}`,
    variables: { id: '<notification>' },
  },
  {
    as: ['PROVIDER', 'CUSTOMER', 'ADMIN'],
    about: 'What you are told of, on which channels, and when not',
    text: `query NotificationPreferences {
  notificationPreferences {
    sound
    soundForPriorities
    quietHours { start end timeZone exceptPriorities }
    rules { type topic channel frequency }
  }
}`,
  },
  {
    as: ['PROVIDER', 'ADMIN'],
    about: 'What a provider wants: leads are scored by it',
    text: `# A provider leaves providerId out and sees its own.
query ProviderProfile($providerId: ID) {
  providerProfile(providerId: $providerId) {
    acceptingLeads
    categories
    serviceAreas { country region city }
    minBudget
    minScore
    attributes
    version
  }
}`,
  },
  {
    as: ['PROVIDER', 'CUSTOMER', 'ADMIN'],
    about: 'Polling: what happened after a cursor',
    text: `# Where neither WebSocket nor server-sent events get through. Go on from endCursor while hasMore.
query EventsSince($after: Cursor!) {
  events(after: $after, first: 100) {
    endCursor
    hasMore
    events { __typename cursor occurredAt }
  }
}`,
    variables: { after: '<cursor>' },
  },
  {
    as: ['ADMIN'],
    about: 'The users of the marketplace',
    text: `query Users($role: Role, $search: String) {
  users(first: 20, role: $role, search: $search) {
    totalCount
    nodes { id name role email phone wallet { balance } }
    pageInfo { hasNextPage endCursor }
  }
}`,
    variables: { role: 'PROVIDER' },
  },
  {
    as: ['ADMIN'],
    about: 'One user',
    text: `query User($id: ID!) {
  user(id: $id) { id name role email phone profile { categories } wallet { balance } }
}`,
    variables: { id: 'pat' },
  },
  {
    as: ['ADMIN'],
    about: 'E-mails and webhooks: what was sent, what waits, what was given up',
    text: `query Deliveries($filter: DeliveryFilter) {
  deliveries(first: 20, filter: $filter) {
    nodes { id channel status attempts nextAttemptAt lastError recipient { id name } notification { title } createdAt }
    pageInfo { hasNextPage endCursor }
  }
}`,
    variables: { filter: { statuses: ['DEAD', 'RETRYING', 'PENDING', 'SENT'] } },
  },
]
