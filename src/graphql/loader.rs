//! Batched look-ups: the resolvers of a page ask one by one, the database is asked once.
//!
//! A batch is looked up in a task of its own: the resolver that happened to send it off may be dropped, because a field
//! beside it has failed, and those who wait with it are answered all the same.

use std::{
    collections::{HashMap, HashSet},
    hash::Hash,
    mem,
    sync::{Arc, Mutex, PoisonError},
};

use futures_util::{FutureExt, future::BoxFuture};
use tokio::{
    sync::{Mutex as Turn, oneshot},
    task::yield_now,
};
use tracing::Instrument;

use crate::error::{Error, Result};

/// Keys of one batch at most.
const MAX_BATCH: usize = 200;
/// How often a look-up steps back, for the resolvers beside it to ask too.
const PATIENCE: usize = 10;

/// Looks up `V`s by `K`, many at a time. Nothing is cached: a subscription lives long.
pub struct Loader<K, V>(Arc<Queue<K, V>>);

struct Queue<K, V> {
    waiting: Mutex<Vec<Waiting<K, V>>>,
    /// One batch at a time: a request takes one connection for each kind of look-up, whatever its size.
    turn: Turn<()>,
    fetch: Box<dyn Fn(Vec<K>) -> BoxFuture<'static, Result<HashMap<K, V>>> + Send + Sync>,
}

type Waiting<K, V> = (K, oneshot::Sender<Result<Option<V>>>);

impl<K, V> Loader<K, V>
where
    K: Eq + Hash + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    pub fn new<F, Fut>(fetch: F) -> Self
    where
        F: Fn(Vec<K>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<HashMap<K, V>>> + Send + 'static,
    {
        let fetch = Box::new(move |keys| fetch(keys).boxed());
        Self(Arc::new(Queue { waiting: Mutex::default(), turn: Turn::default(), fetch }))
    }

    /// The value of `key`; `None` when there is none.
    pub async fn load(&self, key: K) -> Result<Option<V>> {
        let (answer, answered) = oneshot::channel();
        if self.0.join((key, answer)) < MAX_BATCH {
            for _ in 0..PATIENCE {
                yield_now().await;
            }
        }
        self.0.send_off();
        answered.await.map_err(Error::internal)?
    }
}

impl<K, V> Queue<K, V>
where
    K: Eq + Hash + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    /// Returns how many are waiting now.
    fn join(&self, waiting: Waiting<K, V>) -> usize {
        let mut all = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        all.push(waiting);
        all.len()
    }

    /// Looks up what is waiting, if another has not done so already.
    fn send_off(self: &Arc<Self>) {
        let batch = mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner));
        if !batch.is_empty() {
            let queue = self.clone();
            tokio::spawn(async move { queue.answer(batch).await }.in_current_span());
        }
    }

    async fn answer(&self, batch: Vec<Waiting<K, V>>) {
        let _turn = self.turn.lock().await;
        let keys: HashSet<K> = batch.iter().map(|(key, _)| key.clone()).collect();
        let found = (self.fetch)(keys.into_iter().collect()).await;
        for (key, answer) in batch {
            // Who is no longer there needs no answer.
            let _ = answer.send(found.as_ref().map(|found| found.get(&key).cloned()).map_err(Clone::clone));
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::future::join_all;

    use super::*;

    /// Doubles numbers below 1,000, and notes what it is asked.
    fn doubling() -> (Arc<Mutex<Vec<usize>>>, Loader<u32, u32>) {
        let sizes = Arc::new(Mutex::new(Vec::new()));
        let seen = sizes.clone();
        let loader = Loader::new(move |keys: Vec<u32>| {
            seen.lock().expect("no panic").push(keys.len());
            async move {
                yield_now().await;
                Ok(keys.into_iter().filter(|key| *key < 1_000).map(|key| (key, 2 * key)).collect())
            }
        });
        (sizes, loader)
    }

    #[tokio::test]
    async fn those_who_ask_together_are_answered_together() {
        let (sizes, loader) = doubling();
        let answers = join_all([1, 2, 2, 1_000].map(|key| loader.load(key))).await;
        let answers: Vec<_> = answers.into_iter().map(|answer| answer.expect("no error")).collect();
        assert_eq!(answers, [Some(2), Some(4), Some(4), None]);
        assert_eq!(*sizes.lock().expect("no panic"), [3]);
    }

    #[tokio::test]
    async fn a_batch_has_a_size() {
        let (sizes, loader) = doubling();
        let answers = join_all((0..500).map(|key| loader.load(key))).await;
        assert!(answers.into_iter().zip(0..).all(|(answer, key)| answer.expect("no error") == Some(2 * key)));
        assert_eq!(*sizes.lock().expect("no panic"), [200, 200, 100]);
    }

    #[tokio::test]
    async fn who_leaves_takes_nobody_along() {
        let (sizes, loader) = doubling();
        let (mut first, mut second) = (Box::pin(loader.load(1)), Box::pin(loader.load(2)));
        // The first sends the batch off, and is dropped while it is being looked up.
        while sizes.lock().expect("no panic").is_empty() {
            assert!((&mut first).now_or_never().is_none());
            assert!((&mut second).now_or_never().is_none());
            yield_now().await;
        }
        drop(first);
        assert_eq!(second.await.expect("no error"), Some(4));
        assert_eq!(*sizes.lock().expect("no panic"), [2]);
    }
}
