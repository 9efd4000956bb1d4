//! The rooms of this layer among those of other nodes.

use std::sync::Arc;

use tokio::sync::watch;

use crate::badge::recipe::Recipe;
use crate::nodes::exchange::Exchange;
use crate::nodes::health::NodesHealth;
use crate::nodes::link::Link;
use crate::presence::counts::{Counts, RoomCounts};
use crate::presence::crowd::Crowd;
use crate::presence::elsewhere::Elsewhere;
use crate::request::params::Params;
use crate::room::opened::Room;
use crate::store::contract::RoomKey;

/// The rooms of a layer that has other nodes.
#[derive(Debug)]
pub(crate) struct Nodes {
    link: Link,
    /// Those of all rooms of a badge.
    totals: Vec<(RoomKey, Arc<Crowd>)>,
}

impl Nodes {
    pub(crate) fn new(link: Link, recipes: &[Recipe]) -> Self {
        let total = |recipe: &Recipe| Some((recipe.key(&Params::of([])), recipe.total.clone()?));
        let totals: Vec<_> = recipes.iter().filter_map(total).collect();
        for recipe in recipes {
            let badge = || recipe.path.clone();
            recipe
                .totals
                .iter()
                .for_each(|total| link.exchange.count_rooms(badge(), total.clone()));
        }
        totals.iter().for_each(|(room, crowd)| link.exchange.open(room.clone(), crowd));
        Self { link, totals }
    }

    /// A room has been opened, in which nobody is yet.
    pub(crate) fn open(&self, room: &Room) {
        self.exchange().open(room.key(), &room.crowd);
    }

    /// Somebody came or went, in a room and in those that its people are counted in.
    pub(crate) fn note(&self, room: &Room) {
        self.exchange().mark(&room.key());
        for crowd in room.totals() {
            let is_it = |(_, total): &&(RoomKey, Arc<Crowd>)| Arc::ptr_eq(total, crowd);
            if let Some((total, _)) = self.totals.iter().find(is_it) {
                self.exchange().mark(total);
            }
        }
    }

    /// A room is freed.
    pub(crate) fn close(&self, room: &Room) {
        self.exchange().close(&room.key(), &room.crowd);
    }

    /// How many are elsewhere in a room that is not open here.
    pub(crate) fn counts_of(&self, recipe: &Recipe, params: &Params) -> Counts {
        Elsewhere::alone(self.exchange().elsewhere(&recipe.key(params)))
    }

    /// Somebody wants to hear of a room, whether or not it is open here.
    pub(crate) fn watch(&self, recipe: &Recipe, params: &Params, watcher: watch::Sender<Counts>) {
        self.exchange().watch(recipe.key(params), watcher);
    }

    /// The rooms that somebody is in elsewhere.
    pub(crate) fn all(&self) -> impl Iterator<Item = RoomCounts> {
        let all = self.exchange().all_elsewhere().into_iter();
        let rooms = all.filter(|(room, _)| self.totals.iter().all(|(total, _)| total != room));
        rooms.map(|(room, headcount)| RoomCounts {
            path: room.path,
            counts: Elsewhere::alone(headcount),
        })
    }

    /// They can't be reached.
    pub(crate) fn is_alone(&self) -> bool {
        !self.exchange().is_connected()
    }

    pub(crate) fn health(&self) -> NodesHealth {
        self.exchange().health()
    }

    pub(crate) async fn say_goodbye(&self) {
        self.link.say_goodbye().await;
    }

    fn exchange(&self) -> &Exchange {
        &self.link.exchange
    }
}
