//! The store that all nodes of a site share: Redis or Valkey.

use std::collections::HashSet;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use redis::{Client, Connection, RedisResult, cmd};

use crate::presence::totals::Totals;
use crate::store::contract::{Batch, RoomKey, SharedStore, Store, StoreError};
use crate::store::redis::keys::{Keys, name};
use crate::store::redis::server::{PREFIX, RedisUrlError, SECRET_LIFE, client, connect};

mod keys;
pub(crate) mod server;
mod work;

const MAX_ROOMS: usize = 250_000;
/// Of so many rooms everything is read at a time: 9 KB each at most.
const AT_A_TIME: usize = 200;

/// A [`Store`] that all nodes of a site share, in Redis or Valkey.
///
/// What each node counts is added up: joins are summed, of peaks the highest one stays, and somebody who came to two
/// nodes today has come once. A room that is open on two nodes shows the same totals on both, within two seconds.
///
/// ```no_run
/// use tower_livebadge::{Badge, LiveBadgeLayer, Look, RedisBus, RedisStore};
///
/// let url = "redis://127.0.0.1";
/// let badges = LiveBadgeLayer::builder()
///     .badge("/online.png", Badge::online())
///     .badge("/visits.png", Badge::look(Look::visits()).rooms_of("/online.png"))
///     .nodes(RedisBus::open(url)?) // who is there now
///     .store(RedisStore::open(url)?) // who has been there
///     .build()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Without a [bus](crate::LiveBadgeLayerBuilder::nodes), peaks are those of the node that had the most.
///
/// **Nothing is counted twice, and nothing is lost, while the server lives**: what a node has to add is kept until it
/// has been told that it is added, and what may have been added is added again only if it was not. A node that is
/// killed loses a second. While the server can't be reached, badges go on from memory, and each node shows what
/// it knew and what has come to it since.
///
/// **A server that lost everything** loses it for all nodes. What they knew is not written back: totals fall to what
/// has come since, and peaks to who is there. One that lost its last second, as with `appendfsync everysec` after a
/// crash or with a replica that takes over, has lost that, and nothing is counted twice, either. So let it write to a
/// disk (`appendonly yes`), and not throw away what has no time to live (`maxmemory-policy noeviction` or
/// `volatile-*`).
///
/// **What is in it:** a hash for each room with its records as JSON, a sorted set of the rooms, and, for two days each,
/// who came to a room (hashes, under a secret of the day) and that secret. Of each node there is the number of its last
/// batch, for 30 days. All keys begin with the [prefix](Self::prefix).
///
/// **What it takes:** Redis 4 or later, or Valkey: `WATCH`, `MULTI` and `EXEC`, and no scripts; for an ACL:
/// `~livebadge:* +watch +unwatch +multi +exec +get +set +del +hget +hmget +hset +zadd +zrem +zcard +zrange +zscan`.
/// Of a Redis Cluster it can't use more than one node. All nodes need the same
/// [time zone](crate::LiveBadgeLayerBuilder), and clocks that agree about which day it is.
pub struct RedisStore {
    client: Client,
    keys: Keys,
    max_rooms: usize,
    /// How many rooms were forgotten for want of room.
    forgotten: AtomicU64,
    writing: Mutex<Option<Connection>>,
    /// Another one: what is read does not wait for what is written.
    reading: Mutex<Option<Connection>>,
}

impl RedisStore {
    /// Of the server at this URL: `redis://`, `rediss://` for TLS, or `redis+unix://` for a socket's path; with a user,
    /// a password, and the number of a database, if need be.
    ///
    /// Nothing is connected before [`build`](crate::LiveBadgeLayerBuilder::build), which fails if the server is not
    /// there, or wants another password. Later, such a thing is said in the log and to the
    /// [observer](crate::Observer::on_store_error), and is tried again without end.
    ///
    /// A `rediss://` server needs a certificate that the machine trusts (or a file that `SSL_CERT_FILE` names). If
    /// the process has no default of rustls for cryptography when it is connected first, that becomes *ring*.
    ///
    /// # Errors
    ///
    /// If that is no such URL.
    pub fn open(url: &str) -> Result<Self, RedisUrlError> {
        Ok(Self {
            client: client(url)?,
            keys: Keys { prefix: PREFIX.to_owned() },
            max_rooms: MAX_ROOMS,
            forgotten: AtomicU64::new(0),
            writing: Mutex::default(),
            reading: Mutex::default(),
        })
    }

