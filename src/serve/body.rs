//! What a response carries: the inner service's body, a live stream, or one whole picture.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use http_body::{Body, Frame as BodyFrame, SizeHint};
use http_body_util::{Empty, Full};
use pin_project::pin_project;

use crate::request::pulse::Pulse;
use crate::room::admission::{Admitted, Pass};
use crate::room::promise::KeptPromise;
use crate::room::registry::Invitation;
use crate::stream::frame::Frame;
use crate::stream::framing::Framing;
use crate::stream::page;
use crate::stream::stage::Cue;

/// The body of a response from a service in this layer.
///
/// Its data is always [`Bytes`]. An inner body's data is passed on as it is if it is `Bytes` too,
/// and copied once otherwise; an inner body's errors, trailers, size hint and end are its own.
#[pin_project]
#[derive(Debug)]
pub struct ResponseBody<B = Empty<Bytes>> {
    #[pin]
    kind: Kind<B>,
}

#[pin_project(project = KindProjection)]
#[derive(Debug)]
enum Kind<B> {
    Inner(#[pin] B),
    Live(Viewer),
    /// In a box: streams stay, and a whole picture goes soon.
    Whole(Box<Full<Bytes>>),
}

impl<B> ResponseBody<B> {
    pub(crate) fn inner(body: B) -> Self {
        Self { kind: Kind::Inner(body) }
    }

    pub(crate) fn live(viewer: Viewer) -> Self {
        Self { kind: Kind::Live(viewer) }
    }

