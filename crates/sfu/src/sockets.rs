//! The sockets that media is moved through, and what clients are told of them.

use std::net::SocketAddr;

use tsubame_udp::{BindOptions, Buffers, Socket};

use crate::config::{Candidates, Config, StartError};

/// One socket per address and shard; by shard.
pub(crate) fn bind(config: &Config) -> Result<(Vec<Vec<Socket>>, Vec<SocketAddr>), StartError> {
    if config.udp.is_empty() {
        return Err(StartError::NoSocket);
    }
    let mut by_shard: Vec<Vec<Socket>> = (0..config.shards).map(|_| Vec::new()).collect();
    let mut bound = Vec::new();
    for address in &config.udp {
        let sockets = tsubame_udp::bind_shards(*address, config.shards, &BindOptions::default())
            .map_err(|source| StartError::Bind { address: *address, source })?;
        if let Some(socket) = sockets.first() {
            bound.push(socket.local_addr());
            report_socket(socket);
        }
        for (shard, socket) in by_shard.iter_mut().zip(sockets) {
            shard.push(socket);
        }
    }
    Ok((by_shard, bound))
}

fn report_socket(socket: &Socket) {
    let address = socket.local_addr();
    tracing::info!(%address, features = ?socket.features(), "UDP socket bound");
    for warning in shortages(&socket.buffers()) {
        tracing::warn!(%address, "{warning}");
    }
}

/// A sentence for each buffer that the system did not grant, with what is to be done about it.
fn shortages(buffers: &Buffers) -> impl Iterator<Item = String> {
    let both = [
        ("receive", buffers.receive, Buffers::RECEIVE_SYSCTL),
        ("send", buffers.send, Buffers::SEND_SYSCTL),
    ];
    both.into_iter().filter(|(_, grant, _)| grant.is_short()).map(|(what, grant, sysctl)| {
        let wanted = grant.requested.unwrap_or_default();
        format!(
            "the {what} buffer has {} bytes, fewer than a burst of media may need: allow it more with `sysctl -w {sysctl}={wanted}`",
            grant.granted
        )
    })
}

/// What is advertised for the sockets that were bound.
pub(crate) fn candidates(candidates: &Candidates, bound: &[SocketAddr]) -> Vec<SocketAddr> {
    let mut advertised = Vec::new();
    for socket in bound {
        let addresses = match candidates {
            Candidates::Interfaces(_) if !socket.ip().is_unspecified() => {
                advertised.push(*socket);
                continue;
            }
            Candidates::Explicit(addresses) | Candidates::Interfaces(addresses) => addresses,
        };
        let same_family = addresses.iter().filter(|address| address.is_ipv4() == socket.is_ipv4());
        advertised.extend(same_family.map(|address| SocketAddr::new(*address, socket.port())));
    }
    advertised
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use tsubame_udp::BufferGrant;

    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn socket(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_wildcard_socket_advertises_the_addresses_of_its_family() {
        let interfaces = vec![ip("192.0.2.1"), ip("2001:db8::1")];
        let bound = [socket("0.0.0.0:4000"), socket("[::]:4001")];
        let expected = [socket("192.0.2.1:4000"), socket("[2001:db8::1]:4001")];
        assert_eq!(candidates(&Candidates::Interfaces(interfaces), &bound), expected);
    }

    #[test]
    fn a_socket_bound_to_one_address_advertises_that_and_no_other_interface() {
        let interfaces = vec![ip("192.0.2.1"), ip("192.0.2.2")];
        let bound = [socket("192.0.2.2:4000"), socket("127.0.0.1:4001")];
        assert_eq!(candidates(&Candidates::Interfaces(interfaces), &bound), bound);
    }

    #[test]
    fn behind_a_nat_only_the_address_that_was_named_is_told() {
        let explicit = Candidates::Explicit(vec![ip("203.0.113.9"), ip("2001:db8::9")]);
        let advertised = candidates(&explicit, &[socket("10.0.0.5:4000"), socket("0.0.0.0:4001")]);
        assert_eq!(advertised, [socket("203.0.113.9:4000"), socket("203.0.113.9:4001")]);
    }

    #[test]
    fn a_buffer_that_is_too_small_is_told_with_the_sysctl_that_mends_it() {
        let grant = |granted| BufferGrant { requested: Some(4_194_304), granted };
        let buffers = |receive, send| Buffers { receive: grant(receive), send: grant(send) };
        assert_eq!(shortages(&buffers(4_194_304, 4_194_304)).count(), 0);
        let told: Vec<String> = shortages(&buffers(212_992, 106_496)).collect();
        assert_eq!(
            told,
            [
                "the receive buffer has 212992 bytes, fewer than a burst of media may need: allow it more with `sysctl -w net.core.rmem_max=4194304`",
                "the send buffer has 106496 bytes, fewer than a burst of media may need: allow it more with `sysctl -w net.core.wmem_max=4194304`",
            ]
        );
        assert_eq!(shortages(&buffers(1, 4_194_304)).count(), 1);
    }
}
