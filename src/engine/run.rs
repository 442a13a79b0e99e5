//! Drives the rules of one message through the stages: order, early stop, deadline, panics, timing. Decides no score.
//!
//! Rules of one wave do not need each other: the synchronous ones run first, the waiting ones then wait side by side in the same
//! task. Findings are taken in the planned order, never in that of the answers, so equal messages give equal results.

use super::applied::Applied;
use super::composite;
use super::plan::Planned;
use super::{Action, Ask, Asked, Check, Decision, Hit, Hits, Metric, PreResult, Ruleset, Run, Scan, Stage, order};
use std::borrow::Cow;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// So many rules run between two looks at the clock.
const TURNS: usize = 8;

/// How one message is to be run.
#[derive(Clone, Debug)]
pub struct Control<'c> {
    /// Id of the scan in log lines.
    pub id: &'c str,
    /// No early stop above the reject threshold.
    pub pass_all: bool,
    /// Time every rule.
    pub profile: bool,
    /// For all stages but the last, and again for the last; `None` waits for the rules' own deadlines.
    pub budget: Option<Duration>,
    /// A message over its budget is refused for now.
    pub refuse_late: bool,
    /// Which rules are asked.
    pub scope: Scope,
}

/// Which rules are asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// All of them.
    Message,
    /// There is no message: only those that look at the client, and only if one of them decides.
    Client,
    /// The message is not to be judged: only those that come ahead of everything, such as the search for a test pattern.
    Ahead,
}

/// What came of it.
pub struct Outcome<'r> {
    /// The scores.
    pub metric: Metric<'r>,
    /// The budget cut the scan short.
    pub timed_out: bool,
    /// Milliseconds by rule, where asked for.
    pub profile: Option<Vec<(String, f64)>>,
}

/// Runs what needs nothing but the message, and forgets what it finds: patterns are compiled then.
pub fn rehearse(rules: &Ruleset, scan: &Scan<'_>) {
    for planned in &rules.planned {
        if let Run::Check(check) = &planned.rule.run {
            // A rule that panics says so again at the first mail, which is when it matters.
            let _ = catch_unwind(AssertUnwindSafe(|| check.check(scan, &mut Hits::default())));
        }
    }
}

/// Runs every rule that this message calls for.
pub async fn run<'r>(rules: &'r Ruleset, applied: Applied<'r>, scan: &Scan<'_>, control: &Control<'_>) -> Outcome<'r> {
    let mut course = Course {
        rules,
        scan,
        control,
        metric: Metric::new(rules, applied),
        timed_out: false,
        profile: control.profile.then(Vec::new),
        settled: None,
        turns: 0,
    };
    course.insert_settings();
    let post = rules.planned.partition_point(|p| p.rule.stage < Stage::Post);
    let (before, after) = rules.planned.split_at(post);
    course.stages(before).await;
    course.composites();
    if course.timed_out && control.refuse_late && course.metric.decide().action != Action::Reject {
        let mut late = PreResult::new(Action::SoftReject, "task timeout");
        late.priority = 0;
        late.message = Some("the message took too long to check, try again later".to_owned());
        course.metric.pre_result(late);
    }
    course.stages(after).await;
    course.composites();
    course.metric.grow();
    course.metric.close();
    course.log_strangers();
    Outcome {
        metric: course.metric,
        timed_out: course.timed_out,
        profile: course.profile,
    }
}

struct Course<'c, 'r, 's> {
    rules: &'r Ruleset,
    scan: &'c Scan<'s>,
    control: &'c Control<'c>,
    metric: Metric<'r>,
    timed_out: bool,
    profile: Option<Vec<(String, f64)>>,
    /// The state of the results in which no composite fired.
    settled: Option<usize>,
    /// Rules that ran; the clock is asked before every so many of them.
    turns: usize,
}

impl<'c, 'r, 's> Course<'c, 'r, 's> {
    fn insert_settings(&mut self) {
        if self.control.scope != Scope::Message {
            return;
        }
        for symbol in &self.metric.applied().settings().symbols {
            let name = Cow::Owned(symbol.symbol.clone());
            self.metric.force(Hit::new(name, symbol.weight, symbol.options.clone()));
        }
    }

