use ginnel_os::{Happening, Hub, Server, ServerMachine};

use super::batch::Item;
use super::client::{CANCELLED, JOINED, LEFT, MESSAGE, REQUEST};
use super::hub::Own;
use super::messages::{give, unsupported};
use super::options;
use crate::js::{Answer, Call, Env, Failure};
use crate::listener;

/// A server of whoever connects to a listener, which it takes over.
pub(super) fn open(call: &Call) -> Answer {
    let options = options::server(&call.numbers(1)?)?;
    let mut server = Server::new(listener::taken(call, 0)?, &options)?;
    server.dispatch();
    Ok(give(call.env(), server))
}

impl Own for ServerMachine {
    fn item(env: Env, happening: Happening) -> Item {
        match happening {
            Happening::Joined(id) => Item::word(JOINED, id, 0),
            Happening::Message(id, message) => Item { message, ..Item::word(MESSAGE, id, 0) },
            Happening::Request(request) => {
                Item { message: request.message, ..Item::word(REQUEST, request.connection, request.id.0) }
            }
            Happening::Cancelled(id, call) => Item::word(CANCELLED, id, call.0),
            Happening::Left(id, reason) => {
                let beside = Some(Failure::from(reason).into_value(env));
                Item { beside, ..Item::word(LEFT, id, 0) }
            }
        }
    }

    fn order(hub: &mut Hub<Self>, what: &str) -> Result<(), Failure> {
        match what {
            "republish" => Ok(hub.republish()?),
            _ => Err(unsupported()),
        }
    }

    fn look(hub: &mut Hub<Self>, env: Env, at: &str) -> Answer {
        match at {
            "published" => Ok(env.bool(hub.is_published()?)),
            _ => Err(unsupported()),
        }
    }

    fn stop_listening(hub: &mut Hub<Self>) {
        Hub::stop_listening(hub);
    }
}
