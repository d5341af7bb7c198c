//! nng's patterns, over `ipc://` and `tcp://`.

use std::time::Duration;

use ginnel::Error;
use ginnel::sp::{
    Bus, Event, Options, Pair0, Pair1, Pattern, Pub, Pull, Push, Rep, Req, Respondent, Socket, Sub, Surveyor,
};

use super::{LONG, Story, Told, hear, numbered, say};

pub(crate) const STORIES: &[Story] = &[
    ("request", serve_rep, ask_req),
    ("pipeline", serve_pull, feed_push),
    ("pair0", echo::<Pair0>, talk::<Pair0>),
    ("pair1", echo::<Pair1>, talk::<Pair1>),
    ("publish", serve_pub, hear_sub),
    ("survey", serve_surveyor, answer_survey),
    ("bus", echo::<Bus>, talk::<Bus>),
];

/// Listens, and tells where.
fn listen<P: Pattern>(socket: &mut Socket<P>, at: &str) -> Told {
    let listener = socket.listen(at)?;
    match at.starts_with("tcp:") {
        true => say(format_args!("tcp://{}", socket.bound_port(listener)?)),
        false => say(at),
    }
    Ok(())
}

/// Waits for the other end.
fn attached<P: Pattern>(socket: &mut Socket<P>) -> Told {
    assert!(matches!(socket.next_event()?, Event::Attached(_)));
    Ok(())
}

fn serve_rep(at: &str) -> Told {
    let mut rep = Rep::new()?;
    listen(&mut rep, at)?;
    for _ in 0..100 {
        let request = rep.recv()?;
        let answer = request.body.to_ascii_uppercase();
        rep.reply(request, answer);
    }
    rep.close(LONG)?;
    Ok(())
}

fn ask_req(at: &str) -> Told {
    let mut req = Req::new()?;
    req.dial(at)?;
    for number in 0..100 {
        assert_eq!(req.request(format!("ask {number}"))?, format!("ASK {number}"));
    }
    Ok(())
}

fn serve_pull(at: &str) -> Told {
    let mut pull = Pull::new()?;
    listen(&mut pull, at)?;
    for number in 0..3000 {
        assert_eq!(pull.recv()?, numbered(number));
    }
    say("all");
    Ok(())
}

fn feed_push(at: &str) -> Told {
    let mut push = Push::new()?;
    push.dial(at)?;
    for number in 0..3000 {
        push.feed(numbered(number))?;
    }
    push.flush()?;
    assert_eq!(hear(), "all");
    Ok(())
}

/// Ends that talk both ways.
trait Talks {
    fn new() -> std::io::Result<Self>
    where
        Self: Sized;
    fn listen(&mut self, at: &str) -> Told;
    fn dial(&mut self, at: &str) -> Told;
    fn say(&mut self, body: Vec<u8>) -> Told;
    fn hear(&mut self) -> Result<Vec<u8>, Error>;
}

macro_rules! talks {
    ($end:ty) => {
        impl Talks for $end {
            fn new() -> std::io::Result<Self> {
                <$end>::new()
            }
            fn listen(&mut self, at: &str) -> Told {
                listen(self, at)?;
                attached(self)
            }
            fn dial(&mut self, at: &str) -> Told {
                self.dial(at).map(drop).map_err(Into::into)
            }
            fn say(&mut self, body: Vec<u8>) -> Told {
                self.send(body).map_err(Into::into)
            }
            fn hear(&mut self) -> Result<Vec<u8>, Error> {
                self.recv().map(|body| body.to_vec())
            }
        }
    };
}
talks!(Pair0);
talks!(Pair1);
talks!(Bus);

fn echo<T: Talks>(at: &str) -> Told {
    let mut end = T::new()?;
    end.listen(at)?;
    for _ in 0..100 {
        let body = end.hear()?;
        end.say(body)?;
    }
    assert_eq!(hear(), "all");
    Ok(())
}

fn talk<T: Talks>(at: &str) -> Told {
    let mut end = T::new()?;
    end.dial(at)?;
    for number in 0..100 {
        end.say(numbered(number))?;
        assert_eq!(end.hear()?, numbered(number));
    }
    say("all");
    Ok(())
}

fn serve_pub(at: &str) -> Told {
    let mut publisher = Pub::new()?;
    listen(&mut publisher, at)?;
    attached(&mut publisher)?;
    for body in ["b1", "a1", "", "a2", "c"] {
        publisher.send(body)?;
    }
    assert_eq!(hear(), "a1 a2");
    Ok(())
}

fn hear_sub(at: &str) -> Told {
    let mut sub = Sub::new()?;
    sub.subscribe("a")?;
    sub.dial(at)?;
    let heard = [sub.recv()?, sub.recv()?].map(|body| String::from_utf8_lossy(&body).into_owned());
    say(heard.join(" "));
    Ok(())
}

fn serve_surveyor(at: &str) -> Told {
    let mut surveyor = Surveyor::with(&Options::new().survey_time(Duration::from_millis(300)))?;
    listen(&mut surveyor, at)?;
    attached(&mut surveyor)?;
    let mut survey = surveyor.survey("who is there?")?;
    assert_eq!(survey.next()?.as_deref(), Some(&b"here"[..]));
    assert_eq!(survey.next()?, None);
    say("over");
    Ok(())
}

fn answer_survey(at: &str) -> Told {
    let mut respondent = Respondent::new()?;
    respondent.dial(at)?;
    let request = respondent.recv()?;
    assert_eq!(request.body, "who is there?");
    respondent.reply(request, "here");
    respondent.flush()?;
    assert_eq!(hear(), "over");
    Ok(())
}
