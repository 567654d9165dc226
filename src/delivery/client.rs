//! The HTTP client that webhooks are called with: no proxy, no redirects, no long waits, and, outside of dev mode, no connection but
//! to the public internet, whatever a name leads to at that moment.

use std::{error::Error, fmt, net::SocketAddr, sync::Arc, time::Duration};

use reqwest::{
    Client,
    dns::{Addrs, Name, Resolve, Resolving},
    redirect::Policy,
};

use super::address::is_public;

/// To connect, and for all of it.
const CONNECT: Duration = Duration::from_secs(5);
pub const WHOLE: Duration = Duration::from_secs(10);

/// A client. Fails where the machine has no certificates to check others by.
pub fn client(dev: bool) -> reqwest::Result<Client> {
    let mut client = Client::builder()
        .no_proxy()
        .redirect(Policy::none())
        .connect_timeout(CONNECT)
        .timeout(WHOLE)
        .pool_idle_timeout(Duration::from_secs(30))
        .pool_max_idle_per_host(2)
        .user_agent(concat!("leadcast/", env!("CARGO_PKG_VERSION")));
    if !dev {
        client = client.https_only(true).dns_resolver(Arc::new(Outside));
    }
    client.build()
}

/// Looks names up, and lets only addresses of the public internet through.
struct Outside;

/// A name leads nowhere but inside.
#[derive(Debug)]
pub struct Inside;

impl fmt::Display for Inside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not on the public internet")
    }
}

impl Error for Inside {}

impl Resolve for Outside {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let public: Vec<SocketAddr> = found.filter(|address| is_public(address.ip())).collect();
            if public.is_empty() {
                return Err(Inside.into());
            }
            Ok(Box::new(public.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_name_of_this_machine_leads_nowhere() {
        let name = "localhost".parse().expect("a name");
        let error = Outside.resolve(name).await.err().expect("nothing public");
        assert!(error.is::<Inside>(), "{error}");
    }

    #[tokio::test]
    async fn a_client_calls_nothing_on_this_machine() {
        let client = client(false).expect("a client");
        let error = client.post("https://localhost:1/").send().await.expect_err("no such thing");
        let mut causes = std::iter::successors(error.source(), |error| (*error).source());
        assert!(causes.any(<dyn Error>::is::<Inside>), "{error:?}");
        assert!(client.post("http://example.com/").send().await.is_err(), "https only");
    }
}
