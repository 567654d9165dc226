//! The command line. What goes wrong here is told in one line on stderr that names the setting and what to do.

mod operate;

use std::{
    fmt, fs,
    io::{self, Write},
    path::Path,
    process::ExitCode,
    time::Duration,
};

use leadcast::{
    app::{self, App, signing_secret},
    auth::{self, Key},
    clock::Clock,
    config::{self, Cli, Command, Settings, TenantCommand},
    db::{self, Db, Target},
    dev,
    error::Error,
    graphql, telemetry, tenants,
    users::Role,
};
use tokio::{net::TcpListener, signal::unix::SignalKind};

/// Many small allocations, made on one thread and freed on another, are what the system's allocator is slow at.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What is said of a failure, to whoever started the program.
type Outcome<T = ()> = Result<T, String>;

fn main() -> ExitCode {
    match run(Cli::read()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            // Nobody may be there to read it.
            let _ = writeln!(io::stderr(), "leadcast: {message}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli) -> Outcome {
    let telemetry = telemetry::start(&cli.settings)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| format!("the system gives no threads: {error}"))?;
    let outcome = runtime.block_on(command(cli));
    // With what still runs its spans end, and can be sent.
    runtime.shutdown_timeout(Duration::from_secs(1));
    telemetry.finish();
    outcome
}

async fn command(cli: Cli) -> Outcome {
    let settings = cli.settings;
    for name in config::unknown_variables() {
        tracing::warn!("{name} is set, but leadcast knows no such setting: see `leadcast --help`");
    }
    match cli.command.unwrap_or(Command::Serve) {
        Command::Serve => serve(settings).await,
        Command::Migrate => migrate(&settings).await,
        Command::Tenant(TenantCommand::Create { slug, name }) => create_tenant(&settings, &slug, &name).await,
        Command::Token { tenant, user, role, ttl } => token(&settings, &tenant, &user, role, ttl).await,
        Command::Schema => {
            let _ = write!(io::stdout(), "{}", graphql::sdl());
            Ok(())
        }
        Command::Backup { file } => operate::backup(&settings, &file),
        Command::Restore { file } => operate::restore(&settings, &file),
        Command::Epoch => operate::epoch(&settings).await,
        Command::Demo { url } => leadcast::demo::run(&url).await,
    }
}

async fn serve(settings: Settings) -> Outcome {
    settings.check()?;
    let target = settings.database();
    make_folders(&settings, &target)?;
    let _served_by_us_alone = Db::lock(&target).map_err(|error| format!("cannot serve: {error}"))?;
    // From the beginning: a container's first process is sent no signal that it does not listen for.
    let mut shutdown = Box::pin(shutdown_signal()?);
    let app = tokio::select! {
        app = begin(settings, &target) => app?,
        () = &mut shutdown => return Ok(()),
    };
    let listen = app.settings.listen;
    let listener = TcpListener::bind(listen).await.map_err(|error| {
        format!("cannot listen on {listen}: {error}. Set LEADCAST_LISTEN (--listen) to a free address, or stop what uses it.")
    })?;
    welcome(&app, &listener, &target)?;
    leadcast::run(listener, app, shutdown).await.map_err(|error| error.describe())
}

/// All that comes before anybody is listened to. Waits for as long as somebody holds back the events.
async fn begin(settings: Settings, target: &Target) -> Outcome<App> {
    auth::check_keys(&settings)?;
    check_trusted(&settings)?;
    db::migrate(target).await.map_err(|error| database_error(target, &error))?;
    let app = App::new(settings, Clock::default()).await.map_err(|error| database_error(target, &error))?;
    if app.settings.dev_mode() {
        dev::seed(&app).await.map_err(|error| format!("cannot make the demo tenants: {}", error.describe()))?;
    }
    Ok(app)
}

/// Prints a line for whoever started the program. That nobody reads it any more is no failure: a server goes on.
fn say(line: fmt::Arguments<'_>) {
    let _ = writeln!(io::stdout(), "{line}");
}

fn welcome(app: &App, listener: &TcpListener, target: &Target) -> Outcome {
    let address = listener.local_addr().map_err(|error| format!("the listener has no address: {error}"))?;
    say(format_args!("leadcast listens on http://{address}, with {}", target.describe()));
    say(format_args!("GraphQL over HTTP and WebSocket: http://{address}/graphql"));
    if app.settings.playground() {
        say(format_args!("GraphiQL, to try all of it: the same address in a browser"));
    }
    if !app.settings.dev_mode() {
        return Ok(());
    }
    say(format_args!(
        "\nDev mode, because neither LEADCAST_JWT_SECRET nor LEADCAST_JWKS is set. Tokens to try it with, valid for 24 hours"
    ));
    say(format_args!("(all of them, as JSON: curl http://{address}/dev/tokens):\n"));
    let tokens = dev::tokens(app).map_err(|error| format!("cannot sign tokens: {}", error.describe()))?;
    say(format_args!("{:<8}{:<8}{:<10}Authorization", "tenant", "user", "role"));
    for token in tokens {
        say(format_args!("{:<8}{:<8}{:<10}Bearer {}", token.tenant, token.user, token.role, token.token));
    }
    Ok(())
}

/// Ready at the first SIGINT or SIGTERM. The second one ends the process at once.
fn shutdown_signal() -> Outcome<impl Future<Output = ()> + Send + 'static> {
    let listen =
        |kind| tokio::signal::unix::signal(kind).map_err(|error| format!("cannot listen for signals: {error}"));
    let (mut interrupt, mut terminate) = (listen(SignalKind::interrupt())?, listen(SignalKind::terminate())?);
    let (asked, shutdown) = tokio::sync::oneshot::channel();
    tokio::spawn(async move {
        let mut asked = Some(asked);
        loop {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            match asked.take() {
                Some(asked) => drop(asked.send(())),
                None => std::process::exit(1),
            }
        }
    });
    Ok(async move { drop(shutdown.await) })
}

