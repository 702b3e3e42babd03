//! Which path leads where.

mod api;
mod metrics;
mod page;

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use axum::body::Body;
use axum::extract::{Extension, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Router, middleware};

use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tsubame_sfu::Handle;
use tungstenite::handshake::server::create_response_with_body;
use tungstenite::protocol::{Role, WebSocketConfig};

use crate::admission::Place;
use crate::app::App;
use crate::socket::{self, WebSocket};

/// The WebSocket endpoint.
pub(crate) const SIGNALING: &str = "/signaling";

/// tungstenite reserves 128 KiB for reading unless told otherwise: per client, for messages of a few hundred bytes.
const READ_BUFFER: usize = 1024;

/// Signaling and pages: `--listen` and `--tls-listen`.
pub(crate) fn signaling_router(app: Arc<App>) -> Router {
    Router::new()
        .route(SIGNALING, get(upgrade))
        .with_state(app)
        .merge(page::router())
        .route("/healthz", get(healthz))
        .layer(middleware::map_response(page::guard))
}

/// The HTTP API: `--api-listen`.
pub(crate) fn api_router(sfu: Handle) -> Router {
    Router::new()
        .route("/", post(api::dispatch))
        .route("/metrics", get(metrics::serve))
        .with_state(metrics::registry(sfu))
        .route("/healthz", get(healthz))
}

async fn healthz() -> &'static str {
    "ok\n"
}

/// The other end of one HTTP connection, and its place among the half-open ones.
#[derive(Debug)]
pub(crate) struct Peer {
    address: IpAddr,
    half_open: Mutex<Option<Place>>,
}

impl Peer {
    pub(crate) fn new(address: IpAddr, half_open: Place) -> Self {
        Self { address, half_open: Mutex::new(Some(half_open)) }
    }

    /// Takes the place over, or gives it up.
    pub(crate) fn take(&self) -> Option<Place> {
        self.half_open.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

async fn upgrade(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Arc<Peer>>,
    mut request: Request,
) -> Response {
    let response = match create_response_with_body(&request, Body::empty) {
        Ok(response) => response,
        Err(error) => {
            tracing::debug!(%error, "not a WebSocket's handshake");
            return (StatusCode::BAD_REQUEST, "this is a WebSocket's endpoint\n").into_response();
        }
    };
    let Some(upgrade) = request.extensions_mut().remove::<OnUpgrade>() else {
        return (StatusCode::UPGRADE_REQUIRED, "this connection cannot become a WebSocket\n")
            .into_response();
    };
    // The place is gone where the connection carried another request before.
    let Some(half_open) = peer.take().or_else(|| app.admission.admit(peer.address)) else {
        return (StatusCode::SERVICE_UNAVAILABLE, "too many connections are being set up\n")
            .into_response();
    };
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(0)
        .max_message_size(Some(app.limits.message_bytes))
        .max_frame_size(Some(app.limits.message_bytes));
    tokio::spawn(async move {
        match upgrade.await {
            Ok(upgraded) => {
                let stream = TokioIo::new(upgraded);
                let socket = WebSocket::from_raw_socket(stream, Role::Server, Some(config)).await;
                socket::serve(socket, app, half_open).await;
            }
            Err(error) => tracing::debug!(%error, "a WebSocket upgrade failed"),
        }
    });
    response
}
