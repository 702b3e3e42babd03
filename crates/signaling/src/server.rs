//! Binding, serving, stopping.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;
use tsubame_sfu::Handle;

use crate::admission::Admission;
use crate::app::App;
use crate::auth::Auth;
use crate::clock;
use crate::http;
use crate::limits::Limits;
use crate::listener::{Service, accept};
use crate::registry::Registry;
use crate::tls::TlsIdentity;

/// Where clients come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Addresses {
    /// Signaling and pages over http and ws.
    pub listen: SocketAddr,
    /// The same over https and wss.
    pub tls_listen: Option<SocketAddr>,
    /// The HTTP API.
    pub api_listen: SocketAddr,
}

/// The listening sockets. Nobody is served yet.
#[derive(Debug)]
pub struct Listeners {
    plain: TcpListener,
    tls: Option<TcpListener>,
    api: TcpListener,
    bound: Addresses,
}

/// Which listener cannot be had, and why.
#[derive(Debug)]
pub struct BindError {
    /// The option that asked for it: `listen`, `tls_listen` or `api_listen`.
    pub option: &'static str,
    /// The address.
    pub address: SocketAddr,
    /// What the system says.
    pub source: io::Error,
}

impl fmt::Display for BindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { option, address, source } = self;
        let option = option.replace('_', "-");
        match source.kind() {
            io::ErrorKind::AddrInUse => write!(
                f,
                "TCP {address} is in use already: stop what listens there, or choose another port with --{option}"
            ),
            io::ErrorKind::AddrNotAvailable => write!(
                f,
                "TCP {address} is not an address of this machine: choose one of its own with --{option}"
            ),
            io::ErrorKind::PermissionDenied => write!(
                f,
                "TCP {address} needs privileges: choose a port of 1024 or more with --{option}"
            ),
            _ => write!(
                f,
                "TCP {address} cannot be listened on ({source}): choose another with --{option}"
            ),
        }
    }
}

impl std::error::Error for BindError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}

impl Listeners {
    /// Binds them all. Port 0 is any free port.
    pub async fn bind(addresses: Addresses) -> Result<Self, BindError> {
        let (plain, listen) = bind("listen", addresses.listen).await?;
        let tls = match addresses.tls_listen {
            Some(address) => Some(bind("tls_listen", address).await?),
            None => None,
        };
        let (api, api_listen) = bind("api_listen", addresses.api_listen).await?;
        let tls_listen = tls.as_ref().map(|(_, address)| *address);
        let bound = Addresses { listen, tls_listen, api_listen };
        Ok(Self { plain, tls: tls.map(|(listener, _)| listener), api, bound })
    }

    /// Where they really are.
    pub fn addresses(&self) -> Addresses {
        self.bound
    }
}

async fn bind(
    option: &'static str,
    address: SocketAddr,
) -> Result<(TcpListener, SocketAddr), BindError> {
    let failed = |source| BindError { option, address, source };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    Ok((listener, bound))
}

/// How clients are served.
#[derive(Debug, Default)]
pub struct Config {
    /// Who may come in.
    pub auth: Auth,
    /// What they may cost.
    pub limits: Limits,
    /// The certificate for `tls_listen`.
    pub tls: Option<TlsIdentity>,
}

/// A running signaling server. Dropping it ends it without waiting.
#[derive(Debug)]
pub struct Server {
    shutdown: watch::Sender<bool>,
}

impl Server {
    /// Starts to serve. `listeners` without a certificate for their TLS part leave that part closed.
    pub fn start(listeners: Listeners, config: Config, sfu: Handle) -> Self {
        let (shutdown, shutting_down) = watch::channel(false);
        let limits = Arc::new(config.limits.clone());
        let admission = Admission::new(limits.half_open_per_source, limits.half_open);
        // In all, the SFU counts them.
        let setting_up = Admission::new(limits.setting_up_per_source, usize::MAX);
        let api = http::api_router(sfu.clone());
        let app = Arc::new(App {
            started: clock::now(),
            sfu,
            auth: config.auth,
            limits: config.limits,
            registry: Arc::new(Registry::default()),
            admission: Arc::clone(&admission),
            setting_up,
            shutdown: shutting_down.clone(),
        });
        let service = |router, tls| Service {
            router,
            tls,
            limits: Arc::clone(&limits),
            admission: Arc::clone(&admission),
            shutdown: shutting_down.clone(),
        };
        let router = http::signaling_router(app);
        tokio::spawn(accept(listeners.plain, service(router.clone(), None)));
        if let (Some(listener), Some(tls)) = (listeners.tls, config.tls) {
            let acceptor = TlsAcceptor::from(tls.config());
            tokio::spawn(accept(listener, service(router, Some(acceptor))));
        }
        tokio::spawn(accept(listeners.api, service(api, None)));
        Self { shutdown }
    }

    /// Tells every client (close code 1001) and returns when all connections have ended: at most two seconds or so, for those who do not react.
    pub async fn shutdown(self) {
        self.shutdown.send_replace(true);
        // Every listener, connection and session holds a receiver to its end.
        self.shutdown.closed().await;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shutdown.send_replace(true);
    }
}
