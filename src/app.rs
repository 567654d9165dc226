//! The application: what every operation needs, made once.

use std::{fs, io::Write, path::Path, sync::Arc};

use crate::{
    admission::Admission,
    auth::Auth,
    clock::Clock,
    config::Settings,
    db::Db,
    delivery::Courier,
    error::{Error, Result},
    events::Hub,
    gate::Gate,
    graphql::{self, Schema},
    matching::Profiles,
    metrics::Metrics,
    tenants::Directory,
};

/// Cheap to clone.
#[derive(Clone)]
pub struct App(Arc<Parts>);

pub struct Parts {
    pub settings: Settings,
    pub db: Db,
    pub clock: Clock,
    pub auth: Auth,
    pub tenants: Directory,
    pub profiles: Profiles,
    pub courier: Courier,
    pub hub: Hub,
    pub schema: Schema,
    pub gate: Gate,
    pub admission: Admission,
    pub metrics: Metrics,
}

impl std::ops::Deref for App {
    type Target = Parts;
    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl App {
    /// Connects to a migrated database.
    pub async fn new(settings: Settings, clock: Clock) -> Result<Self> {
        Self::with(graphql::schema().finish(), settings, clock).await
    }

    /// With a schema that something was added to: tests do that.
    pub async fn with(schema: Schema, settings: Settings, clock: Clock) -> Result<Self> {
        let metrics = Metrics::default();
        let db = Db::open_with(&settings.database(), settings.database_connections.get(), metrics.database.clone())?;
        db.ping(&clock).await?;
        let secret = signing_secret(&settings)?;
        let auth = Auth::open(&db, &clock, &settings, secret.as_deref(), metrics.keys.clone()).await?;
        let hub = Hub::open(&db, &clock, metrics.events.clone()).await?;
        Ok(Self(Arc::new(Parts {
            auth,
            tenants: Directory::new(&db),
            profiles: Profiles::new(&db),
            courier: Courier::new(settings.smtp(), settings.dev_mode())?,
            hub,
            schema,
            gate: gate(&settings)?,
            admission: Admission::new(&settings, &clock),
            metrics,
            settings,
            db,
            clock,
        })))
    }
}

/// The secret of the settings; in dev mode one that is made once and kept in the data folder. `None`: all tokens come from elsewhere.
pub fn signing_secret(settings: &Settings) -> Result<Option<Vec<u8>>> {
    match &settings.jwt_secret {
        Some(secret) => Ok(Some(secret.clone().into_bytes())),
        None if settings.dev_mode() => dev_secret(&settings.data).map(Some).map_err(Error::internal),
        None => Ok(None),
    }
}

fn dev_secret(data: &Path) -> std::io::Result<Vec<u8>> {
    let path = data.join("dev-key");
    match fs::read(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        found => return found,
    }
    fs::create_dir_all(data)?;
    let mut secret = [0; 32];
    getrandom::fill(&mut secret).map_err(std::io::Error::other)?;
    // Written beside and linked into place, so that of two processes that start at once both use the same key.
    let draft = data.join(format!("dev-key.{}", std::process::id()));
    let mut options = fs::OpenOptions::new();
    options.create(true).truncate(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(&draft)?.write_all(&secret)?;
    let linked = fs::hard_link(&draft, &path);
    fs::remove_file(&draft)?;
    match linked {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(error),
        _ => fs::read(&path),
    }
}

/// What requests must pass. Fails when a trusted document of the settings is not valid.
pub fn gate(settings: &Settings) -> Result<Gate> {
    Gate::new(graphql::sdl(), graphql::scalar_checks(), settings)
}
