//! Connections that cost and do not live yet, limited per source and in all: half-open ones, whose client is not let in yet, and those whose media path is
//! being set up.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Counts half-open connections, or those being set up.
#[derive(Debug)]
pub(crate) struct Admission {
    per_source: usize,
    total: usize,
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    total: usize,
    by_source: HashMap<IpAddr, usize>,
}

/// The place of one of them; dropped when that one went on or is gone.
#[derive(Debug)]
pub(crate) struct Place {
    admission: Arc<Admission>,
    source: IpAddr,
}

impl Admission {
    pub(crate) fn new(per_source: usize, total: usize) -> Arc<Self> {
        Arc::new(Self { per_source, total, open: Mutex::default() })
    }

    /// One more from `source`; `None` if it has too many already, or all together have.
    pub(crate) fn admit(self: &Arc<Self>, source: IpAddr) -> Option<Place> {
        let source = source_of(source);
        let mut open = self.lock();
        let of_source = open.by_source.get(&source).copied().unwrap_or_default();
        if of_source >= self.per_source || open.total >= self.total {
            return None;
        }
        open.by_source.insert(source, of_source + 1);
        open.total += 1;
        Some(Place { admission: Arc::clone(self), source })
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// Whose it is.
    pub(crate) fn source(&self) -> IpAddr {
        self.source
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.admission.lock();
        open.total -= 1;
        if let Some(count) = open.by_source.get_mut(&self.source) {
            *count -= 1;
            if *count == 0 {
                open.by_source.remove(&self.source);
            }
        }
    }
}

/// Whoever has one IPv6 address has its /64.
fn source_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let network = u128::from(address) & !u128::from(u64::MAX);
            Ipv6Addr::from(network).into()
        }
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn a_source_is_limited_alone() {
        let admission = Admission::new(64, 1000);
        let mut held: Vec<_> =
            (0..64).map(|_| admission.admit(source("192.0.2.1")).expect("room")).collect();
        assert!(admission.admit(source("192.0.2.1")).is_none());
        assert!(admission.admit(source("::ffff:192.0.2.1")).is_none());
        assert!(admission.admit(source("192.0.2.2")).is_some());
        held.pop();
        assert!(admission.admit(source("192.0.2.1")).is_some());
    }

    #[test]
    fn all_sources_together_are_limited() {
        let admission = Admission::new(64, 2);
        let first = admission.admit(source("192.0.2.1"));
        let second = admission.admit(source("192.0.2.2"));
        assert!(first.is_some() && second.is_some());
        assert!(admission.admit(source("192.0.2.3")).is_none());
        drop(first);
        assert!(admission.admit(source("192.0.2.3")).is_some());
    }

    #[test]
    fn an_ipv6_source_is_its_64() {
        let admission = Admission::new(1, 1000);
        let first = admission.admit(source("2001:db8::1"));
        assert!(first.is_some());
        assert!(admission.admit(source("2001:db8::ffff")).is_none());
        assert!(admission.admit(source("2001:db8:0:1::1")).is_some());
    }

    #[test]
    fn nothing_is_kept_of_those_who_went() {
        let admission = Admission::new(64, 1000);
        drop(admission.admit(source("192.0.2.1")));
        assert!(admission.lock().by_source.is_empty());
        assert_eq!(admission.lock().total, 0);
    }
}
