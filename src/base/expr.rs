//! Expressions over named things: `A & (B | !C)`, `A + B + C >= 2`. What a name means is the caller's business.
//!
//! The language is rspamd's, its odd sides included: an operator is applied only when it binds strictly tighter than the next one, so
//! chains of `-` and `/` group from the right; `and`, `or`, `not` may be words.

/// Longest expression in bytes.
const LONGEST: usize = 64 * 1024;

/// A parsed expression.
#[derive(Clone, Debug, PartialEq)]
pub struct Expression {
    steps: Vec<Step>,
    atoms: Vec<Atom>,
}

/// A name as it stands in an expression.
#[derive(Clone, Debug, PartialEq)]
pub struct Atom {
    /// Its text, bracketed options included.
    pub text: String,
    /// It stands somewhere under a `!`.
    pub negated: bool,
}

/// Why a text is no expression.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}, at character {at}")]
pub struct Error {
    /// What is wrong.
    pub what: String,
    /// Where, in bytes from 0.
    pub at: usize,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Step {
    Atom(usize),
    Number(f64),
    Op(Op),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Op {
    Not,
    Times,
    Over,
    Plus,
    Minus,
    Less,
    More,
    AtMost,
    AtLeast,
    Equal,
    Unequal,
    And,
    Or,
    Open,
}

impl Op {
    fn rank(self) -> u8 {
        match self {
            Op::Not => 7,
            Op::Times | Op::Over => 6,
            Op::Plus | Op::Minus => 5,
            Op::Less | Op::More | Op::AtMost | Op::AtLeast | Op::Equal | Op::Unequal => 4,
            Op::And => 3,
            Op::Or => 2,
            Op::Open => 0,
        }
    }
}

/// Signs of two letters stand before those of one.
const SIGNS: [(&str, Op); 15] = [
    ("&&", Op::And),
    ("||", Op::Or),
    (">=", Op::AtLeast),
    ("<=", Op::AtMost),
    ("==", Op::Equal),
    ("!=", Op::Unequal),
    ("&", Op::And),
    ("|", Op::Or),
    (">", Op::More),
    ("<", Op::Less),
    ("+", Op::Plus),
    ("-", Op::Minus),
    ("*", Op::Times),
    ("/", Op::Over),
    (",", Op::And),
];
const WORDS: [(&str, Op); 3] = [("and", Op::And), ("or", Op::Or), ("not", Op::Not)];

impl Expression {
    /// Reads an expression over names.
    ///
    /// # Errors
    /// What is wrong with the text, and where.
    pub fn parse(text: &str) -> Result<Expression, Error> {
        Expression::parse_over(text, atom_length)
    }

    /// Reads an expression over something else: `length` says how many bytes at the beginning of a text make up one of them.
    ///
    /// # Errors
    /// What is wrong with the text, and where.
    pub fn parse_over(text: &str, length: fn(&str) -> usize) -> Result<Expression, Error> {
        let mut parser = Parser {
            length,
            text,
            at: 0,
            steps: Vec::new(),
            atoms: Vec::new(),
            spans: Vec::new(),
            waiting: Vec::new(),
        };
        if text.len() > LONGEST {
            return Err(parser.error(format!("the expression is longer than {LONGEST} bytes")));
        }
        parser.run()?;
        Ok(Expression {
            steps: parser.steps,
            atoms: parser.atoms,
        })
    }

    /// The names, in the order they stand.
    pub fn atoms(&self) -> &[Atom] {
        &self.atoms
    }

    /// The value, with every atom's value asked for. A value counts as true when its magnitude exceeds the double epsilon.
    pub fn value(&self, atom: impl FnMut(usize) -> f64) -> f64 {
        self.value_on(&mut Vec::new(), atom)
    }

    /// The same on a stack of the caller's, for who asks many expressions.
    pub fn value_on(&self, stack: &mut Vec<f64>, mut atom: impl FnMut(usize) -> f64) -> f64 {
        stack.clear();
        for step in &self.steps {
            let value = match *step {
                Step::Atom(place) => atom(place),
                Step::Number(number) => number,
                Step::Op(Op::Not) => truth(!is_true(stack.pop().unwrap_or_default())),
                Step::Op(op) => {
                    let right = stack.pop().unwrap_or_default();
                    apply(op, stack.pop().unwrap_or_default(), right)
                }
            };
            stack.push(value);
        }
        stack.pop().unwrap_or_default()
    }
}

fn is_true(value: f64) -> bool {
    value.abs() > f64::EPSILON
}

fn truth(yes: bool) -> f64 {
    if yes { 1.0 } else { 0.0 }
}

fn apply(op: Op, left: f64, right: f64) -> f64 {
    match op {
        Op::Times => left * right,
        Op::Over => left / right,
        Op::Plus => left + right,
        Op::Minus => left - right,
        Op::Less => truth(left < right),
        Op::More => truth(left > right),
        Op::AtMost => truth(left <= right),
        Op::AtLeast => truth(left >= right),
        Op::Equal => truth((left - right).abs() <= f64::EPSILON),
        Op::Unequal => truth((left - right).abs() > f64::EPSILON),
        Op::And => truth(is_true(left) && is_true(right)),
        Op::Or => truth(is_true(left) || is_true(right)),
        Op::Not | Op::Open => 0.0,
    }
}

struct Parser<'t> {
    text: &'t str,
    length: fn(&str) -> usize,
    at: usize,
    steps: Vec<Step>,
    atoms: Vec<Atom>,
    /// For each value on the stack the first of its atoms.
    spans: Vec<usize>,
    waiting: Vec<(Op, usize)>,
}

impl<'t> Parser<'t> {
    fn error(&self, what: impl Into<String>) -> Error {
        Error {
            what: what.into(),
            at: self.at,
        }
    }

    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn run(&mut self) -> Result<(), Error> {
        let mut operand = true;
        loop {
            let blank = self.rest().len() - self.rest().trim_start().len();
            self.at += blank;
            if self.rest().is_empty() {
                break;
            }
            operand = if operand { self.operand()? } else { self.operator()? };
        }
        if operand {
            return Err(self.error("a name is missing at the end"));
        }
        while let Some((op, at)) = self.waiting.pop() {
            if op == Op::Open {
                self.at = at;
                return Err(self.error("this bracket is never closed"));
            }
            self.apply(op);
        }
        Ok(())
    }

