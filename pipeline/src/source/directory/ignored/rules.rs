//! The rules of one `.gitignore`, kept as their bytes: a rule costs what it is long.

use super::wildmatch::{self, Slash, Steps, is_special};

/// Longest rule: no path is longer, and what recurs does so less often.
const RULE_BYTES_MAX: usize = 4 << 10;

/// The rules of one file, in its order.
#[derive(Debug, Default)]
pub(super) struct Rules {
    text: Box<[u8]>,
    rules: Vec<Rule>,
    /// Bytes of a path that lead to the folder of the file, and that its rules do not see.
    pub(super) base: usize,
    /// The first line that is longer than a rule may be.
    pub(super) too_long: Option<usize>,
}

#[derive(Debug, Clone, Copy)]
struct Rule {
    start: u32,
    length: u16,
    /// Bytes before the first one with a meaning of its own.
    literal: u16,
    /// It takes back what an earlier rule ignores.
    negative: bool,
    /// It is about folders alone.
    folders: bool,
    /// It has no slash, and is about names.
    name: bool,
}

impl Rules {
    /// Reads at most so many rules; `None` where there are more.
    pub(super) fn parse(text: Vec<u8>, base: usize, rules_max: usize) -> Option<Self> {
        let mut rules = Vec::new();
        let mut too_long = None;
        let start = if text.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
        let mut at = start;
        for (number, line) in text[start..].split(|&byte| byte == b'\n').enumerate() {
            let from = at;
            at += line.len() + 1;
            if line.is_empty() || line[0] == b'#' {
                continue;
            }
            let line = without_trailing_spaces(without_end(line));
            match Rule::parse(line, from) {
                Some(_) if line.len() > RULE_BYTES_MAX => {
                    too_long.get_or_insert(number + 1);
                }
                Some(_) if rules.len() == rules_max => return None,
                Some(rule) => rules.push(rule),
                None => {}
            }
        }
        rules.shrink_to_fit();
        Some(Self { text: text.into(), rules, base, too_long })
    }

    pub(super) fn len(&self) -> usize {
        self.rules.len()
    }

    pub(super) fn bytes(&self) -> usize {
        self.text.len()
    }

    /// Whether the last rule that matches ignores; `None` where none does.
    pub(super) fn ignores(&self, path: &[u8], is_folder: bool, steps: &mut Steps) -> Option<bool> {
        let path = path.get(self.base..)?;
        let name = path.rsplit(|&byte| byte == b'/').next().unwrap_or(path);
        let matching = self.rules.iter().rev().find(|rule| {
            (is_folder || !rule.folders)
                && match rule.name {
                    true => self.matches_name(rule, name, steps),
                    false => self.matches_path(rule, path, steps),
                }
        });
        matching.map(|rule| !rule.negative)
    }

    fn pattern(&self, rule: &Rule) -> &[u8] {
        let start = rule.start as usize;
        &self.text[start..start + rule.length as usize]
    }

    fn matches_name(&self, rule: &Rule, name: &[u8], steps: &mut Steps) -> bool {
        let pattern = self.pattern(rule);
        if rule.literal == rule.length {
            return pattern == name;
        }
        match pattern.strip_prefix(b"*") {
            Some(end) if !end.iter().any(|&byte| is_special(byte)) => name.ends_with(end),
            _ => wildmatch::matches(pattern, name, Slash::Passes, steps),
        }
    }

    fn matches_path(&self, rule: &Rule, path: &[u8], steps: &mut Steps) -> bool {
        let (pattern, literal) = (self.pattern(rule), rule.literal as usize);
        let (pattern, literal) = match pattern.strip_prefix(b"/") {
            Some(rest) => (rest, literal.saturating_sub(1)),
            None => (pattern, literal),
        };
        let (head, pattern) = pattern.split_at(literal);
        let Some(rest) = path.strip_prefix(head) else { return false };
        if pattern.is_empty() && rest.is_empty() {
            return true;
        }
        wildmatch::matches(pattern, rest, Slash::Stops, steps)
    }
}

impl Rule {
    fn parse(line: &[u8], mut start: usize) -> Option<Self> {
        let mut pattern = line;
        let negative = pattern.first() == Some(&b'!');
        if negative {
            (pattern, start) = (&pattern[1..], start + 1);
        }
        let folders = pattern.last() == Some(&b'/');
        if folders {
            pattern = &pattern[..pattern.len() - 1];
        }
        if pattern.is_empty() {
            return None;
        }
        let literal = pattern.iter().position(|&byte| is_special(byte)).unwrap_or(pattern.len());
        let name = !pattern.contains(&b'/');
        // What is too long is told, and not kept.
        let length = u16::try_from(pattern.len()).unwrap_or(u16::MAX);
        let literal = u16::try_from(literal).unwrap_or(u16::MAX);
        let start = u32::try_from(start).ok()?;
        Some(Self { start, length, literal, negative, folders, name })
    }
}

/// A line as git sees it: without what ends it on Windows, and up to a NUL.
fn without_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    line.split(|&byte| byte == 0).next().unwrap_or(line)
}

fn without_trailing_spaces(line: &[u8]) -> &[u8] {
    let mut spaces = None;
    let mut bytes = line.iter().enumerate();
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b' ' => {
                spaces.get_or_insert(at);
            }
            b'\\' if bytes.next().is_none() => return line,
            _ => spaces = None,
        }
    }
    &line[..spaces.unwrap_or(line.len())]
}
