//! From a listening socket to an HTTP request, within limits.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;
use tower_service::Service as _;

use crate::admission::Admission;
use crate::clock;
use crate::http::{Peer, SIGNALING};
use crate::limits::Limits;
use crate::linger::Lingering;

/// How long to wait when no connection can be accepted, because file descriptors are out, say.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Between two lines of the log about that: the log must not fill the disk while descriptors are out.
const ACCEPT_LOG_INTERVAL: Duration = Duration::from_secs(10);

/// What a listener serves.
#[derive(Clone)]
pub(crate) struct Service {
    pub(crate) router: Router,
    pub(crate) tls: Option<TlsAcceptor>,
    pub(crate) limits: Arc<Limits>,
    pub(crate) admission: Arc<Admission>,
    pub(crate) shutdown: watch::Receiver<bool>,
}

/// Accepts connections until the server goes.
pub(crate) async fn accept(listener: TcpListener, service: Service) {
    let mut shutdown = service.shutdown.clone();
    let mut failures = Failures::default();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = shutting_down(&mut shutdown) => return,
        };
        match accepted {
            Ok((stream, remote)) => admit(stream, remote, &service),
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                if let Some(failures) = failures.count(clock::now()) {
                    tracing::warn!(%error, failures, "no connection can be accepted");
                }
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Failures to accept, and when they are worth a line in the log.
#[derive(Debug, Default)]
struct Failures {
    logged_at: Option<Instant>,
    /// Since then.
    unlogged: u64,
}

impl Failures {
    /// One more. `Some` is to be logged: how many there were since the last that was, this one included.
    fn count(&mut self, now: Instant) -> Option<u64> {
        self.unlogged += 1;
        if self.logged_at.is_some_and(|logged_at| now - logged_at < ACCEPT_LOG_INTERVAL) {
            return None;
        }
        self.logged_at = Some(now);
        Some(std::mem::take(&mut self.unlogged))
    }
}

/// An error of the connection that was about to be accepted, not of the listener.
fn is_of_one_connection(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

fn admit(stream: TcpStream, remote: SocketAddr, service: &Service) {
    let Some(half_open) = service.admission.admit(remote.ip()) else {
        tracing::debug!("too many half-open connections");
        return;
    };
    // Signaling is small messages that are waited for.
    let _ = stream.set_nodelay(true);
    let peer = Peer::new(remote.ip(), half_open);
    tokio::spawn(connection(Lingering::new(stream), peer, service.clone()));
}

/// Serves one connection, whatever carries it.
pub(crate) async fn connection<S>(stream: S, peer: Peer, service: Service)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let Some(acceptor) = service.tls.clone() else {
        return serve_http(stream, peer, service).await;
    };
    let mut shutdown = service.shutdown.clone();
    let handshake =
        tokio::time::timeout(service.limits.tls_handshake_timeout, acceptor.accept(stream));
    let handshake = tokio::select! {
        handshake = handshake => handshake,
        () = shutting_down(&mut shutdown) => return,
    };
    match handshake {
        Ok(Ok(stream)) => serve_http(stream, peer, service).await,
        Ok(Err(error)) => tracing::debug!(%error, "a TLS handshake failed"),
        Err(_) => tracing::debug!("a TLS handshake took too long"),
    }
}

async fn serve_http<S>(stream: S, peer: Peer, service: Service)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let Service { router, limits, mut shutdown, .. } = service;
    let peer = Arc::new(peer);
    let handler = service_fn(move |request: Request<Incoming>| {
        // A page or an API call is no half-open client any more.
        if request.uri().path() != SIGNALING {
            peer.take();
        }
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(Arc::clone(&peer));
        router.clone().call(request)
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head_timeout)
        .max_buf_size(limits.head_bytes)
        .serve_connection(TokioIo::new(stream), handler)
        .with_upgrades();
    let mut connection = pin!(connection);
    // A connection that became a WebSocket is done here: its task goes on.
    let result = tokio::select! {
        result = connection.as_mut() => result,
        () = tokio::time::sleep(limits.http_lifetime) => return,
        () = shutting_down(&mut shutdown) => {
            connection.as_mut().graceful_shutdown();
            match tokio::time::timeout(limits.close_timeout, connection).await {
                Ok(result) => result,
                Err(_) => return,
            }
        }
    };
    if let Err(error) = result {
        tracing::debug!(%error, "an HTTP connection ended early");
    }
}

/// Returns once the server goes. An error would mean that it is gone altogether.
pub(crate) async fn shutting_down(shutdown: &mut watch::Receiver<bool>) {
    let _ = shutdown.wait_for(|shutting_down| *shutting_down).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_failure_is_logged_then_a_count_every_10_s() {
        let start = clock::now();
        let mut failures = Failures::default();
        let logged: Vec<_> = (0..=400)
            .filter_map(|pause| {
                let since = ACCEPT_PAUSE * pause;
                failures.count(start + since).map(|count| (since.as_secs(), count))
            })
            .collect();
        assert_eq!(logged, [(0, 1), (10, 200), (20, 200)]);
        // Long after the last of them, the next one is news again.
        assert_eq!(failures.count(start + Duration::from_secs(3600)), Some(1));
    }
}
