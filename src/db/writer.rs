//! SQLite's writes have a thread of their own. There is one writer at a time anyway; here the next begins as soon as the last has
//! committed, without anybody being woken in between, and no worker of the runtime waits for the disk.

use std::{
    panic::{AssertUnwindSafe, resume_unwind},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures_util::{FutureExt, future::BoxFuture};
use tokio::{
    runtime::Handle,
    sync::{mpsc, oneshot},
    time::timeout,
};

use crate::error::{Error, Fault, Result};

/// Writes that may wait for their turn.
const QUEUE: usize = 1_024;
/// How long each may wait. It is a queue that everyone stands in.
const PATIENCE: Duration = Duration::from_secs(5);

/// Cheap to clone; the thread ends with the last clone.
#[derive(Clone)]
pub(crate) struct Writer(mpsc::Sender<BoxFuture<'static, ()>>);

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
        Ok(Self(queue))
    }

    /// Runs `write` when its turn comes. SERVICE_UNAVAILABLE, and nothing done, when that takes too long.
    pub async fn run<T: Send + 'static>(&self, write: impl Future<Output = Result<T>> + Send + 'static) -> Result<T> {
        let (done, mut outcome) = oneshot::channel();
        // Whoever sets it decides: the thread that begins, or the one that has waited long enough.
        let decided = Arc::new(AtomicBool::new(false));
        let turn = {
            let decided = decided.clone();
            async move {
                if !decided.swap(true, Ordering::Relaxed) {
                    // Nobody is there to take it when the process ends.
                    drop(done.send(AssertUnwindSafe(write).catch_unwind().await));
                }
            }
        };
        let busy = || Error::from(Fault::unavailable("too many writes wait for their turn"));
        self.0.try_send(turn.boxed()).map_err(|_| busy())?;
        let outcome = match timeout(PATIENCE, &mut outcome).await {
            Ok(outcome) => outcome,
            Err(_) if !decided.swap(true, Ordering::Relaxed) => return Err(busy()),
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
        self.0.max_capacity() - self.0.capacity()
    }
}