async fn migrate(settings: &Settings) -> Outcome {
    let target = settings.database();
    make_folders(settings, &target)?;
    let applied = db::migrate(&target).await.map_err(|error| database_error(&target, &error))?;
    for name in &applied {
        say(format_args!("applied {name}"));
    }
    say(format_args!("{} is up to date", target.describe()));
    Ok(())
}

async fn create_tenant(settings: &Settings, slug: &str, name: &str) -> Outcome {
    let (db, clock) = open(settings).await?;
    tenants::create(&db, slug, name, clock.now()).await.map_err(|error| match error {
        Error::Refused(_) => error.describe(),
        Error::Fault(_) => database_error(&settings.database(), &error),
    })?;
    say(format_args!("made the tenant {slug}"));
    Ok(())
}

const NO_SECRET: &str = "tokens are signed with LEADCAST_JWT_SECRET, which is not set: the keys of LEADCAST_JWKS only check them. \
     Set it for the server as well, or get a token from the identity provider";

async fn token(settings: &Settings, tenant: &str, user: &str, role: Role, ttl: Duration) -> Outcome {
    if settings.jwt_secret.is_none() && !settings.dev_mode() {
        return Err(NO_SECRET.to_owned());
    }
    let (db, clock) = open_existing(settings).await?;
    let user = user.into();
    if !leadcast::ids::UserId::is_valid(&user) {
        return Err("--user is 1 to 128 characters without control characters or blanks at its ends".to_owned());
    }
    let known =
        tenants::find_by_slug(&db, tenant).await.map_err(|error| database_error(&settings.database(), &error))?;
    if known.is_none() {
        return Err(format!("there is no tenant {tenant:?}: make it with `leadcast tenant create {tenant} --name …`"));
    }
    let secret = signing_secret(settings)
        .map_err(|error| format!("cannot read or make the dev key in LEADCAST_DATA (--data): {}", error.describe()))?;
    let token = Key::hs256(&secret.ok_or(NO_SECRET)?, settings)
        .issue(tenant, &user, role, clock.now(), ttl)
        .map_err(|error| format!("cannot sign the token: {}", error.describe()))?;
    if settings.dev_mode() {
        // Where a server with a key of its own refuses it, this says why. Only the token goes to stdout.
        let _ = writeln!(
            io::stderr(),
            "signed with the dev key in {}: LEADCAST_JWT_SECRET is not set",
            settings.data.display()
        );
    }
    say(format_args!("{token}"));
    Ok(())
}

/// The database of a command that works beside a server, or before its first start.
async fn open(settings: &Settings) -> Outcome<(Db, Clock)> {
    let target = settings.database();
    make_folders(settings, &target)?;
    let clock = Clock::default();
    let opened = async {
        db::migrate(&target).await?;
        let db = Db::open(&target)?;
        db.ping(&clock).await?;
        Ok(db)
    };
    let db = opened.await.map_err(|error| database_error(&target, &error))?;
    Ok((db, clock))
}

/// The database of a command that would be of no use in a new one.
async fn open_existing(settings: &Settings) -> Outcome<(Db, Clock)> {
    let target = settings.database();
    if !db::is_there(&target).await.map_err(|error| database_error(&target, &error))? {
        return Err(format!(
            "there is no database of leadcast at {}: check LEADCAST_DATA (--data) and DATABASE_URL (--database-url), or start the server first",
            target.describe()
        ));
    }
    open(settings).await
}

fn make_folders(settings: &Settings, target: &Target) -> Outcome {
    let make = |folder: &Path, setting: &str| {
        fs::create_dir_all(folder).map_err(|error| {
            format!(
                "cannot make the folder {}: {error}. Set {setting} to a place that can be written.",
                folder.display()
            )
        })
    };
    if settings.dev_mode() {
        make(&settings.data, "LEADCAST_DATA (--data)")?;
    }
    match target {
        Target::Sqlite(file) => match file.parent() {
            Some(folder) => make(folder, "LEADCAST_DATA (--data) or DATABASE_URL"),
            None => Ok(()),
        },
        Target::Postgres(_) => Ok(()),
    }
}

fn check_trusted(settings: &Settings) -> Outcome {
    let Some(folder) = &settings.trusted_documents else { return Ok(()) };
    app::gate(settings).map(drop).map_err(|error| {
        format!(
            "cannot use the trusted documents in {} (LEADCAST_TRUSTED_DOCUMENTS, --trusted-documents): {}",
            folder.display(),
            error.describe()
        )
    })
}

fn database_error(target: &Target, error: &Error) -> String {
    format!(
        "cannot use the database, {}: {}. Check DATABASE_URL (--database-url).",
        target.describe(),
        error.describe()
    )
}
