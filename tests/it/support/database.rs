//! A fresh, migrated database for one test, on either engine.

use leadcast::db::{Target, migrate};
use tempfile::TempDir;

use super::postgres::{self, Cluster};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Engine {
    Sqlite,
    Postgres,
}

/// Beside the build's other products, where it hurts nobody should this process be killed before it can remove it.
pub fn temporary_folder() -> TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a temporary folder can be made")
}

/// Gone when dropped.
pub enum Database {
    Sqlite(TempDir),
    Postgres(postgres::Database),
}

impl Database {
    pub async fn fresh(engine: Engine) -> Self {
        match engine {
            Engine::Sqlite => {
                let database = Self::Sqlite(temporary_folder());
                migrate(&database.target()).await.expect("the migrations run");
                database
            }
            Engine::Postgres => Self::Postgres(Cluster::shared().await.database().await),
        }
    }

    pub fn target(&self) -> Target {
        match self {
            Self::Sqlite(folder) => Target::Sqlite(folder.path().join("test.db")),
            Self::Postgres(database) => Target::Postgres(database.url()),
        }
    }
}
