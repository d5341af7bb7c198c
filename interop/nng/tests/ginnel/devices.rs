//! nng at both ends, and a device of Ginnel between them.

use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use ginnel::sp::{
    Bus, Device, Event, Forwards, Pair0, Pattern, Pub, Pull, Push, RawPair1, RawRep, RawReq, RawRespondent,
    RawSurveyor, Socket, Sub,
};
use ginnel_interop_nng::exchange::{Pace, Plan};
use ginnel_interop_nng::process::{Process, Reach};
use ginnel_interop_nng::protocol::{Protocol, Side};

#[test]
fn nng_talks_with_nng_through_a_device() -> Result<()> {
    through(Protocol::Req, RawRep::new()?, RawReq::new()?)?;
    through(Protocol::Surveyor, RawRespondent::new()?, RawSurveyor::new()?)?;
    through(Protocol::Pair1, RawPair1::new()?, RawPair1::new()?)?;
    through(Protocol::Pair0, Pair0::new()?, Pair0::new()?)?;
    through(Protocol::Bus, Bus::new()?, Bus::new()?)?;
    through(Protocol::Push, Pull::new()?, Push::new()?)?;
    let mut sub = Sub::new()?;
    sub.subscribe("")?;
    through(Protocol::Pub, sub, Pub::new()?)
}

fn through<P: Forwards>(protocol: Protocol, front: Socket<P>, back: Socket<P::With>) -> Result<()> {
    pass_on(protocol, front, back).with_context(|| protocol.name())
}

fn pass_on<P: Forwards>(protocol: Protocol, mut front: Socket<P>, mut back: Socket<P::With>) -> Result<()> {
    let plan = Plan { protocol, side: Side::Lead, count: 500, size: 64 };
    let follow = join(&mut back, &plan.across())?;
    let mut lead = join(&mut front, &plan)?;
    let is_over = &AtomicBool::new(false);
    thread::scope(|threads| {
        // It ends with both of its pipes, which the one who waits for the other to leave waits for.
        threads.spawn(move || {
            let mut device = Device::new(front, back);
            while !is_over.load(Ordering::Relaxed) {
                device.set_deadline(Instant::now().checked_add(Duration::from_millis(5)));
                let _ = device.run();
            }
        });
        // Whoever does not subscribe tells nothing, and its end may be what is waited for.
        while protocol == Protocol::Pub && follow.has_told() && lead.tell().is_ok() {}
        let takes = matches!(protocol, Protocol::Push | Protocol::Pub);
        let (first, last) = if takes { (follow, lead) } else { (lead, follow) };
        let first = first.finish();
        is_over.store(true, Ordering::Relaxed);
        first.context("the one who ends first")?;
        last.finish().context("the one who ends last")?;
        Ok(())
    })
}

/// What is published or surveyed reaches who is there by then.
fn join<P: Pattern>(end: &mut Socket<P>, plan: &Plan) -> Result<Process> {
    let (near, far) = UnixStream::pair()?;
    end.adopt(near)?;
    let program = Path::new(env!("CARGO_BIN_EXE_nng-peer"));
    let process = Process::start(program, plan, Reach::Descriptor(far.into()))?;
    end.set_deadline(Instant::now().checked_add(Duration::from_secs(20)));
    let event = end.next_event()?;
    ensure!(matches!(event, Event::Attached(_)), "{event:?}");
    Ok(process)
}
