//! Sessions that a later connection may resume (RFC 5246 §7.3, RFC 5077).

use std::fmt;
use std::time::{Duration, Instant};

use zeroize::Zeroizing;

use crate::config::{ClientCertificate, Config};
use crate::crypto::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use crate::crypto::rand::{SecureRandom, SystemRandom};
use crate::identity::Identity;
use crate::v12::{CipherSuite, NamedGroup};
use crate::wire::{Reader, put_u16, with_length};

/// Names the form of a ticket's content, so that no other form is ever taken for it.
const TICKET_FORM: &[u8] = b"tsubame dtls 1.2 ticket, 2";
/// Certificates of clients beyond this do not fit a ticket; such sessions are not resumed.
const MAX_TICKET_CERTIFICATE: usize = 8 * 1024;
/// How long a ticket is good unless it is said otherwise, and at most (RFC 8446 §4.6.1 has the latter).
const DEFAULT_LIFETIME: Duration = Duration::from_secs(6 * 3600);
const MAX_LIFETIME: Duration = Duration::from_secs(7 * 24 * 3600);
/// Clocks of servers that share a key may differ by this.
const CLOCK_SKEW: u64 = 60;

/// What a client keeps of a connection to resume it later, see [`Connection::resume`](crate::Connection::resume). It holds
/// the master secret, which is overwritten when dropped and never printed.
#[derive(Clone)]
pub struct Session {
    pub(crate) secrets: SessionSecrets,
    /// The server's session id; empty where it has none.
    pub(crate) id: Vec<u8>,
    /// The server's ticket; empty where it gave none.
    pub(crate) ticket: Vec<u8>,
    /// The digest of the certificate that the client showed; `None` where it showed none.
    pub(crate) own_certificate: Option<[u8; 32]>,
}

impl Session {
    /// Whether a client with this configuration would be to the server who it was: what it showed or did not show of itself
    /// then counts for the connection that resumes.
    pub(crate) fn suits(&self, config: &Config) -> bool {
        match (config.client_certificate, self.own_certificate) {
            (ClientCertificate::Required, None) | (ClientCertificate::Never, Some(_)) => false,
            (ClientCertificate::Optional | ClientCertificate::Never, None) => true,
            (ClientCertificate::Required | ClientCertificate::Optional, Some(shown)) => {
                config.identities().any(|identity| identity.certificate_digest() == shown)
            }
        }
    }

    /// The server's ticket as it goes over the wire, in the clear; empty where the server gave none.
    pub fn ticket(&self) -> &[u8] {
        &self.ticket
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("suite", &self.secrets.suite).finish_non_exhaustive()
    }
}

/// What both ends remember.
#[derive(Clone)]
pub(crate) struct SessionSecrets {
    pub(crate) suite: CipherSuite,
    pub(crate) group: NamedGroup,
    pub(crate) extended_master_secret: bool,
    pub(crate) master: Zeroizing<[u8; 48]>,
    /// `None` when the peer had none.
    pub(crate) peer_certificate: Option<Vec<u8>>,
}

impl SessionSecrets {
    fn encode(&self, issued: u64) -> Option<Zeroizing<Vec<u8>>> {
        let certificate = self.peer_certificate.as_deref().unwrap_or_default();
        if certificate.len() > MAX_TICKET_CERTIFICATE {
            return None;
        }
        // Once allocated it does not move, and leaves no copy behind.
        let mut out = Zeroizing::new(Vec::with_capacity(64 + certificate.len() + 64));
        out.extend_from_slice(&issued.to_be_bytes());
        put_u16(&mut out, self.suite.id());
        put_u16(&mut out, self.group.id());
        out.push(u8::from(self.extended_master_secret));
        out.extend_from_slice(&*self.master);
        with_length::<2>(&mut out, |out| out.extend_from_slice(certificate));
        Some(out)
    }

