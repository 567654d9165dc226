// One operation for every stream, and two for pages that follow several things at once.

/** @type {import('./index.js').Starter[]} */
export const streams = [
  {
    as: ['PROVIDER', 'ADMIN'],
    about: 'Leads as they open, once each',
    text: `# Run it, then post a lead: in a second window, as casey with CreateLead, and as admin with VerifyLead.
# To hear what happened before, put a cursor of an event into $after: nothing is missed, nothing comes twice.
subscription LeadCreated($after: Cursor, $filter: LeadFilter) {
  leadCreated(after: $after, filter: $filter) {
    cursor
    backlog
    occurredAt
    lead { id title category urgency price claimCount maxClaims match { score tier } }
  }
}`,
    variables: { filter: { categories: ['Electrical'] } },
  },
  {
    as: ['PROVIDER', 'CUSTOMER', 'ADMIN'],
    about: 'Claims as they are made: how many places are taken, not by whom',
    text: `# Everyone who may see a lead sees its count move. \`claim\` is there for its customer, its provider and ADMIN.
subscription LeadClaimed($after: Cursor, $leadIds: [ID!]) {
  leadClaimed(after: $after, leadIds: $leadIds) {
    cursor
    occurredAt
    lead { id title }
    claimCount
    maxClaims
    available
    competition
    claimedByViewer
    claim { id provider { name } }
  }
}`,
  },
  {
    as: ['PROVIDER', 'CUSTOMER', 'ADMIN'],
    about: 'Leads as they change in other ways',
    text: `# Edited, filled, opened again, expired, withdrawn. \`version\` only rises: of two answers the higher one is the newer.
subscription LeadUpdated($after: Cursor, $filter: LeadFilter) {
  leadUpdated(after: $after, filter: $filter) {
    cursor
    leadChange
    lead { id title status statusReason price claimCount version }
  }
}`,
  },
  {
    as: ['PROVIDER', 'CUSTOMER', 'ADMIN'],
    about: 'Claims that change after they were made',
    text: `# Contacted, won, lost, refunded.
subscription ClaimUpdated($after: Cursor) {
  claimUpdated(after: $after) {
    cursor
    claim { id status price refundAmount contactedAt closedAt }
    lead { id title claimCount }
  }
}`,
  },
  {
    as: ['PROVIDER'],
    about: 'Your own wallet, whenever it moves',
    text: `# A provider hears of its own wallet alone. To move it: ClaimLead, or TopUpWallet as admin.
subscription BalanceUpdated($after: Cursor) {
  balanceUpdated(after: $after) {
    cursor
    previousBalance
    change
    balance
    entry { type reason createdAt claim { lead { id title } } }
    wallet { id balance version }
  }
}`,
  },
  {
    as: ['PROVIDER', 'CUSTOMER', 'ADMIN'],
    about: 'What you are told, as it happens',
    text: `# The unread count stands in every event, true at that event: there is nothing to add up.
subscription NotificationAdded($after: Cursor, $filter: NotificationFilter) {
  notificationAdded(after: $after, filter: $filter) {
    cursor
    notification { id type title message priority createdAt lead { id } match { score tier } }
    viewer { id unreadCount }
  }
}`,
  },
  {
    as: ['PROVIDER', 'CUSTOMER', 'ADMIN'],
    about: 'What happens to your notifications, in any tab',
    text: `# Read, archived, snoozed, deleted, edited. All ids up to 1,000, the first 100 in full.
subscription NotificationUpdated($after: Cursor) {
  notificationUpdated(after: $after) {
    cursor
    notificationChange
    affectedCount
    notificationIds
    notifications { id readAt archivedAt snoozedUntil }
    viewer { id unreadCount }
  }
}`,
  },
  {
    as: ['PROVIDER', 'CUSTOMER', 'ADMIN'],
    about: 'Everything that you may be told, in one order, under one cursor',
    text: `# What a page with a cache should use. PROGRESS keeps the cursor young while nothing happens.
subscription Everything($after: Cursor, $types: [EventType!]) {
  events(after: $after, types: $types) {
    __typename
    cursor
    occurredAt
    ... on LeadCreatedEvent { lead { id title claimCount version } }
    ... on LeadClaimedEvent { lead { id claimCount version } claimedByViewer }
    ... on LeadUpdatedEvent { leadChange lead { id status claimCount version } }
    ... on ClaimUpdatedEvent { claim { id status version } }
    ... on BalanceUpdatedEvent { change wallet { id balance version } }
    ... on NotificationAddedEvent { notification { id title message } viewer { id unreadCount } }
    ... on NotificationUpdatedEvent { notificationChange notificationIds viewer { id unreadCount } }
  }
}`,
  },
]
