//! Every code that the sources can say is explained in docs/ERRORS.md, and nothing else is.
//!
//! The sources are read as text. A code stands in one of these places: in a function `code`, in a field `code`, as the first
//! text given to `permanent`, `transient` or one of the API's refusals, behind a `StatusCode`, or as a constant. Whoever says codes in
//! another way finds the document disagreeing with this test.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Upper case, digits and underscores, beginning with a letter.
fn is_code(text: &str) -> bool {
    text.len() > 3
        && text.starts_with(|first: char| first.is_ascii_uppercase())
        && text
            .chars()
            .all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
}

/// What the sources say of a code: whether its error is tried again, where that is written next to it.
type Found = BTreeMap<String, Option<bool>>;

/// Rust files of the workspace that are not tests.
fn sources(folder: &Path, is_source: bool, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap_or_default().to_owned();
        if path.is_dir() {
            let is_built = path.join("CACHEDIR.TAG").exists() || name == "target" || name == "node_modules";
            // The simulation plays faults whose codes nobody else sees.
            let is_played = path.ends_with("xtask/simulate");
            if !is_built && !is_played && !name.starts_with('.') {
                sources(&path, is_source || name == "src", found);
            }
        } else if is_source && path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// A source without comments and without what only tests see, and the names of modules that only tests see.
fn stripped(source: &str) -> (String, Vec<String>) {
    let (mut kept, mut only_tests) = (String::new(), Vec::new());
    let mut lines = source.lines().filter(|line| !line.trim_start().starts_with("//"));
    while let Some(line) = lines.next() {
        if line.trim() != "#[cfg(test)]" {
            kept.push_str(line);
            kept.push('\n');
            continue;
        }
        let gated = lines.next().unwrap_or_default();
        match gated.trim_end().split_once("mod ") {
            Some((_, module)) if module.ends_with(';') => only_tests.push(module.trim_end_matches(';').to_owned()),
            // A module of tests in a file is its end.
            Some(_) => break,
            None => {}
        }
    }
    (kept, only_tests)
}

/// The first text literal in some source, if nothing but layout and `allowed` precede it.
fn first_text<'a>(source: &'a str, allowed: &dyn Fn(&str) -> bool) -> Option<&'a str> {
    let (before, rest) = source.split_once('"')?;
    allowed(before.trim()).then(|| rest.split('"').next().unwrap_or_default())
}

/// What stands between the brace that opens next and the one that closes it.
fn body(source: &str) -> &str {
    let start = source.find('{').unwrap_or(source.len());
    let mut depth = 0_usize;
    for (at, character) in source[start..].char_indices() {
        match character {
            '{' => depth += 1,
            '}' if depth == 1 => return &source[start..start + at],
            '}' => depth -= 1,
            _ => {}
        }
    }
    &source[start..]
}

/// The codes that a stripped source says.
fn codes(source: &str) -> Found {
    let mut found = Found::new();
    let mut add = |code: &str, tries_again: Option<bool>| {
        if is_code(code) {
            let known = found.entry(code.to_owned()).or_default();
            *known = known.or(tries_again);
        }
    };
    let after = |mark: &'static str| {
        source
            .match_indices(mark)
            .map(move |(at, _)| &source[at + mark.len()..])
    };
    for function in after("fn code(&self)") {
        body(function)
            .split('"')
            .skip(1)
            .step_by(2)
            .for_each(|text| add(text, None));
    }
    let nothing = |before: &str| before.is_empty();
    let marks = [
        ("code:", None),
        ("permanent(", Some(false)),
        ("transient(", Some(true)),
        // The API's refusals, and codes that have a name in the source.
        ("conflict(", None),
        ("not_found(", None),
        ("refused(", None),
        (": &'static str =", None),
    ];
    for (mark, tries_again) in marks {
        for text in after(mark).filter_map(|rest| first_text(rest, &nothing)) {
            add(text, tries_again);
        }
    }
    let rest_of_the_name = |before: &str| {
        let name = before.trim_end_matches(',');
        name.len() < before.len() && name.chars().all(|c| c.is_ascii_uppercase() || c == '_')
    };
    for text in after("StatusCode::").filter_map(|rest| first_text(rest, &rest_of_the_name)) {
        add(text, None);
    }
    found
}

