//! Sessions that a later connection may resume (RFC 5246 §7.3, RFC 5077).

use std::fmt;

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::rand::{SecureRandom, SystemRandom};
use zeroize::Zeroizing;

use crate::v12::{CipherSuite, NamedGroup};
use crate::wire::{Reader, put_u16, with_length};

/// Names the form of a ticket's content, so that no other form is ever taken for it.
const TICKET_FORM: &[u8] = b"tsubame dtls 1.2 ticket, 1";
/// Certificates of clients beyond this do not fit a ticket; such sessions are not resumed.
const MAX_TICKET_CERTIFICATE: usize = 8 * 1024;

/// What a client keeps of a connection to resume it later, see [`Connection::resume`](crate::Connection::resume). It holds
/// the master secret, which is overwritten when dropped and never printed.
#[derive(Clone)]
pub struct Session {
    pub(crate) secrets: SessionSecrets,
    /// The server's session id; empty where it has none.
    pub(crate) id: Vec<u8>,
    /// The server's ticket; empty where it gave none.
    pub(crate) ticket: Vec<u8>,
}

impl Session {
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
    fn encode(&self) -> Option<Zeroizing<Vec<u8>>> {
        let certificate = self.peer_certificate.as_deref().unwrap_or_default();
        if certificate.len() > MAX_TICKET_CERTIFICATE {
            return None;
        }
        // Once allocated it does not move, and leaves no copy behind.
        let mut out = Zeroizing::new(Vec::with_capacity(64 + certificate.len() + 64));
        put_u16(&mut out, self.suite.id());
        put_u16(&mut out, self.group.id());
        out.push(u8::from(self.extended_master_secret));
        out.extend_from_slice(&*self.master);
        with_length::<2>(&mut out, |out| out.extend_from_slice(certificate));
        Some(out)
    }

    fn read(content: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(content);
        let suite = CipherSuite::from_id(reader.u16()?)?;
        let group = NamedGroup::from_id(reader.u16()?)?;
        let extended_master_secret = reader.u8()? == 1;
        let master = Zeroizing::new(reader.array()?);
        let certificate = reader.vec16()?;
        reader.end()?;
        let peer_certificate = (!certificate.is_empty()).then(|| certificate.to_vec());
        Some(Self { suite, group, extended_master_secret, master, peer_certificate })
    }
}

/// The key that a server seals its tickets with (RFC 5077): whoever has it can read what was recorded of every session
/// with a ticket. A ticket is good as long as its key is in use, so make a new one every few hours, and before 2^32 tickets.
pub struct TicketKey {
    key: LessSafeKey,
    rng: SystemRandom,
}

impl TicketKey {
    /// A key of 256 random bits, the same for all servers that take one another's tickets. `None` never comes of a key of
    /// this length.
    pub fn new(key: &[u8; 32]) -> Option<Self> {
        let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).ok()?);
        Some(Self { key, rng: SystemRandom::new() })
    }

    /// A nonce, then the content under AES-256-GCM.
    pub(crate) fn seal(&self, secrets: &SessionSecrets) -> Option<Vec<u8>> {
        let mut nonce = [0; NONCE_LEN];
        self.rng.fill(&mut nonce).ok()?;
        let mut content = secrets.encode()?;
        let sealing = Nonce::assume_unique_for_key(nonce);
        let tag =
            self.key.seal_in_place_separate_tag(sealing, Aad::from(TICKET_FORM), &mut content);
        Some([&nonce[..], &content, tag.ok()?.as_ref()].concat())
    }

    /// `None` for what this key did not seal.
    pub(crate) fn open(&self, ticket: &[u8]) -> Option<SessionSecrets> {
        let (nonce, content) = ticket.split_first_chunk::<NONCE_LEN>()?;
        let mut content = Zeroizing::new(content.to_vec());
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let content = self.key.open_in_place(nonce, Aad::from(TICKET_FORM), &mut content).ok()?;
        SessionSecrets::read(content)
    }
}

impl fmt::Debug for TicketKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TicketKey").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secrets(peer_certificate: Option<Vec<u8>>) -> SessionSecrets {
        SessionSecrets {
            suite: CipherSuite::EcdheRsaAes256GcmSha384,
            group: NamedGroup::Secp384r1,
            extended_master_secret: true,
            master: Zeroizing::new([7; 48]),
            peer_certificate,
        }
    }

    #[test]
    fn a_ticket_is_read_back_by_its_key_alone() {
        let key = TicketKey::new(&[1; 32]).unwrap();
        let ticket = key.seal(&secrets(Some(vec![9; 500]))).unwrap();
        let opened = key.open(&ticket).unwrap();
        assert_eq!(opened.suite, CipherSuite::EcdheRsaAes256GcmSha384);
        assert_eq!(opened.group, NamedGroup::Secp384r1);
        assert!(opened.extended_master_secret);
        assert_eq!(*opened.master, [7; 48]);
        assert_eq!(opened.peer_certificate, Some(vec![9; 500]));
        assert!(TicketKey::new(&[2; 32]).unwrap().open(&ticket).is_none());
    }

    #[test]
    fn damaged_and_cut_tickets_are_refused() {
        let key = TicketKey::new(&[1; 32]).unwrap();
        let ticket = key.seal(&secrets(None)).unwrap();
        assert_eq!(key.open(&ticket).unwrap().peer_certificate, None);
        for position in 0..ticket.len() {
            let mut damaged = ticket.clone();
            damaged[position] ^= 1;
            assert!(key.open(&damaged).is_none(), "{position}");
            assert!(key.open(&ticket[..position]).is_none(), "{position}");
        }
    }

    #[test]
    fn a_certificate_of_8_kib_fits_and_a_larger_one_does_not() {
        let key = TicketKey::new(&[1; 32]).unwrap();
        assert!(key.seal(&secrets(Some(vec![0; MAX_TICKET_CERTIFICATE]))).is_some());
        assert!(key.seal(&secrets(Some(vec![0; MAX_TICKET_CERTIFICATE + 1]))).is_none());
    }
}
