//! Who is asked for what: the servers known at this moment, and the choice among them for one key. A snapshot; it changes nothing.

use super::door::Live;
use super::fault::Fault;
use super::link::{Link, Standing};
use crate::config::schema::RedisAddress;
use std::sync::Arc;

/// Slots of a cluster.
pub(super) const SLOTS: usize = 16_384;
/// A slot that nobody serves.
pub(super) const NOBODY: u16 = u16::MAX;

/// What is going to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    Read,
    Write,
}

/// The servers known at this moment.
#[derive(Clone)]
pub(super) enum Cast {
    /// Nobody has said yet; with a reason once it has been tried.
    Unknown(Option<String>),
    /// Each server holds everything.
    Servers {
        /// The first master of them that answers is written to.
        write: Vec<Arc<Link>>,
        /// Read from.
        read: Vec<Arc<Link>>,
        order: Order,
    },
    /// Each master holds some slots.
    Cluster {
        nodes: Vec<Arc<Link>>,
        /// For each slot the number of its node.
        slots: Arc<[u16]>,
    },
}

/// In which order servers are read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// In turn.
    Rotate,
    /// The one that is written to, and replicas while there is none.
    MasterFirst,
}

/// The outcome of a choice.
pub(super) enum Choice {
    /// Ask this one.
    Go(Arc<Link>, Live),
    /// Nobody has been tried yet, or places are about to be known: wait for a change.
    Wait,
    /// Nobody can be asked.
    Not(String),
}

impl Cast {
    /// Who is asked about a key.
    pub fn choose(&self, access: Access, key: &[u8], turn: usize) -> Choice {
        match self {
            Cast::Unknown(None) => Choice::Wait,
            Cast::Unknown(Some(why)) => Choice::Not(why.clone()),
            Cast::Servers { write, .. } if access == Access::Write => writer(write),
            Cast::Servers { write, read, order } => reader(write, read, *order, turn),
            Cast::Cluster { nodes, slots } => {
                let node = slots.get(slot(key)).and_then(|n| nodes.get(usize::from(*n)));
                node.map_or_else(|| Choice::Not("nobody serves some of its slots".to_owned()), stand)
            }
        }
    }

    /// Every server whose keys are a part of the whole: the masters.
    pub fn masters(&self) -> Vec<RedisAddress> {
        match self {
            Cast::Unknown(_) => Vec::new(),
            Cast::Servers { write, .. } => match writer(write) {
                Choice::Go(link, _) => vec![link.address().clone()],
                _ => write.first().map(|l| l.address().clone()).into_iter().collect(),
            },
            Cast::Cluster { nodes, slots } => {
                let mut used: Vec<u16> = slots.iter().copied().filter(|n| *n != NOBODY).collect();
                used.sort_unstable();
                used.dedup();
                used.iter()
                    .filter_map(|n| nodes.get(usize::from(*n)))
                    .map(|l| l.address().clone())
                    .collect()
            }
        }
    }

    /// The link to an address.
    pub fn at(&self, address: &RedisAddress) -> Option<Arc<Link>> {
        let all: Vec<&Arc<Link>> = match self {
            Cast::Unknown(_) => Vec::new(),
            Cast::Servers { write, read, .. } => write.iter().chain(read).collect(),
            Cast::Cluster { nodes, .. } => nodes.iter().collect(),
        };
        all.into_iter().find(|link| link.address() == address).cloned()
    }

