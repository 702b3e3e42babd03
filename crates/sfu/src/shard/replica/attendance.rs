//! Which shards have members of a channel.
//!
//! A shard that gets its first member asks the directory who else has some, and tells them. Those who have answer in kind, so that in the end
//! both know, whoever came first: of two that come at once each finds the other's seat in the directory.

use super::super::Shard;
use super::super::message::ShardMessage;
use crate::crossing::Link;
use crate::keys::ChannelKey;

impl Shard {
    /// A member came in, the last of the list: the first one is told to the other shards of the channel. One that has left but is still here
    /// does not count: it has no seat any more, and who came meanwhile did not find this shard in the directory. What is said twice does no harm.
    pub(in crate::shard) fn attend(&mut self, key: ChannelKey) {
        let Some(channel) = self.channels.get(key.0) else { return };
        let mut others = channel.members.iter().rev().skip(1);
        if self.shared.shards == 1 || others.any(|member| !self.is_over(*member)) {
            return;
        }
        let (name, epoch) = (channel.name.clone(), channel.epoch);
        for shard in self.shared.directory.others(&name, self.index) {
            let Some(channel) = self.channels.get_mut(key.0) else { return };
            if !channel.told.contains(&shard) {
                channel.told.push(shard);
            }
            let attend = ShardMessage::Attend { channel: name.clone(), epoch, is_answer: false };
            self.tell_shard(shard, attend);
        }
    }

    /// The last member left: nothing of other shards is of use here.
    pub(in crate::shard) fn depart(&mut self, key: ChannelKey) {
        let Some(channel) = self.channels.get_mut(key.0) else { return };
        let name = channel.name.clone();
        let (told, replicas) =
            (std::mem::take(&mut channel.told), std::mem::take(&mut channel.publications));
        for shard in told {
            self.tell_shard(shard, ShardMessage::Depart { channel: name.clone() });
        }
        for replica in replicas {
            self.unpublish(replica);
        }
    }

    /// Another shard has members of a channel. Where there are none here, this shard will ask when it gets some.
    pub(in crate::shard) fn attended(
        &mut self,
        from: usize,
        name: &str,
        epoch: u64,
        is_answer: bool,
    ) {
        let Some(key) = self.channel_names.get(name).copied() else { return };
        let Some(channel) = self.channels.get_mut(key.0) else { return };
        let link = Link { shard: from, epoch };
        if !is_answer {
            if !channel.told.contains(&from) {
                channel.told.push(from);
            }
            let epoch = channel.epoch;
            let answer = ShardMessage::Attend { channel: name.to_owned(), epoch, is_answer: true };
            self.tell_shard(from, answer);
        }
        let Some(channel) = self.channels.get_mut(key.0) else { return };
        if channel.links.contains(&link) {
            return;
        }
        channel.links.retain(|known| known.shard != from);
        channel.links.push(link);
        for publication in channel.publications.clone() {
            self.announce_to(link, publication);
        }
    }

    /// Another shard has no members of the channel any more.
    pub(in crate::shard) fn departed(&mut self, from: usize, name: &str) {
        let Some(key) = self.channel_names.get(name).copied() else { return };
        let Some(channel) = self.channels.get_mut(key.0) else { return };
        channel.links.retain(|link| link.shard != from);
        for publication in channel.publications.clone() {
            self.forget_watcher(from, publication);
        }
    }
}
