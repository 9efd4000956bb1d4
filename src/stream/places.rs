//! Things side by side, each found by its ticket however many of the others go.

use std::num::NonZeroU32;

/// Things in no particular order. To go through them takes as long as there are some, not as there have been.
#[derive(Debug)]
pub(crate) struct Places<P> {
    /// Each with the number of its ticket.
    taken: Vec<(u32, P)>,
    /// Where each ticket's place is; of a ticket that is free, which one is free next.
    at: Vec<u32>,
    free: Option<u32>,
}

/// The right to a place. None is zero, so that no ticket takes no room either.
#[derive(Debug)]
pub(crate) struct Ticket(NonZeroU32);

impl Ticket {
    fn number(number: u32) -> Self {
        Self(NonZeroU32::MIN.saturating_add(number))
    }

    fn index(&self) -> usize {
        self.0.get() as usize - 1
    }
}

impl<P> Places<P> {
    pub(crate) fn new() -> Self {
        Self { taken: Vec::new(), at: Vec::new(), free: None }
    }

    pub(crate) fn insert(&mut self, thing: P) -> Ticket {
        let place = self.taken.len() as u32; // more do not fit into memory
        let ticket = match self.free {
            Some(ticket) => {
                let next = std::mem::replace(&mut self.at[ticket as usize], place);
                self.free = (next != ticket).then_some(next);
                ticket
            }
            None => {
                push(&mut self.at, place);
                self.at.len() as u32 - 1
            }
        };
        push(&mut self.taken, (ticket, thing));
        Ticket::number(ticket)
    }

    pub(crate) fn remove(&mut self, ticket: Ticket) -> P {
        let ticket = ticket.index();
        let place = self.at[ticket];
        let (_, thing) = self.taken.swap_remove(place as usize);
        if let Some((moved, _)) = self.taken.get(place as usize) {
            self.at[*moved as usize] = place;
        }
        // The last one that is free is its own next.
        self.at[ticket] = self.free.replace(ticket as u32).unwrap_or(ticket as u32);
        self.give_back();
        thing
    }

    pub(crate) fn get_mut(&mut self, ticket: &Ticket) -> &mut P {
        &mut self.taken[self.at[ticket.index()] as usize].1
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut P> {
        self.taken.iter_mut().map(|(_, thing)| thing)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.taken.is_empty()
    }

    /// Of what a crowd took, when it has left. Tickets are 4 bytes each, and stay until all are free.
    fn give_back(&mut self) {
        if self.taken.len() < self.taken.capacity() / 4 {
            self.taken.shrink_to(self.taken.len() * 2);
        }
        if self.taken.is_empty() {
            *self = Self::new();
        }
    }
}

/// Grows by a quarter: with most rooms there is one, and with a crowd, half of twice as many is a lot.
fn push<T>(things: &mut Vec<T>, thing: T) {
    if things.len() == things.capacity() {
        things.reserve_exact((things.len() / 4).max(1));
    }
    things.push(thing);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn each_ticket_leads_to_its_own(steps in prop::collection::vec(any::<(bool, u8)>(), 0..300)) {
            let mut places = Places::new();
            let mut tickets = Vec::new();
            for (number, (comes, which)) in steps.into_iter().enumerate() {
                if comes || tickets.is_empty() {
                    tickets.push((places.insert(number), number));
                } else {
                    let (ticket, number) = tickets.swap_remove(which as usize % tickets.len());
                    prop_assert_eq!(places.remove(ticket), number);
                }
                for (ticket, number) in &tickets {
                    prop_assert_eq!(*places.get_mut(ticket), *number);
                }
                let mut there: Vec<_> = places.iter_mut().map(|number| *number).collect();
                let mut expected: Vec<_> = tickets.iter().map(|(_, number)| *number).collect();
                there.sort_unstable();
                expected.sort_unstable();
                prop_assert_eq!(there, expected);
                prop_assert_eq!(places.is_empty(), tickets.is_empty());
                prop_assert!(places.taken.capacity() <= 4 * tickets.len() + 8);
            }
        }
    }
}
