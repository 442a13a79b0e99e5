//! Any bytes as a file of UCL: an answer with places, never a panic, in time and memory that the limits bound.
use torwart::config::ucl::{self, Includes, Opened, Options, Trouble};

/// The bytes are every file that is asked for, so that includes lead somewhere.
struct One<'d>(&'d [u8]);

impl Includes for One<'_> {
    fn read(&self, path: &str, most: u64) -> Result<Opened, Trouble> {
        if u64::try_from(self.0.len()).is_ok_and(|length| length > most) {
            return Err(Trouble::TooLarge);
        }
        Ok(Opened {
            path: path.to_owned(),
            bytes: self.0.to_owned(),
            built_in: false,
        })
    }

    fn matching(&self, pattern: &str, _: usize) -> Result<Vec<String>, Trouble> {
        Ok(vec![pattern.replace(['*', '?'], "x")])
    }
}

/// One input.
pub fn run(data: &[u8]) {
    let mut options = Options::default();
    options.variables.push(("NAME".to_owned(), "value".to_owned()));
    options.limits.files = 20;
    match ucl::read("/main.conf", &One(data), &options) {
        Ok(parsed) => {
            let json = ucl::to_json(&parsed.tree);
            assert!(json.is_object());
        }
        Err(report) => assert!(report.errors() > 0, "a refusal says why"),
    }
}