    /// True where an operand is still awaited.
    fn operand(&mut self) -> Result<bool, Error> {
        let rest = self.rest();
        if rest.starts_with('(') {
            self.waiting.push((Op::Open, self.at));
            self.at += 1;
            return Ok(true);
        }
        if let Some(length) = negation(rest) {
            self.waiting.push((Op::Not, self.at));
            self.at += length;
            return Ok(true);
        }
        let length = (self.length)(rest);
        let Some(text) = rest.get(..length).filter(|t| !t.is_empty()) else {
            return Err(self.error(format!("a name is missing before `{}`", rest.chars().next().unwrap_or(' '))));
        };
        self.spans.push(self.atoms.len());
        match text.parse::<f64>() {
            Ok(number) if text.starts_with(|c: char| c.is_ascii_digit()) => self.steps.push(Step::Number(number)),
            _ => {
                self.steps.push(Step::Atom(self.atoms.len()));
                self.atoms.push(Atom {
                    text: text.to_owned(),
                    negated: false,
                });
            }
        }
        self.at += length;
        Ok(false)
    }

    /// True where an operand is awaited next.
    fn operator(&mut self) -> Result<bool, Error> {
        if self.rest().starts_with(')') {
            loop {
                match self.waiting.pop() {
                    Some((Op::Open, _)) => break,
                    Some((op, _)) => self.apply(op),
                    None => return Err(self.error("this bracket was never opened")),
                }
            }
            self.at += 1;
            return Ok(false);
        }
        let rest = self.rest();
        let sign = SIGNS.iter().find(|(sign, _)| rest.starts_with(sign)).map(|(s, op)| (s.len(), *op));
        let word = || {
            WORDS
                .iter()
                .find(|(word, op)| *op != Op::Not && is_word(rest, word))
                .map(|(w, op)| (w.len(), *op))
        };
        let Some((length, op)) = sign.or_else(word) else {
            return Err(self.error("an operator is missing here, such as & or |"));
        };
        while let Some((top, _)) = self.waiting.last().copied().filter(|(top, _)| top.rank() > op.rank()) {
            self.waiting.pop();
            self.apply(top);
        }
        self.waiting.push((op, self.at));
        self.at += length;
        Ok(true)
    }

