//! Batched look-ups: the resolvers of a page ask one by one, the database is asked once.

use std::{collections::HashMap, fmt::Debug, hash::Hash};

use dataloader::{BatchFn, non_cached};
use futures_util::{FutureExt, future::BoxFuture};

use crate::error::{Error, Result};

/// Looks up `V`s by `K`, many at a time. Nothing is cached: a subscription lives long.
#[derive(Clone)]
pub struct Loader<K: Eq + Hash + Clone + Sync, V: Clone + Send>(non_cached::Loader<K, Result<Option<V>>, Fetch<K, V>>);

struct Fetch<K, V>(Box<dyn Fn(Vec<K>) -> BoxFuture<'static, Result<HashMap<K, V>>> + Send + Sync>);

impl<K, V> Loader<K, V>
where
    K: Eq + Hash + Clone + Debug + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    pub fn new<F, Fut>(fetch: F) -> Self
    where
        F: Fn(Vec<K>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<HashMap<K, V>>> + Send + 'static,
    {
        Self(non_cached::Loader::new(Fetch(Box::new(move |keys| fetch(keys).boxed()))))
    }

    /// The value of `key`; `None` when there is none.
    pub async fn load(&self, key: K) -> Result<Option<V>> {
        self.0.try_load(key).await.map_err(Error::internal)?
    }
}

impl<K, V> BatchFn<K, Result<Option<V>>> for Fetch<K, V>
where
    K: Eq + Hash + Clone + Sync,
    V: Clone + Send,
{
    async fn load(&mut self, keys: &[K]) -> HashMap<K, Result<Option<V>>> {
        match (self.0)(keys.to_vec()).await {
            Ok(mut found) => keys.iter().map(|key| (key.clone(), Ok(found.remove(key)))).collect(),
            Err(error) => keys.iter().map(|key| (key.clone(), Err(error.clone()))).collect(),
        }
    }
}
