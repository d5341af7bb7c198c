//! Who acts in which run.

use ginnel_proto::Address;

use crate::actors::client::Client;
use crate::actors::server::Server;
use crate::actors::talker::Talker;
use crate::scene::{Actor, Scene};

/// Chooses a cast.
pub(crate) fn choose(scene: &Scene) -> Vec<Box<dyn Actor>> {
    match scene.index(3) {
        0 | 1 => clients_and_server(scene),
        _ => talkers(scene),
    }
}

fn talkers(scene: &Scene) -> Vec<Box<dyn Actor>> {
    let (a, b) = (scene.spawn(scene.pick(&[1000, 1000, 20])), scene.spawn(scene.pick(&[1000, 1000, 20])));
    match Talker::pair(scene, a, b) {
        Some((a, b)) => vec![Box::new(a), Box::new(b)],
        None => Vec::new(),
    }
}

fn clients_and_server(scene: &Scene) -> Vec<Box<dyn Actor>> {
    let Ok(address) = Address::path("/run/s") else { return Vec::new() };
    let mut cast: Vec<Box<dyn Actor>> = Vec::new();
    let limit = scene.pick(&[1000, 1000, 20]);
    if let Some(server) = Server::new(scene, scene.spawn(limit), address.clone(), false) {
        cast.push(Box::new(server));
    }
    for _ in 0..scene.pick(&[1, 1, 2, 3]) {
        let limit = scene.pick(&[1000, 1000, 14]);
        if let Some(client) = Client::new(scene, scene.spawn(limit), address.clone()) {
            cast.push(Box::new(client));
        }
    }
    cast
}
