// One operation for every mutation. What is refused comes back as data, in \`userErrors\`.

const USER_ERRORS = 'userErrors { code message path }'

/**
 * The eight that take a selection of notifications are alike.
 * @param {string} name
 * @param {string} about
 * @param {string} comment
 * @param {import('./index.js').Starter['as']} [as]
 */
const ofNotifications = (name, about, comment, as = ['PROVIDER', 'CUSTOMER', 'ADMIN']) => ({
  as,
  about,
  text: `# ${comment}
mutation ${name[0]?.toUpperCase()}${name.slice(1)}($input: NotificationsInput!) {
  ${name}(input: $input) {
    affectedCount
    notifications { id title readAt archivedAt snoozedUntil }
    viewer { id unreadCount }
    ${USER_ERRORS}
  }
}`,
  variables: { input: { select: { ids: ['<notification>'] } } },
})

/** @type {import('./index.js').Starter[]} */
const leads = [
  {
    as: ['CUSTOMER'],
    about: 'Posts a lead',
    text: `# The same \`reference\` again is a retry, and answers \`replayed: true\`: another lead needs another one.
# It waits for review (VerifyLead) unless the marketplace verifies by itself. ADMIN adds "customerId": "casey".
mutation CreateLead($input: CreateLeadInput!) {
  createLead(input: $input) {
    lead { id title status price maxClaims expiresAt }
    replayed
    ${USER_ERRORS}
  }
}`,
    variables: {
      input: {
        reference: '<reference>',
        title: 'Rewire a kitchen',
        description: 'Two rooms, old wiring',
        category: 'Electrical',
        urgency: 'HIGH',
        budget: 80000,
        location: { country: 'ZA', city: 'Cape Town' },
        attributes: { rooms: 2 },
        contact: { name: 'Casey', phone: '+27 82 123 4567' },
      },
    },
  },
  {
    as: ['ADMIN'],
    about: 'Opens a lead that waits for review',
    text: `mutation VerifyLead($input: VerifyLeadInput!) {
  verifyLead(input: $input) { lead { id title status verifiedAt } replayed ${USER_ERRORS} }
}`,
    variables: { input: { id: '<lead>' } },
  },
  {
    as: ['ADMIN'],
    about: 'Turns down a lead that waits for review',
    text: `mutation RejectLead($input: RejectLeadInput!) {
  rejectLead(input: $input) { lead { id title status statusReason } replayed ${USER_ERRORS} }
}`,
    variables: { input: { id: '<lead>', reason: 'It says too little' } },
  },
  {
    as: ['CUSTOMER', 'ADMIN'],
    about: 'Changes a lead',
    text: `# With "expectedVersion" it is refused (STALE_VERSION) when somebody else was first.
mutation UpdateLead($input: UpdateLeadInput!) {
  updateLead(input: $input) { lead { id title description budget urgency version } replayed ${USER_ERRORS} }
}`,
    variables: { input: { id: '<lead>', description: 'Three rooms, old wiring', urgency: 'EMERGENCY' } },
  },
  {
    as: ['CUSTOMER', 'ADMIN'],
    about: 'Takes a lead back',
    text: `# Claims stay, unless they are refunded with it (ADMIN).
mutation WithdrawLead($input: WithdrawLeadInput!) {
  withdrawLead(input: $input) { lead { id status statusReason claimCount } replayed ${USER_ERRORS} }
}`,
    variables: { input: { id: '<lead>', reason: 'Done by a friend' } },
  },
]

