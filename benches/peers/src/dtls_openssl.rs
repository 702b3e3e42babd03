//! OpenSSL, through its Rust binding, behind the interface of `dtls`.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::rc::Rc;

use openssl::pkey::PKey;
use openssl::ssl::{
    ErrorCode, Ssl, SslContext, SslContextBuilder, SslMethod, SslOptions, SslSessionCacheMode,
    SslStream, SslVerifyMode, SslVersion,
};
use openssl::x509::X509;

use crate::dtls::{Endpoints, Pair};

pub(crate) struct OpenSsl {
    client: SslContext,
    server: SslContext,
}

impl OpenSsl {
    pub(crate) fn new(client: &Pair, server: &Pair) -> Self {
        Self { client: context(client), server: context(server) }
    }

    pub(crate) fn connected(&self) -> OpenSslPair {
        self.run(&mut |turn| turn())
    }

    fn run(&self, server_turn: &mut dyn FnMut(&mut dyn FnMut())) -> OpenSslPair {
        let (to_client, to_server) = (Datagrams::default(), Datagrams::default());
        let wire = |incoming: &Datagrams, outgoing: &Datagrams| Wire {
            incoming: Rc::clone(incoming),
            outgoing: Rc::clone(outgoing),
        };
        let mut client = stream(&self.client, wire(&to_client, &to_server));
        let mut server = None;
        server_turn(&mut || server = Some(stream(&self.server, wire(&to_server, &to_client))));
        let mut server = server.expect("made above");
        let (mut client_done, mut server_done) = (false, false);
        while !(client_done && server_done) {
            client_done |= advance(client.connect());
            server_turn(&mut || server_done |= advance(server.accept()));
        }
        export(&client);
        server_turn(&mut || export(&server));
        OpenSslPair { client, server }
    }
}

fn context(pair: &Pair) -> SslContext {
    let mut context = SslContextBuilder::new(SslMethod::dtls()).expect("a context");
    let certificate = X509::from_der(&pair.certificate).expect("a certificate");
    let key = PKey::private_key_from_pkcs8(&pair.key).expect("a key");
    let suites = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256";
    context.set_certificate(&certificate).expect("set");
    context.set_private_key(&key).expect("set");
    context.set_min_proto_version(Some(SslVersion::DTLS1_2)).expect("set");
    context.set_cipher_list(suites).expect("set");
    // The second is for the certificates.
    context.set_groups_list("X25519:P-256").expect("set");
    context.set_tlsext_use_srtp("SRTP_AEAD_AES_128_GCM").expect("set");
    context.set_options(SslOptions::NO_QUERY_MTU | SslOptions::NO_TICKET);
    context.set_session_cache_mode(SslSessionCacheMode::OFF);
    let verify = SslVerifyMode::PEER | SslVerifyMode::FAIL_IF_NO_PEER_CERT;
    context.set_verify_callback(verify, |_, _| true);
    context.build()
}

fn stream(context: &SslContext, wire: Wire) -> SslStream<Wire> {
    let mut ssl = Ssl::new(context).expect("a connection");
    ssl.set_mtu(1200).expect("set");
    SslStream::new(ssl, wire).expect("a stream")
}

/// Whether the handshake is complete.
fn advance(result: Result<(), openssl::ssl::Error>) -> bool {
    match result {
        Ok(()) => true,
        Err(error) if error.code() == ErrorCode::WANT_READ => false,
        Err(error) => panic!("the handshake failed: {error}"),
    }
}

fn export(stream: &SslStream<Wire>) {
    let mut keys = [0; 2 * (16 + 12)];
    let label = "EXTRACTOR-dtls_srtp";
    stream.ssl().export_keying_material(&mut keys, label, None).expect("keys");
    assert!(stream.ssl().peer_certificate().is_some());
    std::hint::black_box(keys);
}

impl Endpoints for OpenSsl {
    fn handshake(&mut self, server_turn: &mut dyn FnMut(&mut dyn FnMut())) {
        self.run(server_turn);
    }
}

type Datagrams = Rc<RefCell<VecDeque<Vec<u8>>>>;

/// One end of a network that loses nothing.
struct Wire {
    incoming: Datagrams,
    outgoing: Datagrams,
}

impl Read for Wire {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let datagram = self.incoming.borrow_mut().pop_front();
        let datagram = datagram.ok_or(io::ErrorKind::WouldBlock)?;
        let length = datagram.len().min(out.len());
        out[..length].copy_from_slice(&datagram[..length]);
        Ok(length)
    }
}

impl Write for Wire {
    fn write(&mut self, datagram: &[u8]) -> io::Result<usize> {
        self.outgoing.borrow_mut().push_back(datagram.to_vec());
        Ok(datagram.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

pub(crate) struct OpenSslPair {
    client: SslStream<Wire>,
    server: SslStream<Wire>,
}

impl OpenSslPair {
    pub(crate) fn transfer(&mut self, data: &[u8]) -> usize {
        let mut out = [0; 2048];
        self.client.ssl_write(data).expect("sent");
        self.server.ssl_read(&mut out).expect("received")
    }
}