    pub(crate) fn whole(picture: Bytes) -> Self {
        Self { kind: Kind::Whole(Box::new(Full::new(picture))) }
    }
}

impl<B: Body> Body for ResponseBody<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<BodyFrame<Bytes>, B::Error>>> {
        match self.project().kind.project() {
            KindProjection::Inner(body) => {
                let to_bytes = |mut data: B::Data| data.copy_to_bytes(data.remaining());
                body.poll_frame(cx).map_ok(|frame| frame.map_data(to_bytes))
            }
            KindProjection::Live(viewer) => {
                viewer.poll(cx).map(|bytes| bytes.map(|bytes| Ok(BodyFrame::data(bytes))))
            }
            KindProjection::Whole(body) => {
                Pin::new(body).poll_frame(cx).map_err(|never| match never {})
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.kind {
            Kind::Inner(body) => body.is_end_stream(),
            Kind::Live(viewer) => viewer.has_ended(),
            Kind::Whole(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.kind {
            Kind::Inner(body) => body.size_hint(),
            // Never exact: hyper would make a Content-Length of it.
            Kind::Live(_) => SizeHint::default(),
            Kind::Whole(body) => body.size_hint(),
        }
    }
}

/// One live stream. Its viewer is counted from the first poll, so that a request that was reset
/// before it got anything never counts, to the drop, whatever causes it.
#[derive(Debug)]
pub(crate) struct Viewer {
    state: State,
    pulse: Option<Pulse>,
}

#[derive(Debug)]
enum State {
    /// In a box, because it is large, and is no more once there is a seat.
    Invited(Box<(Invitation, Wire, Admitted)>),
    Seated(Stream),
    Over,
}

/// What a stream looks like on the wire.
#[derive(Debug)]
pub(crate) struct Wire {
    pub(crate) framing: Framing,
    /// What comes before everything else.
    pub(crate) head: Bytes,
    /// Instead of the stream's end there is an empty last part.
    pub(crate) ends_open: bool,
}

/// A viewer in its seat.
#[derive(Debug)]
struct Stream {
    kept: KeptPromise,
    framing: Framing,
    ends_open: bool,
    /// How often something new has been shown.
    steps: u32,
    beats: u32,
    _pass: Pass,
    seen: Option<Arc<Frame>>,
    /// What has to follow what was sent last, or to go before what is sent first.
    rest: Option<Box<Bytes>>,
    is_closed: bool,
}

impl Viewer {
    pub(crate) fn new(
        invitation: Invitation,
        wire: Wire,
        admitted: Admitted,
        pulse: Option<Pulse>,
    ) -> Self {
        if let Some(pulse) = &pulse {
            pulse.set_watched(true);
        }
        Self { state: State::Invited(Box::new((invitation, wire, admitted))), pulse }
    }

    fn has_ended(&self) -> bool {
        matches!(self.state, State::Over)
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        if let State::Invited(..) = self.state {
            self.take_seat();
        }
        let State::Seated(stream) = &mut self.state else { return Poll::Ready(None) };
        if self.pulse.as_ref().is_some_and(|pulse| pulse.is_gone(cx)) {
            stream.kept.seat.look_away();
            return Poll::Pending;
        }
        let bytes = ready!(stream.poll(cx));
        if stream.is_closed {
            // The seat is given back now: a server may keep the body until the bytes are sent.
            self.state = State::Over;
        }
        Poll::Ready(Some(bytes))
    }

    fn take_seat(&mut self) {
        let state = std::mem::replace(&mut self.state, State::Over);
        if let State::Invited(invited) = state {
            let (invitation, Wire { framing, head, ends_open }, admitted) = *invited;
            let Admitted { promise, pass } = admitted;
            self.state = State::Seated(Stream {
                kept: promise.redeem(invitation),
                framing,
                ends_open,
                steps: 0,
                beats: 0,
                _pass: pass,
                seen: None,
                rest: (!head.is_empty()).then(|| Box::new(head)),
                is_closed: false,
            });
        }
    }
}

impl Drop for Viewer {
    /// What comes next on the connection may be a download.
    fn drop(&mut self) {
        if let Some(pulse) = &self.pulse {
            pulse.set_watched(false);
        }
    }
}

impl Stream {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Bytes> {
        let bytes = match self.rest.take_if(|_| self.seen.is_some()) {
            Some(rest) => *rest,
            None => ready!(self.follow(cx)),
        };
        self.kept.seat.meter().bytes(bytes.len());
        Poll::Ready(bytes)
    }

    /// Does what the stage cues.
    fn follow(&mut self, cx: &mut Context<'_>) -> Poll<Bytes> {
        let cue = loop {
            let cue = ready!(self.kept.seat.poll(cx));
            self.beats += u32::from(matches!(cue, Cue::Beat));
            if !matches!(cue, Cue::Beat) || self.beats.is_multiple_of(self.framing.beats_each()) {
                break cue;
            }
        };
        // Before the first picture there is nothing to repeat or to close; the painter shows one
        // before it closes.
        let from_seen = |show: fn(&Frame, Framing) -> Bytes| {
            self.seen.as_ref().map_or_else(Bytes::new, |seen| show(seen, self.framing))
        };
        Poll::Ready(match cue {
            Cue::Show(frame) => self.show(frame),
            Cue::Beat => {
                self.kept.seat.meter().heartbeat();
                from_seen(Frame::heartbeat)
            }
            Cue::End(_) => {
                let bytes = match self.ends_open {
                    true => from_seen(Frame::last_part_open),
                    false => from_seen(Frame::closing),
                };
                self.is_closed = true;
                bytes
            }
        })
    }

    fn show(&mut self, frame: Arc<Frame>) -> Bytes {
        self.kept.seat.meter().frame();
        let framing = self.framing;
        let bytes = match (&self.seen, self.rest.take()) {
            (None, Some(head)) => [&head[..], &frame.opening(framing)].concat().into(),
            (None, None) => frame.opening(framing),
            (Some(seen), _) => {
                let (bytes, rest) = frame.step_from(seen, framing);
                self.rest = rest.map(Box::new);
                bytes
            }
        };
        self.seen = Some(frame);
        self.steps += 1;
        if framing.max_steps().is_some_and(|most| self.steps >= most) {
            self.is_closed = true;
            return [&bytes[..], page::RENEWAL].concat().into();
        }
        bytes
    }
}
