//! What is written in a template's tags: names, numbers and branches, without filling it.

use std::ops::Range;

/// A `{{ … }}` or `{% … %}`.
#[derive(Debug)]
pub(crate) struct Tag<'a> {
    /// With its braces.
    range: Range<usize>,
    is_statement: bool,
    tokens: Vec<Token<'a>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Token<'a> {
    kind: Kind,
    text: &'a str,
    at: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Name,
    Number,
    Text,
    Sign,
}

/// A filter or a test that is used.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Use<'a> {
    pub(crate) what: &'static str,
    pub(crate) name: &'a str,
    pub(crate) at: usize,
}

/// What is drawn if a condition holds, or if no other one does.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Branch {
    /// From the end of its tag to the beginning of the next one's.
    pub(crate) body: Range<usize>,
    /// Its tag as it is written: `if visitors > 5`.
    pub(crate) said: Range<usize>,
    /// The conditions that must hold or not, outermost first, for it to be taken.
    conditions: Vec<(Range<usize>, bool)>,
}

/// The tags of a template.
pub(crate) fn tags(source: &str) -> Vec<Tag<'_>> {
    let mut tags: Vec<Tag<'_>> = Vec::new();
    let mut at = 0;
    while let Some(open) = source[at..].find('{').map(|found| at + found) {
        let rest = &source[open..];
        at = if rest.starts_with("{#") {
            rest.find("#}").map_or(source.len(), |end| open + end + 2)
        } else if rest.starts_with("{{") || rest.starts_with("{%") {
            let tag = tag(source, open);
            let end = tag.range.end;
            let is_raw = tag.is_statement && tag.word() == Some("raw");
            tags.push(tag);
            if is_raw { end_of_raw(source, end) } else { end }
        } else {
            open + 1
        };
    }
    tags
}

/// The filters and tests that these tags use.
pub(crate) fn uses<'a>(tags: &[Tag<'a>]) -> Vec<Use<'a>> {
    let mut uses = Vec::new();
    for tag in tags {
        let name_at = |at: usize| tag.tokens.get(at).filter(|token| token.kind == Kind::Name);
        for (at, token) in tag.tokens.iter().enumerate() {
            let before = at.checked_sub(1).and_then(|before| tag.tokens.get(before));
            let is_filter =
                token.is_sign("|") || at == 0 && tag.is_statement && token.is_name("filter");
            let is_test = token.is_name("is") && before.is_some_and(|before| !before.is_sign("."));
            let (what, next) = match (is_filter, is_test) {
                (true, _) => ("filter", at + 1),
                (_, true) if name_at(at + 1).is_some_and(|n| n.text == "not") => ("test", at + 2),
                (_, true) => ("test", at + 1),
                _ => continue,
            };
            if let Some(name) = name_at(next) {
                uses.push(Use { what, name: name.text, at: name.at });
            }
        }
    }
    uses
}

/// The texts that are written as the arguments of this filter, one or more, and where it is.
#[cfg(feature = "time")]
pub(crate) fn texts_for<'a>(tags: &[Tag<'a>], filter: &str) -> Vec<(usize, Vec<&'a str>)> {
    let mut found = Vec::new();
    for (tag, (at, name)) in
        tags.iter().flat_map(|tag| tag.tokens.iter().enumerate().map(move |t| (tag, t)))
    {
        let is_filter = at > 0 && tag.tokens[at - 1].is_sign("|") && name.is_name(filter);
        let mut texts = Vec::new();
        // Each after a parenthesis or a comma.
        for pair in tag.tokens[at + 1..].chunks(2).take_while(|_| is_filter) {
            let [_, Token { kind: Kind::Text, text, .. }] = pair else { break };
            texts.push(text.get(1..text.len() - 1).unwrap_or_default());
        }
        if !texts.is_empty() && texts.iter().all(|text| !text.contains('\\')) {
            found.push((name.at, texts));
        }
    }
    found
}

