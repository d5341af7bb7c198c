//! What is counted when a pipe is lost in the middle of a message.

use std::time::Instant;

use bytes::Bytes;
use ginnel_proto::machine::{Action, ConnId, Input, Loss, Machine, NetEvent, Output};
use ginnel_proto::sp::{
    AskCommand, Bus, Command, Dropped, Options, Pair0, Pair1, Pattern, Push, Rep, Replies, Req, Sends,
    Socket, Surveyor,
};
use ginnel_proto::{Frame, Message};

const PIPE: ConnId = ConnId(7);

struct End<P>(Socket<P, u32>, Instant);

impl<P: Pattern> End<P> {
    /// With one pipe.
    fn attached() -> Self {
        let mut end = Self(Socket::new(&Options::default()), Instant::now());
        end.input(Input::Net(NetEvent::Accepted(PIPE, None)));
        end
    }

    /// Tells what it has sent.
    fn input(&mut self, input: Input<Command<P::Command>, u32>) -> usize {
        let outputs = self.0.handle(input, self.1);
        outputs.filter(|output| matches!(output, Output::Net(Action::Send(..)))).count()
    }

    /// The link had this message in part when it was lost.
    fn cut(mut self, command: P::Command) -> Dropped {
        assert_eq!(self.input(Input::App(Command::Pattern(command))), 1, "{:?}", P::END);
        self.input(Input::Net(NetEvent::Lost(PIPE, Loss::Closed { goodbye: false })));
        self.0.dropped()
    }
}

fn body() -> Bytes {
    Bytes::from_static(b"body")
}

#[test]
fn a_message_that_was_cut_is_counted_as_not_sent_once() {
    fn cut<P: Sends>() {
        let dropped = End::<P>::attached().cut(P::send(body()));
        assert_eq!((dropped.unsent, dropped.unanswerable), (1, 0), "{}", P::END);
    }
    cut::<Pair0>();
    cut::<Pair1>();
    cut::<Push>();
    cut::<Bus>();
    let dropped = End::<Surveyor>::attached().cut(AskCommand::Ask(body()));
    assert_eq!(dropped.unsent, 1);
}

#[test]
fn an_answer_that_was_cut_is_one_of_which_nobody_will_hear() {
    let mut rep = End::<Rep>::attached();
    let question = Frame::from(Message::new([&[0x80, 0, 0, 1][..], b"?"].concat()));
    rep.input(Input::Net(NetEvent::Received(PIPE, question)));
    let request = ginnel_proto::sp::Receives::receive(rep.0.pattern_mut()).expect("a request");
    let dropped = rep.cut(Rep::reply(request, body()));
    assert_eq!((dropped.unsent, dropped.unanswerable), (0, 1));
}

#[test]
fn a_question_that_was_cut_is_asked_again_and_not_counted() {
    assert_eq!(End::<Req>::attached().cut(AskCommand::Ask(body())), Dropped::default());
}