    /// What its keys begin with, for several sites that share a server and a database.
    ///
    /// Default: `livebadge`.
    #[must_use]
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.keys.prefix = prefix.into();
        self
    }

    /// Keeps so many rooms at most: 250,000, if not said otherwise. Beyond that those go that were not changed
    /// for the longest time, and a warning in the log says so.
    #[must_use]
    pub fn max_rooms(mut self, rooms: usize) -> Self {
        self.max_rooms = rooms;
        self
    }

    /// Does this, which may be done twice, on a connection that is kept for the next time.
    fn on<T>(
        &self,
        place: &Mutex<Option<Connection>>,
        work: impl Fn(&mut Connection) -> RedisResult<T>,
    ) -> Result<T, StoreError> {
        let mut place = place.lock().unwrap_or_else(PoisonError::into_inner);
        // After an error it may be in the middle of something: it is not used again.
        if let Some(mut connection) = place.take() {
            match work(&mut connection) {
                Ok(done) => {
                    *place = Some(connection);
                    return Ok(done);
                }
                // The server, or something on the way, has closed it some time ago.
                Err(error) if error.is_connection_dropped() && !error.is_timeout() => {}
                Err(error) => return Err(self.error(&error)),
            }
        }
        let done = connect(&self.client).and_then(|mut connection| {
            let done = work(&mut connection)?;
            *place = Some(connection);
            Ok(done)
        });
        done.map_err(|error| self.error(&error))
    }

    fn error(&self, error: &redis::RedisError) -> StoreError {
        let address = self.client.get_connection_info().addr();
        format!("the Redis at {address} does not keep totals now: {error}").into()
    }

    fn trim(&self) -> Result<(), StoreError> {
        let trim = |connection: &mut Connection| work::trim(connection, &self.keys, self.max_rooms);
        let trimmed = self.on(&self.writing, trim)? as u64;
        let before = self.forgotten.fetch_add(trimmed, Ordering::Relaxed);
        // Not each time from now on: when it has become twice as much.
        if (before + trimmed).checked_ilog2() != before.checked_ilog2() {
            tracing::warn!(
                rooms = before + trimmed,
                max_rooms = self.max_rooms,
                "totals of rooms were forgotten, of those first that were not changed for long: \
                 RedisStore::max_rooms says how many are kept"
            );
        }
        Ok(())
    }
}

impl Store for RedisStore {
    fn load(&self, room: &RoomKey) -> Result<Option<Totals>, StoreError> {
        let names = [name(room)];
        let read = self.on(&self.reading, |connection| work::read(connection, &self.keys, &names));
        Ok(read?.pop().and_then(|(_, totals)| totals))
    }

    fn save(&self, changes: &[(RoomKey, Option<Totals>)]) -> Result<(), StoreError> {
        self.on(&self.writing, |connection| work::save(connection, &self.keys, changes))
    }

    fn for_each(&self, each: &mut dyn FnMut(RoomKey, Totals)) -> Result<(), StoreError> {
        let (mut cursor, mut seen) = (0, HashSet::new());
        loop {
            let page = |connection: &mut Connection| work::page(connection, &self.keys, cursor);
            let (next, mut rooms) = self.on(&self.reading, page)?;
            // Some may be found twice while others are added.
            rooms.retain(|(name, _)| seen.insert(name.clone()));
            for some in rooms.chunks(AT_A_TIME) {
                let (names, rooms): (Vec<_>, Vec<_>) = some.iter().cloned().unzip();
                let read = |connection: &mut Connection| work::read(connection, &self.keys, &names);
                for (room, (_, totals)) in rooms.into_iter().zip(self.on(&self.reading, read)?) {
                    if let Some(totals) = totals {
                        each(room, totals);
                    }
                }
            }
            if next == 0 {
                return Ok(());
            }
            cursor = next;
        }
    }

    fn day_secret(&self, day: u64, new: [u8; 16]) -> Result<[u8; 16], StoreError> {
        let key = self.keys.secret(day);
        let kept: Vec<u8> = self.on(&self.writing, |connection| {
            let set = cmd("SET").arg(&key).arg(&new[..]).arg("NX").clone();
            set.clone().arg("EX").arg(SECRET_LIFE.as_secs()).exec(connection)?;
            cmd("GET").arg(&key).query(connection)
        })?;
        kept.try_into().map_err(|_| format!("{key} is no secret of a day").into())
    }

    fn shared(&self) -> Option<&dyn SharedStore> {
        Some(self)
    }
}

impl SharedStore for RedisStore {
    fn add(&self, batch: Batch, more: &[(RoomKey, Totals)]) -> Result<(), StoreError> {
        self.on(&self.writing, |connection| work::add(connection, &self.keys, batch, more))?;
        self.trim()
    }

    fn news(
        &self,
        rooms: &[(RoomKey, Option<u64>)],
    ) -> Result<Vec<Option<(u64, Totals)>>, StoreError> {
        let names: Vec<_> = rooms.iter().map(|(room, _)| name(room)).collect();
        let read = |connection: &mut Connection| work::versions(connection, &self.keys, &names);
        let versions = self.on(&self.writing, read)?;
        let is_news = |at: &usize| rooms[*at].1 != Some(versions[*at]);
        let changed: Vec<_> = (0..rooms.len()).filter(is_news).collect();
        let mut news = vec![None; rooms.len()];
        for some in changed.chunks(AT_A_TIME) {
            let names: Vec<_> = some.iter().map(|at| names[*at].clone()).collect();
            let read = |connection: &mut Connection| work::read(connection, &self.keys, &names);
            for (at, (version, totals)) in some.iter().zip(self.on(&self.writing, read)?) {
                news[*at] = Some((version, totals.unwrap_or_default()));
            }
        }
        Ok(news)
    }
}

/// Without the password that may be in its URL.
impl fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let address = self.client.get_connection_info().addr();
        let prefix = &self.keys.prefix;
        f.debug_struct("RedisStore").field("address", address).field("prefix", prefix).finish()
    }
}
