use ginnel_os::{Hub, Neighbour, Peer, PeerEvent, PeerMachine, Role};
use ginnel_proto::ToAddress;

use super::batch::Item;
use super::client::{CANCELLED, JOINED, LEFT, MESSAGE, REQUEST, ROLE, TROUBLE};
use super::hub::Own;
use super::messages::{give, unsupported};
use super::{number, options};
use crate::js::{Answer, Call, Env, Failure, Fault, Value};
use crate::listener;

/// A peer at a path: address, options, name, data, who is allowed.
pub(super) fn open(call: &Call) -> Answer {
    let address = call.text(0)?.as_str().to_address()?;
    let long =
        |error: ginnel_os::HelloError| Failure::new(Fault::Range, "ERR_OUT_OF_RANGE", error.to_string());
    let mut options = options::peer(&call.numbers(1)?)?;
    options = options.name(&call.text(2)?).map_err(long)?;
    options = options.data(bytes::Bytes::copy_from_slice(call.bytes(3)?)).map_err(long)?;
    if let Some(policy) = listener::policy(call, 4)? {
        options = options.allow(policy);
    }
    let mut peer = Peer::join(&address, &options)?;
    peer.dispatch();
    Ok(give(call.env(), peer))
}

impl Own for PeerMachine {
    fn item(env: Env, event: PeerEvent) -> Item {
        let none = ginnel_os::ConnId::LISTENER;
        match event {
            PeerEvent::Role(role) => Item { beside: Some(env.text(name(role))), ..Item::word(ROLE, none, 0) },
            PeerEvent::Joined(neighbour) => {
                Item { beside: Some(described(env, &neighbour)), ..Item::word(JOINED, neighbour.id, 0) }
            }
            PeerEvent::Message(id, message) => Item { message, ..Item::word(MESSAGE, id, 0) },
            PeerEvent::Request(request) => {
                Item { message: request.message, ..Item::word(REQUEST, request.connection, request.id.0) }
            }
            PeerEvent::Cancelled(id, call) => Item::word(CANCELLED, id, call.0),
            PeerEvent::Left(id, reason) => {
                Item { beside: Some(Failure::from(reason).into_value(env)), ..Item::word(LEFT, id, 0) }
            }
            PeerEvent::Trouble(error) => {
                Item { beside: Some(Failure::from(error).into_value(env)), ..Item::word(TROUBLE, none, 0) }
            }
        }
    }

    fn order(hub: &mut Hub<Self>, what: &str) -> Result<(), Failure> {
        match what {
            "leave" => hub.leave_path(),
            _ => return Err(unsupported()),
        }
        Ok(())
    }

    fn look(hub: &mut Hub<Self>, env: Env, at: &str) -> Answer {
        let id = |id: Option<ginnel_os::ConnId>| id.map_or_else(|| env.null(), |id| env.number(number(id)));
        match at {
            "joined" => Ok(env.bool(hub.joined()?.is_some())),
            "role" => Ok(env.text(name(hub.role()))),
            "listener" => Ok(id(hub.listener())),
            "standby" => Ok(id(hub.standby())),
            "epoch" => Ok(env.number(hub.epoch() as f64)),
            _ => Err(unsupported()),
        }
    }

    fn stop_listening(hub: &mut Hub<Self>) {
        hub.leave_path();
    }
}

const fn name(role: Role) -> &'static str {
    match role {
        Role::Negotiating => "negotiating",
        Role::Connector => "connector",
        Role::Listener => "listener",
    }
}

fn described(env: Env, neighbour: &Neighbour) -> Value {
    let known = [
        ("name", env.text(neighbour.name())),
        ("data", env.copied(neighbour.data())),
        ("pid", number_or_none(env, neighbour.pid)),
        ("listens", env.bool(neighbour.listens())),
    ];
    env.object(known.into_iter().chain(user(env, neighbour)))
}

#[cfg(unix)]
fn user(env: Env, neighbour: &Neighbour) -> [(&'static str, Value); 2] {
    [("uid", number_or_none(env, neighbour.uid)), ("gid", number_or_none(env, neighbour.gid))]
}

#[cfg(windows)]
fn user(env: Env, neighbour: &Neighbour) -> [(&'static str, Value); 1] {
    [("sid", neighbour.sid.as_ref().map_or_else(|| env.undefined(), |sid| env.text(sid)))]
}

fn number_or_none(env: Env, number: Option<u32>) -> Value {
    number.map_or_else(|| env.undefined(), |number| env.number(number.into()))
}
