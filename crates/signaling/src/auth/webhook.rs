//! The `auth_url` webhook of 2015: a POST to the application, 200 lets the client in.
//!
//! One connection per question: an application that is slow, or gone, holds up the client that it is asked about and nobody else.

use std::fmt;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::http::{Request, StatusCode, Uri, header, uri::Scheme};
use http_body_util::Full;
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use rustls::RootCertStore;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// From the question to the status of the answer, name lookup and handshakes included.
const TIMEOUT: Duration = Duration::from_secs(5);
/// The longest head of an answer. Its body is not read at all.
const HEAD_BYTES: usize = 16 * 1024;

/// Where the application is asked.
pub struct Webhook {
    uri: Uri,
    host: String,
    port: u16,
    tls: Option<(TlsConnector, ServerName<'static>)>,
}

/// The URL cannot be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidUrl {
    /// It is none, has no host, or another scheme than http and https.
    Malformed,
    /// It holds a user name or a password.
    UserInfo,
    /// https, but this system has no certificate authorities to trust.
    NoRootCertificates,
    /// https, but the certificate authorities cannot be used.
    Tls(String),
}

impl fmt::Display for InvalidUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed => {
                f.write_str("write an http or https URL, for example http://127.0.0.1:8000/auth")
            }
            Self::UserInfo => f.write_str("a URL with a user name in it is not supported"),
            Self::NoRootCertificates => f.write_str(
                "https needs certificate authorities to trust: install the package ca-certificates",
            ),
            Self::Tls(detail) => write!(f, "https cannot be used: {detail}"),
        }
    }
}

impl std::error::Error for InvalidUrl {}

/// Why a client was not let in.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The application said so, with this status.
    Refused(StatusCode),
    /// It did not answer in time.
    TimedOut,
    /// It could not be reached, or answered something that is not HTTP.
    Unreachable(Box<dyn std::error::Error + Send + Sync>),
}

impl Failure {
    /// What the client is told: the application's inner life is not its business.
    pub(crate) fn as_reason(&self) -> &'static str {
        match self {
            Self::Refused(_) => "the application refused",
            Self::TimedOut => "the application did not answer in time",
            Self::Unreachable(_) => "the application could not be asked",
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(status) => write!(f, "it answered {status}"),
            Self::TimedOut => write!(f, "no answer within {} s", TIMEOUT.as_secs()),
            Self::Unreachable(error) => error.fmt(f),
        }
    }
}

impl<E: Into<Box<dyn std::error::Error + Send + Sync>>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Unreachable(error.into())
    }
}

impl fmt::Debug for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The path and query may hold a secret.
        f.debug_struct("Webhook").field("host", &self.host).field("port", &self.port).finish()
    }
}

impl Webhook {
    /// A webhook at `url`. An https one is verified against the system's certificate authorities.
    pub fn new(url: &str) -> Result<Self, InvalidUrl> {
        Self::with_roots(url, || {
            let mut roots = RootCertStore::empty();
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            roots
        })
    }

    /// The same with certificate authorities of the caller's.
    fn with_roots(url: &str, roots: impl FnOnce() -> RootCertStore) -> Result<Self, InvalidUrl> {
        let uri: Uri = url.parse().map_err(|_| InvalidUrl::Malformed)?;
        let authority = uri.authority().ok_or(InvalidUrl::Malformed)?;
        if authority.as_str().contains('@') {
            return Err(InvalidUrl::UserInfo);
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        if host.is_empty() {
            return Err(InvalidUrl::Malformed);
        }
        let (tls, default_port) = match uri.scheme() {
            Some(scheme) if *scheme == Scheme::HTTP => (None, 80),
            Some(scheme) if *scheme == Scheme::HTTPS => {
                let name = ServerName::try_from(host.clone()).map_err(|_| InvalidUrl::Malformed)?;
                (Some((connector(roots())?, name)), 443)
            }
            _ => return Err(InvalidUrl::Malformed),
        };
        let port = authority.port_u16().unwrap_or(default_port);
        Ok(Self { uri, host, port, tls })
    }

    /// Puts `question`, a JSON text, to the application.
    pub(crate) async fn ask(&self, question: String) -> Result<(), Failure> {
        let status = tokio::time::timeout(TIMEOUT, self.post(question))
            .await
            .unwrap_or(Err(Failure::TimedOut))?;
        match status {
            StatusCode::OK => Ok(()),
            status => Err(Failure::Refused(status)),
        }
    }

    async fn post(&self, question: String) -> Result<StatusCode, Failure> {
        let stream = TcpStream::connect((self.host.as_str(), self.port)).await?;
        match &self.tls {
            None => self.post_over(stream, question).await,
            Some((connector, name)) => {
                let stream = connector.connect(name.clone(), stream).await?;
                self.post_over(stream, question).await
            }
        }
    }

    async fn post_over(
        &self,
        stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
        question: String,
    ) -> Result<StatusCode, Failure> {
        let (mut sender, connection) = hyper::client::conn::http1::Builder::new()
            .max_buf_size(HEAD_BYTES)
            .handshake::<_, Full<Bytes>>(TokioIo::new(stream))
            .await?;
        let path = self.uri.path_and_query().map_or("/", |path| path.as_str());
        let authority = self.uri.authority().map_or("", |authority| authority.as_str());
        let request = Request::post(path)
            .header(header::HOST, authority)
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::USER_AGENT, concat!("tsubame/", env!("CARGO_PKG_VERSION")))
            .header(header::CONNECTION, "close")
            .body(Full::from(question))?;
        let mut response = pin!(sender.send_request(request));
        // The two halves run together, and both end here: nothing of the answer's body is read.
        let response = tokio::select! {
            biased;
            response = &mut response => response,
            // The connection may end in the moment in which it delivers.
            _ = connection => response.await,
        };
        Ok(response?.status())
    }
}

