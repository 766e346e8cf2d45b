//! Matches a pattern of `.gitignore` as git does, byte for byte.
//!
//! Follows git's `wildmatch`, with two differences for patterns that are meant to hurt: a match
//! counts its steps and gives up when they are spent, and patterns have a length (see the rules).

/// Whether `*` and `?` stay within a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Slash {
    /// A path: only `**` passes a slash.
    Stops,
    /// A name, which has no slash.
    Passes,
}

/// Steps that are left for one file.
#[derive(Debug)]
pub(super) struct Steps(pub(super) u32);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Match,
    No,
    /// No star before this can help.
    AbortAll,
    /// Only a `**` before this can help.
    AbortToStarStar,
}

/// Whether a text matches.
pub(super) fn matches(pattern: &[u8], text: &[u8], slash: Slash, steps: &mut Steps) -> bool {
    Matcher { pattern, text, slash, steps }.run(0, 0) == Outcome::Match
}

/// Whether a byte has a meaning of its own in a pattern.
pub(super) fn is_special(byte: u8) -> bool {
    matches!(byte, b'*' | b'?' | b'[' | b'\\')
}

struct Matcher<'a, 's> {
    pattern: &'a [u8],
    text: &'a [u8],
    slash: Slash,
    steps: &'s mut Steps,
}

impl Matcher<'_, '_> {
    /// A byte of the pattern; 0 behind its end, for no pattern has a NUL.
    fn at(&self, p: usize) -> u8 {
        self.pattern.get(p).copied().unwrap_or(0)
    }

    fn text_at(&self, t: usize) -> u8 {
        self.text.get(t).copied().unwrap_or(0)
    }

    fn is_slash(&self, byte: u8) -> bool {
        self.slash == Slash::Stops && byte == b'/'
    }

    fn run(&mut self, mut p: usize, mut t: usize) -> Outcome {
        while p < self.pattern.len() {
            if self.steps.0 == 0 {
                return Outcome::AbortAll;
            }
            self.steps.0 -= 1;
            let wanted = self.at(p);
            if t >= self.text.len() && wanted != b'*' {
                return Outcome::AbortAll;
            }
            let found = self.text_at(t);
            match wanted {
                b'?' if self.is_slash(found) => return Outcome::No,
                b'?' => {}
                b'*' => match self.star(p, t) {
                    Star::Done(outcome) => return outcome,
                    Star::Slash(pattern, text) => (p, t) = (pattern, text),
                },
                b'[' => match self.class(p, found) {
                    Err(outcome) => return outcome,
                    Ok(_) if self.is_slash(found) => return Outcome::No,
                    Ok(None) => return Outcome::No,
                    Ok(Some(end)) => p = end,
                },
                _ => {
                    if wanted == b'\\' {
                        p += 1;
                    }
                    if self.at(p) != found || p >= self.pattern.len() {
                        return Outcome::No;
                    }
                }
            }
            (p, t) = (p + 1, t + 1);
        }
        if t < self.text.len() { Outcome::No } else { Outcome::Match }
    }

    /// One star or more, of which the first is at `p`.
    fn star(&mut self, first: usize, mut t: usize) -> Star {
        let mut p = first + 1;
        while self.at(p) == b'*' {
            p += 1;
        }
        let rest = self.pattern.get(p..).unwrap_or_default();
        let passes = match (self.slash, p - first) {
            (Slash::Passes, _) => true,
            (Slash::Stops, 1) => false,
            // Between slashes alone, or at an end.
            (Slash::Stops, _) => {
                let opens = first == 0 || self.at(first - 1) == b'/';
                let closes = rest.is_empty() || rest[0] == b'/' || rest.starts_with(b"\\/");
                // `a/**/b` matches `a/b` too.
                if opens && rest.first() == Some(&b'/') && self.run(p + 1, t) == Outcome::Match {
                    return Star::Done(Outcome::Match);
                }
                opens && closes
            }
        };
        let slash_ahead = |t: usize| {
            self.text
                .get(t..)
                .and_then(|text| text.iter().position(|&b| b == b'/'))
                .map(|at| t + at)
        };
        if rest.is_empty() {
            let stopped = !passes && slash_ahead(t).is_some();
            return Star::Done(if stopped { Outcome::AbortToStarStar } else { Outcome::Match });
        }
        if !passes && rest[0] == b'/' {
            return match slash_ahead(t) {
                Some(slash) => Star::Slash(p, slash),
                None => Star::Done(Outcome::AbortAll),
            };
        }
        while t < self.text.len() {
            // What comes before the next literal must belong to the star.
            if !is_special(rest[0]) {
                while t < self.text.len()
                    && self.text[t] != rest[0]
                    && (passes || self.text[t] != b'/')
                {
                    t += 1;
                }
                if self.text_at(t) != rest[0] {
                    let abort = if passes { Outcome::AbortAll } else { Outcome::AbortToStarStar };
                    return Star::Done(abort);
                }
            }
            match self.run(p, t) {
                Outcome::No if !passes && self.text_at(t) == b'/' => {
                    return Star::Done(Outcome::AbortToStarStar);
                }
                Outcome::No => {}
                Outcome::AbortToStarStar if passes => {}
                outcome => return Star::Done(outcome),
            }
            t += 1;
        }
        Star::Done(Outcome::AbortAll)
    }

