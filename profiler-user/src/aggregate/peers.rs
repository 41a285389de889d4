//! Whom requests waited for.

use std::sync::Arc;

use foldhash::HashSet;

/// Peers kept apart in a row; those that come later are [`OTHER_PEER`]. An
/// application speaks to a few databases and services.
pub const MAX_PEERS: usize = 8;

/// Peers named in a run: where they come and go (a crawler, a cluster), each would
/// else be a label for ever.
pub const MAX_NAMED_PEERS: usize = 64;

/// The peer of all that are not kept apart, or not named.
pub const OTHER_PEER: &str = "_other";

/// The waiting for one peer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Waited {
    /// In sum, nanoseconds.
    pub ns: u64,
    /// Requests that waited.
    pub requests: u64,
}

impl Waited {
    fn merge(&mut self, other: Self) {
        self.ns = self.ns.saturating_add(other.ns);
        self.requests += other.requests;
    }
}

/// The peers that are named in a run: the first to come.
#[derive(Debug, Default)]
pub(super) struct Named(HashSet<Arc<str>>);

impl Named {
    /// The peer, if it is named.
    pub(super) fn name<'a>(&mut self, peer: &'a Arc<str>) -> Option<&'a Arc<str>> {
        if self.0.len() < MAX_NAMED_PEERS {
            self.0.insert(Arc::clone(peer));
        }
        self.0.contains(peer).then_some(peer)
    }
}

/// The peers of a set of requests.
///
/// All that a request waited for peers is booked on the one that it waited for
/// longest at a time: the kernel side names no other.
#[derive(Clone, Debug, Default)]
pub struct Peers {
    named: Vec<(Arc<str>, Waited)>,
    other: Waited,
}

impl Peers {
    /// Adds a request that waited `ns` for `peer`; without, for one not named.
    pub fn record(&mut self, peer: Option<&Arc<str>>, ns: u64) {
        let waited = match peer {
            Some(peer) => self.of(peer),
            None => &mut self.other,
        };
        waited.merge(Waited { ns, requests: 1 });
    }

    /// Adds all of `other`.
    pub fn merge(&mut self, other: &Self) {
        for (peer, waited) in &other.named {
            self.of(peer).merge(*waited);
        }
        self.other.merge(other.other);
    }

    /// Each peer, [`OTHER_PEER`] last.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Waited)> {
        let other = (self.other.requests > 0).then_some((OTHER_PEER, self.other));
        let named = self.named.iter().map(|(peer, waited)| (&**peer, *waited));
        named.chain(other)
    }

    /// The one that was waited for longest in sum.
    #[must_use]
    pub fn heaviest(&self) -> Option<&str> {
        let heaviest = self.iter().max_by_key(|(_, waited)| waited.ns);
        heaviest.map(|(peer, _)| peer)
    }

    fn of(&mut self, peer: &Arc<str>) -> &mut Waited {
        let place = match self.named.iter().position(|(known, _)| known == peer) {
            Some(place) => place,
            None if self.named.len() < MAX_PEERS => {
                self.named.push((Arc::clone(peer), Waited::default()));
                self.named.len() - 1
            }
            None => return &mut self.other,
        };
        &mut self.named[place].1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peers(names: impl IntoIterator<Item = usize>) -> Peers {
        let mut peers = Peers::default();
        for name in names {
            peers.record(Some(&name.to_string().into()), 10);
        }
        peers
    }

    #[test]
    fn are_bounded_and_nothing_is_lost() {
        let mut merged = peers(0..MAX_PEERS + 2);
        merged.merge(&peers([1, 1, 100]));
        merged.merge(&peers(0..=MAX_PEERS));
        assert_eq!(merged.iter().count(), MAX_PEERS + 1);
        let all = merged.iter().map(|(_, waited)| waited.requests);
        assert_eq!(all.sum::<u64>() as usize, 2 * MAX_PEERS + 6);
        let other = Waited {
            ns: 40,
            requests: 4,
        };
        assert_eq!(merged.iter().last(), Some((OTHER_PEER, other)));
    }

    #[test]
    fn the_heaviest_is_that_of_most_waiting() {
        assert_eq!(peers([1, 2, 2, 3]).heaviest(), Some("2"));
        assert_eq!(peers([]).heaviest(), None);
    }
}
