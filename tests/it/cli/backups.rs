//! `leadcast backup` and `leadcast restore`: what they write, what they refuse, and what is left when they are interrupted.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Instant,
};

use diesel::{Connection, connection::SimpleConnection, sqlite::SqliteConnection};

use super::{Ended, Program, failed, succeeded};
use crate::support::{database::temporary_folder, soon};

async fn run(folder: &Path, arguments: &[&str]) -> Ended {
    Program::run(folder, arguments, &[]).await
}

async fn tenant(folder: &Path, slug: &str) {
    succeeded(&run(folder, &["tenant", "create", slug, "--name", slug]).await);
}

/// Whether the database in `data`, or the one in `file`, has this tenant.
async fn has_tenant(folder: &Path, file: Option<&Path>, slug: &str) -> bool {
    let url = file.map(|file| format!("sqlite://{}", file.display()));
    let variables: Vec<_> = url.iter().map(|url| ("DATABASE_URL", url.as_str())).collect();
    let arguments = ["token", "--tenant", slug, "--user", "boss", "--role", "ADMIN"];
    let ended = Program::run(folder, &arguments, &variables).await;
    assert!(ended.code == Some(0) || ended.stderr.contains("there is no tenant"), "{ended:?}");
    ended.code == Some(0)
}

/// As an operator's sqlite3 would.
fn by_hand(file: &Path, sql: &str) -> SqliteConnection {
    let mut conn = SqliteConnection::establish(file.to_str().expect("UTF-8")).expect("the file can be opened");
    conn.batch_execute(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
    conn
}

/// What stands beside the database, and begins like this.
fn beside(folder: &Path, beginning: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder.join("data")).expect("the data folder");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let named = |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(beginning));
    paths.filter(named).collect()
}

/// Back to the state of the backup, and back again by hand to what was kept.
#[tokio::test(flavor = "multi_thread")]
async fn a_backup_brings_back_what_was_there() {
    let folder = temporary_folder();
    let folder = folder.path();
    tenant(folder, "early").await;
    let (server, _) = Program::serve(folder, &[]).await;
    let backup = run(folder, &["backup", "copy.db"]).await;
    succeeded(&backup);
    assert!(backup.stdout.starts_with("wrote copy.db, a copy of ./data/leadcast.db: "), "{backup:?}");
    assert_eq!(backup.stderr, "", "a progress bar is for terminals");
    assert_eq!(mode(&folder.join("copy.db")), 0o600, "it holds everybody's contacts");
    tenant(folder, "late").await;

    // A crash: what came last is in the write-ahead log only.
    failed(&run(folder, &["restore", "copy.db"]).await, "served by another leadcast: stop that one");
    server.signal("KILL");
    server.end().await;
    assert!(folder.join("data/leadcast.db-wal").metadata().is_ok_and(|wal| wal.len() > 0));

    let restored = run(folder, &["restore", "copy.db"]).await;
    succeeded(&restored);
    assert_eq!(restored.stderr, "");
    let [aside] = &beside(folder, "leadcast.db.before-")[..] else { panic!("{restored:?}") };
    assert!(restored.stdout.contains(aside.to_str().expect("UTF-8")), "{restored:?}");
    assert!(restored.stdout.contains("CURSOR_EXPIRED"), "{restored:?}");
    assert!(
        restored
            .stdout
            .lines()
            .last()
            .is_some_and(|line| line.starts_with("restored ./data/leadcast.db from copy.db: "))
    );
    assert!(has_tenant(folder, None, "early").await && !has_tenant(folder, None, "late").await);
    assert!(has_tenant(folder, Some(aside), "late").await, "the write-ahead log was folded in");

    // Not over an existing file, which stays as it is.
    let before = fs::read(folder.join("copy.db")).expect("the backup");
    failed(&run(folder, &["backup", "copy.db"]).await, "exists already");
    assert_eq!(fs::read(folder.join("copy.db")).expect("the backup"), before, "a restore does not change it, either");
    let (_server, _) = Program::serve(folder, &[]).await;
}

fn mode(file: &Path) -> u32 {
    std::os::unix::fs::PermissionsExt::mode(&file.metadata().expect("a file").permissions()) & 0o777
}