    /// Judges composites; again after the last stage, for those that build on its symbols.
    fn composites(&mut self) {
        if self.control.scope == Scope::Message && !self.metric.skipped() {
            // What fired nothing fires nothing again while the results stay as they are.
            if self.settled != Some(self.metric.changes()) && !composite::judge(self.rules, &mut self.metric) {
                self.settled = Some(self.metric.changes());
            }
        }
    }

    /// Runs stages under one deadline, wave by wave.
    async fn stages(&mut self, planned: &'r [Planned]) {
        let until = self.control.budget.map(|budget| Instant::now() + budget);
        for wave in planned.chunk_by(|a, b| a.wave == b.wave) {
            let mut waiting = Vec::new();
            for planned in wave {
                if !self.wanted(planned) || self.late_by_turns(until) {
                    continue;
                }
                match &planned.rule.run {
                    Run::Check(check) => self.check(planned, check.as_ref()),
                    Run::Ask(ask) if self.heard(planned) => waiting.push((planned, ask.as_ref())),
                    Run::Ask(_) => {}
                }
            }
            // A rule of this very wave may have ended the scan.
            waiting.retain(|(planned, _)| self.wanted(planned));
            if !waiting.is_empty() && !self.late(until) {
                self.ask(waiting, until).await;
            }
        }
    }

    /// True where nothing speaks against running the rule now.
    fn wanted(&self, planned: &Planned) -> bool {
        let rule = &planned.rule;
        let client = rule.stage == Stage::Connect || (rule.stage == Stage::Filter && rule.order == order::ADDRESS_MAPS);
        if self.control.scope == Scope::Client && !client {
            return false;
        }
        if self.control.scope == Scope::Ahead && !(rule.stage == Stage::Connect && rule.always) {
            return false;
        }
        if rule.always {
            return !self.metric.skipped();
        }
        let stops = self.rules.scoring.stop_at_reject && !self.control.pass_all;
        let stopped = stops && self.metric.above_reject();
        !stopped && !self.metric.ended()
    }

    /// False where settings forbid everything that the rule could say: then nobody is troubled for it.
    fn heard(&self, planned: &Planned) -> bool {
        let applied = self.metric.applied();
        if !applied.restricts() {
            return true;
        }
        let mut says = self.rules.together(&planned.rule.name).peekable();
        says.peek().is_none() || says.any(|id| applied.allows(Some(id), ""))
    }

    /// The same before a rule that does not wait: most of them are over in no time.
    fn late_by_turns(&mut self, until: Option<Instant>) -> bool {
        self.turns += 1;
        self.turns % TURNS == 1 && self.late(until)
    }

    fn late(&mut self, until: Option<Instant>) -> bool {
        let late = until.is_some_and(|until| Instant::now() >= until);
        self.timed_out |= late;
        late
    }

    fn check(&mut self, planned: &Planned, check: &dyn Check) {
        let begun = self.profile.is_some().then(Instant::now);
        let mut hits = Hits::default();
        let run = catch_unwind(AssertUnwindSafe(|| check.check(self.scan, &mut hits)));
        self.time(planned, begun.map(|b| b.elapsed()));
        match run {
            Ok(()) => self.take(hits),
            Err(_) => self.log_panic(planned),
        }
    }

    /// Lets rules wait side by side. Those still pending at the deadline are dropped.
    async fn ask(&mut self, waiting: Vec<(&'r Planned, &'r dyn Ask)>, until: Option<Instant>) {
        let so_far = SoFar { metric: &self.metric };
        let mut seats: Vec<Seat<'r, '_>> = Vec::with_capacity(waiting.len());
        for (planned, ask) in waiting {
            seats.push(Seat::new(planned, ask, self.scan, &so_far));
        }
        let all = poll_fn(|context| {
            let pending = seats.iter_mut().map(|seat| seat.poll(context).is_pending());
            let pending = pending.fold(0_usize, |sum, p| sum + usize::from(p));
            if pending == 0 { Poll::Ready(()) } else { Poll::Pending }
        });
        let late = match until {
            Some(until) => timeout_at(until, all).await.is_err(),
            None => {
                all.await;
                false
            }
        };
        let ended: Vec<Ended<'r>> = seats.into_iter().map(Seat::end).collect();
        self.timed_out |= late;
        for seat in ended {
            self.time(seat.planned, seat.took);
            match seat.found {
                // Rules already started still deliver, whatever one of them decided; only a test pattern silences the rest.
                Found::Hits(hits) if self.metric.skipped() => drop(hits),
                Found::Hits(hits) => self.take(hits),
                Found::Panic => self.log_panic(seat.planned),
                Found::Nothing => tracing::warn!(
                    id = self.control.id,
                    rule = seat.planned.rule.name,
                    "rule did not answer before the scan's deadline"
                ),
            }
        }
    }

