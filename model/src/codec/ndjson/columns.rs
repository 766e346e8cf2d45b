//! How a value of each kind of column looks in JSON.

use jiter::{Jiter, JiterError, JiterErrorType, JsonErrorType, Peek};
use serde::Serialize;

use super::draft::Fields;
use crate::column::{
    BatchFull, Column, ColumnBuilder, FloatColumn, Floats, HashColumn, Hashes, Number,
    NumberColumn, Numbers, TextColumn, Texts, WordColumn, Words,
};
use crate::limits;
use crate::validate::shorten;

/// A line that is being read: the parser, and a pool for the text that was read.
pub(super) struct Json<'a> {
    pub(super) jiter: Jiter<'a>,
    pub(super) pool: &'a mut Pool,
}

/// Which field of an object is next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// The first, after the object begins.
    First,
    /// One after another's value.
    Further,
}

/// Text and numbers of a line, until its unit is added to a batch.
#[derive(Debug, Default)]
pub(super) struct Pool {
    pub(super) text: String,
    pub(super) floats: Vec<f32>,
}

/// A piece of a pool.
pub(super) type Piece = (u32, u32);

impl Pool {
    pub(super) fn get(&self, (start, end): Piece) -> &str {
        &self.text[start as usize..end as usize]
    }

    pub(super) fn add(&mut self, text: &str) -> Piece {
        let start = self.text.len() as u32;
        self.text.push_str(text);
        (start, self.text.len() as u32)
    }

    pub(super) fn clear(&mut self) {
        self.text.clear();
        self.floats.clear();
    }
}

impl Json<'_> {
    /// A value of a column, or null.
    pub(super) fn value<C: JsonColumn>(&mut self) -> Result<Option<C::Draft>, String> {
        match self.peek()? {
            Peek::Null => self.jiter.known_null().map(|()| None).map_err(syntax),
            _ => C::read(self).map(Some),
        }
    }

    pub(super) fn peek(&mut self) -> Result<Peek, String> {
        self.jiter.peek().map_err(syntax)
    }

    /// The next field of an object, by what a list of names makes of its name.
    pub(super) fn field<T>(
        &mut self,
        place: Next,
        named: impl Fn(&[u8]) -> Option<T>,
    ) -> Result<Option<T>, String> {
        let raw = match place {
            Next::First => self.jiter.next_object_bytes(),
            Next::Further => self.jiter.next_key_bytes(),
        };
        let Some(raw) = raw.map_err(syntax)? else { return Ok(None) };
        if let Some(field) = named(raw) {
            return Ok(Some(field));
        }
        // As good as never, a name is written with escapes.
        let unescaped = Jiter::new(&[b"\"", raw, b"\""].concat()).next_str().map(str::to_owned);
        match unescaped.ok().and_then(|name| named(name.as_bytes())) {
            Some(field) => Ok(Some(field)),
            None => Err(format!("unknown field `{}`", shorten(&String::from_utf8_lossy(raw)))),
        }
    }

    pub(super) fn text(&mut self) -> Result<Piece, String> {
        let text = self.jiter.next_str().map_err(syntax)?;
        Ok(self.pool.add(text))
    }

    /// Not with the parser's own integers, which end at 18 digits.
    pub(super) fn integer<T: TryFrom<u64>>(&mut self) -> Result<T, String> {
        if !self.peek()?.is_num() {
            let error = self.jiter.next_int().err();
            return Err(error.map_or_else(String::new, syntax));
        }
        let digits = self.jiter.next_number_bytes().map_err(syntax)?;
        let number = digits.iter().try_fold(0_u64, |number, digit| {
            let digit = digit.checked_sub(b'0').filter(|digit| *digit < 10)?;
            number.checked_mul(10)?.checked_add(digit.into())
        });
        number.and_then(|number| T::try_from(number).ok()).ok_or_else(|| {
            let max = u64::MAX >> (64 - 8 * size_of::<T>());
            format!("{} is no integer from 0 to {max}", shorten(&String::from_utf8_lossy(digits)))
        })
    }
}