    fn apply(&mut self, op: Op) {
        self.steps.push(Step::Op(op));
        if op == Op::Not {
            let first = self.spans.last().copied().unwrap_or_default();
            self.atoms.iter_mut().skip(first).for_each(|atom| atom.negated = true);
        } else {
            self.spans.pop();
        }
    }
}

fn negation(rest: &str) -> Option<usize> {
    match rest.strip_prefix('!') {
        Some(behind) => (!behind.starts_with('=')).then_some(1),
        None => is_word(rest, "not").then_some(3),
    }
}

/// The word, with no more letters behind it.
fn is_word(rest: &str, word: &str) -> bool {
    let Some((head, tail)) = rest.split_at_checked(word.len()) else {
        return false;
    };
    head.eq_ignore_ascii_case(word) && !tail.starts_with(|c: char| c.is_ascii_alphanumeric() || "_-:".contains(c))
}

/// Bytes of a name with its options in square brackets. A `+` belongs to it only in `g+:`.
fn atom_length(rest: &str) -> usize {
    let bytes = rest.as_bytes();
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'[' => {
                let close = memchr::memchr(b']', bytes.get(at..).unwrap_or_default());
                at += close.map_or(bytes.len() - at, |c| c + 1);
                continue;
            }
            b'+' if bytes.get(at + 1) == Some(&b':') => {}
            b' ' | b'\t' | b'\r' | b'\n' | b'(' | b')' | b'<' | b'>' | b'=' | b'!' | b'&' | b'|' | b',' | b'+' | b'*' => break,
            _ => {}
        }
        at += 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> f64 {
        let expression = Expression::parse(text).unwrap();
        expression.value(|place| match expression.atoms()[place].text.as_str() {
            "T" | "U" => 1.0,
            "-T" | "g+:x" => 3.0,
            _ => 0.0,
        })
    }

    #[test]
    fn precedence_and_words() {
        for (text, expected) in [
            ("T", 1.0),
            ("F", 0.0),
            ("!F", 1.0),
            ("not F and T", 1.0),
            ("T & !F | F", 1.0),
            ("F | T & F", 0.0),
            ("!(T | F) | F", 0.0),
            ("!T | T", 1.0),
            ("T + U + F >= 2", 1.0),
            ("T + U > 2", 0.0),
            ("2 * 3 + 1", 7.0),
            ("1 + 2 * 3", 7.0),
            ("10 - 4 - 3", 9.0),
            ("-T & T", 1.0),
            ("g+:x + 1", 4.0),
            ("(T)", 1.0),
            ("T && (F || T)", 1.0),
        ] {
            assert_eq!(value(text), expected, "{text}");
        }
    }

    #[test]
    fn what_stands_under_a_negation_is_told() {
        let expression = Expression::parse("A & !(B | C[x, y]) & D").unwrap();
        let told: Vec<_> = expression.atoms().iter().map(|a| (a.text.as_str(), a.negated)).collect();
        assert_eq!(told, [("A", false), ("B", true), ("C[x, y]", true), ("D", false)]);
    }

    #[test]
    fn mistakes_have_a_place() {
        for (text, at) in [("", 0), ("A &", 3), ("A B", 2), ("(A", 0), ("A)", 1), ("& A", 0), ("A & )", 4)] {
            assert_eq!(Expression::parse(text).unwrap_err().at, at, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn nothing_panics(text in "[-A-C!&|()<>=+*/ 0-9\\[\\],gnotr:~^]{0,60}") {
            if let Ok(expression) = Expression::parse(&text) {
                expression.value(|_| 1.0);
            }
        }
    }
}
