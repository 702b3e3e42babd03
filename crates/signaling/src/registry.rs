//! Who is in which channel, for notifications and counts.
//!
//! A connection *enters* when it is let in, which keeps the channel and its session id alive, and becomes a *member* once its media path stands: from
//! then on it counts, is told about the others, and they about it. The SFU knows channels too, by their media; neither asks the other.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;
use tsubame_sfu::{ConnectionId, MediaKind};
use tungstenite::Utf8Bytes;

use crate::clock;
use crate::dialect::{Generation, Reply};
use crate::notify::{CREATED, Counts, DESTROYED, Notice, Profile, Subject, TRACK_REFUSED, UPDATED};
use crate::outbox::Outbox;

/// In channels of up to this many members everybody hears of everybody. In larger ones those who only watch do not hear of each other, and
/// `connection.updated` goes to its own connection alone: both would cost the square of their number, while they join and every minute.
const SMALL_CHANNEL: usize = 100;

/// How many bytes of JSON the list of those who were there already may have; it ends before the member that would exceed it.
const OTHERS_BYTES: usize = 256 * 1024;

/// All channels of the server.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    channels: Mutex<HashMap<String, Channel>>,
}

#[derive(Debug)]
struct Channel {
    /// Of the time from the first connection in to the last one out.
    session_id: String,
    /// Connections in the channel, members or not yet.
    entered: usize,
    /// By the order in which they became members.
    members: BTreeMap<u64, Member>,
    next_member: u64,
    counts: Counts,
    /// It has had more than [`SMALL_CHANNEL`] members, and stays large until it ends: who was told of a viewer's coming would wait for its going,
    /// and the other way round.
    is_large: bool,
}

#[derive(Debug)]
struct Member {
    profile: Arc<Profile>,
    generation: Generation,
    outbox: Outbox,
    since: Instant,
}

impl Registry {
    /// Lets a connection into `channel`. `session_id` names the channel's session if this begins one.
    pub(crate) fn enter(self: &Arc<Self>, channel: &str, session_id: String) -> Membership {
        let mut channels = self.lock();
        let entry = channels.entry(channel.to_owned()).or_insert_with(|| Channel {
            session_id,
            entered: 0,
            members: BTreeMap::new(),
            next_member: 0,
            counts: Counts::default(),
            is_large: false,
        });
        entry.entered += 1;
        Membership {
            registry: Arc::clone(self),
            channel: channel.to_owned(),
            session_id: entry.session_id.clone(),
            member: None,
        }
    }

