//! Backups of the embedded database. (PostgreSQL has tools of its own.)
//!
//! A copy is made by `VACUUM INTO`: one consistent state, while a server goes on serving the file. It is written beside its
//! place and moved there when it is whole and on the disk, so that whatever interrupts it leaves no half of one.

use std::{
    fs::{self, File},
    io::{self, Read},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use diesel::{
    QueryableByName, RunQueryDsl,
    connection::SimpleConnection,
    sql_query,
    sql_types::{BigInt, Text},
    sqlite::SqliteConnection,
};

use super::{Epoch, epoch, migrations, sqlite};
use crate::{
    clock::Timestamp,
    error::{Error, Result},
};

/// Is told, now and then, how many bytes are written, and about how many it will be.
pub type Progress<'a> = &'a (dyn Fn(u64, u64) + Sync);

/// What a restore has done.
#[derive(Debug)]
pub struct Restored {
    pub bytes: u64,
    /// Where the database is now that was there before.
    pub aside: Option<PathBuf>,
    pub epoch: Epoch,
}

/// Copies the database to `file`, which must not exist yet; returns its size in bytes.
pub fn backup(database: &Path, file: &Path, progress: Progress<'_>) -> Result<u64> {
    let taken = || failed(format!("{} exists already: choose another name, nothing is overwritten", file.display()));
    if file.symlink_metadata().is_ok() {
        return Err(taken());
    }
    if !database.is_file() {
        return Err(failed(format!(
            "there is no database {}: check DATABASE_URL or LEADCAST_DATA",
            database.display()
        )));
    }
    if file.parent().is_some_and(|folder| !folder.as_os_str().is_empty() && !folder.is_dir()) {
        return Err(failed(format!("there is no folder for {}: make it, or choose another", file.display())));
    }
    let mut source = sqlite::open(database).map_err(|e| about(database, &e))?;
    let draft = Draft::beside(file, "partial")?;
    let bytes = copy(&mut source, &draft.path, progress).map_err(|e| about(file, &e))?;
    draft.finish(file).map_err(|e| if e.kind() == io::ErrorKind::AlreadyExists { taken() } else { about(file, &e) })?;
    Ok(bytes)
}

/// Puts a backup into the database's place, brought up to date and in an epoch of its own. What was there is kept beside it,
/// under a name with the time `now`.
pub fn restore(database: &Path, file: &Path, now: Timestamp, progress: Progress<'_>) -> Result<Restored> {
    let _nobody_serves_it = sqlite::lock(database).map_err(failed)?;
    // A link is followed, and stays.
    let database = &sqlite::real(database).map_err(|e| about(database, &e))?;
    if file.canonicalize().is_ok_and(|file| file == *database) {
        return Err(failed(format!("{} is the database itself", file.display())));
    }
    let mut source = inspected(file)?;
    let draft = Draft::beside(database, "restoring")?;
    let bytes = copy(&mut source, &draft.path, progress).map_err(|e| about(database, &e))?;
    let epoch = bring_up_to_date(&draft.path)?;

    let name = format!("before-{}", now.to_string().replace(':', "-"));
    let (aside, _unused_by_others) = set_aside(database, &sqlite::beside(database, &name))?;
    draft.replace(database).map_err(|e| about(database, &e))?;
    Ok(Restored { bytes, aside, epoch })
}

/// A connection to `file`, when that is a backup that can be restored.
fn inspected(file: &Path) -> Result<SqliteConnection> {
    if !is_sqlite(file).map_err(|e| about(file, &e))? {
        return Err(failed(format!("{} is no SQLite database", file.display())));
    }
    let mut conn = sqlite::open(file).map_err(|e| about(file, &e))?;
    let damaged = |what: &dyn std::fmt::Display| failed(format!("{} is damaged: {what}", file.display()));
    let tables =
        texts(&mut conn, "SELECT name AS text FROM sqlite_schema WHERE type = 'table'").map_err(|e| damaged(&e))?;
    if !["tenants", "log_state", "__diesel_schema_migrations"].iter().all(|table| tables.iter().any(|t| t == table)) {
        return Err(failed(format!("{} is a SQLite database, but not one of leadcast", file.display())));
    }
    let versions =
        texts(&mut conn, "SELECT version AS text FROM __diesel_schema_migrations").map_err(|e| damaged(&e))?;
    if let Some(newer) = migrations::unknown(&versions)? {
        return Err(failed(format!(
            "{} comes from a newer leadcast than this one, which does not know its migration {newer}: restore it with that one",
            file.display()
        )));
    }
    let found = texts(&mut conn, "SELECT quick_check AS text FROM pragma_quick_check").map_err(|e| damaged(&e))?;
    if found != ["ok"] {
        return Err(damaged(&found.join("; ")));
    }
    Ok(conn)
}

fn is_sqlite(file: &Path) -> io::Result<bool> {
    let mut magic = [0; 16];
    match File::open(file)?.read_exact(&mut magic) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        read => read.map(|()| magic == *b"SQLite format 3\0"),
    }
}

fn texts(conn: &mut SqliteConnection, query: &str) -> diesel::QueryResult<Vec<String>> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Text)]
        text: String,
    }
    Ok(sql_query(query).load::<Row>(conn)?.into_iter().map(|row| row.text).collect())
}

