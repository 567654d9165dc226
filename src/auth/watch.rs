//! How long a token that keeps something open may keep it open: until it has expired or become void.
//!
//! Whoever makes tokens void says so in the log, which every node reads; there it rings the bell of that user, and the tokens that are
//! watched are checked again at once. So they are when the keys have changed: one may be gone. The check now and then is for what rings
//! no bell: a node that has not read the log.

use std::{
    collections::HashMap,
    future::pending,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures_util::future::{BoxFuture, OptionFuture};
use tokio::{
    sync::watch,
    time::{Instant, Interval, MissedTickBehavior, interval_at},
};

use super::{Auth, EXPIRED, Viewer};
use crate::{
    error::{Error, Fault, Result},
    ids::{TenantId, UserId},
};

/// How often the deadline is looked at: the clock may be moved, so that one long sleep would not do.
const LOOK: Duration = Duration::from_secs(1);
/// How often the token is checked again, and how soon when the database was away.
const RECHECK: Duration = Duration::from_secs(30);
const AFTER_FAILURE: Duration = Duration::from_secs(2);

/// A token that keeps something open, and whose it is.
pub struct Watch {
    auth: Auth,
    token: Arc<str>,
    viewer: Viewer,
    bell: Bell,
    look: Interval,
    recheck: Interval,
    /// A check that is under way.
    check: Option<BoxFuture<'static, Result<Viewer>>>,
}

impl Watch {
    /// Of a token that was found good just now. It is looked at once more, in case it became void before the bell was hung up.
    pub(super) fn new(auth: &Auth, token: Arc<str>, viewer: Viewer) -> Self {
        let every = |period: Duration| {
            let mut interval = interval_at(Instant::now() + period, period);
            interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
            interval
        };
        let bell = auth.bells.hang((viewer.tenant, viewer.user.clone()));
        let mut watch =
            Self { auth: auth.clone(), token, viewer, bell, look: every(LOOK), recheck: every(RECHECK), check: None };
        watch.check_again();
        watch
    }

    pub fn token(&self) -> &Arc<str> {
        &self.token
    }

    pub fn viewer(&self) -> &Viewer {
        &self.viewer
    }

    /// Returns when the token is no longer good: why. May be dropped and called again.
    pub async fn ended(&mut self) -> Fault {
        loop {
            tokio::select! {
                _ = self.look.tick() => {
                    if self.viewer.expires_at <= self.auth.clock.now() {
                        return EXPIRED;
                    }
                }
                _ = self.recheck.tick() => self.check_again(),
                () = self.bell.rings() => self.check_again(),
                Some(checked) = OptionFuture::from(self.check.as_mut()) => {
                    self.check = None;
                    match checked {
                        Err(Error::Fault(fault @ Fault::Unauthenticated(_))) => return fault,
                        Err(_) => self.recheck.reset_after(AFTER_FAILURE),
                        Ok(_) => {}
                    }
                }
            }
        }
    }

    /// Whether a younger token may take this one's place: of the same user in the same role.
    pub fn is_of(&self, viewer: &Viewer) -> bool {
        (viewer.tenant, &viewer.user, viewer.role) == (self.viewer.tenant, &self.viewer.user, self.viewer.role)
    }

    fn check_again(&mut self) {
        let (auth, token) = (self.auth.clone(), self.token.clone());
        self.check = Some(Box::pin(async move { auth.viewer(&token).await }));
    }
}

type User = (TenantId, UserId);

/// A bell for each user of whom something is open.
#[derive(Clone, Default)]
pub struct Bells(Arc<Mutex<HashMap<User, watch::Sender<()>>>>);

/// Taken down when dropped.
struct Bell {
    bells: Bells,
    user: User,
    receiver: watch::Receiver<()>,
}

impl Bells {
    fn hang(&self, user: User) -> Bell {
        let mut bells = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let receiver = bells.entry(user.clone()).or_default().subscribe();
        Bell { bells: self.clone(), user, receiver }
    }

    pub fn ring(&self, user: &User) {
        if let Some(bell) = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(user) {
            bell.send_replace(());
        }
    }

    pub fn ring_all(&self) {
        let bells = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for bell in bells.values() {
            bell.send_replace(());
        }
    }
}

impl Bell {
    async fn rings(&mut self) {
        if self.receiver.changed().await.is_err() {
            pending::<()>().await;
        }
    }
}

impl Drop for Bell {
    fn drop(&mut self) {
        let mut bells = self.bells.0.lock().unwrap_or_else(PoisonError::into_inner);
        // This one still counts.
        if bells.get(&self.user).is_some_and(|bell| bell.receiver_count() <= 1) {
            bells.remove(&self.user);
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[tokio::test]
    async fn a_bell_is_heard_by_those_it_is_for_and_taken_down_with_the_last() {
        let bells = Bells::default();
        let user = |name: &str| (TenantId::from_uuid(Uuid::nil()), UserId::from(name));
        let (mut one, mut other) = (bells.hang(user("pat")), bells.hang(user("pat")));
        let mut quinn = bells.hang(user("quinn"));
        bells.ring(&user("pat"));
        bells.ring(&user("nobody"));
        one.rings().await;
        other.rings().await;
        assert!(futures_util::FutureExt::now_or_never(quinn.rings()).is_none());
        drop(one);
        bells.ring(&user("pat"));
        other.rings().await;
        drop((other, quinn));
        assert!(bells.0.lock().expect("no panic").is_empty());
    }
}
