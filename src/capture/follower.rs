//! What takes the bytes of a connection.
//!
//! TCP feeds a [`Follower`]; a follower that unwraps something (TLS, WebSocket) feeds another one.
//! So each is a reading of the same bytes, and says in its [`Claim`] whether it is the right one.

use super::record::Place;

/// An end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum End {
    /// The sender of the first frame.
    First,
    /// The other one.
    Second,
}

impl End {
    /// Both.
    pub const BOTH: [End; 2] = [End::First, End::Second];

    /// The other end.
    pub const fn other(self) -> End {
        match self {
            End::First => End::Second,
            End::Second => End::First,
        }
    }
}

/// One value for each end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pair<T> {
    /// For [`End::First`].
    pub first: T,
    /// For [`End::Second`].
    pub second: T,
}

impl<T> Pair<T> {
    /// The value of `end`.
    pub fn get(&self, end: End) -> &T {
        match end {
            End::First => &self.first,
            End::Second => &self.second,
        }
    }

    /// The value of `end`.
    pub fn get_mut(&mut self, end: End) -> &mut T {
        match end {
            End::First => &mut self.first,
            End::Second => &mut self.second,
        }
    }
}

/// Bytes that were sent and are not there to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lost {
    /// How many, counted in the stream that the capture has: of what is wrapped, those that wrap
    /// it are among them.
    pub bytes: u64,
    /// Whether the stream that is followed lacks exactly as many. It is not known for what was
    /// encrypted or framed: then what follows may be anywhere.
    pub exact: bool,
}

impl Lost {
    /// So many bytes of the very stream that is followed.
    pub const fn exactly(bytes: u64) -> Lost {
        Lost { bytes, exact: true }
    }

    /// So many bytes of what the stream that is followed was wrapped in.
    pub const fn wrapped(bytes: u64) -> Lost {
        Lost {
            bytes,
            exact: false,
        }
    }
}

/// What a follower says of the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// More bytes will tell. Nothing has been put out.
    Open,
    /// The bytes are what it reads, without doubt.
    Mine,
    /// They are not; it has put nothing out and never will.
    Not,
}

/// Takes the bytes of one connection, each exactly once, in the order in which they were sent.
pub trait Follower: std::fmt::Debug {
    /// Where what was found goes.
    type Out;

    /// The bytes of `end` will come from the very first one on. `opens`: it is the end that opened
    /// the connection.
    fn syn(&mut self, end: End, opens: bool, out: &mut Self::Out);

    /// Bytes that `end` sent. `place` is the first frame that has them.
    fn data(&mut self, end: End, bytes: &[u8], place: Place, out: &mut Self::Out);

    /// Bytes that `end` sent are not in the capture.
    fn gap(&mut self, end: End, lost: Lost, place: Place, out: &mut Self::Out);

    /// `end` has ended the connection: with a FIN behind its last byte, or with an RST. What it
    /// sent before may still come if it was waited for.
    fn ended(&mut self, _end: End, _is_reset: bool, _place: Place, _out: &mut Self::Out) {}

    /// In this frame bytes of `end` are acknowledged that have not come so far.
    fn acknowledged(&mut self, _end: End, _place: Place, _out: &mut Self::Out) {}

    /// What was acknowledged before it came comes now.
    fn late(&mut self, _end: End, _place: Place, _out: &mut Self::Out) {}

    /// Nothing more comes: decides what is still open, and puts out all that waited.
    fn finish(&mut self, out: &mut Self::Out);

    /// Another reading is the right one: puts out nothing, and frees what it holds.
    fn abandon(&mut self, _out: &mut Self::Out) {}

    /// Whether the bytes are what this follower reads.
    fn claim(&self) -> Claim;
}

impl<F: Follower + ?Sized> Follower for Box<F> {
    type Out = F::Out;

    fn syn(&mut self, end: End, opens: bool, out: &mut F::Out) {
        (**self).syn(end, opens, out);
    }

    fn data(&mut self, end: End, bytes: &[u8], place: Place, out: &mut F::Out) {
        (**self).data(end, bytes, place, out);
    }

    fn gap(&mut self, end: End, lost: Lost, place: Place, out: &mut F::Out) {
        (**self).gap(end, lost, place, out);
    }

    fn acknowledged(&mut self, end: End, place: Place, out: &mut F::Out) {
        (**self).acknowledged(end, place, out);
    }

    fn late(&mut self, end: End, place: Place, out: &mut F::Out) {
        (**self).late(end, place, out);
    }

    fn ended(&mut self, end: End, is_reset: bool, place: Place, out: &mut F::Out) {
        (**self).ended(end, is_reset, place, out);
    }

    fn finish(&mut self, out: &mut F::Out) {
        (**self).finish(out);
    }

    fn abandon(&mut self, out: &mut F::Out) {
        (**self).abandon(out);
    }

    fn claim(&self) -> Claim {
        (**self).claim()
    }
}
