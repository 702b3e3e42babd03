//! Offers and answers: one offer at a time per client; what changes meanwhile goes into the next one.

use std::time::Instant;

use tsubame_dtls as dtls;
use tsubame_rtp::MediaKind;
use tsubame_sdp::Setup;
use tsubame_stun::ice::Candidate;

use super::Shard;
use crate::api::{Event, Joined, RequestError};
use crate::id::ConnectionId;
use crate::keys::{PeerKey, SubscriptionKey};
use crate::limits;
use crate::negotiate::{Answer, OwnSection, Verdict};
use crate::peer::Peer;
use crate::publication::PublisherFeedback;
use crate::subscription::State;
use crate::transport::Remote;

impl Shard {
    pub(super) fn first_offer(&mut self, now: Instant, key: PeerKey) -> Joined {
        let Some(peer) = self.peers.get_mut(key.0) else {
            return Joined { offer: String::new(), mids: Default::default() };
        };
        peer.negotiation.changed = false;
        peer.negotiation.answer_due = Some(now + limits::ANSWER_TIMEOUT);
        Joined { offer: peer.negotiator.offer(), mids: peer.negotiator.mids() }
    }

    /// Sends the next offer, if there is something to say and the last one was answered.
    pub(super) fn offer_changes(&mut self, now: Instant, key: PeerKey) {
        let Some(peer) = self.peers.get_mut(key.0) else { return };
        let negotiation = &mut peer.negotiation;
        if !negotiation.changed || !negotiation.established || negotiation.answer_due.is_some() {
            return;
        }
        negotiation.changed = false;
        negotiation.answer_due = Some(now + limits::ANSWER_TIMEOUT);
        let sdp = peer.negotiator.offer();
        peer.tell(Event::Offer { sdp });
    }

    pub(super) fn answer(
        &mut self,
        now: Instant,
        id: ConnectionId,
        sdp: &str,
    ) -> Result<(), RequestError> {
        let key = self.peer_of(id)?;
        self.current = Some(key);
        let result = self.take_answer(now, key, sdp);
        self.current = None;
        result
    }

    fn take_answer(&mut self, now: Instant, key: PeerKey, sdp: &str) -> Result<(), RequestError> {
        let peer = self.peers.get_mut(key.0).ok_or(RequestError::Gone)?;
        let answer = peer
            .negotiator
            .apply_answer(sdp)
            .map_err(|error| RequestError::Refused(error.to_string()))?;
        peer.negotiation.answer_due = None;
        if !std::mem::replace(&mut peer.negotiation.established, true) {
            peer.tell_refused_own(&answer);
        }
        peer.own_sections.clone_from(&answer.own);
        peer.transport.set_remote(now, remote_of(&answer));
        self.apply_verdicts(key, &answer);
        self.subscribe_to_the_rest(key);
        self.read_transport_events(now, key, None);
        self.publish_negotiated(key);
        self.activate_subscriptions(now, key);
        Ok(())
    }

    /// What the client said to each track that it was offered.
    fn apply_verdicts(&mut self, key: PeerKey, answer: &Answer) {
        let Some(peer) = self.peers.get_mut(key.0) else { return };
        for subscription_key in peer.subscriptions.clone() {
            let Some(subscription) = self.subscriptions.get_mut(subscription_key.0) else {
                continue;
            };
            let Some((_, verdict)) =
                answer.remote.iter().find(|(slot, _)| *slot == subscription.slot)
            else {
                continue;
            };
            match verdict {
                Verdict::Accepted(accepted) => {
                    peer.negotiator.mid(subscription.slot).clone_into(&mut subscription.mid);
                    subscription.extensions = accepted.extensions;
                    subscription.rtx_ssrc = subscription.rtx_offered.filter(|_| accepted.rtx);
                    if subscription.state == State::Refused {
                        // Taken after all: the numbers go on where they ended, however much was left out.
                        subscription.sequence.switch_source();
                        subscription.awaiting_keyframe = subscription.kind == MediaKind::Video;
                    }
                    subscription.state = State::Accepted;
                }
                Verdict::Refused if subscription.state != State::Refused => {
                    subscription.state = State::Refused;
                    let kind = subscription.kind;
                    let publisher = self
                        .publications
                        .get(subscription.publication.0)
                        .map(|publication| publication.owner_id);
                    if let Some(publisher) = publisher {
                        peer.tell(Event::TrackRefused { publisher, kind });
                    }
                }
                Verdict::Refused => {}
            }
        }
    }