    /// Why not everything can be kept, or not yet told; `Ok(false)`: it is not known yet, `Ok(true)`: all is well.
    pub fn well(&self) -> Result<bool, String> {
        match self {
            Cast::Unknown(None) => Ok(false),
            Cast::Unknown(Some(why)) => Err(why.clone()),
            Cast::Servers { write, .. } => told(writer(write)),
            Cast::Cluster { nodes, slots } => {
                if slots.contains(&NOBODY) {
                    return Err("nobody serves some slots of the cluster".to_owned());
                }
                for master in self.masters() {
                    let link = nodes.iter().find(|l| *l.address() == master);
                    let Some(link) = link else { continue };
                    if !told(stand(link))? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
        }
    }
}

fn told(choice: Choice) -> Result<bool, String> {
    match choice {
        Choice::Go(..) => Ok(true),
        Choice::Wait => Ok(false),
        Choice::Not(why) => Err(why),
    }
}

fn stand(link: &Arc<Link>) -> Choice {
    match link.standing() {
        Standing::Up(live) => Choice::Go(link.clone(), live),
        Standing::New => Choice::Wait,
        Standing::Down(fault) => Choice::Not(format!("{}: {}", link.address(), fault.text())),
    }
}

/// The first master. One that has not been tried yet is waited for, so that the choice does not hang on who is quicker.
fn writer(write: &[Arc<Link>]) -> Choice {
    let mut why: Option<String> = None;
    for link in write {
        match link.standing() {
            // A node of a cluster does not know other nodes' keys: the places are about to be asked for.
            Standing::New => return Choice::Wait,
            Standing::Up(live) if live.facts.cluster => return Choice::Wait,
            Standing::Up(live) if live.facts.master => return Choice::Go(link.clone(), live),
            Standing::Up(_) => drop(why.get_or_insert_with(|| format!("{}: {}", link.address(), Fault::ReadOnly.text()))),
            Standing::Down(fault) => drop(why.get_or_insert_with(|| format!("{}: {}", link.address(), fault.text()))),
        }
    }
    Choice::Not(why.unwrap_or_else(|| "no server is known".to_owned()))
}

fn reader(write: &[Arc<Link>], read: &[Arc<Link>], order: Order, turn: usize) -> Choice {
    let first = writer(write);
    if order == Order::MasterFirst && !matches!(first, Choice::Not(_)) {
        return first;
    }
    let chosen = match &first {
        Choice::Go(link, _) => Some(link.address()),
        _ => None,
    };
    // Of several masters only the one that is written to knows what was written.
    let fit = |link: &Arc<Link>, live: &Live| !live.facts.cluster && (!live.facts.master || chosen.is_none_or(|c| c == link.address()));
    for n in 0..read.len() {
        let link = read.get((turn % read.len() + n) % read.len());
        if let Some((link, live)) = link.and_then(|l| Some((l, l.live()?)))
            && fit(link, &live)
        {
            return Choice::Go(link.clone(), live);
        }
    }
    match first {
        Choice::Not(why) if read.iter().any(|l| matches!(l.standing(), Standing::New)) => drop(why),
        other => return other,
    }
    Choice::Wait
}

/// The slot of a key: what stands between its first braces, or all of it.
pub(super) fn slot(key: &[u8]) -> usize {
    let open = key.iter().position(|b| *b == b'{');
    let tag = open.and_then(|open| {
        let rest = key.get(open + 1..)?;
        let close = rest.iter().position(|b| *b == b'}').filter(|close| *close > 0)?;
        rest.get(..close)
    });
    usize::from(crc16(tag.unwrap_or(key))) % SLOTS
}

/// CRC-16/XMODEM, which the cluster's specification names.
fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc: u16, byte| {
        (0..8).fold(crc ^ (u16::from(*byte) << 8), |crc, _| match crc & 0x8000 {
            0 => crc << 1,
            _ => (crc << 1) ^ 0x1021,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_as_the_cluster_counts_them() {
        assert_eq!(crc16(b"123456789"), 0x31c3);
        assert_eq!(slot(b"foo"), 12_182);
        assert_eq!(slot(b"{user1000}.following"), slot(b"user1000"));
        assert_eq!(slot(b"foo{}{bar}"), usize::from(crc16(b"foo{}{bar}")) % SLOTS);
        assert_eq!(slot(b"foo{{bar}}zap"), slot(b"{bar"));
    }
}