    fn take(&mut self, hits: Hits) {
        if self.control.scope == Scope::Client && hits.pre_results.is_empty() {
            return;
        }
        self.metric.take(hits);
    }

    fn time(&mut self, planned: &Planned, took: Option<Duration>) {
        if let (Some(profile), Some(took)) = (&mut self.profile, took) {
            profile.push((planned.rule.name.clone(), took.as_secs_f64() * 1000.0));
        }
    }

    fn log_panic(&self, planned: &Planned) {
        tracing::error!(
            id = self.control.id,
            rule = planned.rule.name,
            "rule panicked; its findings are dropped, the message goes on"
        );
    }

    fn log_strangers(&self) {
        let names: Vec<&str> = self.metric.unknown().take(5).collect();
        if !names.is_empty() {
            tracing::info!(id = self.control.id, symbols = ?names, "inserted symbols that nobody defined");
        }
    }
}

/// What the waves before this one came to.
pub struct SoFar<'m> {
    metric: &'m Metric<'m>,
}

impl SoFar<'_> {
    /// The decision as it would stand if nothing more came.
    pub fn decision(&self) -> Decision {
        self.metric.decide()
    }

    /// The sum.
    pub fn score(&self) -> f64 {
        self.metric.score()
    }

    /// The threshold of an action for this message, where it has one.
    pub fn threshold(&self, action: Action) -> Option<f64> {
        self.metric.applied().thresholds().get(action)
    }

    /// True where the symbol was inserted.
    pub fn has(&self, symbol: &str) -> bool {
        self.metric.has(symbol)
    }

    /// True where some rule decided ahead of the sum; a lower bound counts too.
    pub fn decided(&self) -> bool {
        self.metric.decided()
    }
}

/// One waiting rule.
struct Seat<'r, 'a> {
    planned: &'r Planned,
    begun: Instant,
    took: Option<Duration>,
    state: State<'a>,
}

enum State<'a> {
    Waiting(Asked<'a>),
    Done(Hits),
    Panicked,
}

/// What a seat leaves behind.
struct Ended<'r> {
    planned: &'r Planned,
    took: Option<Duration>,
    found: Found,
}

enum Found {
    Hits(Hits),
    Panic,
    Nothing,
}

impl<'r, 'a> Seat<'r, 'a> {
    fn new(planned: &'r Planned, ask: &'a dyn Ask, scan: &'a Scan<'_>, so_far: &'a SoFar<'_>) -> Seat<'r, 'a> {
        let state = catch_unwind(AssertUnwindSafe(|| ask.ask(scan, so_far)));
        Seat {
            planned,
            begun: Instant::now(),
            took: None,
            state: state.map_or(State::Panicked, State::Waiting),
        }
    }

    fn end(self) -> Ended<'r> {
        Ended {
            planned: self.planned,
            took: self.took,
            found: match self.state {
                State::Waiting(_) => Found::Nothing,
                State::Done(hits) => Found::Hits(hits),
                State::Panicked => Found::Panic,
            },
        }
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let State::Waiting(future) = &mut self.state else {
            return Poll::Ready(());
        };
        let polled = catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context)));
        self.state = match polled {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(hits)) => State::Done(hits),
            Err(_) => State::Panicked,
        };
        self.took = Some(self.begun.elapsed());
        Poll::Ready(())
    }
}

#[cfg(test)]
mod tests;
