//! A connection to a server, over TCP or TLS.

use std::sync::Arc;

use hyper::Uri;
use rustls_pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, rustls};

use crate::error::ClientError;

pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// Connects to the host that `uri` names.
pub(crate) async fn connect(
    uri: &Uri,
    secure: bool,
    tls: Option<&Arc<rustls::ClientConfig>>,
) -> Result<Box<dyn Stream>, ClientError> {
    let wrong = || ClientError::Url(uri.to_string());
    let host = uri.host().filter(|host| !host.is_empty()).ok_or_else(wrong)?;
    // An IPv6 address stands in brackets, which are not part of it.
    let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
    let port = uri.port_u16().unwrap_or(if secure { 443 } else { 80 });
    let tcp = TcpStream::connect((host.as_str(), port)).await?;
    tcp.set_nodelay(true)?;
    if !secure {
        return Ok(Box::new(tcp));
    }
    let tls = tls.cloned().ok_or(ClientError::NoTls)?;
    let name = ServerName::try_from(host).map_err(|_| wrong())?;
    Ok(Box::new(TlsConnector::from(tls).connect(name, tcp).await?))
}
