//! Who acts where SP is spoken.

use ginnel_proto::Address;
use ginnel_proto::sp::{Bus, Pair0, Pair1, Protocol, Pub, Pull, Push, Rep, Req, Respondent, Sub, Surveyor};

use super::end::{End, Place};
use super::liar::Liar;
use super::part::Part;
use crate::kernel::Fake;
use crate::play::Ends;
use crate::scene::{Actor, Scene};

type Cast = Vec<Box<dyn Actor>>;

/// An end of one kind that listens, ends of the other that dial it, and perhaps somebody who keeps no rules.
pub(crate) fn choose(scene: &Scene, ends: Ends) -> Cast {
    let Ok(address) = Address::path("/run/s") else { return Vec::new() };
    let largest = scene.pick(&[1 << 30, 100_000]);
    scene.book.borrow_mut().set_largest(largest);
    match ends {
        Ends::Any => choose(scene, Ends::ALL[scene.index(Ends::ALL.len())]),
        Ends::Pair0 => gather::<Pair0, Pair0>(scene, &address),
        Ends::Pair1 => gather::<Pair1, Pair1>(scene, &address),
        Ends::PubSub => either::<Pub, Sub>(scene, &address),
        Ends::ReqRep => either::<Req, Rep>(scene, &address),
        Ends::PushPull => either::<Push, Pull>(scene, &address),
        Ends::Survey => either::<Surveyor, Respondent>(scene, &address),
        Ends::Bus => gather::<Bus, Bus>(scene, &address),
    }
}

/// A process that has many descriptors, or few.
fn process(scene: &Scene) -> Fake {
    scene.spawn(scene.pick(&[1000, 1000, 20]))
}

fn either<A: Part, B: Part>(scene: &Scene, address: &Address) -> Cast {
    if scene.chance(500) { gather::<B, A>(scene, address) } else { gather::<A, B>(scene, address) }
}

fn gather<Hub: Part, Spoke: Part>(scene: &Scene, address: &Address) -> Cast {
    let mut cast: Cast = Vec::new();
    if let Some(hub) = End::<Hub>::new(scene, process(scene), address.clone(), Place::Hub) {
        cast.push(Box::new(hub));
    }
    for _ in 0..scene.pick(&[1, 2, 3]) {
        if let Some(spoke) = End::<Spoke>::new(scene, process(scene), address.clone(), Place::Spoke) {
            cast.push(Box::new(spoke));
        }
    }
    if scene.chance(100)
        && let Some(stray) = stray(scene, address, Hub::END)
    {
        cast.push(stray);
    }
    for _ in 0..scene.pick(&[0, 0, 1, 2]) {
        cast.push(Box::new(Liar::new(process(scene), address.clone(), Hub::END)));
    }
    cast
}

/// An end that does not go together with the hub.
fn stray(scene: &Scene, address: &Address, hub: Protocol) -> Option<Box<dyn Actor>> {
    let (fake, address) = (process(scene), address.clone());
    Some(match hub {
        Protocol::Bus | Protocol::Pull => Box::new(End::<Req>::new(scene, fake, address, Place::Stray)?),
        _ => Box::new(End::<Bus>::new(scene, fake, address, Place::Stray)?),
    })
}