/// What the parser says, in words that do not presume a parser; where it is, its reader knows.
pub(super) fn syntax(error: JiterError) -> String {
    let JiterErrorType::JsonError(what) = error.error_type else {
        return error.error_type.to_string();
    };
    match what {
        JsonErrorType::EofWhileParsingList => "the line ends inside a list".into(),
        JsonErrorType::EofWhileParsingObject => "the line ends inside an object".into(),
        JsonErrorType::EofWhileParsingString => "the line ends inside a string".into(),
        JsonErrorType::EofWhileParsingValue => "the line ends where a value should be".into(),
        JsonErrorType::TrailingCharacters => {
            "the line goes on after the unit's object; one line is one unit".into()
        }
        JsonErrorType::ExpectedSomeValue => "there is no JSON value".into(),
        JsonErrorType::TrailingComma => "a comma is followed by nothing".into(),
        JsonErrorType::KeyMustBeAString => "a field's name is no string".into(),
        JsonErrorType::ControlCharacterWhileParsingString => {
            "a string holds a control character that is not escaped".into()
        }
        JsonErrorType::InvalidUnicodeCodePoint => "a string is not UTF-8".into(),
        JsonErrorType::LoneLeadingSurrogateInHexEscape
        | JsonErrorType::UnexpectedEndOfHexEscape => {
            "an escape is half a surrogate pair, or cut off".into()
        }
        JsonErrorType::NumberOutOfRange => "a number has too many digits".into(),
        other => other.to_string(),
    }
}

fn write_json(value: &(impl Serialize + ?Sized), out: &mut Vec<u8>) {
    let written = serde_json::to_writer(out, value);
    debug_assert!(written.is_ok(), "neither numbers nor text fail, nor does a vector");
}

/// A kind of column that has a form in JSON.
pub(super) trait JsonColumn: Column {
    /// A value, while its text lies in the pool.
    type Draft: Copy + std::fmt::Debug;

    fn read(json: &mut Json<'_>) -> Result<Self::Draft, String>;

    /// The value as the builder takes it.
    fn item<'a>(
        draft: &'a Self::Draft,
        pool: &'a Pool,
        builder: &mut Self::Builder,
    ) -> Result<<Self::Builder as ColumnBuilder>::Item<'a>, BatchFull>;

    /// What stands for an absent value.
    fn default_item(
        default: Self::Default,
        builder: &mut Self::Builder,
    ) -> Result<<Self::Builder as ColumnBuilder>::Item<'static>, BatchFull>;

    /// Writes a row's value as a field of this name, unless it is null.
    fn write(view: &Self::View<'_>, row: usize, name: &str, to: &mut Fields<'_>);
}

impl<T: Number + TryFrom<u64> + Serialize> JsonColumn for NumberColumn<T> {
    type Draft = T;

    fn read(json: &mut Json<'_>) -> Result<T, String> {
        json.integer()
    }

    fn item<'a>(draft: &'a T, _: &'a Pool, _: &mut Self::Builder) -> Result<T, BatchFull> {
        Ok(*draft)
    }

    fn default_item(default: T, _: &mut Self::Builder) -> Result<T, BatchFull> {
        Ok(default)
    }

    fn write(view: &Numbers<'_, T>, row: usize, name: &str, to: &mut Fields<'_>) {
        if let Some(value) = view.get(row) {
            write_json(&value, to.field(name));
        }
    }
}

impl JsonColumn for TextColumn {
    type Draft = Piece;

    fn read(json: &mut Json<'_>) -> Result<Piece, String> {
        json.text()
    }

