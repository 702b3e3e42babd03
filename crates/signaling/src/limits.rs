//! What a client may cost before it is turned away.

use std::time::Duration;

/// The limits of the WebSocket and HTTP face. [`Limits::default`] is what the server runs with.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// A request head, in bytes. A longer one is answered 431.
    pub head_bytes: usize,
    /// From the first moment a request is waited for until its head is complete. The connection is dropped afterwards.
    pub head_timeout: Duration,
    /// TLS handshake, from accept to finished.
    pub tls_handshake_timeout: Duration,
    /// The life of an HTTP connection that does not become a WebSocket, however many requests it carries.
    pub http_lifetime: Duration,
    /// From the upgrade to the client's first message.
    pub first_message_timeout: Duration,
    /// A WebSocket message, in bytes, whole: fragments are added up.
    pub message_bytes: usize,
    /// What may wait for a client that reads slowly, in bytes. It is cut off at more.
    pub outgoing_bytes: usize,
    /// WebSocket messages per second, pings and pongs counted; bursts up to the same number are let through.
    pub messages_per_second: u32,
    /// From the last complete WebSocket message of the client, of whatever kind.
    pub idle_timeout: Duration,
    /// How deep JSON may nest; a bare `{}` is 1 deep.
    pub json_depth: usize,
    /// A session description of a client, in bytes.
    pub sdp_bytes: usize,
    /// Trickled candidates between two answers. More are ignored.
    pub candidates: usize,
    /// `signaling_notify_metadata`, in bytes of JSON: everybody in the channel is sent it.
    pub notify_metadata_bytes: usize,
    /// Connections from one source (an IPv4 address, an IPv6 /64) whose client has not been let in yet.
    pub half_open_per_source: usize,
    /// The same, from all sources together.
    pub half_open: usize,
    /// Connections from one source whose client was let in and whose media path does not stand yet: up to 15 s each. Many more than half-open ones,
    /// because those behind one NAT come together when a meeting begins. From all sources together the SFU limits them.
    pub setting_up_per_source: usize,
    /// Between two `ping` messages to a client.
    pub ping_interval: Duration,
    /// Between two `connection.updated` of one connection.
    pub update_interval: Duration,
    /// How long a closed WebSocket waits for its last messages to leave, and again for the client's close frame.
    pub close_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            head_bytes: 16 * 1024,
            head_timeout: Duration::from_secs(5),
            tls_handshake_timeout: Duration::from_secs(10),
            http_lifetime: Duration::from_secs(60),
            first_message_timeout: Duration::from_secs(10),
            message_bytes: 256 * 1024,
            outgoing_bytes: 1024 * 1024,
            messages_per_second: 50,
            idle_timeout: Duration::from_secs(60),
            json_depth: 32,
            sdp_bytes: 128 * 1024,
            candidates: 100,
            notify_metadata_bytes: 16 * 1024,
            half_open_per_source: 64,
            half_open: 2048,
            setting_up_per_source: 256,
            ping_interval: Duration::from_secs(5),
            update_interval: Duration::from_secs(60),
            close_timeout: Duration::from_secs(1),
        }
    }
}

/// `channel_id`, `client_id`, `bundle_id`: 1 to this many bytes.
pub(crate) const ID_BYTES: usize = 255;

/// RFC 6455 §5.5: a control frame carries 125 bytes, two of which are the close code.
pub(crate) const CLOSE_REASON_BYTES: usize = 123;