    /// A class in brackets that opens at `open`: where it closes if the byte is in it.
    fn class(&self, open: usize, found: u8) -> Result<Option<usize>, Outcome> {
        let mut p = open + 1;
        let negated = matches!(self.at(p), b'!' | b'^');
        if negated {
            p += 1;
        }
        let (mut matched, mut previous) = (false, 0);
        loop {
            let mut byte = self.at(p);
            match byte {
                0 => return Err(Outcome::AbortAll),
                b'\\' => {
                    p += 1;
                    byte = self.at(p);
                    if byte == 0 {
                        return Err(Outcome::AbortAll);
                    }
                    matched |= byte == found;
                }
                b'-' if previous != 0 && self.at(p + 1) != 0 && self.at(p + 1) != b']' => {
                    p += 1;
                    byte = self.at(p);
                    if byte == b'\\' {
                        p += 1;
                        byte = self.at(p);
                        if byte == 0 {
                            return Err(Outcome::AbortAll);
                        }
                    }
                    matched |= (previous..=byte).contains(&found);
                    byte = 0;
                }
                b'[' if self.at(p + 1) == b':' => {
                    let from = p + 2;
                    let rest = self.pattern.get(from..).unwrap_or_default();
                    let Some(length) = rest.iter().position(|&byte| byte == b']') else {
                        return Err(Outcome::AbortAll);
                    };
                    match rest[..length].strip_suffix(b":") {
                        Some(name) => {
                            matched |= in_named(name, found).ok_or(Outcome::AbortAll)?;
                            p = from + length;
                            byte = 0;
                        }
                        None => matched |= found == b'[',
                    }
                }
                _ => matched |= byte == found,
            }
            previous = byte;
            p += 1;
            if self.at(p) == b']' {
                return Ok((matched != negated).then_some(p));
            }
        }
    }
}

/// What a star came to.
enum Star {
    Done(Outcome),
    /// It ends at a slash in the pattern, which is met at this place in the text.
    Slash(usize, usize),
}

/// Whether a byte is in a named class; `None` where there is none of this name.
fn in_named(name: &[u8], byte: u8) -> Option<bool> {
    Some(match name {
        b"alnum" => byte.is_ascii_alphanumeric(),
        b"alpha" => byte.is_ascii_alphabetic(),
        b"blank" => matches!(byte, b' ' | b'\t'),
        b"cntrl" => byte.is_ascii_control(),
        b"digit" => byte.is_ascii_digit(),
        b"graph" => byte.is_ascii_graphic(),
        b"lower" => byte.is_ascii_lowercase(),
        b"print" => byte.is_ascii_graphic() || byte == b' ',
        b"punct" => byte.is_ascii_punctuation(),
        b"space" => byte.is_ascii_whitespace() || byte == 0x0b,
        b"upper" => byte.is_ascii_uppercase(),
        b"xdigit" => byte.is_ascii_hexdigit(),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_that_is_meant_to_hurt_is_given_up() {
        let mut steps = Steps(100_000);
        let pattern = b"**/".repeat(1_000);
        assert!(!matches(&[&pattern[..], b"x"].concat(), b"a/b/c/d", Slash::Stops, &mut steps));
        assert_eq!(steps.0, 0);
    }

    #[test]
    fn names_and_paths_match_as_in_git() {
        let table: [(&[u8], &[u8], Slash, bool); 12] = [
            (b"*.py", b"a.py", Slash::Passes, true),
            (b"caf\xe9.py", b"caf\xe9.py", Slash::Passes, true),
            (b"caf?.py", b"caf\xe9.py", Slash::Passes, true),
            (b"a/*", b"a/b/c", Slash::Stops, false),
            (b"a/**", b"a/b/c", Slash::Stops, true),
            (b"a/**/c", b"a/c", Slash::Stops, true),
            (b"**/c", b"a/b/c", Slash::Stops, true),
            (b"a**c", b"ab/c", Slash::Stops, false),
            (b"[!a-c]x", b"dx", Slash::Passes, true),
            (b"[[:digit:]]", b"7", Slash::Passes, true),
            (b"a\\*", b"a*", Slash::Passes, true),
            (b"{a,b}", b"a", Slash::Passes, false),
        ];
        for (pattern, text, slash, expected) in table {
            let got = matches(pattern, text, slash, &mut Steps(1_000));
            assert_eq!(got, expected, "{}", String::from_utf8_lossy(pattern));
        }
    }
}