    fn item<'a>(
        draft: &'a Piece,
        pool: &'a Pool,
        _: &mut Self::Builder,
    ) -> Result<&'a str, BatchFull> {
        Ok(pool.get(*draft))
    }

    fn default_item(
        default: &'static str,
        _: &mut Self::Builder,
    ) -> Result<&'static str, BatchFull> {
        Ok(default)
    }

    fn write(view: &Texts<'_>, row: usize, name: &str, to: &mut Fields<'_>) {
        if let Some(value) = view.get(row) {
            write_json(&value, to.field(name));
        }
    }
}

impl JsonColumn for WordColumn {
    type Draft = Piece;

    fn read(json: &mut Json<'_>) -> Result<Piece, String> {
        json.text()
    }

    fn item<'a>(
        draft: &'a Piece,
        pool: &'a Pool,
        to: &mut Self::Builder,
    ) -> Result<u16, BatchFull> {
        to.key(pool.get(*draft))
    }

    fn default_item(default: &'static str, to: &mut Self::Builder) -> Result<u16, BatchFull> {
        to.key(default)
    }

    fn write(view: &Words<'_>, row: usize, name: &str, to: &mut Fields<'_>) {
        if let Some(value) = view.get(row) {
            write_json(&value, to.field(name));
        }
    }
}

impl<const N: usize> JsonColumn for HashColumn<N> {
    type Draft = [u8; N];

    fn read(json: &mut Json<'_>) -> Result<[u8; N], String> {
        let piece = json.text()?;
        let mut hash = [0; N];
        let hex = json.pool.get(piece);
        let digits = (hex.len() == 2 * N && hex.is_ascii()).then_some(hex);
        let parsed = digits.is_some_and(|digits| {
            hash.iter_mut().enumerate().all(|(at, byte)| {
                let parsed = u8::from_str_radix(&digits[2 * at..2 * at + 2], 16);
                parsed.map(|parsed| *byte = parsed).is_ok()
            })
        });
        if parsed { Ok(hash) } else { Err(format!("is not {} hexadecimal digits", 2 * N)) }
    }

    fn item<'a>(
        draft: &'a [u8; N],
        _: &'a Pool,
        _: &mut Self::Builder,
    ) -> Result<&'a [u8; N], BatchFull> {
        Ok(draft)
    }

    fn default_item(
        default: &'static [u8; N],
        _: &mut Self::Builder,
    ) -> Result<&'static [u8; N], BatchFull> {
        Ok(default)
    }

    fn write(view: &Hashes<'_, N>, row: usize, name: &str, to: &mut Fields<'_>) {
        let Some(hash) = view.get(row) else { return };
        let digit = |nibble: u8| b"0123456789abcdef"[usize::from(nibble)];
        let out = to.field(name);
        out.push(b'"');
        out.extend(hash.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]));
        out.push(b'"');
    }
}

impl JsonColumn for FloatColumn {
    type Draft = Piece;

    fn read(json: &mut Json<'_>) -> Result<Piece, String> {
        let start = json.pool.floats.len();
        let mut next = json.jiter.next_array().map_err(syntax)?;
        while next.is_some() {
            let number = json.jiter.next_float().map_err(syntax)?;
            json.pool.floats.push(number as f32);
            if json.pool.floats.len() - start > limits::VECTOR_MAX {
                return Err(format!("has more than {} numbers", limits::VECTOR_MAX));
            }
            next = json.jiter.array_step().map_err(syntax)?;
        }
        Ok((start as u32, json.pool.floats.len() as u32))
    }

    fn item<'a>(
        &(start, end): &'a Piece,
        pool: &'a Pool,
        _: &mut Self::Builder,
    ) -> Result<&'a [f32], BatchFull> {
        Ok(&pool.floats[start as usize..end as usize])
    }

    fn default_item(
        default: &'static [f32],
        _: &mut Self::Builder,
    ) -> Result<&'static [f32], BatchFull> {
        Ok(default)
    }

    fn write(view: &Floats<'_>, row: usize, name: &str, to: &mut Fields<'_>) {
        write_json(view.at(row), to.field(name));
    }
}
