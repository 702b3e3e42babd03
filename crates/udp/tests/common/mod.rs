//! What the socket tests share.

use std::net::{IpAddr, SocketAddr};

use tsubame_udp::{BindOptions, ReceiveBatch, SendBatch, Socket};

/// A datagram received, kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    pub remote: SocketAddr,
    pub local: IpAddr,
    pub ecn: u8,
    pub data: Vec<u8>,
}

pub fn bind(address: &str) -> Socket {
    bind_with(address, &BindOptions::default())
}

pub fn bind_with(address: &str, options: &BindOptions) -> Socket {
    Socket::bind(address.parse().unwrap(), options).unwrap()
}

/// Everything that waits in the socket. Loopback delivers before `send` returns.
pub fn drain(socket: &Socket) -> Vec<Received> {
    drain_into(socket, &mut ReceiveBatch::new(8))
}

pub fn drain_into(socket: &Socket, batch: &mut ReceiveBatch) -> Vec<Received> {
    let mut all = Vec::new();
    while socket.receive(batch).unwrap() > 0 {
        let before = all.len();
        batch.for_each(|datagram| {
            all.push(Received {
                remote: datagram.remote,
                local: datagram.local,
                ecn: datagram.ecn,
                data: datagram.data.to_vec(),
            });
        });
        assert_eq!(batch.len(), all.len() - before);
        assert_eq!(batch.is_empty(), all.len() == before);
    }
    all
}

pub fn put(batch: &mut SendBatch, to: SocketAddr, bytes: &[u8]) {
    put_from(batch, None, to, bytes);
}

pub fn put_from(batch: &mut SendBatch, source: Option<IpAddr>, to: SocketAddr, bytes: &[u8]) {
    batch.reserve(source, to, bytes.len()).unwrap().copy_from_slice(bytes);
    batch.commit(bytes.len());
}

pub fn data(received: &[Received]) -> Vec<&[u8]> {
    received.iter().map(|datagram| &datagram.data[..]).collect()
}
