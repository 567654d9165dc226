//! What the demo shows: a line for everything that is sent or received, at the moment it happens.

use std::{
    io::{self, IsTerminal, Write},
    time::Instant,
};

/// What a line tells of.
#[derive(Clone, Copy)]
pub enum Mark {
    /// A mutation or a query goes out over HTTP, or a subscription over WebSocket.
    Sent,
    /// Its answer.
    Answered,
    /// An event came over WebSocket.
    Received,
}

/// Writes to stdout. Clones share the clock, so that every socket can write for itself.
#[derive(Clone)]
pub struct Timeline {
    start: Instant,
    colours: bool,
}

const BOLD: &str = "1";
const GREEN: &str = "32";
const CYAN: &str = "36";
const DIM: &str = "2";

impl Timeline {
    pub fn start() -> Self {
        Self { start: Instant::now(), colours: io::stdout().is_terminal() }
    }

    /// What the columns are.
    pub fn legend(&self) {
        let columns = columns("ms", " ", "who", "what", "→ sent   = answered   ← received over WebSocket");
        write(&self.paint(DIM, &columns));
    }

    pub fn heading(&self, text: &str) {
        write(&format!("\n{}", self.paint(BOLD, text)));
    }

    /// `who` sent, was answered or received `what`.
    pub fn line(&self, mark: Mark, who: &str, what: &str, detail: &str) {
        let (arrow, colour) = match mark {
            Mark::Sent => ("→", CYAN),
            Mark::Answered => ("=", DIM),
            Mark::Received => ("←", GREEN),
        };
        // The time is taken under the lock, so that it rises from line to line.
        let mut out = io::stdout().lock();
        let ms = format!("{:.1}", self.start.elapsed().as_secs_f64() * 1_000.0);
        let line = self.paint(colour, &columns(&ms, arrow, who, what, detail));
        // Whoever was reading may have gone, as `head` does; the demo still ends with its verdict.
        let _gone = writeln!(out, "{line}");
    }

    pub fn proven(&self, what: &str) {
        write(&format!("  {} {what}", self.paint(GREEN, "✓")));
    }

    pub fn plain(text: &str) {
        write(text);
    }

    fn paint(&self, colour: &str, text: &str) -> String {
        if self.colours { format!("\x1b[{colour}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

fn columns(ms: &str, arrow: &str, who: &str, what: &str, detail: &str) -> String {
    format!("{ms:>8}  {arrow} {who:<12} {what:<25} {detail}").trim_end().to_owned()
}

fn write(text: &str) {
    let _gone = writeln!(io::stdout().lock(), "{text}");
}
