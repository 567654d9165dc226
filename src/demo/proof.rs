//! What can only be said in the end: what was heard by nobody, or too often; and what it all came to.

use std::{collections::BTreeMap, time::Duration};

use super::{Demo, TOP_UP, documents::describe, shown::Shown, timeline::Timeline, watcher::Watcher};

/// Looks through everything that was received. Each problem is a defect of the server.
pub fn check(demo: &mut Demo) -> Result<(), String> {
    for watcher in demo.cast.watchers_mut() {
        watcher.drain()?;
        nothing_unexpected(watcher, &demo.made)?;
    }
    let cast = &demo.cast;
    for watcher in [&cast.riley, &cast.rival] {
        never_heard(watcher, &[&demo.contact.email, &demo.contact.phone])?;
    }
    for (watcher, others) in
        [(&cast.pat, ["quinn", "riley"]), (&cast.quinn, ["pat", "riley"]), (&cast.riley, ["pat", "quinn"])]
    {
        never_heard(watcher, &others)?;
    }
    let of_demo: Vec<_> = demo.made.iter().map(String::as_str).collect();
    never_heard(&cast.rival, &of_demo)
}

/// Everything of this run that came was waited for, and each only once.
fn nothing_unexpected(watcher: &Watcher, made: &[String]) -> Result<(), String> {
    let of_this_run = |event: &Shown| made.iter().any(|id| event.mentions(id));
    let unexpected = watcher.heard.iter().find(|receipt| !receipt.expected && of_this_run(&receipt.event));
    unexpected.map_or(Ok(()), |receipt| {
        let Shown { who, what, value } = &receipt.event;
        let event = describe(value);
        Err(format!("{who} received {what} ({event}), which was not for it, or not twice: please report it."))
    })
}

fn never_heard(watcher: &Watcher, secrets: &[&str]) -> Result<(), String> {
    for receipt in &watcher.heard {
        let Shown { who, what, .. } = &receipt.event;
        if let Some(secret) = secrets.iter().find(|secret| receipt.event.mentions(secret)) {
            return Err(format!("{who} was told {secret:?} in {what}, which it may not know: please report it."));
        }
    }
    Ok(())
}

pub fn summary(demo: &Demo) {
    let (timeline, max, price) = (&demo.timeline, demo.max_claims, demo.price);
    timeline.heading("Proven");
    timeline.proven(&format!("everyone saw 0, 1 and 2 of {max} places taken: each once, and in this order"));
    timeline.proven("the contact was null to pat and quinn until each had paid, and to riley always");
    timeline.proven("no provider was told who else claimed; casey, whose lead it is, was");
    timeline.proven("pat and quinn were told that it fits them, with a score and why; riley, who gardens, was not");
    timeline.proven(&format!("pat and quinn paid {price} credits each, riley got {TOP_UP}; each alone heard of it"));
    timeline.proven("riley was away for 2 events, got them in order and once, with backlog: true, and went on live");
    timeline.proven("the rival tenant heard nothing of all this: its own lead was the first thing to come");
    latencies(demo);
}

/// For each stream, how long its live events took.
fn latencies(demo: &Demo) {
    let receipts = demo.cast.watchers().into_iter().flat_map(|watcher| &watcher.heard);
    let mut streams = BTreeMap::<_, (usize, Vec<Duration>)>::new();
    for receipt in receipts {
        let (events, live) = streams.entry(receipt.stream).or_default();
        *events += 1;
        live.extend(receipt.latency.filter(|_| receipt.event.value["backlog"] == false));
    }
    let total: usize = streams.values().map(|(events, _)| events).sum();
    let connections: usize = demo.cast.watchers().iter().map(|watcher| watcher.connections).sum();
    demo.timeline.heading(&format!("{total} events over {connections} connections"));
    Timeline::plain("  stream          events   ms from occurredAt to receipt, live: median   slowest");
    for (stream, (events, mut live)) in streams {
        live.sort_unstable();
        let ms = |duration: Option<&Duration>| {
            duration.map_or("-".to_owned(), |duration| format!("{:.1}", duration.as_secs_f64() * 1_000.0))
        };
        let (median, slowest) = (ms(live.get(live.len() / 2)), ms(live.last()));
        Timeline::plain(&format!("  {:<15} {events:>6} {median:>44} {slowest:>9}", stream.field()));
    }
    Timeline::plain("  The server takes occurredAt before it commits, so the commit is in these times.");
}
