//! What crosses to JavaScript in one call: numbers in one array, bodies in another, and the rest as values.

use bytes::Bytes;
use ginnel_os::{self as os, ConnId, Message};

use crate::js::{Env, LARGE, Value};

/// Numbers for each item: what it is, whose, which, and how many bytes and descriptors it has.
const FIELDS: usize = 5;
const FIELD: usize = size_of::<f64>();
/// Stands for a number of bytes: the body is among the values.
const APART: f64 = -1.0;

/// One item.
pub(super) struct Item {
    pub(super) kind: u8,
    pub(super) connection: ConnId,
    pub(super) id: u64,
    pub(super) message: Message,
    /// What else belongs to it; its kind says that there is something.
    pub(super) beside: Option<Value>,
}

impl Item {
    /// Something that happened, without a message.
    pub(super) fn word(kind: u8, connection: ConnId, id: u64) -> Self {
        Self { kind, connection, id, message: Message::empty(), beside: None }
    }
}

/// Items on their way.
pub(super) struct Batch<'a> {
    env: Env,
    /// An array of doubles.
    numbers: &'a mut [u8],
    room: &'a mut [u8],
    fds: &'a mut Vec<os::Carried>,
    used: usize,
    count: usize,
    values: Vec<Value>,
}

impl<'a> Batch<'a> {
    pub(super) fn new(
        env: Env,
        (numbers, room): (&'a mut [u8], &'a mut [u8]),
        fds: &'a mut Vec<os::Carried>,
    ) -> Self {
        Self { env, numbers, room, fds, used: 0, count: 0, values: Vec::new() }
    }

    pub(super) const fn env(&self) -> Env {
        self.env
    }

    /// May one more be put in?
    pub(super) fn is_open(&self) -> bool {
        (self.count + 1) * FIELDS * FIELD <= self.numbers.len()
    }

    pub(super) fn put(&mut self, item: Item) {
        let Message { body, fds, .. } = item.message;
        let bytes = self.place(body);
        let fields =
            [f64::from(item.kind), super::number(item.connection), item.id as f64, bytes, fds.len() as f64];
        let at = self.count * FIELDS * FIELD;
        for (place, field) in self.numbers[at..].chunks_exact_mut(FIELD).zip(fields) {
            place.copy_from_slice(&field.to_ne_bytes());
        }
        self.values.extend(item.beside);
        self.fds.extend(fds);
        self.count += 1;
    }

    fn place(&mut self, body: Bytes) -> f64 {
        match self.room.get_mut(self.used..self.used + body.len()) {
            Some(place) if body.len() < LARGE => {
                place.copy_from_slice(&body);
                self.used += body.len();
                body.len() as f64
            }
            _ => {
                self.values.push(self.env.buffer(body));
                APART
            }
        }
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.count == 0
    }

    pub(super) fn finish(self) -> Finished {
        Finished { count: self.count, values: self.values }
    }
}

/// What is told of a batch, once nothing of it is lent any more.
pub(super) struct Finished {
    count: usize,
    values: Vec<Value>,
}

impl Finished {
    /// How many items there are; or an array of that and of the values, in the order in which the items want them.
    pub(super) fn told(self, env: Env) -> Value {
        let count = env.number(self.count as f64);
        if self.values.is_empty() {
            return count;
        }
        env.array([count].into_iter().chain(self.values))
    }
}