/** @type {import('./index.js').Starter[]} */
const claims = [
  {
    as: ['PROVIDER'],
    about: 'Pays for a lead, which opens its contact',
    text: `# Place, payment, claim and ledger entry commit together or not at all. \`maxPrice\` is what you have seen: if it has
# risen, you are not charged (PRICE_CHANGED).
mutation ClaimLead($input: ClaimLeadInput!) {
  claimLead(input: $input) {
    claim { id status price }
    lead { id title claimCount maxClaims contact { name phone email } }
    wallet { balance }
    replayed
    userErrors {
      code
      message
      path
      ... on InsufficientCreditsError { required available }
      ... on PriceChangedError { price }
      ... on LeadFullError { claimCount maxClaims }
    }
  }
}`,
    variables: { input: { leadId: '<lead>', maxPrice: 25 } },
  },
  {
    as: ['PROVIDER'],
    about: 'Says what became of a claim',
    text: `# CONTACTED, then WON or LOST.
mutation UpdateClaim($input: UpdateClaimInput!) {
  updateClaim(input: $input) { claim { id status contactedAt closedAt } ${USER_ERRORS} }
}`,
    variables: { input: { id: '<claim>', outcome: 'CONTACTED' } },
  },
  {
    as: ['ADMIN'],
    about: 'Pays a claim back, and ends it',
    text: `# All of its price unless "amount" says less. With reopenSlot somebody else may claim the lead.
mutation RefundClaim($input: RefundClaimInput!) {
  refundClaim(input: $input) {
    claim { id status refundAmount }
    lead { id claimCount available }
    wallet { balance }
    entry { change reason }
    replayed
    ${USER_ERRORS}
  }
}`,
    variables: { input: { id: '<claim>', reason: 'The number is out of service', reopenSlot: true } },
  },
]

/** @type {import('./index.js').Starter[]} */
const wallets = [
  {
    as: ['ADMIN'],
    about: 'Adds credits to a wallet',
    text: `# The \`reference\` makes it count once, however often it is sent.
mutation TopUpWallet($input: TopUpWalletInput!) {
  topUpWallet(input: $input) { wallet { id balance } entry { change balance } replayed ${USER_ERRORS} }
}`,
    variables: { input: { ownerId: 'pat', amount: 50, reference: '<reference>' } },
  },
  {
    as: ['ADMIN'],
    about: 'Corrects a balance, up or down',
    text: `mutation AdjustWallet($input: AdjustWalletInput!) {
  adjustWallet(input: $input) { wallet { id balance } entry { change reason } replayed ${USER_ERRORS} }
}`,
    variables: { input: { ownerId: 'pat', change: -5, reason: 'Counted twice', reference: '<reference>' } },
  },
]

/** @type {import('./index.js').Starter[]} */
const notifications = [
  {
    as: ['ADMIN'],
    about: 'Tells users something of your own',
    text: `# \`to\` is one of: { "userIds": [...] }, { "role": "PROVIDER" }, { "everyone": true }.
mutation CreateNotification($input: CreateNotificationInput!) {
  createNotification(input: $input) {
    notifications { id title recipient { id } }
    recipientCount
    replayed
    ${USER_ERRORS}
  }
}`,
    variables: {
      input: {
        to: { userIds: ['pat'] },
        type: 'CUSTOM',
        topic: 'order.status',
        title: 'Your order is on its way',
        message: 'It arrives tomorrow.',
        data: { order: 7 },
        reference: '<reference>',
      },
    },
  },
  ofNotifications('markNotificationsRead', 'Marks notifications as read',
    'By ids, or all that a filter finds: { "select": { "filter": {} }, "upTo": "the cursor of the last event on the page" }.'),
  ofNotifications('markNotificationsUnread', 'Marks notifications as unread', 'And the count rises again.'),
  {
    as: ['PROVIDER', 'CUSTOMER', 'ADMIN'],
    about: 'You followed a notification',
    text: `# Marks it read, and notes when it was first opened.
mutation OpenNotification($input: OpenNotificationInput!) {
  openNotification(input: $input) { notifications { id readAt openedAt } viewer { id unreadCount } ${USER_ERRORS} }
}`,
    variables: { input: { id: '<notification>' } },
  },
  ofNotifications('archiveNotifications', 'Puts notifications into the archive', 'They are out of the inbox and of its count.'),
  ofNotifications('unarchiveNotifications', 'Takes notifications out of the archive',
    'By a filter it wants "view": "ARCHIVED" in it.'),
  {
    as: ['PROVIDER', 'CUSTOMER', 'ADMIN'],
    about: 'Puts notifications off until a moment',
    text: `# They come back by themselves: notificationUpdated says UNSNOOZED then.
mutation SnoozeNotifications($input: SnoozeNotificationsInput!) {
  snoozeNotifications(input: $input) {
    affectedCount
    notifications { id snoozedUntil }
    viewer { id unreadCount }
    ${USER_ERRORS}
  }
}`,
    variables: { input: { select: { ids: ['<notification>'] }, until: '<tomorrow>' } },
  },
  ofNotifications('unsnoozeNotifications', 'Calls back notifications that are put off', 'By a filter it wants "view": "SNOOZED" in it.'),
  ofNotifications('deleteNotifications', 'Deletes notifications for good', 'There is no way back.'),
  {
    as: ['ADMIN'],
    about: 'Changes what notifications say',
    text: `# Also others': all tabs that show them hear of it (NotificationUpdated).
mutation UpdateNotifications($input: UpdateNotificationsInput!) {
  updateNotifications(input: $input) { affectedCount notifications { id title message priority } ${USER_ERRORS} }
}`,
    variables: { input: { select: { ids: ['<notification>'] }, patch: { title: 'Your order has arrived', priority: 'HIGH' } } },
  },
  {
    as: ['PROVIDER', 'CUSTOMER', 'ADMIN'],
    about: 'Says what you want to be told of, and when not',
    text: `# Only what is sent changes. "frequency": null takes a rule back: the default holds again.
mutation UpdateNotificationPreferences($input: NotificationPreferencesInput!) {
  updateNotificationPreferences(input: $input) {
    preferences { sound quietHours { start end timeZone } rules { type topic channel frequency } }
    ${USER_ERRORS}
  }
}`,
    variables: {
      input: {
        rules: [{ type: 'LEAD_MATCHED', channel: 'EMAIL', frequency: 'HOURLY' }],
        quietHours: { start: '22:00', end: '07:00', timeZone: 'Europe/Berlin', exceptPriorities: ['HIGH'] },
      },
    },
  },
  {
    as: ['ADMIN'],
    about: 'Tries anew to send what was given up',
    text: `mutation RetryDelivery($input: RetryDeliveryInput!) {
  retryDelivery(input: $input) { delivery { id channel status attempts lastError } ${USER_ERRORS} }
}`,
    variables: { input: { id: '<delivery>' } },
  },
]