    /// Brings a connected client's publications in line with what its last answer says it sends.
    pub(super) fn publish_negotiated(&mut self, key: PeerKey) {
        let Some(peer) = self.peers.get(key.0) else { return };
        if !peer.transport.is_connected() || !peer.role.sends() {
            return;
        }
        let sections = peer.own_sections.clone();
        let published = peer.publications.clone();
        for publication_key in published {
            let Some(publication) = self.publications.get(publication_key.0) else { continue };
            let continues = sections.iter().any(|section| {
                section.sending
                    && section.mid == publication.mid
                    && section.codec == publication.codec
            });
            if !continues {
                self.unpublish(publication_key);
            }
        }
        for section in sections.iter().filter(|section| section.sending) {
            if !self.is_published(key, section) {
                let feedback =
                    PublisherFeedback { nack: section.nack, pli: section.pli, fir: section.fir };
                self.publish(key, section.codec, &section.mid, feedback);
            }
        }
    }

    fn is_published(&self, key: PeerKey, section: &OwnSection) -> bool {
        self.peers.get(key.0).is_some_and(|peer| {
            peer.publications.iter().any(|publication| {
                self.publications
                    .get(publication.0)
                    .is_some_and(|publication| publication.mid == section.mid)
            })
        })
    }

    /// *Subscription active*: connected and accepted. That is when a new viewer needs a keyframe.
    pub(super) fn activate_subscriptions(&mut self, now: Instant, key: PeerKey) {
        let Some(peer) = self.peers.get(key.0) else { return };
        if !peer.transport.is_connected() {
            return;
        }
        let waiting: Vec<SubscriptionKey> = peer
            .subscriptions
            .iter()
            .copied()
            .filter(|key| {
                self.subscriptions.get(key.0).is_some_and(|subscription| {
                    subscription.is_forwarding() && subscription.awaiting_keyframe
                })
            })
            .collect();
        for subscription in waiting {
            self.request_keyframe(now, subscription);
        }
    }

    /// Takes a trickled candidate. An ICE-lite agent has no use for addresses, it learns them from authentic checks; signaling bounds how many
    /// may come, and what cannot be used (a name, a transport nobody knows) is left aside, as it is in an answer.
    pub(super) fn candidate(
        &mut self,
        id: ConnectionId,
        candidate: &str,
    ) -> Result<(), RequestError> {
        self.peer_of(id)?;
        if !candidate.is_empty() && candidate.parse::<Candidate>().is_err() {
            self.counters.unusable_candidates += 1;
        }
        Ok(())
    }

    fn peer_of(&self, id: ConnectionId) -> Result<PeerKey, RequestError> {
        self.ids.get(&id).copied().ok_or(RequestError::Gone)
    }
}

fn remote_of(answer: &Answer) -> Remote {
    Remote {
        ufrag: answer.remote_ufrag.clone(),
        fingerprints: answer.fingerprints.clone(),
        role: match answer.setup {
            Setup::Passive => dtls::Role::Client,
            _ => dtls::Role::Server,
        },
    }
}

impl Peer {
    /// A client that was asked to send what it cannot, a codec that it lacks for instance, is told so: nobody will see its track.
    fn tell_refused_own(&mut self, answer: &Answer) {
        let mids = self.negotiator.mids();
        let refused = |mid: &Option<String>| {
            mid.as_ref().is_some_and(|mid| !answer.own.iter().any(|section| section.mid == *mid))
        };
        for (mid, kind) in [(mids.audio, MediaKind::Audio), (mids.video, MediaKind::Video)] {
            if refused(&mid) {
                self.tell(Event::TrackRefused { publisher: self.id, kind });
            }
        }
    }
}
