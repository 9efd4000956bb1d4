//! What the forum remembers, in memory: who has logged in, and what was said in which thread.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use uuid::Uuid;

/// All threads that there are. Each is a live picture on the index, and over HTTP/1.1 a browser opens
/// six connections to a host: a site with more of them needs HTTP/2.
pub(crate) const THREADS: [(&str, &str); 2] =
    [("welcome", "Who are you?"), ("weather", "Is it still raining?")];

const MAX_NAME: usize = 64;
const MAX_TEXT: usize = 2_000;
/// Of a thread; older ones are forgotten.
const MAX_POSTS: usize = 100;
/// Who has logged in longest ago is logged out.
const MAX_SESSIONS: usize = 10_000;

/// Somebody who has logged in. A request has this as an extension.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct User {
    pub(crate) name: String,
}

impl User {
    /// One of this name, if it can be one. There is no password, because this is an example: whoever
    /// says a name is that user, also in two browsers.
    pub(crate) fn called(name: &str) -> Option<Self> {
        let name = name.trim();
        let fits = !name.is_empty() && name.chars().count() <= MAX_NAME;
        fits.then(|| Self { name: name.to_owned() })
    }

    pub(crate) fn is_admin(&self) -> bool {
        self.name == "admin"
    }
}

#[derive(Clone)]
pub(crate) struct Post {
    pub(crate) author: String,
    pub(crate) text: String,
}

#[derive(Clone, Default)]
pub(crate) struct Store(Arc<Mutex<Memory>>);

#[derive(Default)]
struct Memory {
    users: HashMap<Uuid, User>,
    /// The sessions, oldest first.
    order: VecDeque<Uuid>,
    posts: HashMap<&'static str, VecDeque<Post>>,
}

impl Store {
    /// A session that nobody can guess, and that nobody had before.
    pub(crate) fn log_in(&self, user: User) -> Uuid {
        let (id, mut memory) = (Uuid::new_v4(), self.memory());
        if memory.order.len() >= MAX_SESSIONS
            && let Some(oldest) = memory.order.pop_front()
        {
            memory.users.remove(&oldest);
        }
        memory.order.push_back(id);
        memory.users.insert(id, user);
        id
    }

    pub(crate) fn log_out(&self, id: Uuid) {
        let mut memory = self.memory();
        if memory.users.remove(&id).is_some() {
            memory.order.retain(|other| *other != id);
        }
    }

    pub(crate) fn user(&self, id: Uuid) -> Option<User> {
        self.memory().users.get(&id).cloned()
    }

    pub(crate) fn posts(&self, thread: &str) -> Vec<Post> {
        self.memory().posts.get(thread).into_iter().flatten().cloned().collect()
    }

    /// Whether the text was one that can be posted.
    pub(crate) fn post(&self, thread: &'static str, author: &User, text: &str) -> bool {
        let text = text.trim();
        if text.is_empty() || text.chars().count() > MAX_TEXT {
            return false;
        }
        let mut memory = self.memory();
        let posts = memory.posts.entry(thread).or_default();
        if posts.len() >= MAX_POSTS {
            posts.pop_front();
        }
        posts.push_back(Post { author: author.name.clone(), text: text.to_owned() });
        true
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The thread of this id, as the table has it.
pub(crate) fn thread(id: &str) -> Option<(&'static str, &'static str)> {
    THREADS.into_iter().find(|(known, _)| *known == id)
}
