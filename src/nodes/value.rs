//! Values of the application that are the same on all nodes: the latest one wins, by a number and not by a clock.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::watch;

use crate::nodes::message::{NodeId, Told, Version};

/// A longer one, as JSON, is not told to other nodes.
const MAX_BYTES: usize = 64 * 1024;

/// A value of the application that is the same on all [nodes](crate::LiveBadgeLayerBuilder::nodes): what one sets,
/// all of them have within a tenth of a second, as a rule.
///
/// Each node makes one of the same name and type, gives it to its layer
/// ([`share`](crate::LiveBadgeLayerBuilder::share)), and shows it as any other value. What is set last stays; of what is
/// set on two nodes at once, the same one everywhere. A node that starts takes over what the others have; when all
/// have been stopped, it is forgotten.
///
/// It travels as JSON, of 64 KiB at most. Clones are the same value.
///
/// ```
/// use tower_livebadge::{Badge, LiveBadgeLayer, LocalBus, SharedValue};
///
/// #[derive(serde::Serialize, serde::Deserialize)]
/// struct Queue { waiting: usize }
///
/// let queue = SharedValue::new("queue", Queue { waiting: 0 });
/// let svg = r#"<svg xmlns="http://www.w3.org/2000/svg" width="120" height="20">
///   <text x="4" y="14" font-size="11">{{ waiting }} waiting</text>
/// </svg>"#;
/// let badges = LiveBadgeLayer::builder()
///     .badge("/queue.png", Badge::svg(svg).values(queue.subscribe()))
///     .share(&queue)
///     .nodes(LocalBus::new()) // RedisBus::open("redis://127.0.0.1")?
///     .build()?;
///
/// queue.set(Queue { waiting: 7 }); // every viewer of every node sees it
/// # Ok::<(), tower_livebadge::BuildError>(())
/// ```
pub struct SharedValue<T> {
    inner: Arc<Inner<T>>,
}

struct Inner<T> {
    name: String,
    sender: watch::Sender<T>,
    state: Mutex<State>,
}

struct State {
    own: NodeId,
    version: Version,
    /// As it is told; `None` if nobody has set it.
    json: Option<Arc<[u8]>>,
    is_due: bool,
    wake: Option<Wake>,
}

/// Says that there is something to be told.
pub(crate) type Wake = Arc<dyn Fn() + Send + Sync>;

/// A value of any type, as nodes speak of it.
pub(crate) trait Shareable: Send + Sync {
    fn name(&self) -> &str;

    /// It is shared from now on, by this node.
    fn join(&self, own: NodeId, wake: Wake);

    /// What is to be told, if it was not told yet.
    fn take_due(&self) -> Option<Told>;

    /// It is to be told again, if anybody has set it.
    fn is_asked(&self);

    /// Another node has told this.
    fn hear(&self, told: &Told) -> Result<(), serde_json::Error>;
}

/// All values that a layer shares.
#[derive(Debug, Default)]
pub(crate) struct Values(pub(crate) Vec<Arc<dyn Shareable>>);

impl Values {
    /// All of them are to be told again, as far as anybody has set them. Returns whether there are any.
    pub(crate) fn are_asked(&self) -> bool {
        self.0.iter().for_each(|value| value.is_asked());
        !self.0.is_empty()
    }

    /// What is to be told, about as many bytes as these, and whether there is more.
    pub(crate) fn take_due(&self, max_bytes: usize) -> (Vec<Told>, bool) {
        let (mut told, mut bytes) = (Vec::new(), 0);
        for value in &self.0 {
            if bytes >= max_bytes {
                return (told, true);
            }
            if let Some(one) = value.take_due() {
                bytes += one.json.len();
                told.push(one);
            }
        }
        (told, false)
    }

    pub(crate) fn hear(&self, told: &[Told]) {
        for told in told {
            let value = self.0.iter().find(|value| value.name() == told.name);
            if let Some(Err(error)) = value.map(|value| value.hear(told)) {
                let name = &told.name;
                tracing::warn!(%name, %error, "a shared value is of another type on another node");
            }
        }
    }
}

impl<T: Serialize + DeserializeOwned + Send + Sync + 'static> SharedValue<T> {
    /// A value that is this until some node sets another one.
    pub fn new(name: impl Into<String>, value: T) -> Self {
        let (own, version) = (NodeId::default(), Version::default());
        let state = State { own, version, json: None, is_due: false, wake: None };
        let (name, sender) = (name.into(), watch::Sender::new(value));
        Self { inner: Arc::new(Inner { name, sender, state: Mutex::new(state) }) }
    }

    /// Sets it, here at once and on the other nodes soon.
    ///
    /// One that is no JSON, or more than 64 KiB of it, is set here alone, with a warning in the log.
    pub fn set(&self, value: T) {
        let Inner { name, sender, .. } = &*self.inner;
        let json = match as_json(&value) {
            Ok(json) => Some(json.into()),
            Err(error) => {
                tracing::warn!(%name, %error, "a shared value can't be told to other nodes");
                None
            }
        };
        let wake = {
            // What is heard meanwhile comes before it, or after it.
            let mut state = self.inner.state();
            sender.send_replace(value);
            if json.is_none() {
                return;
            }
            let number = state.version.number.saturating_add(1);
            state.version = Version { number, node: state.own };
            (state.json, state.is_due) = (json, true);
            state.wake.clone()
        };
        if let Some(wake) = wake {
            wake();
        }
    }

    /// What it is from now on, for [`Badge::values`](crate::Badge::values) and the application.
    pub fn subscribe(&self) -> watch::Receiver<T> {
        self.inner.sender.subscribe()
    }

    pub(crate) fn shareable(&self) -> Arc<dyn Shareable> {
        self.inner.clone()
    }
}

