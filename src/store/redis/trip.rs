//! One round trip: questions grouped by who is asked, one pipeline each, within the deadline. Nothing is said twice that may have been
//! carried out: only what a server says it did not do is asked again elsewhere.

use super::Redis;
use super::cast::{Access, Choice};
use super::door::{Live, send, teach};
use super::fault::Fault;
use super::link::{Link, silent};
use super::scripts::Script;
use crate::config::schema::RedisAddress;
use crate::store::Error;
use redis::{Pipeline, Value};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// Times that questions are asked elsewhere because a server did not do them.
const ROUNDS: usize = 6;
/// Pause before a cluster in motion is asked again.
const MOMENT: Duration = Duration::from_millis(20);

/// What is asked.
#[derive(Clone, Copy, Debug)]
pub(super) enum Words {
    /// A command about the key.
    Key(&'static str),
    /// A command of the server that holds the key.
    Bare(&'static str),
    /// A script about the key.
    Script(Script),
}

/// One question about one key.
#[derive(Clone, Debug)]
pub(super) struct Question {
    pub words: Words,
    pub key: Vec<u8>,
    pub rest: Vec<Vec<u8>>,
}

impl Question {
    pub fn new(words: Words, key: Vec<u8>) -> Question {
        Question {
            words,
            key,
            rest: Vec::new(),
        }
    }

    pub fn script(script: Script, key: Vec<u8>) -> Question {
        Question::new(Words::Script(script), key)
    }

    pub fn with(mut self, argument: impl Into<Vec<u8>>) -> Question {
        self.rest.push(argument.into());
        self
    }

    fn pack(&self, live: &Live, pipeline: &mut Pipeline) {
        let command = match self.words {
            Words::Key(word) => pipeline.cmd(word).arg(&self.key),
            Words::Bare(word) => pipeline.cmd(word),
            Words::Script(script) => {
                let digest = live.scripts.get(script.number()).map_or(&[][..], |d| d);
                pipeline.cmd("EVALSHA").arg(digest).arg(1).arg(&self.key)
            }
        };
        for argument in &self.rest {
            command.arg(argument);
        }
    }
}

/// Questions on their way to one server.
struct Flight {
    link: Arc<Link>,
    live: Live,
    asking: bool,
    which: Vec<usize>,
}

type Landing<'a> = Pin<Box<dyn Future<Output = (Flight, Result<Vec<Value>, Fault>)> + Send + 'a>>;

impl Redis {
    /// Asks, and gives the replies in order; none of them is an error but that of a key of another kind, which is nil.
    pub(super) async fn trip(&self, access: Access, questions: &[Question]) -> Result<Vec<Value>, Error> {
        if questions.is_empty() {
            return Ok(Vec::new());
        }
        let deadline = Instant::now() + self.settings.timeout;
        let outcome = self.rounds(access, questions, deadline).await;
        outcome.map_err(|fault| {
            self.shared.unanswered.fetch_add(1, Ordering::Relaxed);
            fault.into_error()
        })
    }

    async fn rounds(&self, access: Access, questions: &[Question], deadline: Instant) -> Result<Vec<Value>, Fault> {
        let mut replies: Vec<Value> = vec![Value::Nil; questions.len()];
        let mut open: Vec<(usize, Option<RedisAddress>)> = (0..questions.len()).map(|n| (n, None)).collect();
        let mut last = None;
        for round in 0..ROUNDS {
            // Where a key is on its way to was said; where it has gone the conductor is finding out.
            let pause = round > 0 && open.iter().any(|(_, elsewhere)| elsewhere.is_none());
            if pause && timeout_at(deadline, tokio::time::sleep(MOMENT)).await.is_err() {
                break;
            }
            let flights = self.group(access, questions, std::mem::take(&mut open), deadline).await?;
            for (flight, landed) in join(flights.into_iter().map(|f| self.fly(f, questions, deadline)).collect()).await {
                let mut landed = landed?.into_iter();
                for n in &flight.which {
                    let reply = landed.next().unwrap_or_default();
                    match self.settle_reply(&flight, reply).await? {
                        Ok(value) => replies.get_mut(*n).into_iter().for_each(|place| *place = value.clone()),
                        Err((elsewhere, fault)) => {
                            open.push((*n, elsewhere));
                            last = Some(fault);
                        }
                    }
                }
            }
            if open.is_empty() {
                return Ok(replies);
            }
        }
        Err(last.unwrap_or_else(|| silent(self.settings.timeout)))
    }

    /// Groups questions by the server that is asked; waits, within the deadline, while it is not known who that is.
    async fn group(
        &self,
        access: Access,
        questions: &[Question],
        open: Vec<(usize, Option<RedisAddress>)>,
        deadline: Instant,
    ) -> Result<Vec<Flight>, Fault> {
        let mut changes = self.shared.changes.subscribe();
        let turn = self.shared.turn.fetch_add(1, Ordering::Relaxed);
        'anew: loop {
            changes.borrow_and_update();
            let cast = self.shared.cast.load_full();
            let mut flights: Vec<Flight> = Vec::new();
            for (n, elsewhere) in &open {
                let key = questions.get(*n).map_or(&[][..], |q| &q.key);
                let named = elsewhere
                    .as_ref()
                    .and_then(|address| cast.at(address))
                    .and_then(|link| Some((link.live()?, link)));
                let asking = named.is_some();
                let (link, live) = match named {
                    Some((live, link)) => (link, live),
                    None => match cast.choose(access, key, turn) {
                        Choice::Go(link, live) => (link, live),
                        Choice::Not(why) => return Err(Fault::Lost(why)),
                        Choice::Wait => match timeout_at(deadline, changes.changed()).await {
                            Ok(_) => continue 'anew,
                            Err(_) => return Err(Fault::Lost("it has not answered yet".to_owned())),
                        },
                    },
                };
                match flights.iter_mut().find(|f| f.asking == asking && Arc::ptr_eq(&f.link, &link)) {
                    Some(flight) => flight.which.push(*n),
                    None => flights.push(Flight {
                        link,
                        live,
                        asking,
                        which: vec![*n],
                    }),
                }
            }
            return Ok(flights);
        }
    }

    fn fly<'a>(&'a self, mut flight: Flight, questions: &'a [Question], deadline: Instant) -> Landing<'a> {
        Box::pin(async move {
            let mut landed = self.once(&mut flight, questions, deadline).await;
            // A server that forgot the scripts did nothing of them.
            let forgot = |v: &Value| matches!(v, Value::ServerError(e) if Fault::of_server(e) == Fault::NoScript);
            if let Ok(values) = &mut landed
                && values.iter().any(forgot)
            {
                let which = std::mem::take(&mut flight.which);
                let again: Vec<usize> = (0..values.len()).filter(|n| values.get(*n).is_some_and(forgot)).collect();
                flight.which = again.iter().filter_map(|n| which.get(*n).copied()).collect();
                let taught = timeout_at(deadline, teach(&mut flight.live.wire)).await;
                let second = match taught {
                    Ok(Ok(scripts)) => {
                        flight.live.scripts = scripts;
                        self.once(&mut flight, questions, deadline).await
                    }
                    Ok(Err(fault)) => Err(fault),
                    Err(_) => Err(silent(self.settings.timeout)),
                };
                flight.which = which;
                match second {
                    Ok(second) => again.into_iter().zip(second).for_each(|(n, value)| {
                        values.get_mut(n).into_iter().for_each(|place| *place = value.clone());
                    }),
                    Err(fault) => landed = Err(fault),
                }
            }
            (flight, landed)
        })
    }

    /// One pipeline there and back.
    async fn once(&self, flight: &mut Flight, questions: &[Question], deadline: Instant) -> Result<Vec<Value>, Fault> {
        let mut pipeline = Pipeline::with_capacity(flight.which.len());
        for question in flight.which.iter().filter_map(|n| questions.get(*n)) {
            if flight.asking {
                pipeline.cmd("ASKING");
            }
            question.pack(&flight.live, &mut pipeline);
        }
        self.shared.trips.fetch_add(1, Ordering::Relaxed);
        let begun = Instant::now();
        let sent = timeout_at(deadline, send(&mut flight.live.wire, &pipeline)).await;
        let landed = sent.unwrap_or_else(|_| Err(silent(begun.elapsed())));
        match landed {
            Ok(values) if flight.asking => Ok(values.into_iter().skip(1).step_by(2).collect()),
            Ok(values) => Ok(values),
            Err(fault) => {
                // Somebody who came late cannot say that the server is slow.
                let fair = begun.elapsed() * 2 >= self.settings.timeout || Instant::now() < deadline;
                if fair && matches!(fault, Fault::Lost(_) | Fault::Refused(_)) {
                    flight.link.failed(flight.live.turn, fault.clone());
                }
                let text = fault.text();
                match fault {
                    Fault::Lost(_) => Err(Fault::Lost(format!("{}: {text}", flight.link.address()))),
                    other => Err(other),
                }
            }
        }
    }

    /// A reply: a value, or a question that is to be asked again elsewhere, or the end of the trip.
    async fn settle_reply(&self, flight: &Flight, reply: Value) -> Result<Result<Value, (Option<RedisAddress>, Fault)>, Fault> {
        let Value::ServerError(error) = &reply else { return Ok(Ok(reply)) };
        let fault = Fault::of_server(error);
        match &fault {
            Fault::Kind => return Ok(Ok(Value::Nil)),
            Fault::Moved | Fault::Again(_) => {
                self.shared.nudge.notify_one();
                return Ok(Err((None, fault)));
            }
            Fault::Ask(address) => return Ok(Err((RedisAddress::parse(address, 6379).ok(), fault))),
            Fault::ReadOnly => {
                flight.link.doubt();
                self.shared.nudge.notify_one();
            }
            Fault::Lost(_) | Fault::Refused(_) => flight.link.failed(flight.live.turn, fault.clone()),
            Fault::Full(_) | Fault::Denied(_) => self.shared.complain(flight.link.address(), &fault),
            Fault::NoScript | Fault::Other(_) => {}
        }
        Err(match fault {
            Fault::Full(text) => Fault::Full(format!("{}: {text}", flight.link.address())),
            other => Fault::Lost(format!("{}: {}", flight.link.address(), other.text())),
        })
    }
}

/// Drives futures side by side in this task.
async fn join<T>(mut flying: Vec<Pin<Box<dyn Future<Output = T> + Send + '_>>>) -> Vec<T> {
    let mut landed = Vec::with_capacity(flying.len());
    std::future::poll_fn(|context| {
        flying.retain_mut(|future| match future.as_mut().poll(context) {
            std::task::Poll::Ready(outcome) => {
                landed.push(outcome);
                false
            }
            std::task::Poll::Pending => true,
        });
        match flying.is_empty() {
            true => std::task::Poll::Ready(()),
            false => std::task::Poll::Pending,
        }
    })
    .await;
    landed
}