/// The whole numbers that something is compared with in these tags.
pub(crate) fn numbers(tags: &[Tag<'_>]) -> Vec<usize> {
    let compares = |token: &Token<'_>| {
        ["==", "!=", "<", ">", "<=", ">="].iter().any(|sign| token.is_sign(sign))
    };
    let mut numbers = Vec::new();
    for pair in tags.iter().flat_map(|tag| tag.tokens.windows(2)) {
        let number = if compares(&pair[0]) { &pair[1] } else { &pair[0] };
        if number.kind == Kind::Number && pair.iter().any(compares) {
            numbers.extend(number.text.parse::<usize>().ok());
        }
    }
    numbers.sort_unstable();
    numbers.dedup();
    numbers
}

/// Whether something is called this in these tags, as an attribute or as a text; a filter may be, too.
pub(crate) fn says(tags: &[Tag<'_>], word: &str) -> bool {
    let is_word = |tag: &Tag<'_>, at: usize| match tag.tokens[at].kind {
        Kind::Name => tag.tokens[at].text == word && !(at > 0 && tag.tokens[at - 1].is_sign("|")),
        Kind::Text => tag.tokens[at].text.trim_matches(['"', '\'']) == word,
        Kind::Number | Kind::Sign => false,
    };
    tags.iter().any(|tag| (0..tag.tokens.len()).any(|at| is_word(tag, at)))
}

