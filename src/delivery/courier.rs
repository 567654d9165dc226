//! The ways out of a node, and who is on them: so many messages at once, and of one tenant only a share, so that a receiver that
//! does not answer holds up nobody else's.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use lettre::message::Mailbox;
use tokio::{sync::Notify, time::timeout};
use tokio_util::task::TaskTracker;

use super::{
    letter::{Lane, Letter},
    mail::Mailer,
    state::Outcome,
    webhook::Web,
};
use crate::{clock::Timestamp, error::Result, ids::TenantId, preferences::Channel};

/// E-mails that a node sends at once: all through the one mail server, so a tenant cannot make them slow.
const MAILS_AT_ONCE: usize = 16;
/// Calls that a node has open at once. SMS, PUSH and WEBHOOK are one way out, as one webhook gets them.
const CALLS_AT_ONCE: usize = 64;
/// And of each to one tenant's users.
const SHARE: usize = 4;

/// A tenant's way out: whether by mail.
type Way = (TenantId, bool);

fn way(lane: Lane) -> Way {
    (lane.0, lane.1 == Channel::Email)
}

pub struct Courier {
    mail: Option<Mailer>,
    web: Web,
    traffic: Arc<Traffic>,
    tasks: TaskTracker,
    turn: AtomicUsize,
}

#[derive(Default)]
struct Traffic {
    ways: Mutex<HashMap<Way, usize>>,
    one_less: Notify,
}

/// A message on its way. Dropped: it has arrived, or not.
pub struct Ticket {
    way: Way,
    traffic: Arc<Traffic>,
}

impl Courier {
    /// `smtp`: the mail server's URL and the sender, if there are any. `dev`: dev mode.
    pub fn new(smtp: Option<(&str, Mailbox)>, dev: bool) -> Result<Self> {
        let connections = u32::try_from(MAILS_AT_ONCE).unwrap_or(u32::MAX);
        let mail = smtp.map(|(url, from)| Mailer::new(url, from, connections)).transpose()?;
        Ok(Self {
            mail,
            web: Web::new(dev),
            traffic: Arc::default(),
            tasks: TaskTracker::new(),
            turn: AtomicUsize::new(0),
        })
    }

    /// Whether e-mails can be sent at all.
    pub fn has_mail(&self) -> bool {
        self.mail.is_some()
    }

    /// How many more messages of a tenant may go out on a channel now.
    pub fn room(&self, lane: Lane) -> usize {
        let ways = self.traffic.ways();
        let way = way(lane);
        let all: usize = ways.iter().filter(|((_, by_mail), _)| *by_mail == way.1).map(|(_, count)| count).sum();
        let own = ways.get(&way).copied().unwrap_or(0);
        let at_once = if way.1 { MAILS_AT_ONCE } else { CALLS_AT_ONCE };
        SHARE.saturating_sub(own).min(at_once.saturating_sub(all))
    }

    /// A place among those that are on their way.
    pub fn ticket(&self, lane: Lane) -> Ticket {
        let way = way(lane);
        *self.traffic.ways().entry(way).or_default() += 1;
        Ticket { way, traffic: self.traffic.clone() }
    }

    /// Whose tenant has the least under way first, and of equals beginning with another each time.
    pub fn in_turn(&self, mut lanes: Vec<Lane>) -> Vec<Lane> {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let places = turn.checked_rem(lanes.len()).unwrap_or(0);
        lanes.rotate_left(places);
        let ways = self.traffic.ways();
        lanes.sort_by_key(|lane| ways.get(&way(*lane)).copied().unwrap_or(0));
        lanes
    }

    /// Waits until a message has arrived, or not; at most so long.
    pub async fn one_less(&self, at_most: Duration) {
        // Either will do.
        let _ = timeout(at_most, self.traffic.one_less.notified()).await;
    }

    /// Runs beside everything else.
    pub fn spawn(&self, send: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn(send);
    }

    /// Waits for what is on its way. Nothing may be sent any more.
    pub async fn finish(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }

    pub async fn send(&self, letter: &Letter, now: Timestamp) -> Outcome {
        match (letter.channel, &self.mail, &letter.webhook) {
            (Channel::Email, Some(mail), _) => mail.send(letter, now).await,
            (Channel::Email, None, _) => Outcome::dead("leadcast has no mail server."),
            (_, _, Some(webhook)) => self.web.send(letter, webhook, now).await,
            (_, _, None) => Outcome::dead("The tenant has no webhook."),
        }
    }
}

impl Traffic {
    fn ways(&self) -> MutexGuard<'_, HashMap<Way, usize>> {
        self.ways.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut ways = self.traffic.ways();
        if let Some(count) = ways.get_mut(&self.way) {
            *count -= 1;
            if *count == 0 {
                ways.remove(&self.way);
            }
        }
        drop(ways);
        self.traffic.one_less.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::Id;

    fn fill(courier: &Courier, lane: Lane) -> Vec<Ticket> {
        let tickets = (0..courier.room(lane)).map(|_| courier.ticket(lane)).collect();
        assert_eq!(courier.room(lane), 0);
        tickets
    }

    #[tokio::test]
    async fn nobody_takes_more_than_its_share() {
        let courier = Courier::new(None, false).expect("a courier");
        let tenants: Vec<TenantId> = (0..20).map(|_| Id::random()).collect();
        let mut tickets = Vec::new();
        for tenant in &tenants {
            // On all its channels together, e-mail apart.
            for channel in [Channel::Sms, Channel::Push, Channel::Webhook] {
                tickets.extend(fill(&courier, (*tenant, channel)));
            }
            assert!(tickets.iter().filter(|ticket| ticket.way.0 == *tenant).count() <= SHARE);
        }
        assert_eq!(tickets.len(), CALLS_AT_ONCE);
        assert_eq!(courier.room((tenants[19], Channel::Sms)), 0, "no place at all is left");
        assert_eq!(courier.room((tenants[0], Channel::Email)), SHARE, "another way out");
        tickets.remove(0);
        assert_eq!(courier.room((tenants[0], Channel::Push)), 1);
        assert_eq!(courier.room((tenants[19], Channel::Webhook)), 1);
        tickets.clear();
        assert_eq!(courier.room((tenants[19], Channel::Webhook)), SHARE);
        courier.one_less(Duration::from_secs(20)).await;

        let mails: Vec<_> = tenants.iter().flat_map(|tenant| fill(&courier, (*tenant, Channel::Email))).collect();
        assert_eq!(mails.len(), MAILS_AT_ONCE);
    }

    #[test]
    fn who_has_nothing_under_way_is_first() {
        let courier = Courier::new(None, false).expect("a courier");
        let [busy, idle]: [TenantId; 2] = [Id::random(), Id::random()];
        let _hanging = courier.ticket((busy, Channel::Sms));
        let lanes = vec![(busy, Channel::Webhook), (busy, Channel::Email), (idle, Channel::Webhook)];
        for _ in 0..6 {
            assert_eq!(courier.in_turn(lanes.clone())[2], lanes[0], "its calls, not its mail");
        }
    }

    #[test]
    fn every_lane_is_the_first_at_times() {
        let courier = Courier::new(None, false).expect("a courier");
        let lanes: Vec<Lane> = (0..3).map(|_| (Id::random(), Channel::Email)).collect();
        let first: Vec<_> = (0..4).map(|_| courier.in_turn(lanes.clone())[0]).collect();
        assert_eq!(first, [lanes[0], lanes[1], lanes[2], lanes[0]]);
        assert!(courier.in_turn(Vec::new()).is_empty());
    }
}
