//! JSON in rspamd's spelling: no blanks, keys in the order written, `15.0` and `0.900000` for numbers with a fraction.

use crate::base::decimal::fixed;
use serde_json::Value;
use std::fmt::Write;

/// Room made at once; the usual reply fits.
const USUAL: usize = 8192;

/// A document being written. Openings and closings are the caller's to match.
#[derive(Debug, Default)]
pub struct Json {
    out: String,
    comma: bool,
}

impl Json {
    /// An empty document.
    pub fn new() -> Json {
        Json {
            out: String::with_capacity(USUAL),
            comma: false,
        }
    }

    /// The text.
    pub fn finish(self) -> String {
        self.out
    }

    fn item(&mut self) {
        if self.comma {
            self.out.push(',');
        }
        self.comma = true;
    }

    /// `{`, as a value.
    pub fn open(&mut self) -> &mut Json {
        self.begin('{')
    }

    /// `[`, as a value.
    pub fn open_list(&mut self) -> &mut Json {
        self.begin('[')
    }

    fn begin(&mut self, bracket: char) -> &mut Json {
        self.item();
        self.out.push(bracket);
        self.comma = false;
        self
    }

    /// `}`.
    pub fn close(&mut self) -> &mut Json {
        self.end('}')
    }

    /// `]`.
    pub fn close_list(&mut self) -> &mut Json {
        self.end(']')
    }

    fn end(&mut self, bracket: char) -> &mut Json {
        self.out.push(bracket);
        self.comma = true;
        self
    }

    /// `"name":`, to be followed by a value.
    pub fn key(&mut self, name: &str) -> &mut Json {
        self.item();
        quote(&mut self.out, name);
        self.out.push(':');
        self.comma = false;
        self
    }

    /// A text.
    pub fn text(&mut self, text: &str) -> &mut Json {
        self.item();
        quote(&mut self.out, text);
        self
    }

    /// `true` or `false`.
    pub fn truth(&mut self, value: bool) -> &mut Json {
        self.item();
        self.out.push_str(if value { "true" } else { "false" });
        self
    }

    /// `null`.
    pub fn null(&mut self) -> &mut Json {
        self.item();
        self.out.push_str("null");
        self
    }

    /// A whole number.
    pub fn whole(&mut self, value: i64) -> &mut Json {
        self.item();
        let _ = write!(self.out, "{value}");
        self
    }

    /// A number that may have a fraction.
    pub fn number(&mut self, value: f64) -> &mut Json {
        if !value.is_finite() {
            return self.null();
        }
        self.item();
        // Most symbols score nothing.
        if value == 0.0 {
            self.out.push_str("0.0");
            return self;
        }
        let _ = fixed(&mut self.out, value, if value.fract() == 0.0 { 1 } else { 6 });
        self
    }

    /// A number as rspamd writes one that went through its scripts: whole ones without a fraction.
    pub fn plain_number(&mut self, value: f64) -> &mut Json {
        if value.fract() != 0.0 || !value.is_finite() {
            return self.number(value);
        }
        self.item();
        let _ = write!(self.out, "{:.0}", value + 0.0);
        self
    }

    /// Texts in a list.
    pub fn texts<T: AsRef<str>>(&mut self, texts: &[T]) -> &mut Json {
        self.open_list();
        texts.iter().for_each(|t| {
            self.text(t.as_ref());
        });
        self.close_list()
    }

    /// Any tree of values; a bound on its depth is the business of who built it.
    pub fn value(&mut self, value: &Value) -> &mut Json {
        self.tree(value, Json::number)
    }

    /// The same with numbers as [`Json::plain_number`] writes them.
    pub fn plain_value(&mut self, value: &Value) -> &mut Json {
        self.tree(value, Json::plain_number)
    }

    fn tree(&mut self, value: &Value, spell: fn(&mut Json, f64) -> &mut Json) -> &mut Json {
        match value {
            Value::Null => self.null(),
            Value::Bool(truth) => self.truth(*truth),
            Value::String(text) => self.text(text),
            Value::Array(list) => {
                self.open_list();
                list.iter().for_each(|v| {
                    self.tree(v, spell);
                });
                self.close_list()
            }
            Value::Object(map) => {
                self.open();
                map.iter().for_each(|(k, v)| {
                    self.key(k).tree(v, spell);
                });
                self.close()
            }
            Value::Number(number) => match number.as_f64() {
                Some(value) if number.is_f64() => spell(self, value),
                _ => {
                    self.item();
                    let _ = write!(self.out, "{number}");
                    self
                }
            },
        }
    }
}

/// A byte that JSON does not take as it is.
fn is_marked(byte: u8) -> bool {
    byte.is_ascii_control() || matches!(byte, b'"' | b'\\')
}

fn quote(out: &mut String, text: &str) {
    out.push('"');
    // Most texts have nothing to escape: a loop without an early end looks at many bytes at once.
    let any = text.bytes().fold(false, |any, byte| any | is_marked(byte));
    let mut rest = text;
    while let Some(at) = any.then(|| rest.bytes().position(is_marked)).flatten() {
        let (plain, marked) = rest.split_at(at);
        out.push_str(plain);
        let mut marked = marked.chars();
        match marked.next().unwrap_or_default() {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\u{b}' => out.push_str("\\u000B"),
            '\0' => out.push_str("\\u0000"),
            _ => out.push_str("\\uFFFD"),
        }
        rest = marked.as_str();
    }
    out.push_str(rest);
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_are_rspamds() {
        for (value, expect) in [
            (15.0, "15.0"),
            (-1.0, "-1.0"),
            (0.0, "0.0"),
            (-0.0, "0.0"),
            (0.9, "0.900000"),
            (2.199999, "2.199999"),
            (-0.1, "-0.100000"),
            (f64::NAN, "null"),
            (f64::INFINITY, "null"),
        ] {
            let mut json = Json::new();
            json.number(value);
            assert_eq!(json.finish(), expect);
        }
    }

    #[test]
    fn texts_are_escaped() {
        let mut json = Json::new();
        json.text("a\"b\\c/\n\r\t\u{8}\u{c}\u{b}\0\u{1}\u{7f}ä");
        assert_eq!(json.finish(), r#""a\"b\\c/\n\r\t\b\f\u000B\u0000\uFFFD\uFFFDä""#);
    }

    #[test]
    fn trees_keep_their_order() {
        let value = serde_json::json!({"b": [1, 2.0, null, true], "a": {"x": {}, "y": []}, "n": -7});
        let mut json = Json::new();
        json.value(&value);
        assert_eq!(json.finish(), r#"{"b":[1,2.0,null,true],"a":{"x":{},"y":[]},"n":-7}"#);
    }

    proptest! {
        #[test]
        fn any_text_reads_back(text in "[^\u{0}-\u{1f}\u{7f}]*") {
            let mut json = Json::new();
            json.open().key(&text).texts(&[&text]).close();
            let read: Value = serde_json::from_str(&json.finish()).unwrap();
            prop_assert_eq!(&read[&text][0], &Value::String(text.clone()));
        }
    }
}