    /// How many members `channel` has.
    pub(crate) fn connections(&self, channel: &str) -> usize {
        self.lock().get(channel).map_or(0, |channel| channel.members.len())
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Channel>> {
        // Nothing is left half done where a panic could strike.
        self.channels.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One connection's place in its channel. Dropping it leaves, and tells the others.
#[derive(Debug)]
pub(crate) struct Membership {
    registry: Arc<Registry>,
    channel: String,
    session_id: String,
    member: Option<u64>,
}

impl Membership {
    pub(crate) fn session_id(&self) -> &str {
        &self.session_id
    }

    /// The connection's media path stands: `connection.created` to everybody, the newcomer included.
    pub(crate) fn announce(
        &mut self,
        profile: Arc<Profile>,
        generation: Generation,
        outbox: Outbox,
    ) {
        let mut channels = self.registry.lock();
        let Some(channel) = channels.get_mut(&self.channel) else { return };
        if self.member.is_some() {
            return;
        }
        let key = channel.next_member;
        channel.next_member += 1;
        self.member = Some(key);
        *channel.counts.of(profile.role) += 1;
        channel.tell_others(CREATED, key, &profile, 0);
        channel.tell_newcomer(&profile, generation, &outbox);
        channel.members.insert(key, Member { profile, generation, outbox, since: clock::now() });
        channel.is_large |= channel.members.len() > SMALL_CHANNEL;
    }

    /// A minute went by: `connection.updated`.
    pub(crate) fn update(&self) {
        let channels = self.registry.lock();
        let Some(channel) = channels.get(&self.channel) else { return };
        let Some((key, member)) = self.member.and_then(|key| channel.members.get_key_value(&key))
        else {
            return;
        };
        let minutes = member.minutes();
        if !channel.is_large {
            channel.tell_others(UPDATED, *key, &member.profile, minutes);
        }
        let notice = channel.notice(UPDATED, &member.profile, minutes, None);
        member.outbox.push(member.generation.write(&Reply::Notify(&notice)).into());
    }

    /// Tells the connection itself that it does not get a track.
    pub(crate) fn track_refused(
        &self,
        generation: Generation,
        outbox: &Outbox,
        publisher: ConnectionId,
        kind: MediaKind,
    ) {
        let notice = Notice {
            event_type: TRACK_REFUSED,
            timestamp: clock::timestamp(),
            session_id: &self.session_id,
            subject: Subject::Track { publisher, kind },
        };
        outbox.push(generation.write(&Reply::Notify(&notice)).into());
    }
}

impl Drop for Membership {
    fn drop(&mut self) {
        let mut channels = self.registry.lock();
        let Some(channel) = channels.get_mut(&self.channel) else { return };
        if let Some((key, member)) =
            self.member.and_then(|key| Some((key, channel.members.remove(&key)?)))
        {
            *channel.counts.of(member.profile.role) -= 1;
            channel.tell_others(DESTROYED, key, &member.profile, member.minutes());
        }
        channel.entered -= 1;
        if channel.entered == 0 {
            channels.remove(&self.channel);
        }
    }
}

impl Channel {
    fn notice<'a>(
        &'a self,
        event_type: &'static str,
        profile: &'a Profile,
        minutes: u64,
        others: Option<Vec<&'a Profile>>,
    ) -> Notice<'a> {
        Notice {
            event_type,
            timestamp: clock::timestamp(),
            session_id: &self.session_id,
            subject: Subject::Connection { profile, minutes, counts: self.counts, others },
        }
    }

    /// Whether one member is told about another.
    fn hears_of(&self, listener: &Profile, other: &Profile) -> bool {
        let either_sends = listener.role.sends() || other.role.sends();
        listener.bundle_id != other.bundle_id && (either_sends || !self.is_large)
    }

    /// Everybody who hears of the member `key`. Written once per generation, however many read it.
    fn tell_others(&self, event_type: &'static str, key: u64, profile: &Profile, minutes: u64) {
        let notice = self.notice(event_type, profile, minutes, None);
        let mut today: Option<Utf8Bytes> = None;
        let mut of_2015: Option<Utf8Bytes> = None;
        for (other, member) in &self.members {
            if *other == key || !self.hears_of(&member.profile, profile) {
                continue;
            }
            let text = match member.generation {
                Generation::Today => &mut today,
                Generation::Sora2015 => &mut of_2015,
            }
            .get_or_insert_with(|| member.generation.write(&Reply::Notify(&notice)).into());
            member.outbox.push(text.clone());
        }
    }

    fn tell_newcomer(&self, profile: &Profile, generation: Generation, outbox: &Outbox) {
        let mut bytes = 0;
        let others = self
            .members
            .values()
            .map(|member| &*member.profile)
            .filter(|other| self.hears_of(profile, other))
            .take_while(|other| {
                bytes += cost(other);
                bytes <= OTHERS_BYTES
            })
            .collect();
        let notice = self.notice(CREATED, profile, 0, Some(others));
        outbox.push(generation.write(&Reply::Notify(&notice)).into());
    }
}

/// What a member's entry in the list takes at most, in bytes: as JSON, where a control character of an id is six of them.
fn cost(profile: &Profile) -> usize {
    let metadata = profile.notify_metadata.as_ref().map_or(0, |value| value.to_string().len());
    128 + written(&profile.client_id) + written(&profile.bundle_id) + metadata
}

/// How long `text` is between the quotes of a JSON string (RFC 8259 §7), at most.
fn written(text: &str) -> usize {
    let octets = text.bytes().map(|octet| match octet {
        0..=0x1f => 6,
        b'"' | b'\\' => 2,
        _ => 1,
    });
    octets.sum()
}

impl Member {
    fn minutes(&self) -> u64 {
        clock::now().duration_since(self.since).as_secs() / 60
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::{Value, json};
    use tsubame_sfu::Role;

    use super::*;
    use crate::outbox::{OutboxReader, Outgoing, outbox};

    struct Client {
        membership: Membership,
        profile: Arc<Profile>,
        generation: Generation,
        outbox: Outbox,
        reader: OutboxReader,
    }

    impl Client {
        fn enter(registry: &Arc<Registry>, number: u8, role: Role) -> Self {
            Self::of_bundle(registry, number, role, &format!("bundle {number}"))
        }

        fn of_bundle(registry: &Arc<Registry>, number: u8, role: Role, bundle: &str) -> Self {
            let (outbox, reader) = outbox(1024 * 1024);
            let profile = Profile {
                connection_id: ConnectionId::from_random([number; 16]),
                client_id: format!("client {number}"),
                bundle_id: bundle.into(),
                role,
                audio: true,
                video: false,
                notify_metadata: (number == 1).then(|| json!({"name": "first"})),
            };
            Self {
                membership: registry.enter("channel", format!("session {number}")),
                profile: Arc::new(profile),
                generation: Generation::Today,
                outbox,
                reader,
            }
        }

        fn announce(&mut self) {
            let (profile, outbox) = (Arc::clone(&self.profile), self.outbox.clone());
            self.membership.announce(profile, self.generation, outbox);
        }

        /// Everything that was sent since the last time.
        fn heard(&mut self) -> Vec<Value> {
            let mut heard = Vec::new();
            loop {
                // Not a task that has to be fair: everything that is there, at once.
                let next = Box::pin(tokio::task::unconstrained(self.reader.next()));
                match futures_util::FutureExt::now_or_never(next) {
                    Some(Some(Outgoing::Text(text))) => {
                        heard.push(serde_json::from_str(&text).expect("JSON"));
                    }
                    _ => return heard,
                }
            }
        }

        fn heard_one(&mut self) -> Value {
            let mut heard = self.heard();
            assert_eq!(heard.len(), 1, "{heard:?}");
            heard.remove(0)
        }
    }

    #[tokio::test]
    async fn created_goes_to_all_and_tells_the_newcomer_who_was_there() {
        let registry = Arc::new(Registry::default());
        let mut first = Client::enter(&registry, 1, Role::SendOnly);
        first.announce();
        let notice = first.heard_one();
        assert_eq!(notice["event_type"], "connection.created");
        assert_eq!(notice["connection_id"], first.profile.connection_id.as_str());
        assert_eq!(notice["data"], json!([]));
        assert_eq!(notice["channel_connections"], 1);
        assert_eq!(notice["metadata"], json!({"name": "first"}));

        let mut second = Client::enter(&registry, 2, Role::RecvOnly);
        assert_eq!(registry.connections("channel"), 1, "not a member before its media path stands");
        second.announce();
        assert_eq!(registry.connections("channel"), 2);
        let to_second = second.heard_one();
        assert_eq!(
            to_second["data"],
            json!([{
                "client_id": "client 1", "bundle_id": "bundle 1",
                "connection_id": first.profile.connection_id.as_str(), "metadata": {"name": "first"},
            }])
        );
        assert_eq!(to_second["session_id"], "session 1", "the channel's session goes on");
        let to_first = first.heard_one();
        assert_eq!(to_first.get("data"), None);
        for notice in [to_first, to_second] {
            assert_eq!(notice["type"], "notify");
            assert_eq!(notice["event_type"], "connection.created");
            assert_eq!(notice["role"], "recvonly");
            assert_eq!(notice["client_id"], "client 2");
            assert_eq!((&notice["audio"], &notice["video"]), (&json!(true), &json!(false)));
            assert_eq!(notice["minutes"], 0);
            assert_eq!(notice["channel_connections"], 2);
            assert_eq!(notice["channel_sendonly_connections"], 1);
            assert_eq!(notice["channel_recvonly_connections"], 1);
            assert_eq!(notice["channel_sendrecv_connections"], 0);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn destroyed_goes_to_the_others_with_counts_without_the_leaver() {
        let registry = Arc::new(Registry::default());
        let mut first = Client::enter(&registry, 1, Role::SendRecv);
        let mut second = Client::enter(&registry, 2, Role::SendRecv);
        first.announce();
        second.announce();
        first.heard();
        tokio::time::advance(Duration::from_secs(119)).await;
        drop(second);
        let notice = first.heard_one();
        assert_eq!(notice["event_type"], "connection.destroyed");
        assert_eq!(notice["client_id"], "client 2");
        assert_eq!(notice["minutes"], 1);
        assert_eq!(notice["channel_connections"], 1);
        assert_eq!(notice["channel_sendrecv_connections"], 1);
    }

    #[tokio::test]
    async fn who_was_never_announced_leaves_in_silence() {
        let registry = Arc::new(Registry::default());
        let mut first = Client::enter(&registry, 1, Role::SendRecv);
        first.announce();
        first.heard();
        drop(Client::enter(&registry, 2, Role::SendRecv));
        assert_eq!(first.heard(), Vec::<Value>::new());
    }

    #[tokio::test]
    async fn a_channel_ends_with_its_last_connection() {
        let registry = Arc::new(Registry::default());
        let first = Client::enter(&registry, 1, Role::SendRecv);
        let second = Client::enter(&registry, 2, Role::SendRecv);
        drop(first);
        assert_eq!(registry.enter("channel", "new".into()).session_id(), "session 1");
        drop(second);
        assert!(registry.lock().is_empty());
        assert_eq!(registry.enter("channel", "new".into()).session_id(), "new");
    }

    #[tokio::test]
    async fn a_bundle_does_not_hear_of_itself() {
        let registry = Arc::new(Registry::default());
        let mut first = Client::of_bundle(&registry, 1, Role::SendRecv, "same");
        let mut second = Client::of_bundle(&registry, 2, Role::SendRecv, "same");
        let mut third = Client::enter(&registry, 3, Role::SendRecv);
        first.announce();
        third.announce();
        first.heard();
        third.heard();
        second.announce();
        assert_eq!(first.heard(), Vec::<Value>::new());
        assert_eq!(third.heard_one()["client_id"], "client 2");
        let data = second.heard_one()["data"].clone();
        assert_eq!(data.as_array().map(Vec::len), Some(1));
        assert_eq!(data[0]["client_id"], "client 3");
    }

    #[tokio::test]
    async fn each_generation_reads_its_own_casing() {
        let registry = Arc::new(Registry::default());
        let mut old = Client::enter(&registry, 1, Role::RecvOnly);
        old.generation = Generation::Sora2015;
        let mut new = Client::enter(&registry, 2, Role::SendOnly);
        old.announce();
        new.announce();
        let notice = old.heard().pop().expect("a notice");
        assert_eq!(notice["eventType"], "connection.created");
        assert_eq!(notice["role"], "upstream");
        assert_eq!(notice["clientId"], new.profile.connection_id.to_braced_uuid());
        assert_eq!(notice["channelConnections"], 2);
        assert_eq!(notice["channelUpstreamConnections"], 1);
        assert_eq!(notice["channelDownstreamConnections"], 1);
        assert_eq!(new.heard_one()["event_type"], "connection.created");
    }

    #[tokio::test(start_paused = true)]
    async fn updates_go_to_all_in_small_channels_only() {
        let registry = Arc::new(Registry::default());
        let mut clients: Vec<_> =
            (1..=100).map(|number| Client::enter(&registry, number, Role::RecvOnly)).collect();
        for client in &mut clients {
            client.announce();
        }
        for client in &mut clients {
            client.heard();
        }
        tokio::time::advance(Duration::from_secs(60)).await;
        clients[0].membership.update();
        for client in &mut clients {
            let notice = client.heard_one();
            assert_eq!(notice["event_type"], "connection.updated");
            assert_eq!((&notice["client_id"], &notice["minutes"]), (&json!("client 1"), &json!(1)));
        }
        let mut one_more = Client::enter(&registry, 101, Role::RecvOnly);
        one_more.announce();
        for client in &mut clients {
            client.heard();
        }
        clients[0].membership.update();
        assert_eq!(clients[0].heard_one()["event_type"], "connection.updated");
        assert_eq!(clients[1].heard(), Vec::<Value>::new());
    }

    #[tokio::test]
    async fn in_large_channels_viewers_do_not_hear_of_each_other() {
        let registry = Arc::new(Registry::default());
        let mut publisher = Client::enter(&registry, 1, Role::SendOnly);
        publisher.announce();
        let mut viewers: Vec<_> =
            (2..=101).map(|number| Client::enter(&registry, number, Role::RecvOnly)).collect();
        for client in &mut viewers {
            client.announce();
        }
        viewers[0].heard();
        publisher.heard();
        let mut one_more = Client::enter(&registry, 102, Role::RecvOnly);
        one_more.announce();
        assert_eq!(viewers[0].heard(), Vec::<Value>::new());
        let notice = publisher.heard_one();
        assert_eq!(
            (&notice["client_id"], &notice["channel_connections"]),
            (&json!("client 102"), &json!(102))
        );
        let notice = one_more.heard_one();
        assert_eq!(notice["data"].as_array().unwrap().len(), 1, "the publisher");
        drop(one_more);
        assert_eq!(viewers[0].heard(), Vec::<Value>::new());
        assert_eq!(publisher.heard_one()["event_type"], "connection.destroyed");
        drop(publisher);
        let notice = viewers[0].heard_one();
        assert_eq!(
            (&notice["event_type"], &notice["client_id"]),
            (&json!("connection.destroyed"), &json!("client 1"))
        );
    }

    #[tokio::test]
    async fn the_list_of_those_who_were_there_is_bounded() {
        let registry = Arc::new(Registry::default());
        let mut clients = Vec::new();
        for number in 1..=20 {
            let mut client = Client::enter(&registry, number, Role::RecvOnly);
            let mut profile = (*client.profile).clone();
            profile.notify_metadata = Some("a".repeat(16 * 1024 - 2).into());
            client.profile = Arc::new(profile);
            client.announce();
            clients.push(client);
        }
        let last = clients.last_mut().expect("a client").heard_one();
        let listed = last["data"].as_array().expect("a list").len();
        assert_eq!(listed, OTHERS_BYTES / (16 * 1024 + 200));
        assert_eq!(last["channel_connections"], 20);
    }

    #[tokio::test]
    async fn the_list_is_bounded_as_it_is_written() {
        for generation in [Generation::Today, Generation::Sora2015] {
            let registry = Arc::new(Registry::default());
            let mut clients = Vec::new();
            for number in 0..=200 {
                let mut client = Client::enter(&registry, number, Role::SendRecv);
                let mut profile = (*client.profile).clone();
                // The longest JSON that ids within their limit can make.
                profile.client_id = "\u{1}".repeat(255);
                profile.bundle_id = format!("{}{}", "\u{1}".repeat(254), char::from(number % 32));
                client.profile = Arc::new(profile);
                client.generation = generation;
                client.announce();
                // Nobody reads much before the end: that would be an overflow of its own.
                clients.iter_mut().for_each(|other: &mut Client| drop(other.heard()));
                clients.push(client);
            }
            let last = clients.last_mut().expect("a client").heard_one();
            let data = last["data"].as_array().expect("a list");
            let written = last["data"].to_string().len();
            assert!(written <= OTHERS_BYTES, "{written}");
            assert_eq!(data.len(), OTHERS_BYTES / (128 + 255 * 6 * 2));
        }
    }

    #[tokio::test]
    async fn a_refused_track_is_told_to_its_viewer_alone() {
        let registry = Arc::new(Registry::default());
        let mut viewer = Client::enter(&registry, 1, Role::RecvOnly);
        let mut other = Client::enter(&registry, 2, Role::RecvOnly);
        viewer.announce();
        other.announce();
        viewer.heard();
        other.heard();
        let publisher = ConnectionId::from_random([9; 16]);
        viewer.membership.track_refused(
            Generation::Today,
            &viewer.outbox,
            publisher,
            MediaKind::Video,
        );
        let notice = viewer.heard_one();
        assert_eq!(notice["event_type"], "track.refused");
        assert_eq!(notice["connection_id"], publisher.as_str());
        assert_eq!(notice["kind"], "video");
        assert_eq!(other.heard(), Vec::<Value>::new());
    }
}