fn codes_of_the_sources() -> Found {
    let mut files = Vec::new();
    sources(&root(), false, &mut files);
    let read = |path: PathBuf| {
        let (kept, only_tests) = stripped(&std::fs::read_to_string(&path).unwrap());
        (path, kept, only_tests)
    };
    let files: Vec<_> = files.into_iter().map(read).collect();
    let mut only_tests = BTreeSet::new();
    for (path, _, modules) in &files {
        let is_root = ["lib", "main", "mod"]
            .iter()
            .any(|stem| path.file_stem().is_some_and(|it| it == *stem));
        let folder = if is_root {
            path.with_file_name("")
        } else {
            path.with_extension("")
        };
        for module in modules {
            only_tests.insert(folder.join(format!("{module}.rs")));
            // With everything below it: a module of tests has modules of its own.
            only_tests.insert(folder.join(module));
        }
    }
    let mut found = Found::new();
    for (path, source, _) in &files {
        if !path.ancestors().any(|part| only_tests.contains(part)) {
            found.extend(codes(source));
        }
    }
    found
}

/// A row of the document.
#[derive(Debug)]
struct Row {
    code: String,
    tries_again: bool,
}

/// Every row of a table in the document; the text around them does not count.
fn rows(document: &str) -> Vec<Row> {
    let is_row = |line: &&str| line.starts_with("| `");
    let row = |line: &str| {
        let cells: Vec<&str> = line.trim().trim_matches('|').split('|').map(str::trim).collect();
        assert!(cells.len() == 4 && cells.iter().all(|cell| !cell.is_empty()), "{line}");
        let is_answer = |word: &str| cells[3] == word || cells[3].starts_with(&format!("{word}, "));
        assert!(is_answer("yes") || is_answer("no"), "{line}");
        let code = cells[0].trim_matches('`').to_owned();
        assert!(is_code(&code), "{line}");
        Row {
            code,
            tries_again: is_answer("yes"),
        }
    };
    document.lines().filter(is_row).map(row).collect()
}

#[test]
fn the_document_lists_every_code_once_and_no_other() {
    let document = std::fs::read_to_string(root().join("docs/ERRORS.md")).unwrap();
    let rows = rows(&document);
    let found = codes_of_the_sources();
    let listed: BTreeSet<&str> = rows.iter().map(|row| row.code.as_str()).collect();
    let said: BTreeSet<&str> = found.keys().map(String::as_str).collect();
    assert_eq!(listed.len(), rows.len(), "a code is listed twice");
    let missing: Vec<_> = said.difference(&listed).collect();
    assert!(missing.is_empty(), "docs/ERRORS.md does not explain {missing:?}");
    let surplus: Vec<_> = listed.difference(&said).collect();
    assert!(surplus.is_empty(), "no source says {surplus:?} of docs/ERRORS.md");
    let contradicted: Vec<_> = rows
        .iter()
        .filter(|row| found[&row.code].is_some_and(|tries_again| tries_again != row.tries_again))
        .collect();
    assert!(
        contradicted.is_empty(),
        "docs/ERRORS.md and the sources disagree on {contradicted:?}"
    );
}

#[test]
fn codes_are_found_wherever_they_are_said() {
    let source = r#"
        //! "NOT_A_COMMENT" code: "NOR_THIS"
        const UNIT: &str = "NOT_A_CODE";
        impl E {
            fn code(&self) -> &str {
                match self { Self::A { .. } => "FROM_FUNCTION", Self::B { status: 401 } => "LATER_IN_IT" }
            }
            fn other(&self) -> &str { "NOT_OF_CODE" }
        }
        fn fail() {
            let body = Failure { code: "FROM_FIELD".to_owned(), hint: "NOT_A_HINT".to_owned() };
            let class = (Self::permanent("FOUR", text), StageError::transient(
                "FIVE",
                "MESSAGE",
            ));
            Refusal::new(StatusCode::CONFLICT, "BEHIND_STATUS", "NO");
            let answer = Refusal::new(
                StatusCode::NOT_FOUND,
                "ON_ITS_LINE",
            );
            let other = (StatusCode::OK, json!({"a": "NOT_THIS"}));
            StageError::permanent(error.code(), "NOT_THE_MESSAGE");
        }
        #[cfg(test)]
        mod seen_in_tests;
        #[cfg(test)]
        mod tests { fn f() -> Failure { Failure { code: "IN_TESTS".into() } } }
    "#;
    let (kept, only_tests) = stripped(source);
    let found = codes(&kept);
    let found: Vec<_> = found
        .iter()
        .map(|(code, tries_again)| (code.as_str(), *tries_again))
        .collect();
    let expected = [
        ("BEHIND_STATUS", None),
        ("FIVE", Some(true)),
        ("FOUR", Some(false)),
        ("FROM_FIELD", None),
        ("FROM_FUNCTION", None),
        ("LATER_IN_IT", None),
        ("ON_ITS_LINE", None),
    ];
    assert_eq!(found, expected);
    assert_eq!(only_tests, ["seen_in_tests"]);
}
