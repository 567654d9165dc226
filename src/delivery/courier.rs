//! The ways out of a node, and who is on them: so many messages at once, and of one tenant and channel only a share, so that a
//! receiver that does not answer holds up nobody else's.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
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
use crate::{clock::Timestamp, error::Result, preferences::Channel};

/// Messages that a node sends at once by e-mail, and by webhooks.
const AT_ONCE: usize = 16;
/// And of those to one tenant's users on one channel.
const SHARE: usize = 4;

pub struct Courier {
    mail: Option<Mailer>,
    web: Web,
    traffic: Arc<Traffic>,
    tasks: TaskTracker,
    turn: AtomicUsize,
}

#[derive(Default)]
struct Traffic {
    lanes: Mutex<HashMap<Lane, usize>>,
    one_less: Notify,
}

/// A message on its way. Dropped: it has arrived, or not.
pub struct Ticket {
    lane: Lane,
    traffic: Arc<Traffic>,
}

impl Courier {
    /// `smtp`: the mail server's URL and the sender, if there are any. `dev`: dev mode.
    pub fn new(smtp: Option<(&str, Mailbox)>, dev: bool) -> Result<Self> {
        let connections = u32::try_from(AT_ONCE).unwrap_or(u32::MAX);
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
        let lanes = self.traffic.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        let by_mail = |channel| channel == Channel::Email;
        let beside = lanes.iter().filter(|((_, channel), _)| by_mail(*channel) == by_mail(lane.1));
        let all: usize = beside.map(|(_, count)| count).sum();
        let own = lanes.get(&lane).copied().unwrap_or(0);
        SHARE.saturating_sub(own).min(AT_ONCE.saturating_sub(all))
    }

    /// A place among those that are on their way.
    pub fn ticket(&self, lane: Lane) -> Ticket {
        let mut lanes = self.traffic.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        *lanes.entry(lane).or_default() += 1;
        Ticket { lane, traffic: self.traffic.clone() }
    }

    /// Beginning with another each time.
    pub fn in_turn(&self, mut lanes: Vec<Lane>) -> Vec<Lane> {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let places = turn.checked_rem(lanes.len()).unwrap_or(0);
        lanes.rotate_left(places);
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

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut lanes = self.traffic.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = lanes.get_mut(&self.lane) {
            *count -= 1;
            if *count == 0 {
                lanes.remove(&self.lane);
            }
        }
        drop(lanes);
        self.traffic.one_less.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{Id, TenantId};

    #[tokio::test]
    async fn nobody_takes_more_than_its_share() {
        let courier = Courier::new(None, false).expect("a courier");
        let tenants: Vec<TenantId> = (0..6).map(|_| Id::random()).collect();
        let mut tickets = Vec::new();
        for tenant in &tenants {
            let lane = (*tenant, Channel::Webhook);
            let room = courier.room(lane);
            tickets.extend((0..room).map(|_| courier.ticket(lane)));
            assert_eq!(courier.room(lane), 0);
        }
        assert_eq!(tickets.len(), AT_ONCE);
        assert_eq!(courier.room((tenants[5], Channel::Sms)), 0, "the same way out");
        assert_eq!(courier.room((tenants[0], Channel::Email)), SHARE, "another way out");
        tickets.remove(0);
        assert_eq!(courier.room((tenants[0], Channel::Webhook)), 1);
        assert_eq!(courier.room((tenants[5], Channel::Webhook)), 1);
        tickets.clear();
        assert_eq!(courier.room((tenants[5], Channel::Webhook)), SHARE);
        courier.one_less(Duration::from_secs(20)).await;
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