/// Where a slot such as `params.room` is used first, and whether it is called like a function.
pub(crate) fn find_slot(tags: &[Tag<'_>], slot: &str) -> Option<(usize, bool)> {
    let path: Vec<&str> = slot.split('.').collect();
    tags.iter().find_map(|tag| {
        let names = tag.tokens.iter().enumerate().filter(|(at, token)| {
            let is_attribute = *at > 0 && tag.tokens[at - 1].is_sign(".");
            token.is_name(path[0]) && !is_attribute
        });
        let mut found = names.filter(|(at, _)| {
            let is_there = |(depth, name): (usize, &&str)| {
                let token = tag.tokens.get(at + 2 * depth);
                token.is_some_and(|token| token.text == *name)
            };
            path.iter().enumerate().all(is_there)
        });
        let (at, token) = found.next()?;
        let is_called = tag.tokens.get(at + 1).is_some_and(|next| next.is_sign("("));
        Some((token.at, is_called))
    })
}

/// The line of this place, from 1.
pub(crate) fn line(source: &str, at: usize) -> usize {
    source.get(..at).unwrap_or(source).matches('\n').count() + 1
}

/// Every branch of every `if`.
pub(crate) fn branches(tags: &[Tag<'_>]) -> Vec<Branch> {
    let mut branches: Vec<Branch> = Vec::new();
    // Of what is open: its name, and the branches of an `if`.
    let mut open: Vec<(&str, Vec<usize>)> = Vec::new();
    for tag in tags.iter().filter(|tag| tag.is_statement) {
        let Some(word) = tag.word() else { continue };
        if let ("elif" | "else" | "endif", Some(("if", chain))) = (word, open.last()) {
            let before = chain.last().map(|last| &mut branches[*last]);
            before.into_iter().for_each(|before| before.body.end = tag.range.start);
        }
        match word {
            "if" => open.push(("if", Vec::new())),
            "for" | "macro" | "call" | "filter" | "autoescape" | "with" => {
                open.push((word, Vec::new()));
            }
            "set" if !tag.tokens.iter().any(|token| token.is_sign("=")) => {
                open.push(("set", Vec::new()));
            }
            _ => {
                if let Some(ended) = word.strip_prefix("end")
                    && let Some(at) = open.iter().rposition(|(name, _)| *name == ended)
                {
                    open.truncate(at);
                }
            }
        }
        if let ("if" | "elif" | "else", Some(("if", chain))) = (word, open.last()) {
            let outer = open[..open.len() - 1].iter().rev().find_map(|(_, chain)| chain.last());
            let mut conditions =
                outer.map(|outer| branches[*outer].conditions.clone()).unwrap_or_default();
            // The ones before it in the chain don't hold.
            let before = chain.iter().filter_map(|before| branches[*before].conditions.last());
            conditions.extend(before.map(|(condition, _)| (condition.clone(), false)));
            conditions.extend(tag.condition().map(|condition| (condition, true)));
            let body = tag.range.end..tag.range.end;
            let number = branches.len();
            branches.push(Branch { body, said: tag.inside(), conditions });
            if let Some((_, chain)) = open.last_mut() {
                chain.push(number);
            }
        }
    }
    branches
}

impl Branch {
    /// The template, changed so that this branch is taken, and whatever else has the same condition.
    pub(crate) fn forced(&self, source: &str, tags: &[Tag<'_>]) -> String {
        let mut forced = String::with_capacity(source.len());
        let mut done = 0;
        for condition in tags.iter().filter_map(Tag::condition) {
            let written = source[condition.clone()].trim();
            let same = |other: &&(Range<usize>, bool)| source[other.0.clone()].trim() == written;
            if let Some((_, holds)) = self.conditions.iter().rev().find(same) {
                forced.push_str(&source[done..condition.start]);
                forced.push_str(if *holds { " true " } else { " false " });
                // As many lines as before.
                forced.push_str(&"\n".repeat(written.matches('\n').count()));
                done = condition.end;
            }
        }
        forced + &source[done..]
    }
}

impl Tag<'_> {
    /// The word that a statement begins with.
    fn word(&self) -> Option<&str> {
        self.tokens.first().filter(|token| token.kind == Kind::Name).map(|token| token.text)
    }

    /// Between the first and the last token.
    fn inside(&self) -> Range<usize> {
        let end = self.tokens.last().map_or(self.range.start, |token| token.at + token.text.len());
        self.tokens.first().map_or(self.range.start, |token| token.at)..end
    }

    /// The condition of an `if` or `elif`.
    fn condition(&self) -> Option<Range<usize>> {
        let is_condition = self.is_statement && matches!(self.word(), Some("if" | "elif"));
        let first = self.tokens.get(1).filter(|_| is_condition)?;
        Some(first.at..self.inside().end)
    }
}

impl Token<'_> {
    fn is_sign(&self, sign: &str) -> bool {
        self.kind == Kind::Sign && self.text == sign
    }

    fn is_name(&self, name: &str) -> bool {
        self.kind == Kind::Name && self.text == name
    }
}

/// The tag that begins here.
fn tag(source: &str, open: usize) -> Tag<'_> {
    let is_statement = source[open..].starts_with("{%");
    let close = if is_statement { "%}" } else { "}}" };
    let mut tokens = Vec::new();
    let (mut at, mut depth) = (open + 2, 0_usize);
    while let Some(first) = source[at..].chars().next() {
        let rest = &source[at..];
        let trimmed = rest.strip_prefix(['-', '+']).unwrap_or(rest);
        if depth == 0 && (rest.starts_with(close) || trimmed.starts_with(close)) {
            break;
        }
        let (kind, length) = if first.is_whitespace() {
            at += first.len_utf8();
            continue;
        } else if first.is_alphabetic() || first == '_' {
            let is_part = |c: char| c.is_alphanumeric() || c == '_';
            (Kind::Name, rest.find(|c| !is_part(c)).unwrap_or(rest.len()))
        } else if first.is_ascii_digit() {
            let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
            (Kind::Number, rest.find(|c| !is_part(c)).unwrap_or(rest.len()))
        } else if matches!(first, '"' | '\'') {
            (Kind::Text, quoted(rest, first))
        } else {
            match first {
                '(' | '[' | '{' => depth += 1,
                ')' | ']' | '}' => depth = depth.saturating_sub(1),
                _ => {}
            }
            let is_long = ["==", "!=", "<=", ">="].iter().any(|sign| rest.starts_with(sign));
            (Kind::Sign, if is_long { 2 } else { first.len_utf8() })
        };
        tokens.push(Token { kind, text: &rest[..length], at });
        at += length;
    }
    let end = source[at..].find(close).map_or(source.len(), |found| at + found + 2);
    Tag { range: open..end, is_statement, tokens }
}

/// How long a string literal is, with its quotes.
fn quoted(rest: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == quote => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

/// The tag that ends a `raw` block begins here.
fn end_of_raw(source: &str, from: usize) -> usize {
    let is_end = |at: &usize| {
        let inside = source[at + 2..].trim_start_matches(['-', '+']).trim_start();
        inside.starts_with("endraw")
    };
    let ends = source[from..].match_indices("{%").map(|(at, _)| from + at);
    ends.into_iter().find(is_end).unwrap_or(source.len())
}

#[cfg(test)]
mod tests;