fn as_json(value: &impl Serialize) -> Result<Vec<u8>, String> {
    let json = serde_json::to_vec(value).map_err(|error| error.to_string())?;
    match json.len() {
        ..=MAX_BYTES => Ok(json),
        bytes => Err(format!("as JSON it has {bytes} bytes, and may have {MAX_BYTES}")),
    }
}

impl<T> Inner<T> {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: Serialize + DeserializeOwned + Send + Sync + 'static> Shareable for Inner<T> {
    fn name(&self) -> &str {
        &self.name
    }

    fn join(&self, own: NodeId, wake: Wake) {
        let mut state = self.state();
        (state.own, state.wake) = (own, Some(wake));
        state.is_due = state.json.is_some();
    }

    fn take_due(&self) -> Option<Told> {
        let mut state = self.state();
        let json = state.json.clone().filter(|_| state.is_due)?;
        state.is_due = false;
        Some(Told { name: self.name.clone(), version: state.version, json: json.to_vec() })
    }

    fn is_asked(&self) {
        let mut state = self.state();
        state.is_due = state.json.is_some();
    }

    fn hear(&self, told: &Told) -> Result<(), serde_json::Error> {
        let value = serde_json::from_slice(&told.json)?;
        let mut state = self.state();
        if told.version > state.version {
            state.version = told.version;
            state.json = Some(told.json.as_slice().into());
            state.is_due = false;
            self.sender.send_replace(value);
        }
        Ok(())
    }
}

impl<T> Clone for SharedValue<T> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone() }
    }
}

impl<T> fmt::Debug for SharedValue<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedValue").field("name", &self.inner.name).finish_non_exhaustive()
    }
}

impl fmt::Debug for dyn Shareable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined(node: u8, value: u32) -> SharedValue<u32> {
        let shared = SharedValue::new("n", value);
        shared.shareable().join(NodeId([node; 16]), Arc::new(|| {}));
        shared
    }

    fn told(shared: &SharedValue<u32>) -> Told {
        shared.shareable().take_due().expect("it was set")
    }

    #[test]
    fn the_latest_one_wins_and_of_two_at_once_the_same_one() {
        let (one, two) = (joined(1, 0), joined(2, 0));
        assert!(one.shareable().take_due().is_none(), "nobody has set it");
        one.set(5);
        let five = told(&one);
        assert!(one.shareable().take_due().is_none(), "it was told");
        two.shareable().hear(&five).unwrap();
        assert_eq!(*two.subscribe().borrow(), 5);
        two.set(6);
        one.set(7);
        let (six, seven) = (told(&two), told(&one));
        for told in [&six, &seven, &five, &seven, &six] {
            one.shareable().hear(told).unwrap();
            two.shareable().hear(told).unwrap();
        }
        let both = (*one.subscribe().borrow(), *two.subscribe().borrow());
        assert_eq!(both, (6, 6), "that of the greater node");
        one.set(8);
        two.shareable().hear(&told(&one)).unwrap();
        assert_eq!(*two.subscribe().borrow(), 8, "it was set later, by a lesser node");
    }

    #[test]
    fn who_asks_is_told_what_anybody_has_set() {
        let (one, two) = (joined(1, 0), joined(2, 0));
        one.shareable().is_asked();
        assert!(one.shareable().take_due().is_none());
        two.set(3);
        let three = told(&two);
        one.shareable().hear(&three).unwrap();
        assert!(one.shareable().take_due().is_none(), "it is another node's word");
        one.shareable().is_asked();
        assert_eq!(told(&one), three);
    }

    #[test]
    fn what_is_no_such_value_changes_nothing() {
        let (one, two) = (joined(1, 4), joined(2, 0));
        two.set(3);
        let wrong = Told { json: b"\"three\"".to_vec(), ..told(&two) };
        assert!(one.shareable().hear(&wrong).is_err());
        assert_eq!(*one.subscribe().borrow(), 4);
    }

    #[test]
    fn what_can_not_be_told_is_set_here() {
        let long = SharedValue::new("text", String::new());
        long.shareable().join(NodeId([1; 16]), Arc::new(|| {}));
        long.set("x".repeat(MAX_BYTES));
        assert_eq!(long.subscribe().borrow().len(), MAX_BYTES);
        assert!(long.shareable().take_due().is_none());
    }
}