    /// When the ticket was issued, in seconds, and what is in it.
    fn read(content: &[u8]) -> Option<(u64, Self)> {
        let mut reader = Reader::new(content);
        let issued = u64::from_be_bytes(reader.array()?);
        let suite = CipherSuite::from_id(reader.u16()?)?;
        let group = NamedGroup::from_id(reader.u16()?)?;
        let extended_master_secret = reader.u8()? == 1;
        let master = Zeroizing::new(reader.array()?);
        let certificate = reader.vec16()?;
        reader.end()?;
        let peer_certificate = (!certificate.is_empty()).then(|| certificate.to_vec());
        Some((issued, Self { suite, group, extended_master_secret, master, peer_certificate }))
    }
}

/// The key that a server seals its tickets with (RFC 5077): whoever has it can read what was recorded of every session
/// with a ticket. Make a new one every few hours, and before 2^32 tickets; [`with_previous`](Self::with_previous) takes those
/// of the one before.
///
/// A ticket is good for the certificate that the server showed when it gave it, and for no other; and until its lifetime is
/// over, 6 hours unless [`with_lifetime`](Self::with_lifetime) says otherwise, counted from the full handshake: a session
/// that was resumed grows no younger.
pub struct TicketKey {
    key: LessSafeKey,
    previous: Option<LessSafeKey>,
    /// A moment, and how long after 1970 it was, in seconds.
    moment: (Instant, u64),
    lifetime: Duration,
    rng: SystemRandom,
}

impl TicketKey {
    /// A key of 256 random bits, the same for all servers that take one another's tickets. `None` never comes of a key of
    /// this length.
    ///
    /// `now` is `unix_time` after 1970: tickets outlive a process, whose `Instant`s mean nothing to another, and this crate
    /// asks no clock. Servers that share a key may differ by a minute.
    pub fn new(key: &[u8; 32], now: Instant, unix_time: Duration) -> Option<Self> {
        Some(Self {
            key: aead_key(key)?,
            previous: None,
            moment: (now, unix_time.as_secs()),
            lifetime: DEFAULT_LIFETIME,
            rng: SystemRandom::new(),
        })
    }

    /// Also takes tickets sealed with this key, and seals none with it: the one that was in use before. `None` as for
    /// [`new`](Self::new).
    pub fn with_previous(self, key: &[u8; 32]) -> Option<Self> {
        Some(Self { previous: Some(aead_key(key)?), ..self })
    }

    /// How long a ticket is good, in whole seconds and 7 days at most.
    #[must_use]
    pub fn with_lifetime(self, lifetime: Duration) -> Self {
        Self { lifetime: lifetime.min(MAX_LIFETIME), ..self }
    }

    /// The same in seconds, as a server tells its clients.
    pub(crate) fn lifetime_hint(&self) -> u32 {
        u32::try_from(self.lifetime.as_secs()).unwrap_or(u32::MAX)
    }

    /// A nonce, then the content under AES-256-GCM.
    pub(crate) fn seal(
        &self,
        now: Instant,
        identity: &Identity,
        secrets: &SessionSecrets,
    ) -> Option<Vec<u8>> {
        let mut nonce = [0; NONCE_LEN];
        self.rng.fill(&mut nonce).ok()?;
        let mut content = secrets.encode(self.unix_seconds(now))?;
        let sealing = Nonce::assume_unique_for_key(nonce);
        let tag = self.key.seal_in_place_separate_tag(sealing, bound_to(identity), &mut content);
        Some([&nonce[..], &content, tag.ok()?.as_ref()].concat())
    }

