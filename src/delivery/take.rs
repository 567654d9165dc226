//! Taking what is due, to send it: under a lease, so that nobody else sends it meanwhile and somebody does should this node die.
//!
//! What nobody wants or can be sent any more is given up here, what was edited meanwhile gets its new words, and what would break
//! into quiet hours is put off.

use std::{collections::HashMap, time::Duration};

use super::{
    Delivery, DeliveryId,
    letter::{About, Endpoint, LISTED, Lane, Letter, Part},
    state::MAX_ATTEMPTS,
    store::{lease, secrets},
};
use crate::{
    app::App,
    clock::Timestamp,
    db::Tx,
    error::{Error, Result},
    ids::{TenantId, UserId},
    notifications::{self, NotificationId},
    preferences::{self, Channel, Frequency, Preferences},
    tenants::{self, Tenant},
    users::{self, User},
};

/// How long a node may take to send a message: longer than it can, so that no two send it.
const LEASE: Duration = Duration::from_mins(1);
/// Deliveries that are looked at to find the next messages.
const LOOKED_AT: i64 = 100;

const SWITCHED_OFF: &str = "The recipient has switched this off.";
const DELETED: &str = "The notification was deleted.";

/// What a look at a lane has come to.
#[derive(Default, Debug)]
pub struct Taken {
    pub letters: Vec<Letter>,
    /// Deliveries that were given up: for good, and because their recipients no longer want them.
    pub dead: usize,
    pub unwanted: usize,
    /// Whether there was anything to do.
    pub busy: bool,
}

/// The next messages of a tenant on a channel, at most so many. None while another node is at it.
pub async fn take(app: &App, lane: Lane, most: usize) -> Result<Taken> {
    let (now, mail) = (app.clock.now(), app.courier.has_mail());
    app.db.write(lane.0, async move |tx| take_in(lane, tx, now, mail, most).await).await
}

async fn take_in(lane: Lane, tx: &Tx, now: Timestamp, mail: bool, most: usize) -> Result<Taken> {
    let (tenant, _) = lane;
    if !lease::alone(tenant, tx).await? {
        return Ok(Taken::default());
    }
    let due = lease::due(lane, tx, now, LOOKED_AT).await?;
    let firsts = firsts_of_messages(due, most);
    let mut taken = Taken { busy: !firsts.is_empty(), ..Taken::default() };
    if firsts.is_empty() {
        return Ok(taken);
    }
    let recipients: Vec<UserId> = firsts.iter().map(|first| first.recipient_id.clone()).collect();
    let office = Office {
        tenant,
        tx,
        now,
        mail,
        webhook: secrets::live(tenant, tx, now).await?,
        preferences: preferences::of_users(tenant, tx, &recipients).await?,
        users: users::find_many(tenant, tx, &recipients).await?,
        house: tenants::find(tenant, tx).await?,
    };
    for first in firsts {
        office.handle(first, &mut taken).await?;
    }
    Ok(taken)
}

/// One delivery of each message, or of each digest to be made.
fn firsts_of_messages(due: Vec<Delivery>, most: usize) -> Vec<Delivery> {
    let mut firsts: Vec<Delivery> = Vec::new();
    for delivery in due {
        let same = |first: &Delivery| match delivery.message_id {
            Some(_) => first.message_id == delivery.message_id,
            None => first.message_id.is_none() && first.recipient_id == delivery.recipient_id,
        };
        if !firsts.iter().any(same) {
            firsts.push(delivery);
        }
    }
    firsts.truncate(most);
    firsts
}

/// What is known of the tenant and of those whom the messages are for.
struct Office<'a> {
    tenant: TenantId,
    tx: &'a Tx,
    now: Timestamp,
    mail: bool,
    webhook: Vec<Vec<u8>>,
    preferences: HashMap<UserId, Preferences>,
    users: HashMap<UserId, User>,
    house: Tenant,
}

