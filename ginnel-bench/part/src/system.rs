//! The table of systems a binary can measure, and the subcommands by which a parent uses it.

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;

use rustix::process::{Signal, set_parent_process_death_signal};

use crate::{Control, IDLE, Part, Placement, Reply, SCENARIOS, Scenario, Shape, Side};

/// Runs a part until its orders end.
pub type Run = fn(Part, &mut Control) -> io::Result<()>;

/// A way of sending things between processes, and what it can do.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct System {
    /// The word for it in results.
    pub name: &'static str,
    stream: Option<Run>,
    packets: Option<Run>,
    messages: Option<Run>,
    calls: Option<Run>,
    clients: Option<Run>,
    broadcasts: Option<Run>,
    fds: Option<Run>,
    idle: Option<Run>,
    requests: Option<Run>,
    pipelines: Option<Run>,
    publishers: Option<Run>,
}

impl System {
    /// A system that can do nothing yet.
    pub const fn named(name: &'static str) -> Self {
        Self {
            name,
            stream: None,
            packets: None,
            messages: None,
            calls: None,
            clients: None,
            broadcasts: None,
            fds: None,
            idle: None,
            requests: None,
            pipelines: None,
            publishers: None,
        }
    }

    /// It has byte streams: round trips, one way, connections.
    pub const fn with_stream(mut self, run: Run) -> Self {
        self.stream = Some(run);
        self
    }

    /// It has packets.
    pub const fn with_packets(mut self, run: Run) -> Self {
        self.packets = Some(run);
        self
    }

    /// It has messages: gathered and one by one.
    pub const fn with_messages(mut self, run: Run) -> Self {
        self.messages = Some(run);
        self
    }

    /// It has requests and answers.
    pub const fn with_calls(mut self, run: Run) -> Self {
        self.calls = Some(run);
        self
    }

    /// It has requests and answers through a client that comes back.
    pub const fn with_clients(mut self, run: Run) -> Self {
        self.clients = Some(run);
        self
    }

    /// It sends one message to many.
    pub const fn with_broadcasts(mut self, run: Run) -> Self {
        self.broadcasts = Some(run);
        self
    }

    /// It passes descriptors.
    pub const fn with_fds(mut self, run: Run) -> Self {
        self.fds = Some(run);
        self
    }

    /// It holds many connections in one process.
    pub const fn with_idle(mut self, run: Run) -> Self {
        self.idle = Some(run);
        self
    }

    /// It has sockets for requests and answers.
    pub const fn with_requests(mut self, run: Run) -> Self {
        self.requests = Some(run);
        self
    }

    /// It has sockets for messages that go one way.
    pub const fn with_pipelines(mut self, run: Run) -> Self {
        self.pipelines = Some(run);
        self
    }

    /// It has sockets that publish, and others that subscribe.
    pub const fn with_publishers(mut self, run: Run) -> Self {
        self.publishers = Some(run);
        self
    }

    /// Whether it takes part in a scenario.
    pub const fn can(&self, scenario: Scenario) -> bool {
        self.run(scenario).is_some()
    }

    /// Runs a part in this process.
    pub fn take(&self, part: Part, control: &mut Control) -> io::Result<()> {
        let run = self.run(part.scenario).ok_or(io::ErrorKind::Unsupported)?;
        run(part, control)
    }

    const fn run(&self, scenario: Scenario) -> Option<Run> {
        match scenario.shape {
            Shape::RoundTrip { .. } | Shape::OneWay { .. } | Shape::Connect => self.stream,
            Shape::Packets { .. } => self.packets,
            Shape::Messages { .. } | Shape::Sends { .. } => self.messages,
            Shape::Call { .. } => self.calls,
            Shape::ClientCall { .. } => self.clients,
            Shape::Broadcast { .. } => self.broadcasts,
            Shape::Fds => self.fds,
            Shape::Idle { .. } => self.idle,
            Shape::Requests { .. } => self.requests,
            Shape::Pipeline { .. } => self.pipelines,
            Shape::Publish { .. } => self.publishers,
        }
    }
}

/// The subcommand `systems`: each system of this binary with its scenarios, one per line.
pub fn offer(systems: &[System]) {
    for system in systems {
        let can = SCENARIOS.into_iter().chain([IDLE]).filter(|&scenario| system.can(scenario));
        let names: Vec<&str> = can.map(|scenario| scenario.name).collect();
        println!("{} {}", system.name, names.join(" "));
    }
}

/// Runs the subcommand `part SCENARIO SYSTEM SIDE SOCKET PLACEMENT`, given its arguments.
///
/// A failure is told to the parent, whose business it is to report it.
pub fn take_part(systems: &[System], arguments: &[OsString]) {
    // Outliving a killed parent would keep a processor busy and the socket in place.
    let bound = set_parent_process_death_signal(Some(Signal::KILL)).map_err(io::Error::from);
    let mut control = Control::stdio();
    let done = bound.and_then(|()| follow(systems, arguments, &mut control));
    if let Err(error) = done {
        // If the parent is gone too, nobody is left to tell.
        let _ = control.reply(&Reply::Failed(error.to_string()));
    }
}

fn follow(systems: &[System], arguments: &[OsString], control: &mut Control) -> io::Result<()> {
    let wrong = |what: &str| io::Error::new(io::ErrorKind::InvalidInput, what.to_owned());
    let [scenario, system, side, socket, placement] = arguments else {
        return Err(wrong("part takes SCENARIO SYSTEM SIDE SOCKET PLACEMENT"));
    };
    let text = |argument: &OsString| argument.to_string_lossy().into_owned();
    let scenario = Scenario::named(&text(scenario)).ok_or_else(|| wrong("no such scenario"))?;
    let name = text(system);
    let system = systems.iter().find(|system| system.name == name);
    let system = system.ok_or_else(|| wrong("no such system"))?;
    let side = Side::named(&text(side)).ok_or_else(|| wrong("a side is server or client"))?;
    let placement: Placement = text(placement).parse().map_err(|why: String| wrong(&why))?;
    placement.apply(side)?;
    system.take(Part::new(scenario, side, PathBuf::from(socket)), control)
}