    /// `None` for what neither key sealed for this identity, and for what is too old.
    pub(crate) fn open(
        &self,
        now: Instant,
        identity: &Identity,
        ticket: &[u8],
    ) -> Option<SessionSecrets> {
        let (nonce, sealed) = ticket.split_first_chunk::<NONCE_LEN>()?;
        let (issued, secrets) =
            [Some(&self.key), self.previous.as_ref()].into_iter().flatten().find_map(|key| {
                let mut content = Zeroizing::new(sealed.to_vec());
                let nonce = Nonce::assume_unique_for_key(*nonce);
                let content = key.open_in_place(nonce, bound_to(identity), &mut content).ok()?;
                SessionSecrets::read(content)
            })?;
        let now = self.unix_seconds(now);
        let good = now.saturating_sub(issued) < self.lifetime.as_secs()
            && issued <= now.saturating_add(CLOCK_SKEW);
        good.then_some(secrets)
    }

    fn unix_seconds(&self, now: Instant) -> u64 {
        let (then, unix_seconds) = self.moment;
        match now.checked_duration_since(then) {
            Some(later) => unix_seconds.saturating_add(later.as_secs()),
            None => unix_seconds.saturating_sub(then.duration_since(now).as_secs()),
        }
    }
}

fn aead_key(key: &[u8; 32]) -> Option<LessSafeKey> {
    Some(LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).ok()?))
}

/// What is sealed for one identity does not open for another: a client that resumes is told nothing of who the server is, and
/// believes that it is who it was.
fn bound_to(identity: &Identity) -> Aad<Vec<u8>> {
    Aad::from([TICKET_FORM, &identity.certificate_digest()].concat())
}