/// Copies all that `source` holds into the file `to`, which is empty; returns how many bytes that was.
fn copy(source: &mut SqliteConnection, to: &Path, progress: Progress<'_>) -> diesel::QueryResult<u64> {
    #[derive(QueryableByName)]
    struct Size {
        #[diesel(sql_type = BigInt)]
        bytes: i64,
    }
    let used = "SELECT (page_count - freelist_count) * page_size AS bytes \
                FROM pragma_page_count, pragma_freelist_count, pragma_page_size";
    let expected = u64::try_from(sql_query(used).get_result::<Size>(source)?.bytes).unwrap_or_default();
    let written = || fs::metadata(to).map_or(0, |file| file.len());
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let watcher = scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                progress(written(), expected);
                thread::park_timeout(Duration::from_millis(100));
            }
        });
        let copied = sql_query("VACUUM INTO ?").bind::<Text, _>(to.to_string_lossy()).execute(source);
        done.store(true, Ordering::Relaxed);
        watcher.thread().unpark();
        copied
    })?;
    Ok(written())
}

fn bring_up_to_date(file: &Path) -> Result<Epoch> {
    let mut conn = sqlite::open(file).map_err(|e| about(file, &e))?;
    migrations::run_on_sqlite(&mut conn)?;
    Ok(epoch::begin_on_sqlite(&mut conn)?)
}

/// Keeps the database under another name as well, and lets nobody else at it for as long as the connection lives that is
/// returned. It stays usable in its place until something is put there.
fn set_aside(database: &Path, aside: &Path) -> Result<(Option<PathBuf>, Option<SqliteConnection>)> {
    let exists = database.is_file();
    let alone = if exists { alone_with(database)? } else { None };
    if exists {
        link_or_rename(database, aside).map_err(|e| about(aside, &e))?;
    }
    // Of a database that cannot be opened, or that somebody has deleted: they would be taken for the restored one's.
    for suffix in ["-wal", "-shm", "-journal"] {
        let named = |path: &Path| PathBuf::from(format!("{}{suffix}", path.display()));
        match fs::rename(named(database), named(aside)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(about(&named(database), &error)),
            _ => {}
        }
    }
    Ok((exists.then(|| aside.to_owned()), alone))
}

/// Folds the write-ahead log in, which also shows that nobody else has the file open, and keeps others out. `None` when the file
/// cannot be used at all: it may be the reason for the restore. It is kept as it is.
fn alone_with(database: &Path) -> Result<Option<SqliteConnection>> {
    if !is_sqlite(database).map_err(|e| about(database, &e))? {
        return Ok(None);
    }
    let folded = sqlite::open(database).map_err(|e| e.to_string()).and_then(|mut conn| {
        conn.batch_execute("PRAGMA journal_mode = DELETE; BEGIN EXCLUSIVE").map_err(|e| e.to_string())?;
        Ok(conn)
    });
    match folded {
        Ok(conn) => Ok(Some(conn)),
        Err(why) if why.contains("database is locked") => {
            Err(failed(format!("{} is in use by another program: wait for it to end, or end it", database.display())))
        }
        Err(_) => Ok(None),
    }
}

/// A file that is being written, under a name of its own. Dropping it removes it.
struct Draft {
    path: PathBuf,
}

impl Draft {
    /// For its owner alone, because it holds what the database holds.
    fn beside(file: &Path, what: &str) -> Result<Self> {
        // Not the process's number: in a container that is the same each time, and a draft may have been left by one that was killed.
        let path = sqlite::beside(file, &format!("{what}-{}", uuid::Uuid::now_v7().simple()));
        if path.to_str().is_none() {
            return Err(failed(format!("{} is no name in UTF-8", path.display())));
        }
        File::options().create_new(true).write(true).mode(0o600).open(&path).map_err(|e| about(&path, &e))?;
        Ok(Self { path: path.canonicalize().map_err(|e| about(&path, &e))? })
    }

    /// Gives it its name, unless something else has it.
    fn finish(&self, name: &Path) -> io::Result<()> {
        File::open(&self.path)?.sync_all()?;
        link_or_rename(&self.path, name)?;
        sync_folder(name)
    }

    /// Gives it its name, which something else may have.
    fn replace(&self, name: &Path) -> io::Result<()> {
        File::open(&self.path)?.sync_all()?;
        fs::rename(&self.path, name)?;
        sync_folder(name)
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_file(&self.path)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(file = %self.path.display(), %error, "a draft could not be removed");
        }
    }
}

/// A second name for the file, never in place of another file. Where the file system knows no links, its only one.
fn link_or_rename(file: &Path, name: &Path) -> io::Result<()> {
    match fs::hard_link(file, name) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists && !name.try_exists()? => fs::rename(file, name),
        outcome => outcome,
    }
}

/// A name is on the disk when its folder is.
fn sync_folder(file: &Path) -> io::Result<()> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

fn failed(why: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::internal(why)
}

fn about(file: &Path, error: &dyn std::error::Error) -> Error {
    failed(format!("{}: {error}", file.display()))
}
