//! SQLite's writes have a thread of their own. There is one writer at a time anyway; here the next begins as soon as the last has
//! committed, without anybody being woken in between, and no worker of the runtime waits for the disk.

use std::{
    collections::HashMap,
    panic::{AssertUnwindSafe, resume_unwind},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures_util::{FutureExt, future::BoxFuture};
use tokio::{
    runtime::Handle,
    sync::{
        mpsc::{self, error::TrySendError},
        oneshot,
    },
    time::sleep,
};
use tokio_util::sync::CancellationToken;

use crate::{
    error::{Error, Fault, Result},
    ids::TenantId,
};

/// Writes that may wait for their turn; of one tenant not all of them, so that it cannot shut out the others.
const QUEUE: usize = 1_024;
const OF_A_TENANT: usize = QUEUE / 4;
/// How long each may wait. It is a queue that everyone stands in.
const PATIENCE: Duration = Duration::from_secs(5);

/// Cheap to clone; the thread ends with the last clone.
#[derive(Clone)]
pub(crate) struct Writer {
    queue: mpsc::Sender<BoxFuture<'static, ()>>,
    waiting: Arc<Mutex<HashMap<Option<TenantId>, usize>>>,
}

/// A place in the queue, for as long as it is taken.
struct Place {
    tenant: Option<TenantId>,
    waiting: Arc<Mutex<HashMap<Option<TenantId>, usize>>>,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        match waiting.get_mut(&self.tenant) {
            Some(count) if *count > 1 => *count -= 1,
            _ => drop(waiting.remove(&self.tenant)),
        }
    }
}

impl Writer {
    /// In the runtime whose timers and wake-ups the writes use.
    pub fn start() -> std::io::Result<Self> {
        let (queue, mut writes) = mpsc::channel::<BoxFuture<'static, ()>>(QUEUE);
        let runtime = Handle::current();
        let run = move || {
            runtime.block_on(async {
                while let Some(write) = writes.recv().await {
                    write.await;
                }
            });
        };
        std::thread::Builder::new().name("sqlite-writer".to_owned()).spawn(run)?;
        Ok(Self { queue, waiting: Arc::default() })
    }

    /// A place for a write of this tenant (`None`: of the server itself); `None` when it has too many already.
    fn place(&self, tenant: Option<TenantId>) -> Option<Place> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let count = waiting.entry(tenant).or_default();
        (*count < OF_A_TENANT).then(|| {
            *count += 1;
            Place { tenant, waiting: self.waiting.clone() }
        })
    }

    /// Runs `write` when its turn comes. SERVICE_UNAVAILABLE, and nothing done, when that takes too long. Nothing is done either
    /// when `caller` is cancelled by then: what nobody waits for any more would only hold up those who do.
    pub async fn run<T: Send + 'static>(
        &self,
        tenant: Option<TenantId>,
        caller: &CancellationToken,
        write: impl Future<Output = Result<T>> + Send + 'static,
    ) -> Result<T> {
        let busy = || Error::from(Fault::unavailable("too many writes wait for their turn"));
        let place = self.place(tenant).ok_or_else(busy)?;
        let (done, mut outcome) = oneshot::channel();
        // Whoever sets it decides: the thread that begins, or the one that has waited long enough.
        let decided = Arc::new(AtomicBool::new(false));
        let turn = {
            let (decided, caller) = (decided.clone(), caller.clone());
            async move {
                drop(place);
                if !caller.is_cancelled() && !decided.swap(true, Ordering::Relaxed) {
                    // Nobody is there to take it when the process ends.
                    drop(done.send(AssertUnwindSafe(write).catch_unwind().await));
                }
            }
        };
        self.queue.try_send(turn.boxed()).map_err(|refused| match refused {
            TrySendError::Full(_) => busy(),
            TrySendError::Closed(_) => Error::internal("the writer has stopped"),
        })?;
        let no_longer = tokio::select! {
            biased;
            outcome = &mut outcome => Ok(outcome),
            () = caller.cancelled() => Err(unwanted()),
            () = sleep(PATIENCE) => Err(busy()),
        };
        let outcome = match no_longer {
            Ok(outcome) => outcome,
            Err(why) if !decided.swap(true, Ordering::Relaxed) => return Err(why),
            Err(_) => outcome.await,
        };
        match outcome {
            Ok(Ok(result)) => result,
            Ok(Err(panic)) => resume_unwind(panic),
            Err(ended) => Err(Error::internal(ended)),
        }
    }

    /// How many wait.
    pub fn waiting(&self) -> usize {
        self.queue.max_capacity() - self.queue.capacity()
    }

    /// Returns when the thread has ended, which it never should.
    pub async fn stopped(&self) {
        self.queue.closed().await;
    }
}

/// Nobody reads this.
pub(super) fn unwanted() -> Error {
    Error::internal("nobody waits for it any more")
}
