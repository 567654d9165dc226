//! The commands for a bad night: backup, restore, and a new epoch of the log.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use indicatif::{HumanBytes, ProgressBar, ProgressStyle};
use leadcast::{
    clock::Clock,
    config::Settings,
    db::{Target, backup as copies},
    error::Error,
};

use crate::{Outcome, database_error, make_folders, open_existing, say};

pub fn backup(settings: &Settings, file: &Path) -> Outcome {
    let Target::Sqlite(database) = settings.database() else {
        return Err(
            "PostgreSQL has its own tools for this: pg_dump --format=custom --file=FILE (see the README)".to_owned()
        );
    };
    let started = Instant::now();
    let bytes = with_a_bar(|progress| copies::backup(&database, file, progress))?;
    say(format_args!(
        "wrote {}, a copy of {}: {}",
        file.display(),
        database.display(),
        amount(bytes, started.elapsed())
    ));
    Ok(())
}

pub fn restore(settings: &Settings, file: &Path) -> Outcome {
    let target = settings.database();
    let Target::Sqlite(database) = &target else {
        return Err(
            "PostgreSQL has its own tools for this: pg_restore, and then `leadcast epoch` (see the README)".to_owned()
        );
    };
    make_folders(settings, &target)?;
    let started = Instant::now();
    let restored = with_a_bar(|progress| copies::restore(database, file, Clock::default().now(), progress))?;
    if let Some(aside) = &restored.aside {
        say(format_args!("the database that was there is now {}", aside.display()));
    }
    say(format_args!("the log begins the epoch {}: cursors from before get CURSOR_EXPIRED", restored.epoch));
    say(format_args!(
        "restored {} from {}: {}",
        database.display(),
        file.display(),
        amount(restored.bytes, started.elapsed())
    ));
    Ok(())
}

pub async fn epoch(settings: &Settings) -> Outcome {
    let (db, _) = open_existing(settings).await?;
    let epoch = db.begin_epoch().await.map_err(|error| database_error(&settings.database(), &error))?;
    say(format_args!(
        "the log begins the epoch {epoch}: cursors from before, and the streams that run, get CURSOR_EXPIRED"
    ));
    Ok(())
}

/// Runs `work`, which blocks, and shows on a terminal how far it has come.
fn with_a_bar<T>(work: impl FnOnce(copies::Progress<'_>) -> Result<T, Error>) -> Outcome<T> {
    let style = ProgressStyle::with_template("{bar:40} {bytes} of about {total_bytes}, {eta} to go");
    // Draws on stderr, and not at all when that is no terminal.
    let bar = ProgressBar::new(0).with_style(style.expect("the template is well-formed"));
    let progress = |written: u64, expected: u64| {
        bar.set_length(expected.max(written));
        bar.set_position(written);
    };
    let outcome = tokio::task::block_in_place(|| work(&progress));
    bar.finish_and_clear();
    outcome.map_err(|error| error.describe())
}

fn amount(bytes: u64, time: Duration) -> String {
    format!("{} in {:.1} s", HumanBytes(bytes), time.as_secs_f64())
}
