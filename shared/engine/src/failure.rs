//! Why something did not work, for the person who must act on it.

use serde::{Deserialize, Serialize};

use crate::StageName;

/// Whether trying again can help.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureClass {
    /// The world was in the way: the same attempt may succeed later.
    Transient,
    /// The input is at fault: no attempt can succeed.
    Permanent,
    /// Somebody asked for the end.
    Cancelled,
}

/// What a message may weigh in JSON, in bytes.
pub const MOST_MESSAGE: usize = 16 << 10;

/// What a hint may weigh in JSON, in bytes.
const MOST_HINT: usize = 2 << 10;

/// What reaches people: a stable code, a sentence and what to do about it. Private causes stay in the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// Stable, upper-case; listed in docs/ERRORS.md and never changes its meaning.
    pub code: String,
    /// One sentence that a user understands.
    pub message: String,
    /// What the user can do.
    pub hint: String,
    /// Where it happened, if in a stage.
    pub stage: Option<StageName>,
    /// On which attempt, from 1; 0 outside a stage.
    pub attempt: u32,
    /// Whether trying again can help.
    pub class: FailureClass,
}

impl Failure {
    /// The failure with a message and a hint that fit into a row of the table and into an event, whatever a program or an
    /// upload had to say.
    #[must_use]
    pub fn bounded(mut self) -> Self {
        cut(&mut self.message, MOST_MESSAGE);
        cut(&mut self.hint, MOST_HINT);
        self
    }
}

/// What a text weighs in JSON, in bytes.
pub fn weight(text: &str) -> usize {
    text.chars().map(weigh).sum()
}

/// JSON writes a control character as `\u0001`.
fn weigh(c: char) -> usize {
    match c {
        '"' | '\\' => 2,
        c if c < ' ' => 6,
        c => c.len_utf8(),
    }
}

/// Cuts a text to what weighs so many bytes in JSON.
pub(crate) fn cut(text: &mut String, most: usize) {
    const MARK: &str = " …";
    if weight(text) <= most {
        return;
    }
    let mut room = most.saturating_sub(MARK.len());
    let fits = |(_, c): &(usize, char)| {
        let weight = weigh(*c);
        let fits = weight <= room;
        room = room.saturating_sub(weight);
        fits
    };
    let end = text.char_indices().take_while(fits).last();
    text.truncate(end.map_or(0, |(at, c)| at + c.len_utf8()));
    text.push_str(MARK);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_text_fits_and_keeps_its_beginning(text in "(.|[\u{1}-\u{1f}\"é🏃]){0,80}", most in 4_usize..200) {
            let mut short = text.clone();
            cut(&mut short, most);
            let written = serde_json::to_string(&short).unwrap();
            prop_assert!(written.len() - 2 <= most, "{written}");
            prop_assert!(short == text || text.starts_with(short.trim_end_matches(" …")));
            let fits = text.chars().all(|c| c >= ' ') && serde_json::to_string(&text).unwrap().len() - 2 <= most;
            prop_assert!(!fits || short == text);
        }
    }
}