impl Office<'_> {
    async fn handle(&self, mut first: Delivery, taken: &mut Taken) -> Result<()> {
        let missing = || Error::internal("a delivery's recipient is a user");
        let own = self.preferences.get(&first.recipient_id).ok_or_else(missing)?;
        let recipient = self.users.get(&first.recipient_id).ok_or_else(missing)?;
        if !first.gathered {
            // Its priority may have been edited.
            self.reword(std::slice::from_mut(&mut first)).await?;
        }
        let quiet_until =
            if first.gathered { own.digests_quiet_until(self.now) } else { own.quiet_until(self.now, first.priority) };
        if let Some(until) = quiet_until {
            return lease::postpone(self.tenant, self.tx, &Part::of(&first), self.now, until).await;
        }
        let message = self.message(&first).await?;
        if let Some(why) = self.hopeless(&first, recipient) {
            taken.dead += lease::give_up(self.tenant, self.tx, message, why).await?;
            return Ok(());
        }
        taken.unwanted += self.drop_deleted(message).await?;
        taken.unwanted += self.drop_unwanted(own, &first, message).await?;
        let until = self.now.plus(LEASE);
        let count = lease::extend(self.tenant, self.tx, message, until).await?;
        if count > 0 {
            taken.letters.push(self.letter(first, message, recipient, count).await?);
        }
        Ok(())
    }

    /// Gives up what was deleted in the application; returns how many deliveries that are. They are a message of their own from then
    /// on: begun anew under the id of the rest, they would be taken for a repeat of it.
    async fn drop_deleted(&self, message: DeliveryId) -> Result<usize> {
        let apart = DeliveryId::random();
        match lease::part_deleted(self.tenant, self.tx, message, apart).await? {
            0 => Ok(0),
            _ => lease::give_up(self.tenant, self.tx, apart, DELETED).await,
        }
    }

    /// Likewise what its recipient has switched off.
    async fn drop_unwanted(&self, own: &Preferences, first: &Delivery, message: DeliveryId) -> Result<usize> {
        let kinds = lease::kinds(self.tenant, self.tx, message).await?;
        let wanted = |about: &About| own.frequency(about.0, about.1.as_deref(), first.channel) != Frequency::Off;
        let (rest, unwanted): (Vec<_>, Vec<_>) = kinds.into_iter().partition(wanted);
        if unwanted.is_empty() {
            return Ok(0);
        }
        if rest.is_empty() {
            return lease::give_up(self.tenant, self.tx, message, SWITCHED_OFF).await;
        }
        let apart = DeliveryId::random();
        for about in unwanted {
            lease::part(self.tenant, self.tx, message, &about, apart).await?;
        }
        lease::give_up(self.tenant, self.tx, apart, SWITCHED_OFF).await
    }

    /// The message that it goes out in: made now, if it was not yet.
    async fn message(&self, first: &Delivery) -> Result<DeliveryId> {
        if let Some(message) = first.message_id {
            return Ok(message);
        }
        lease::gather(self.tenant, self.tx, first, self.now).await?;
        Ok(first.id)
    }

    /// Why it cannot be sent at all.
    fn hopeless(&self, first: &Delivery, recipient: &User) -> Option<&'static str> {
        if first.attempts >= MAX_ATTEMPTS {
            return Some("leadcast ended each time while it was sending this.");
        }
        match first.channel {
            Channel::Email if !self.mail => Some("leadcast has no mail server."),
            Channel::Email if recipient.email.is_none() => Some("The recipient has no e-mail address."),
            Channel::Email => None,
            _ if self.house.settings.webhook_url.is_none() => Some("The tenant has no webhook."),
            _ => None,
        }
    }

    /// What was edited in the application goes out as it is there now.
    async fn reword(&self, deliveries: &mut [Delivery]) -> Result<()> {
        let ids: Vec<NotificationId> = deliveries.iter().filter_map(|delivery| delivery.notification_id).collect();
        let told = notifications::find_many(self.tenant, self.tx, &ids).await?;
        let told: HashMap<_, _> = told.into_iter().map(|notification| (notification.id, notification)).collect();
        for delivery in deliveries {
            let Some(now) = delivery.notification_id.and_then(|id| told.get(&id)) else { continue };
            let (title, message, data) = (now.title.clone(), now.message.clone(), now.data.clone());
            let edited = Delivery { title, message, data, priority: now.priority, ..delivery.clone() };
            if edited != *delivery {
                lease::reword(self.tenant, self.tx, &edited).await?;
                *delivery = edited;
            }
        }
        Ok(())
    }

    async fn letter(&self, first: Delivery, id: DeliveryId, recipient: &User, count: usize) -> Result<Letter> {
        let mut listed = lease::newest(self.tenant, self.tx, id, LISTED).await?;
        if first.gathered {
            self.reword(&mut listed).await?;
        }
        let webhook = self.house.settings.webhook_url.clone().filter(|_| first.channel != Channel::Email);
        Ok(Letter {
            tenant: self.tenant,
            tenant_name: self.house.name.clone(),
            id,
            attempt: first.attempts + 1,
            channel: first.channel,
            digest: first.gathered,
            recipient: recipient.clone(),
            more: i64::try_from(count - listed.len()).unwrap_or(i64::MAX),
            listed,
            webhook: webhook.map(|url| Endpoint { url, secrets: self.webhook.clone() }),
        })
    }
}
