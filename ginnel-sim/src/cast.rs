//! Who acts in which run.

use std::path::PathBuf;

use ginnel_proto::{Address, Wire};

use crate::actors::client::Client;
use crate::actors::owner::Owner;
use crate::actors::packets::Packets;
use crate::actors::peer::Peer;
use crate::actors::server::Server;
use crate::actors::stranger::Stranger;
use crate::actors::talker::Talker;
use crate::kernel::Fake;
use crate::scene::{Actor, Scene};

type Cast = Vec<Box<dyn Actor>>;

/// Chooses who acts: a server with clients and strangers, two ends of one connection, several who want one
/// name, or peers who share one.
pub(crate) fn choose(scene: &Scene) -> Cast {
    let Ok(address) = Address::path("/run/s") else { return Vec::new() };
    match scene.index(10) {
        0..=3 => server(scene, &address),
        4 | 5 => talkers(scene),
        6 => packets(scene),
        7 => owners(scene, &address),
        _ => peers(scene, &address),
    }
}

/// A process that has many descriptors, or few.
fn process(scene: &Scene) -> Fake {
    scene.spawn(scene.pick(&[1000, 1000, 20]))
}

fn server(scene: &Scene, address: &Address) -> Cast {
    let mut cast: Cast = Vec::new();
    let strangers = scene.pick(&[0, 0, 1, 2]);
    if let Some(server) = Server::new(scene, process(scene), address.clone(), strangers > 0) {
        cast.push(Box::new(server));
    }
    for _ in 0..scene.pick(&[1, 1, 2, 3]) {
        if let Some(client) = Client::new(scene, process(scene), address.clone()) {
            cast.push(Box::new(client));
        }
    }
    for _ in 0..strangers {
        cast.push(Box::new(Stranger::new(process(scene), address.clone())));
    }
    cast
}

fn talkers(scene: &Scene) -> Cast {
    match Talker::pair(scene, process(scene), process(scene)) {
        Some((a, b)) => vec![Box::new(a), Box::new(b)],
        None => Vec::new(),
    }
}

fn packets(scene: &Scene) -> Cast {
    match Packets::pair(scene, process(scene), process(scene)) {
        Some((a, b)) => vec![Box::new(a), Box::new(b)],
        None => Vec::new(),
    }
}

fn owners(scene: &Scene, address: &Address) -> Cast {
    let owner = |_| Box::new(Owner::new(process(scene), address.clone())) as Box<dyn Actor>;
    (0..scene.pick(&[2, 3, 4])).map(owner).collect()
}

fn peers(scene: &Scene, address: &Address) -> Cast {
    scene.speak(Wire::Native);
    let peer = |_| Peer::new(scene, process(scene), (address.clone(), PathBuf::from("/run/s")));
    let peers = (0..scene.pick(&[2, 3, 3, 5])).filter_map(peer);
    peers.map(|peer| Box::new(peer) as Box<dyn Actor>).collect()
}
