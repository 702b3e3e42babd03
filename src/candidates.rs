//! Which addresses clients are told to send media to.

use std::net::{IpAddr, Ipv6Addr, UdpSocket};

use if_addrs::Interface;

/// The addresses of the machine's interfaces that are up, in the system's order.
///
/// Loopback ones only while signaling `listens` there itself: nobody from outside comes then, and nobody could use them otherwise.
pub(crate) fn of_this_machine(listens: IpAddr) -> std::io::Result<Vec<IpAddr>> {
    Ok(usable(if_addrs::get_if_addrs()?, listens.to_canonical().is_loopback()))
}

/// Whether sockets can be bound to IPv6 addresses here.
pub(crate) fn has_ipv6() -> bool {
    UdpSocket::bind((Ipv6Addr::UNSPECIFIED, 0)).is_ok()
}

fn usable(interfaces: Vec<Interface>, loopback: bool) -> Vec<IpAddr> {
    let mut addresses: Vec<IpAddr> = Vec::new();
    for interface in interfaces {
        let address = interface.ip();
        let wanted = loopback || !address.is_loopback();
        if interface.is_oper_up()
            && wanted
            && !is_link_local(address)
            && !addresses.contains(&address)
        {
            addresses.push(address);
        }
    }
    addresses
}

/// A link-local address means nothing without the name of an interface, which a candidate cannot carry.
fn is_link_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => address.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    use if_addrs::{IfAddr, IfOperStatus, Ifv4Addr, Ifv6Addr};

    use super::*;

    fn interface(address: &str, oper_status: IfOperStatus) -> Interface {
        let addr = match address.parse().expect("an address") {
            IpAddr::V4(ip) => IfAddr::V4(Ifv4Addr {
                ip,
                netmask: [255, 255, 255, 0].into(),
                prefixlen: 24,
                broadcast: None,
            }),
            IpAddr::V6(ip) => IfAddr::V6(Ifv6Addr {
                ip,
                netmask: Ipv6Addr::UNSPECIFIED,
                prefixlen: 64,
                broadcast: None,
            }),
        };
        Interface { name: "if0".into(), addr, index: None, oper_status, is_p2p: false }
    }

    fn machine() -> Vec<Interface> {
        vec![
            interface("127.0.0.1", IfOperStatus::Up),
            interface("::1", IfOperStatus::Up),
            interface("192.0.2.1", IfOperStatus::Up),
            interface("192.0.2.1", IfOperStatus::Up),
            interface("192.0.2.2", IfOperStatus::Unknown),
            interface("169.254.1.1", IfOperStatus::Up),
            interface("fe80::1", IfOperStatus::Up),
            interface("2001:db8::1", IfOperStatus::Up),
        ]
    }

    #[test]
    fn interfaces_that_are_up_without_link_local_addresses() {
        let found: Vec<_> = usable(machine(), false).iter().map(IpAddr::to_string).collect();
        assert_eq!(found, ["192.0.2.1", "2001:db8::1"]);
    }

    #[test]
    fn loopback_only_where_signaling_is() {
        let found: Vec<_> = usable(machine(), true).iter().map(IpAddr::to_string).collect();
        assert_eq!(found, ["127.0.0.1", "::1", "192.0.2.1", "2001:db8::1"]);
    }
}
