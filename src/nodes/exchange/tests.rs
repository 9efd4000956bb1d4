use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::nodes::value::SharedValue;
use crate::presence::counts::{Counts, Grace};
use crate::presence::elsewhere::Elsewhere;
use crate::presence::leaving::{LeaveReason, Leaving};

const GRACE: Grace = Grace { of_person: Duration::ZERO, of_keyless: Duration::ZERO };
const LEAVING: Leaving = Leaving { reason: LeaveReason::Closed, stayed: Duration::ZERO };
const ROOMS: usize = 3;

fn room(number: usize) -> RoomKey {
    RoomKey::new("/{room}.png", format!("/{number}.png"))
}

/// A node; rooms are opened for the first and freed after the last, as they are.
struct Node {
    exchange: Exchange,
    crowds: [Option<Arc<Crowd>>; ROOMS],
    streams: [usize; ROOMS],
    is_cut: bool,
}

impl Node {
    fn new(id: u8) -> Self {
        let exchange = Exchange::new(NodeId([id; 16]), Duration::from_secs(10), Values::default());
        exchange.begin();
        Self { exchange, crowds: Default::default(), streams: [0; ROOMS], is_cut: false }
    }

    fn change(&mut self, number: usize, comes: bool) {
        let streams = &mut self.streams[number];
        if comes {
            let crowd = self.crowds[number].get_or_insert_with(|| {
                let crowd = Arc::new(Crowd::of_room(GRACE, Arc::default(), None));
                self.exchange.open(room(number), &crowd);
                crowd
            });
            crowd.join(None);
            *streams += 1;
        } else if let (Some(crowd), 1..) = (&self.crowds[number], *streams) {
            crowd.leave(None, LEAVING);
            *streams -= 1;
        }
        self.exchange.mark(&room(number));
        if *streams == 0
            && let Some(crowd) = self.crowds[number].take()
        {
            self.exchange.close(&room(number), &crowd);
        }
    }

    fn cut(&mut self, is_cut: bool) {
        self.is_cut = is_cut;
        if is_cut {
            self.exchange.break_off();
        } else {
            self.exchange.begin();
        }
    }

    fn shows(&self, number: usize) -> Counts {
        let elsewhere = || Elsewhere::alone(self.exchange.elsewhere(&room(number)));
        self.crowds[number].as_ref().map_or_else(elsewhere, |crowd| crowd.counts())
    }
}

/// Nodes, and how far time has gone.
struct Site {
    nodes: Vec<Node>,
    now: Instant,
}

impl Site {
    fn new(nodes: u8) -> Self {
        let mut site = Self { nodes: (0..nodes).map(Node::new).collect(), now: Instant::now() };
        (0..20).for_each(|_| site.step(|_| true));
        site
    }

    /// All say what they have to say; what arrives is decided for each message and node.
    fn step(&mut self, mut arrives: impl FnMut(usize) -> bool) {
        self.now += PACE;
        let speakers = self.nodes.iter().filter(|node| !node.is_cut);
        let said: Vec<_> = speakers.filter_map(|node| node.exchange.next(self.now).ok()).collect();
        for message in said {
            let bytes = message.write();
            for (number, node) in self.nodes.iter().enumerate() {
                if arrives(number) && !node.is_cut {
                    node.exchange.hear(&bytes, self.now).unwrap();
                }
            }
        }
    }

    fn truth(&self, number: usize) -> usize {
        self.nodes.iter().map(|node| node.streams[number]).sum()
    }

    fn agrees(&self) -> bool {
        (0..ROOMS).all(|number| {
            let truth = Counts { streams: self.truth(number), visitors: self.truth(number) };
            self.nodes.iter().all(|node| node.shows(number) == truth)
        })
    }
}

#[test]
fn a_join_is_seen_everywhere_with_the_next_message() {
    let mut site = Site::new(3);
    site.nodes[0].change(0, true);
    site.step(|_| true);
    assert!(site.agrees());
    assert_eq!(site.nodes[1].shows(0).streams, 1);
    site.nodes[0].change(0, false);
    site.step(|_| true);
    assert!(site.agrees());
}

/// All were cut off, come back one after the other, and are busy: asking must keep nobody from telling.
#[test]
fn twenty_busy_nodes_agree_soon() {
    for spread in [1, 6, 20] {
        let mut site = Site::new(20);
        site.nodes.iter_mut().for_each(|node| node.cut(true));
        let mut random = fastrand::Rng::with_seed(spread);
        let mut steps = 0;
        for step in 0..40 {
            for (number, node) in site.nodes.iter_mut().enumerate() {
                if number as u64 % spread == step % spread && node.is_cut {
                    node.cut(false);
                }
                node.change(random.usize(..ROOMS), random.bool());
            }
            site.step(|_| true);
        }
        while !site.agrees() {
            steps += 1;
            assert!(steps < 20, "after {spread} steps apart, they don't agree in a second");
            site.step(|_| true);
        }
    }
}

