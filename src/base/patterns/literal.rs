//! Which literals a pattern cannot do without: every match holds at least one of them. ASCII letters are folded, so a case-insensitive
//! search for them finds whatever the pattern finds.

use regex_syntax::hir::{Class, Hir, HirKind};

/// Shorter literals occur everywhere and sort nothing out.
const SHORTEST: usize = 3;
/// More alternatives are dearer than the pattern.
const MOST: usize = 64;
/// Longer literals tell no more.
const LONGEST: usize = 64;

/// The literals one of which is in every match, in lower case; none where the pattern has no such set.
pub(super) fn required(hir: &Hir) -> Vec<Vec<u8>> {
    need(hir).unwrap_or_default()
}

fn need(hir: &Hir) -> Option<Vec<Vec<u8>>> {
    if let Some(whole) = exact(hir) {
        return (whole.len() >= SHORTEST).then(|| vec![whole]);
    }
    match hir.kind() {
        HirKind::Capture(group) => need(&group.sub),
        HirKind::Repetition(repeated) if repeated.min > 0 => need(&repeated.sub),
        HirKind::Alternation(branches) => {
            let mut all = Vec::new();
            for branch in branches {
                all.append(&mut need(branch)?);
            }
            all.sort();
            all.dedup();
            (all.len() <= MOST).then_some(all)
        }
        HirKind::Concat(steps) => in_a_row(steps),
        _ => None,
    }
}

/// The best set of those that the steps of a sequence ask for: each must be met, so one of them is enough.
fn in_a_row(steps: &[Hir]) -> Option<Vec<Vec<u8>>> {
    let mut best: Option<Vec<Vec<u8>>> = None;
    let mut offer = |set: Vec<Vec<u8>>| {
        let worth = |set: &Vec<Vec<u8>>| (set.iter().map(Vec::len).min(), usize::MAX - set.len());
        if best.as_ref().is_none_or(|b| worth(&set) > worth(b)) {
            best = Some(set);
        }
    };
    let mut run = Vec::new();
    for step in steps {
        match exact(step).filter(|piece| run.len() + piece.len() <= LONGEST) {
            Some(mut piece) => run.append(&mut piece),
            None => {
                let whole = std::mem::take(&mut run);
                if whole.len() >= SHORTEST {
                    offer(vec![whole]);
                }
                if let Some(set) = need(step) {
                    offer(set);
                }
            }
        }
    }
    if run.len() >= SHORTEST {
        offer(vec![run]);
    }
    best
}

/// The one text that a pattern stands for, case aside.
fn exact(hir: &Hir) -> Option<Vec<u8>> {
    let text = match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => Vec::new(),
        HirKind::Literal(literal) => literal.0.to_ascii_lowercase(),
        HirKind::Class(class) => vec![letter(class)?],
        HirKind::Capture(group) => exact(&group.sub)?,
        HirKind::Repetition(repeated) if repeated.max == Some(repeated.min) => {
            let times = usize::try_from(repeated.min).ok().filter(|n| *n <= LONGEST)?;
            exact(&repeated.sub)?.repeat(times)
        }
        HirKind::Concat(steps) => {
            let mut text = Vec::new();
            for step in steps {
                text.append(&mut exact(step)?);
                if text.len() > LONGEST {
                    return None;
                }
            }
            text
        }
        _ => return None,
    };
    Some(text).filter(|t| t.len() <= LONGEST)
}

/// The letter that a class is both cases of, or the one byte that it holds.
fn letter(class: &Class) -> Option<u8> {
    let ranges: Vec<(u32, u32)> = match class {
        Class::Unicode(class) => class.iter().take(3).map(|r| (r.start().into(), r.end().into())).collect(),
        Class::Bytes(class) => class.iter().take(3).map(|r| (r.start().into(), r.end().into())).collect(),
    };
    let one = |(start, end): &(u32, u32)| {
        let byte = u8::try_from(*start).ok().filter(u8::is_ascii);
        byte.filter(|_| start == end)
    };
    match ranges.as_slice() {
        [single] => one(single).map(|b| b.to_ascii_lowercase()),
        [upper, lower] => {
            let (upper, lower) = (one(upper)?, one(lower)?);
            (upper.is_ascii_uppercase() && upper.to_ascii_lowercase() == lower).then_some(lower)
        }
        _ => None,
    }
}
