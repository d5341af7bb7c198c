//! What values go over.

use ginnel_os::{ConnId, Delivery, Error, Happening, Message, Request, SendError};

use crate::{Client, ClientHandle, Connection, Server, ServerHandle};

/// What values go over, one way and the other: a [`Connection`], a [`Client`], or a handle of either.
pub trait Channel: Carries {}

impl Channel for Connection {}
impl Channel for Client {}
impl Channel for ClientHandle {}

/// What values go over, to and from many: a [`Server`] or a handle of one.
pub trait Serves: Hub {}

impl Serves for Server {}
impl Serves for ServerHandle {}

/// What they all do. Not in scope anywhere else, so that it hides nobody's own methods.
#[expect(unnameable_types, reason = "sealed")]
pub trait Carries {
    fn feed(&mut self, message: Message) -> Result<(), SendError>;
    fn flush(&mut self) -> Result<(), SendError>;
    fn send(&mut self, message: Message) -> Result<(), SendError>;
    fn recv(&mut self) -> Result<Option<Message>, Error>;
    fn next(&mut self) -> Result<Option<Delivery>, Error>;
    fn call(&mut self, message: Message) -> Result<Message, SendError>;
    fn reply(&mut self, request: Request, answer: Message) -> Result<(), SendError>;
    fn fail(&mut self, request: Request, why: Message) -> Result<(), SendError>;
    fn abort(&mut self);
}

/// What servers and their handles do.
#[expect(unnameable_types, reason = "sealed")]
pub trait Hub {
    fn next(&mut self) -> Result<Happening, Error>;
    fn feed(&mut self, id: ConnId, message: Message) -> Result<(), SendError>;
    fn flush(&mut self, id: ConnId) -> Result<(), SendError>;
    fn send(&mut self, id: ConnId, message: Message) -> Result<(), SendError>;
    fn call(&mut self, id: ConnId, message: Message) -> Result<Message, SendError>;
    fn reply(&mut self, request: Request, answer: Message);
    fn fail(&mut self, request: Request, why: Message);
    fn broadcast(&mut self, message: Message) -> Vec<ConnId>;
    fn disconnect(&mut self, id: ConnId) -> bool;
}

/// By the methods of the same names; what ends the connection is told.
macro_rules! forward {
    (Carries for $($channel:ident, ended by $abort:ident;)*) => {$(
        impl Carries for $channel {
            fn feed(&mut self, message: Message) -> Result<(), SendError> {
                Self::feed(self, message)
            }

            fn flush(&mut self) -> Result<(), SendError> {
                Self::flush(self)
            }

            fn send(&mut self, message: Message) -> Result<(), SendError> {
                Self::send(self, message)
            }

            fn recv(&mut self) -> Result<Option<Message>, Error> {
                Self::recv(self)
            }

            fn next(&mut self) -> Result<Option<Delivery>, Error> {
                Self::next(self)
            }

            fn call(&mut self, message: Message) -> Result<Message, SendError> {
                Self::call(self, message)
            }

            fn reply(&mut self, request: Request, answer: Message) -> Result<(), SendError> {
                Self::reply(self, request, answer)
            }

            fn fail(&mut self, request: Request, why: Message) -> Result<(), SendError> {
                Self::fail(self, request, why)
            }

            fn abort(&mut self) {
                Self::$abort(self);
            }
        }
    )*};
    (Hub for $($server:ident)*) => {$(
        impl Hub for $server {
            fn next(&mut self) -> Result<Happening, Error> {
                Self::next(self)
            }

            fn feed(&mut self, id: ConnId, message: Message) -> Result<(), SendError> {
                Self::feed(self, id, message)
            }

            fn flush(&mut self, id: ConnId) -> Result<(), SendError> {
                Self::flush(self, id)
            }

            fn send(&mut self, id: ConnId, message: Message) -> Result<(), SendError> {
                Self::send(self, id, message)
            }

            fn call(&mut self, id: ConnId, message: Message) -> Result<Message, SendError> {
                Self::call(self, id, message)
            }

            fn reply(&mut self, request: Request, answer: Message) {
                Self::reply(self, request, answer);
            }

            fn fail(&mut self, request: Request, why: Message) {
                Self::fail(self, request, why);
            }

            fn broadcast(&mut self, message: Message) -> Vec<ConnId> {
                Self::broadcast(self, message.body)
            }

            fn disconnect(&mut self, id: ConnId) -> bool {
                Self::disconnect(self, id)
            }
        }
    )*};
}

forward! { Carries for
    Connection, ended by abort;
    Client, ended by disconnect;
    ClientHandle, ended by disconnect;
}
forward! { Hub for Server ServerHandle }
