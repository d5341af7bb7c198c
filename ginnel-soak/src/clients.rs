//! The well-behaved: each asks one question after another, and checks and times the answer.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use ginnel::Connection;
use hdrhistogram::Histogram;

use crate::counts::Counts;
use crate::orders::{Orders, tell};

/// So many of them, until the parent closes.
pub(crate) fn run(socket: &Path, count: u64, orders: &Orders) -> Result<()> {
    let shared = Shared {
        took: Mutex::new(
            Histogram::new_with_max(LONGEST.as_nanos() as u64, 3).context("making a histogram")?,
        ),
        answered: (0..count).map(|_| AtomicU64::new(0)).collect(),
        over: AtomicBool::new(false),
        failure: Mutex::new(None),
    };
    let connected: Result<Vec<_>> = (0..count).map(|_| Ok(Connection::connect(socket)?)).collect();
    let connected = connected.context("well-behaved clients connect")?;
    thread::scope(|threads| {
        for (number, connection) in connected.into_iter().enumerate() {
            let shared = &shared;
            threads.spawn(move || {
                if let Err(why) = ask_on(connection, number, shared) {
                    *shared.failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(format!("{why:#}"));
                }
            });
        }
        let followed = follow(orders, &shared);
        shared.over.store(true, Relaxed);
        followed
    })
}

struct Shared {
    /// Nanoseconds of the calls of this window.
    took: Mutex<Histogram<u64>>,
    /// Calls of each.
    answered: Vec<AtomicU64>,
    over: AtomicBool,
    /// What went wrong last.
    failure: Mutex<Option<String>>,
}

fn follow(orders: &Orders, shared: &Shared) -> Result<()> {
    let lock = || shared.took.lock().unwrap_or_else(PoisonError::into_inner);
    tell(&Counts::default())?;
    while let Ok(order) = orders.wait(Duration::from_secs(1)) {
        let Some(order) = order else { continue };
        let Some(millis) = order.strip_prefix("window ") else { bail!("no such order: {order:?}") };
        lock().reset();
        thread::sleep(Duration::from_millis(millis.parse()?));
        let took = lock().clone();
        if let Some(why) = &*shared.failure.lock().unwrap_or_else(PoisonError::into_inner) {
            bail!("a well-behaved client failed: {why}");
        }
        let mut counts = Counts::default();
        counts.set("calls", took.len());
        let answered = || shared.answered.iter().map(|count| count.load(Relaxed));
        counts.set("answered", answered().sum());
        counts.set("least", answered().min().unwrap_or(0));
        counts.set("p50", took.value_at_quantile(0.5));
        counts.set("p99", took.value_at_quantile(0.99));
        counts.set("max", took.max());
        tell(&counts)?;
    }
    Ok(())
}

/// A call every few milliseconds; what is broadcast meanwhile is read and forgotten.
fn ask_on(mut connection: Connection, number: usize, shared: &Shared) -> Result<()> {
    let mut random = fastrand::Rng::with_seed(number as u64);
    let mut asked = 0u64;
    while !shared.over.load(Relaxed) {
        thread::sleep(Duration::from_micros(random.u64(PAUSE)));
        asked += 1;
        let question = format!("{number:>31} {asked:>32}");
        let begun = Instant::now();
        connection.set_deadline(begun.checked_add(LONGEST));
        let answer = connection.call(question.clone())?;
        let took = begun.elapsed();
        if answer.body != question {
            bail!("the answer belongs to another question");
        }
        shared.answered[number].fetch_add(1, Relaxed);
        let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        shared.took.lock().unwrap_or_else(PoisonError::into_inner).saturating_record(nanos);
        connection.set_deadline(Some(begun));
        while connection.recv().is_ok_and(|message| message.is_some()) {}
    }
    Ok(())
}

/// Somebody from elsewhere asks once, on a connection of its own: does the door still open?
pub(crate) fn ask_once(socket: &Path) -> Result<Duration> {
    let begun = Instant::now();
    let mut connection = Connection::connect(socket)?;
    connection.set_deadline(begun.checked_add(LONGEST));
    connection.call("anybody?")?;
    Ok(begun.elapsed())
}

/// Microseconds between two calls of one client.
const PAUSE: std::ops::Range<u64> = 4_000..12_000;

/// A call that takes longer is not answered.
const LONGEST: Duration = Duration::from_secs(20);