/** @type {import('./index.js').Starter[]} */
const marketplace = [
  {
    as: ['PROVIDER', 'ADMIN'],
    about: 'Says what a provider wants',
    text: `# From now on every lead has a \`match\` for it. ADMIN adds "providerId": "pat".
mutation UpdateProviderProfile($input: ProviderProfileInput!) {
  updateProviderProfile(input: $input) {
    profile { categories serviceAreas { country city } minBudget minScore acceptingLeads version }
    ${USER_ERRORS}
  }
}`,
    variables: {
      input: {
        categories: ['Electrical'],
        serviceAreas: [{ country: 'ZA', city: 'Cape Town' }],
        minBudget: 50000,
        acceptingLeads: true,
      },
    },
  },
  {
    as: ['ADMIN'],
    about: 'Makes a user, or changes one',
    text: `# The id is the \`sub\` of the user's tokens.
mutation UpsertUser($input: UpsertUserInput!) {
  upsertUser(input: $input) { user { id name role email } ${USER_ERRORS} }
}`,
    variables: { input: { id: 'sam', role: 'PROVIDER', name: 'Sam', email: 'sam@example.com' } },
  },
  {
    as: ['ADMIN'],
    about: 'Makes the tokens of a user void',
    text: `# For a user that has left, or a token that was lost: what it has open ends at once, on every node.
mutation RevokeTokens($input: RevokeTokensInput!) {
  revokeTokens(input: $input) { user { id name role } ${USER_ERRORS} }
}`,
    variables: { input: { userId: 'riley' } },
  },
  {
    as: ['ADMIN'],
    about: 'Changes how the marketplace works',
    text: `mutation UpdateTenantSettings($input: TenantSettingsInput!) {
  updateTenantSettings(input: $input) {
    tenant { name settings { autoVerifyLeads defaultLeadPrice defaultMaxClaims competitiveAt lowBalanceThreshold webhookUrl } }
    ${USER_ERRORS}
  }
}`,
    variables: { input: { autoVerifyLeads: true, defaultMaxClaims: 3 } },
  },
  {
    as: ['ADMIN'],
    about: 'Makes a new secret for the webhook',
    text: `# It is shown this once. The one before signs beside it for 24 hours.
mutation RotateWebhookSecret {
  rotateWebhookSecret { secret ${USER_ERRORS} }
}`,
  },
]

export const mutations = [...leads, ...claims, ...wallets, ...notifications, ...marketplace]