fn connector(roots: RootCertStore) -> Result<TlsConnector, InvalidUrl> {
    if roots.is_empty() {
        return Err(InvalidUrl::NoRootCertificates);
    }
    let config = rustls::ClientConfig::builder_with_provider(Arc::new(
        rustls::crypto::ring::default_provider(),
    ))
    .with_safe_default_protocol_versions()
    .map_err(|error| InvalidUrl::Tls(error.to_string()))?
    .with_root_certificates(roots)
    .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

#[cfg(test)]
mod tests {
    use rustls::ServerConfig;
    use rustls::pki_types::PrivatePkcs8KeyDer;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;
    use tokio_rustls::TlsAcceptor;

    use super::*;

    /// An https application that lets everybody in, and its certificate.
    async fn application() -> (u16, RootCertStore) {
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).expect("made");
        let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
        let config =
            ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
                .with_safe_default_protocol_versions()
                .and_then(|builder| {
                    builder
                        .with_no_client_auth()
                        .with_single_cert(vec![made.cert.der().clone()], key.into())
                })
                .expect("a configuration");
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback");
        let port = listener.local_addr().expect("bound").port();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                // A client that does not trust us goes.
                let Ok(mut stream) = acceptor.accept(stream).await else { continue };
                let mut question = [0; 4096];
                let _ = stream.read(&mut question).await;
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
                let _ = stream.shutdown().await;
            }
        });
        let mut roots = RootCertStore::empty();
        roots.add(made.cert.der().clone()).expect("a certificate");
        (port, roots)
    }

    #[tokio::test]
    async fn https_is_asked_only_where_its_certificate_is_trusted_for_its_name() {
        let (port, roots) = application().await;
        let trusted = Webhook::with_roots(&format!("https://localhost:{port}/"), || roots.clone());
        assert!(trusted.expect("a URL").ask("{}".to_owned()).await.is_ok());

        let misnamed = Webhook::with_roots(&format!("https://127.0.0.1:{port}/"), || roots);
        let failure =
            misnamed.expect("a URL").ask("{}".to_owned()).await.expect_err("a wrong name");
        assert!(matches!(failure, Failure::Unreachable(_)), "{failure}");

        let (_, foreign) = application().await;
        let foreign = Webhook::with_roots(&format!("https://localhost:{port}/"), || foreign);
        let failure = foreign.expect("a URL").ask("{}".to_owned()).await.expect_err("untrusted");
        assert!(matches!(failure, Failure::Unreachable(_)), "{failure}");
    }

    #[test]
    fn https_without_authorities_to_trust_is_refused_at_start() {
        let error = Webhook::with_roots("https://localhost/", RootCertStore::empty);
        assert_eq!(error.expect_err("nobody is trusted"), InvalidUrl::NoRootCertificates);
    }

    #[test]
    fn a_url_may_hold_a_secret_and_is_not_shown() {
        let webhook = Webhook::new("http://127.0.0.1/auth?key=s3cret").expect("a URL");
        assert!(!format!("{webhook:?}").contains("s3cret"));
    }
}