/// Somebody has deleted the database and left its log: the log is not taken for the restored one's.
#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_was_left_behind_is_moved_away() {
    let folder = temporary_folder();
    let folder = folder.path();
    tenant(folder, "early").await;
    succeeded(&run(folder, &["backup", "copy.db"]).await);
    let (server, _) = Program::serve(folder, &[]).await;
    tenant(folder, "late").await;
    server.signal("KILL");
    server.end().await;
    fs::remove_file(folder.join("data/leadcast.db")).expect("a file");
    succeeded(&run(folder, &["restore", "copy.db"]).await);
    assert_eq!(beside(folder, "leadcast.db-"), Vec::<PathBuf>::new());
    assert!(has_tenant(folder, None, "early").await && !has_tenant(folder, None, "late").await);

    // Nor is the log of one that is beyond help: it is kept beside what it belongs to.
    let beyond_help = "not a database any more\n".repeat(1_000);
    fs::write(folder.join("data/leadcast.db"), &beyond_help).expect("a file");
    fs::write(folder.join("data/leadcast.db-wal"), "nor its log").expect("a file");
    succeeded(&run(folder, &["restore", "copy.db"]).await);
    assert!(has_tenant(folder, None, "early").await);
    let kept = beside(folder, "leadcast.db.before-").into_iter().map(|file| fs::read(file).expect("a file"));
    let kept: Vec<_> = kept.collect();
    assert!(kept.contains(&beyond_help.into_bytes()) && kept.contains(&b"nor its log".to_vec()), "{}", kept.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_backup_is_refused() {
    let folder = temporary_folder();
    let folder = folder.path();
    tenant(folder, "early").await;
    succeeded(&run(folder, &["backup", "good.db"]).await);
    let good = fs::read(folder.join("good.db")).expect("the backup");
    let changed = |name: &str, sql: &str| {
        fs::write(folder.join(name), &good).expect("a file");
        drop(by_hand(&folder.join(name), sql));
    };
    changed("newer.db", "INSERT INTO __diesel_schema_migrations (version) VALUES ('29991231000001')");
    drop(by_hand(&folder.join("stranger.db"), "CREATE TABLE recipes (id integer)"));
    fs::write(folder.join("text.db"), "This is not a database, but a letter.").expect("a file");
    fs::write(folder.join("empty.db"), "").expect("a file");
    fs::write(folder.join("cut.db"), &good[..good.len() / 2]).expect("a file");
    let mut scratched = good.clone();
    scratched[60_000..100_000].fill(0x5a);
    fs::write(folder.join("scratched.db"), scratched).expect("a file");
    for (file, why) in [
        ("missing.db", "missing.db: No such file"),
        ("text.db", "no SQLite database"),
        ("empty.db", "no SQLite database"),
        ("stranger.db", "not one of leadcast"),
        ("newer.db", "a newer leadcast than this one, which does not know its migration 29991231000001"),
        ("cut.db", "cut.db is damaged"),
        ("scratched.db", "scratched.db is damaged"),
        ("data/leadcast.db", "the database itself"),
    ] {
        failed(&run(folder, &["restore", file]).await, why);
        assert!(has_tenant(folder, None, "early").await, "{file}");
    }
    // Somebody is still looking at it.
    let reader = by_hand(&folder.join("data/leadcast.db"), "BEGIN; SELECT count(*) FROM tenants");
    failed(&run(folder, &["restore", "good.db"]).await, "in use by another program");
    drop(reader);
    for leftover in ["leadcast.db.restoring", "leadcast.db.before"] {
        assert_eq!(beside(folder, leftover), Vec::<PathBuf>::new());
    }
    failed(
        &Program::run(folder, &["backup", "x.db", "--data", "nowhere"], &[]).await,
        "there is no database nowhere/leadcast.db",
    );
    failed(&run(folder, &["backup", "no/such/folder.db"]).await, "no/such/folder.db");

    // One of a version before is brought up to date.
    let undo = include_str!("../../../migrations/sqlite/2026-11-20-000003_log_origin/down.sql");
    changed("older.db", &format!("{undo} DELETE FROM __diesel_schema_migrations WHERE version = '20261120000003'"));
    succeeded(&run(folder, &["restore", "older.db"]).await);
    let (_server, _) = Program::serve(folder, &[]).await;
}

/// Whenever it happens, the database is the old one or the new one, and whole.
#[tokio::test(flavor = "multi_thread")]
async fn a_restore_may_be_killed_anywhere() {
    let folder = temporary_folder();
    let folder = folder.path();
    tenant(folder, "early").await;
    // Enough to take its time.
    let ballast =
        "CREATE TABLE ballast AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200)
        SELECT i, randomblob(100000) FROM n";
    drop(by_hand(&folder.join("data/leadcast.db"), ballast));
    succeeded(&run(folder, &["backup", "copy.db"]).await);
    let started = Instant::now();
    succeeded(&run(folder, &["restore", "copy.db"]).await);
    let whole = started.elapsed();
    let clear_away = || {
        for leftover in [beside(folder, "leadcast.db.restoring"), beside(folder, "leadcast.db.before")].concat() {
            fs::remove_file(leftover).expect("a file");
        }
    };
    clear_away();
    let mut finished = 0;
    for round in 0..12 {
        let restore = Program::start(folder, &["restore", "copy.db"], &[]);
        let begun =
            || !beside(folder, "leadcast.db.restoring").is_empty() || !beside(folder, "leadcast.db.before").is_empty();
        soon("the restore to begin", async {
            while !begun() {
                tokio::task::yield_now().await;
            }
        })
        .await;
        tokio::time::sleep(whole * round / 12).await;
        restore.kill();
        let ended = restore.end().await;
        finished += usize::from(ended.code == Some(0));
        assert!(has_tenant(folder, None, "early").await, "{ended:?}");
        clear_away();
    }
    println!("{finished} of 12 had finished");
    succeeded(&run(folder, &["restore", "copy.db"]).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn postgresql_is_left_to_its_own_tools() {
    let folder = temporary_folder();
    for (command, instead) in [("backup", "pg_dump"), ("restore", "pg_restore")] {
        let ended =
            Program::run(folder.path(), &[command, "file"], &[("DATABASE_URL", "postgres://u:hunter2@127.0.0.1/x")])
                .await;
        assert_eq!((ended.code, ended.stdout.as_str(), ended.stderr.lines().count()), (Some(1), "", 1));
        assert!(ended.stderr.contains(instead) && !ended.stderr.contains("hunter2"), "{ended:?}");
    }
    assert_eq!(folder.path().read_dir().expect("a folder").count(), 0);
}
