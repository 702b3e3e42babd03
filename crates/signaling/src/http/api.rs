//! The HTTP API: POST `/` with the action's name in the header `x-sora-target`.

use axum::Json;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// The header that names the action.
const TARGET: &str = "x-sora-target";

/// Runs one action. Targets get their arms here.
pub(super) async fn dispatch(headers: HeaderMap) -> Response {
    let Some(target) = headers.get(TARGET) else {
        return refusal("MISSING-X-SORA-TARGET", "the header x-sora-target names the action");
    };
    match target.to_str() {
        Ok(target) => {
            tracing::debug!(target, "an API request with an unknown target");
            refusal("UNKNOWN-X-SORA-TARGET", "this server has no action of that name")
        }
        Err(_) => refusal("INVALID-X-SORA-TARGET", "the header x-sora-target is not ASCII"),
    }
}

fn refusal(error_type: &'static str, error_reason: &'static str) -> Response {
    let body = json!({ "error_type": error_type, "error_reason": error_reason });
    (StatusCode::BAD_REQUEST, Json(body)).into_response()
}