impl fmt::Debug for TicketKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TicketKey").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, LazyLock};

    use super::*;
    use crate::v12::tests::script::start;

    fn secrets(peer_certificate: Option<Vec<u8>>) -> SessionSecrets {
        SessionSecrets {
            suite: CipherSuite::EcdheRsaAes256GcmSha384,
            group: NamedGroup::Secp384r1,
            extended_master_secret: true,
            master: Zeroizing::new([7; 48]),
            peer_certificate,
        }
    }

    static NOW: LazyLock<Instant> = LazyLock::new(start);

    fn identity() -> Identity {
        Identity::generate_ecdsa().unwrap()
    }

    /// A key at 1,000,000 s after 1970.
    fn key(key: u8) -> TicketKey {
        TicketKey::new(&[key; 32], *NOW, Duration::from_secs(1_000_000)).unwrap()
    }

    #[test]
    fn a_ticket_is_read_back_by_its_key_alone() {
        let us = identity();
        let ticket = key(1).seal(*NOW, &us, &secrets(Some(vec![9; 500]))).unwrap();
        let opened = key(1).open(*NOW, &us, &ticket).unwrap();
        assert_eq!(opened.suite, CipherSuite::EcdheRsaAes256GcmSha384);
        assert_eq!(opened.group, NamedGroup::Secp384r1);
        assert!(opened.extended_master_secret);
        assert_eq!(*opened.master, [7; 48]);
        assert_eq!(opened.peer_certificate, Some(vec![9; 500]));
        assert!(key(2).open(*NOW, &us, &ticket).is_none());
    }

    #[test]
    fn a_ticket_of_the_previous_key_is_taken_and_of_the_one_before_it_not() {
        let us = identity();
        let ticket = |number| key(number).seal(*NOW, &us, &secrets(None)).unwrap();
        let third = key(3).with_previous(&[2; 32]).unwrap();
        let taken = [1, 2, 3].map(|number| third.open(*NOW, &us, &ticket(number)).is_some());
        assert_eq!(taken, [false, true, true]);
        // What it seals is its own.
        let sealed = third.seal(*NOW, &us, &secrets(None)).unwrap();
        assert!(key(3).open(*NOW, &us, &sealed).is_some());
        assert!(key(2).open(*NOW, &us, &sealed).is_none());
    }

    #[test]
    fn a_ticket_is_good_for_the_certificate_it_was_given_under_alone() {
        let (us, others) = (identity(), identity());
        let ticket = key(1).seal(*NOW, &us, &secrets(None)).unwrap();
        assert!(key(1).open(*NOW, &us, &ticket).is_some());
        assert!(key(1).open(*NOW, &others, &ticket).is_none());
    }

    #[test]
    fn a_ticket_is_good_for_its_lifetime_and_not_a_second_more() {
        let us = identity();
        let opens = |key: &TicketKey, after: u64| {
            let ticket = key.seal(*NOW, &us, &secrets(None)).unwrap();
            key.open(*NOW + Duration::from_secs(after), &us, &ticket).is_some()
        };
        let days = |days: u64| Duration::from_secs(days * 24 * 3600);
        for (key, lifetime) in [
            (key(1), 6 * 3600),
            (key(1).with_lifetime(Duration::from_secs(10)), 10),
            (key(1).with_lifetime(days(365)), 7 * 24 * 3600),
        ] {
            assert_eq!(u64::from(key.lifetime_hint()), lifetime);
            assert!(opens(&key, 0) && opens(&key, lifetime - 1));
            assert!(!opens(&key, lifetime) && !opens(&key, lifetime + 1_000_000));
        }
        assert!(!opens(&key(1).with_lifetime(Duration::ZERO), 0));
    }

    /// Two processes with the same key, whose `Instant`s have nothing to do with one another.
    #[test]
    fn the_age_of_a_ticket_is_that_of_the_clock_on_the_wall() {
        let us = identity();
        let ticket = key(1).seal(*NOW, &us, &secrets(None)).unwrap();
        let at = |unix: u64| {
            let elsewhere = *NOW + Duration::from_secs(77);
            let key = TicketKey::new(&[1; 32], elsewhere, Duration::from_secs(unix)).unwrap();
            let opens = |now| key.open(now, &us, &ticket).is_some();
            (opens(elsewhere), opens(*NOW))
        };
        assert_eq!(at(1_000_000 + 6 * 3600 - 1), (true, true));
        // 77 seconds before, its time was not over.
        assert_eq!(at(1_000_000 + 6 * 3600), (false, true));
        // A minute from the future, and more.
        assert_eq!(at(1_000_000 - 60), (true, false));
        assert_eq!(at(1_000_000 - 61), (false, false));
        assert_eq!(at(0), (false, false));
    }

    #[test]
    fn a_client_is_who_it_was_or_resumes_nothing() {
        let [us, others] = [identity(), identity()].map(Arc::new);
        let session = |own_certificate| Session {
            secrets: secrets(None),
            id: vec![1],
            ticket: vec![2],
            own_certificate,
        };
        use ClientCertificate::{Never, Optional, Required};
        for (shown, expected) in [
            (None, [false, true, true]),
            (Some(us.certificate_digest()), [true, true, false]),
            (Some(others.certificate_digest()), [false, false, false]),
        ] {
            let suits = [Required, Optional, Never].map(|client_certificate| {
                let config = Config { client_certificate, ..Config::new(Arc::clone(&us)) };
                session(shown).suits(&config)
            });
            assert_eq!(suits, expected, "{shown:?}");
        }
    }

    #[test]
    fn damaged_and_cut_tickets_are_refused() {
        let us = identity();
        let ticket = key(1).seal(*NOW, &us, &secrets(None)).unwrap();
        assert_eq!(key(1).open(*NOW, &us, &ticket).unwrap().peer_certificate, None);
        let key = key(1);
        for position in 0..ticket.len() {
            let mut damaged = ticket.clone();
            damaged[position] ^= 1;
            assert!(key.open(*NOW, &us, &damaged).is_none(), "{position}");
            assert!(key.open(*NOW, &us, &ticket[..position]).is_none(), "{position}");
        }
    }

    #[test]
    fn a_certificate_of_8_kib_fits_and_a_larger_one_does_not() {
        let (key, us) = (key(1), identity());
        let seal = |len| key.seal(*NOW, &us, &secrets(Some(vec![0; len])));
        assert!(seal(MAX_TICKET_CERTIFICATE).is_some());
        assert!(seal(MAX_TICKET_CERTIFICATE + 1).is_none());
    }
}
