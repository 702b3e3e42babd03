//! WHIP (RFC 9725) and WHEP: an offer is posted, the answer comes back, and a URL by which to end.

use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Bytes;
use hyper::{Method, Request, StatusCode, Uri, header};
use hyper_util::rt::TokioIo;

use crate::config::ClientConfig;
use crate::error::ClientError;
use crate::stream;

/// The longest answer that is read.
const MAX_ANSWER: usize = 256 * 1024;

/// A session that a server made of an offer.
#[derive(Debug)]
pub(crate) struct Resource {
    pub(crate) answer: String,
    /// What to delete to end it, if the server said so.
    pub(crate) location: Option<Uri>,
}

/// Whether a URL is one to post offers to.
pub(crate) fn is_endpoint(url: &str) -> bool {
    url.starts_with("http://") || url.starts_with("https://")
}

/// Posts an offer to the endpoint.
pub(crate) async fn post(config: &ClientConfig, offer: String) -> Result<Resource, ClientError> {
    let wrong = || ClientError::Url(config.signaling_url.clone());
    let uri: Uri = config.signaling_url.parse().map_err(|_| wrong())?;
    let response = request(config, Method::POST, &uri, offer).await?;
    if response.status() != StatusCode::CREATED {
        return Err(ClientError::Http(response.status().as_u16()));
    }
    let location = response.headers().get(header::LOCATION);
    let location = location.and_then(|location| resolve(&uri, location.to_str().ok()?));
    let body = Limited::new(response.into_body(), MAX_ANSWER).collect().await;
    let body = body.map_err(|error| ClientError::HttpConnection(error.to_string()))?;
    let answer = String::from_utf8_lossy(&body.to_bytes()).into_owned();
    Ok(Resource { answer, location })
}

/// Ends a session.
pub(crate) async fn delete(config: &ClientConfig, location: &Uri) -> Result<(), ClientError> {
    request(config, Method::DELETE, location, String::new()).await.map(drop)
}

async fn request(
    config: &ClientConfig,
    method: Method,
    uri: &Uri,
    body: String,
) -> Result<hyper::Response<hyper::body::Incoming>, ClientError> {
    let failed = |error: &dyn std::fmt::Display| ClientError::HttpConnection(error.to_string());
    let secure = uri.scheme_str() == Some("https");
    let stream = stream::connect(uri, secure, config.tls.as_ref()).await?;
    let handshake = hyper::client::conn::http1::handshake::<_, Full<Bytes>>(TokioIo::new(stream));
    let (mut sender, connection) = handshake.await.map_err(|error| failed(&error))?;
    // It ends with the response, or with the server.
    tokio::spawn(connection);
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    let mut request = Request::builder()
        .method(method)
        .uri(path)
        .header(header::HOST, authority)
        .header(header::USER_AGENT, concat!("tsubame/", env!("CARGO_PKG_VERSION")))
        .header(header::CONTENT_TYPE, "application/sdp");
    if let Some(token) = &config.access_token {
        request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
    }
    let request = request.body(Full::from(body)).map_err(|error| failed(&error))?;
    sender.send_request(request).await.map_err(|error| failed(&error))
}

/// A `Location`, which may be a path on the same server.
fn resolve(base: &Uri, location: &str) -> Option<Uri> {
    if is_endpoint(location) {
        return location.parse().ok();
    }
    let directory = match location.starts_with('/') {
        true => "",
        false => base.path().rsplit_once('/').map_or("", |(directory, _)| directory),
    };
    let separator = if location.starts_with('/') { "" } else { "/" };
    Uri::builder()
        .scheme(base.scheme()?.clone())
        .authority(base.authority()?.clone())
        .path_and_query(format!("{directory}{separator}{location}"))
        .build()
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locations_are_urls_or_paths() {
        let base: Uri = "http://media.example:8080/whip/room".parse().unwrap();
        let resolved = |location: &str| resolve(&base, location).map(|uri| uri.to_string());
        assert_eq!(resolved("https://other.example/x").as_deref(), Some("https://other.example/x"));
        assert_eq!(resolved("/x?y=1").as_deref(), Some("http://media.example:8080/x?y=1"));
        assert_eq!(resolved("x").as_deref(), Some("http://media.example:8080/whip/x"));
        assert_eq!(resolved("\u{0}"), None);
    }
}
