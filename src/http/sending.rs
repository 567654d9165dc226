//! A result on its way to the client, piece by piece. It counts as the client's until it has all of it, and it has a time for that: who
//! reads a byte now and then would hold it for ever.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use axum::body::{Bytes, HttpBody};
use hyper::body::{Frame, SizeHint};
use tokio::time::Instant;

use crate::capacity::Held;

const PIECE: usize = 16 << 10;

pub(super) struct Sending {
    rest: Bytes,
    until: Instant,
    _held: Held,
}

impl Sending {
    pub fn new(text: String, held: Held, patience: Duration) -> Self {
        Self { rest: text.into(), until: Instant::now() + patience, _held: held }
    }
}

impl HttpBody for Sending {
    type Data = Bytes;
    type Error = io::Error;

    /// Asked for when there is room for it: the client has taken what came before.
    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if self.rest.is_empty() {
            return Poll::Ready(None);
        }
        if Instant::now() > self.until {
            return Poll::Ready(Some(Err(io::ErrorKind::TimedOut.into())));
        }
        let piece = self.rest.len().min(PIECE);
        Poll::Ready(Some(Ok(Frame::data(self.rest.split_to(piece)))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.rest.len() as u64)
    }
}
