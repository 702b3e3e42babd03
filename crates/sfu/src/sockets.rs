//! The sockets that media is moved through, and what clients are told of them.
//!
//! Either all shards share the ports (`SO_REUSEPORT`), and what lands on the wrong one is handed over; or each has ports of its own, and its clients
//! are told of these and no others.

use std::net::SocketAddr;

use tsubame_udp::{BindOptions, Buffers, Lanes};

use crate::config::{Candidates, Config, StartError};

/// The sockets for each address and shard; by shard.
pub(crate) fn bind(config: &Config) -> Result<Vec<Vec<Lanes>>, StartError> {
    if config.udp.is_empty() {
        return Err(StartError::NoSocket);
    }
    let mut by_shard: Vec<Vec<Lanes>> = (0..config.shards).map(|_| Vec::new()).collect();
    for address in &config.udp {
        let lanes = match config.port_per_shard {
            true => bind_ports(*address, config.shards)?,
            false => bind_port(*address, config.shards)?,
        };
        for (shard, lanes) in by_shard.iter_mut().zip(lanes) {
            shard.push(lanes);
        }
    }
    Ok(by_shard)
}

/// One port for all shards.
fn bind_port(address: SocketAddr, shards: usize) -> Result<Vec<Lanes>, StartError> {
    let lanes = tsubame_udp::bind_lanes(address, shards, &BindOptions::default())
        .map_err(|source| StartError::Bind { address, source })?;
    if let Some(lanes) = lanes.first() {
        report_sockets(lanes);
    }
    Ok(lanes)
}

/// A port for each shard, from that of `address` upwards; any free ones if that is 0.
fn bind_ports(address: SocketAddr, shards: usize) -> Result<Vec<Lanes>, StartError> {
    let bind = |number: usize| {
        let port = match address.port() {
            0 => Some(0),
            first => u16::try_from(number).ok().and_then(|number| first.checked_add(number)),
        };
        let port = port.ok_or(StartError::NoPorts { address, shards })?;
        bind_port(SocketAddr::new(address.ip(), port), 1)
    };
    let lanes: Result<Vec<_>, StartError> = (0..shards).map(bind).collect();
    Ok(lanes?.into_iter().flatten().collect())
}

/// The addresses of all shards' sockets, each once.
pub(crate) fn addresses(by_shard: &[Vec<Lanes>]) -> Vec<SocketAddr> {
    let mut addresses = Vec::new();
    for address in by_shard.iter().flatten().map(|lanes| lanes.main.local_addr()) {
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    addresses
}

fn report_sockets(Lanes { main, feedback }: &Lanes) {
    let address = main.local_addr();
    let sorts_feedback = feedback.is_some();
    tracing::info!(%address, features = ?main.features(), sorts_feedback, "UDP socket bound");
    for warning in shortages(&main.buffers()) {
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

/// What each shard's clients are told.
pub(crate) fn candidates(config: &Config, by_shard: &[Vec<Lanes>]) -> Vec<Vec<SocketAddr>> {
    let of_shard = |lanes: &Vec<Lanes>| {
        let bound: Vec<SocketAddr> = lanes.iter().map(|lanes| lanes.main.local_addr()).collect();
        advertised(&config.candidates, &bound)
    };
    by_shard.iter().map(of_shard).collect()
}

/// What is advertised for the sockets that were bound.
fn advertised(candidates: &Candidates, bound: &[SocketAddr]) -> Vec<SocketAddr> {
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
        assert_eq!(advertised(&Candidates::Interfaces(interfaces), &bound), expected);
    }

    #[test]
    fn a_socket_bound_to_one_address_advertises_that_and_no_other_interface() {
        let interfaces = vec![ip("192.0.2.1"), ip("192.0.2.2")];
        let bound = [socket("192.0.2.2:4000"), socket("127.0.0.1:4001")];
        assert_eq!(advertised(&Candidates::Interfaces(interfaces), &bound), bound);
    }

    #[test]
    fn behind_a_nat_only_the_address_that_was_named_is_told() {
        let explicit = Candidates::Explicit(vec![ip("203.0.113.9"), ip("2001:db8::9")]);
        let told = advertised(&explicit, &[socket("10.0.0.5:4000"), socket("0.0.0.0:4001")]);
        assert_eq!(told, [socket("203.0.113.9:4000"), socket("203.0.113.9:4001")]);
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

    fn config(udp: &str, shards: usize, port_per_shard: bool) -> Config {
        Config { udp: vec![socket(udp)], shards, port_per_shard, ..Config::default() }
    }

    #[test]
    fn shards_share_a_port_and_tell_the_same() {
        let config = config("127.0.0.1:0", 3, false);
        let sockets = bind(&config).unwrap();
        let [address] = addresses(&sockets).try_into().unwrap();
        assert_eq!(candidates(&config, &sockets), vec![vec![address]; 3]);
    }

    #[test]
    fn a_port_of_its_own_is_what_a_shard_tells() {
        let config = config("127.0.0.1:0", 3, true);
        let sockets = bind(&config).unwrap();
        let addresses = addresses(&sockets);
        assert_eq!(addresses.len(), 3);
        let told: Vec<_> = addresses.iter().map(|address| vec![*address]).collect();
        assert_eq!(candidates(&config, &sockets), told);
    }

    #[test]
    fn ports_of_shards_are_consecutive_and_nobody_elses() {
        // Whose ports lie between two of the kernel's choice nobody knows: so try until two in a row are free.
        let two = |first: u16| bind(&config(&format!("127.0.0.1:{first}"), 2, true));
        let bound = (20_000..20_100).step_by(2).find_map(|first| Some((first, two(first).ok()?)));
        let (first, sockets) = bound.expect("two free ports");
        let ports: Vec<u16> = addresses(&sockets).iter().map(SocketAddr::port).collect();
        assert_eq!(ports, [first, first + 1]);
        let again = two(first).unwrap_err();
        assert!(matches!(again, StartError::Bind { address, .. } if address.port() == first));
    }

    #[test]
    fn the_last_port_has_none_above_it() {
        let error = bind(&config("127.0.0.1:65535", 2, true)).unwrap_err();
        // Somebody may have the last port.
        assert!(matches!(error, StartError::NoPorts { shards: 2, .. } | StartError::Bind { .. }));
        assert!(matches!(
            bind(&Config { udp: vec![], ..config("127.0.0.1:1", 1, true) }),
            Err(StartError::NoSocket)
        ));
    }
}