#[test]
fn many_rooms_are_told_in_parts() {
    let here = Node::new(1);
    let crowd = Arc::new(Crowd::of_room(GRACE, Arc::default(), None));
    crowd.has_other_nodes();
    crowd.join(None);
    for number in 0..10_000 {
        here.exchange.open(room(number), &crowd);
    }
    crowd.join(None);
    here.exchange.begin();
    let there = Node::new(2);
    let (mut now, mut parts) = (Instant::now(), 0);
    while let Ok(message) = here.exchange.next(now) {
        parts += usize::from(matches!(message.word, Word::Everything { .. }));
        let bytes = message.write();
        assert!(bytes.len() < MAX_BYTES + 10_000);
        there.exchange.hear(&bytes, now).unwrap();
        now += PACE;
        if parts > 0 && there.exchange.elsewhere(&room(0)).streams > 0 && parts >= 6 {
            break;
        }
    }
    let told = there.exchange.all_elsewhere();
    assert!(told.len() == 10_000 && parts < 20, "{} rooms in {parts} parts", told.len());
}

#[test]
fn nothing_is_said_faster_than_the_pace_and_nothing_after_goodbye() {
    let mut node = Node::new(1);
    let now = Instant::now();
    assert!(matches!(node.exchange.next(now), Ok(Message { word: Word::Hello, .. })));
    node.change(0, true);
    assert_eq!(node.exchange.next(now).unwrap_err(), now + PACE);
    node.exchange.leave();
    let goodbye = node.exchange.next(now + PACE).unwrap();
    assert_eq!(goodbye.word, Word::Goodbye);
    node.exchange.hear(&goodbye.write(), now).unwrap();
    assert!(node.exchange.next(now + 100 * BEAT).is_err());
}

#[test]
fn a_room_that_is_freed_is_nobodys() {
    let mut site = Site::new(2);
    site.nodes[0].change(1, true);
    site.step(|_| true);
    let other = Arc::new(Crowd::of_room(GRACE, Arc::default(), None));
    site.nodes[0].exchange.close(&room(1), &other);
    assert!(site.nodes[0].exchange.state().here.contains_key(&room(1)), "another one of its name");
    let crowd = site.nodes[0].crowds[1].clone().unwrap();
    site.nodes[0].exchange.close(&room(1), &crowd);
    site.step(|_| true);
    assert_eq!(site.nodes[1].shows(1), Counts::default());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]
    /// Whatever is lost on the way, and whoever is cut off, all agree on the truth some beats after nothing is lost any more.
    #[test]
    fn whatever_is_lost_they_agree_in_the_end(
        steps in prop::collection::vec((0..3usize, 0..ROOMS, any::<(bool, bool, bool)>(), any::<[bool; 9]>()), 0..60),
    ) {
        let mut site = Site::new(3);
        for (node, number, (comes, cuts, too), arrives) in steps {
            site.nodes[node].change(number, comes);
            if cuts && too {
                let is_cut = site.nodes[node].is_cut;
                site.nodes[node].cut(!is_cut);
            }
            let mut arrives = arrives.into_iter().cycle();
            site.step(|_| arrives.next().unwrap());
            for node in &site.nodes {
                let counts = node.shows(number);
                prop_assert!(counts.streams >= node.streams[number]);
            }
        }
        site.nodes.iter_mut().filter(|node| node.is_cut).for_each(|node| node.cut(false));
        // A beat says that something was missed; a second time half a second later.
        (0..50).for_each(|_| site.step(|_| true));
        prop_assert!(site.agrees());
    }
}

/// What was told last before a connection broke may not have been carried.
#[test]
fn values_are_told_again_with_a_new_connection() {
    let value = SharedValue::new("n", 0);
    let id = NodeId([1; 16]);
    value.shareable().join(id, Arc::new(|| {}));
    let values = Values(vec![value.shareable()]);
    let exchange = Exchange::new(id, Duration::from_secs(10), values);
    let mut now = Instant::now();
    let mut tells = || {
        exchange.begin();
        let told = (0..9).filter(|_| {
            now += PACE;
            let told = exchange.next(now).map(|message| message.word);
            matches!(told, Ok(Word::Values(told)) if !told.is_empty())
        });
        let told = told.count();
        exchange.break_off();
        told
    };
    assert_eq!(tells(), 0, "nobody has set it");
    value.set(1);
    assert_eq!((tells(), tells()), (1, 1));
}
