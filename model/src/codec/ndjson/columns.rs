//! How a value of each kind of column looks in JSON.

use std::io::{self, Write};

use jiter::{Jiter, JiterError, NumberInt, Peek};

use crate::column::{
    BatchFull, Column, ColumnBuilder, FloatColumn, Floats, HashColumn, Hashes, Number,
    NumberColumn, Numbers, TextColumn, Texts, WordColumn, Words,
};
use crate::limits;

/// A line that is being read: the parser, and a pool for the text that was read.
pub(super) struct Json<'a> {
    pub(super) jiter: Jiter<'a>,
    pub(super) pool: &'a mut Pool,
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

    pub(super) fn text(&mut self) -> Result<Piece, String> {
        let text = self.jiter.next_str().map_err(syntax)?;
        Ok(self.pool.add(text))
    }

    pub(super) fn integer<T: TryFrom<i64>>(&mut self) -> Result<T, String> {
        let start = self.jiter.current_index();
        let found = match self.jiter.next_int() {
            Ok(NumberInt::Int(number)) => T::try_from(number).map_err(|_| number.to_string()),
            Err(error) => return Err(syntax(error)),
            #[allow(unreachable_patterns, reason = "big integers are a feature of jiter's")]
            Ok(_) => {
                let digits = String::from_utf8_lossy(self.jiter.slice_to_current(start));
                Err(digits.trim().to_owned())
            }
        };
        found.map_err(|number| format!("{number} does not fit the column's integers"))
    }
}

/// What the parser says; where it is, its reader knows.
pub(super) fn syntax(error: JiterError) -> String {
    error.error_type.to_string()
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

    /// Writes the value of a row; false, and nothing written, where it is null.
    fn write(view: &Self::View<'_>, row: usize, out: &mut dyn Write) -> io::Result<bool>;
}

impl<T: Number + TryFrom<i64> + std::fmt::Display> JsonColumn for NumberColumn<T> {
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

    fn write(view: &Numbers<'_, T>, row: usize, out: &mut dyn Write) -> io::Result<bool> {
        match view.get(row) {
            None => Ok(false),
            Some(number) => write!(out, "{number}").map(|()| true),
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

    fn write(view: &Texts<'_>, row: usize, out: &mut dyn Write) -> io::Result<bool> {
        match view.get(row) {
            None => Ok(false),
            Some(text) => Ok(serde_json::to_writer(out, text).map(|()| true)?),
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

    fn write(view: &Words<'_>, row: usize, out: &mut dyn Write) -> io::Result<bool> {
        match view.get(row) {
            None => Ok(false),
            Some(word) => Ok(serde_json::to_writer(out, word).map(|()| true)?),
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

    fn write(view: &Hashes<'_, N>, row: usize, out: &mut dyn Write) -> io::Result<bool> {
        let Some(hash) = view.get(row) else {
            return Ok(false);
        };
        out.write_all(b"\"")?;
        hash.iter().try_for_each(|byte| write!(out, "{byte:02x}"))?;
        out.write_all(b"\"").map(|()| true)
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

    fn write(view: &Floats<'_>, row: usize, out: &mut dyn Write) -> io::Result<bool> {
        Ok(serde_json::to_writer(out, view.at(row)).map(|()| true)?)
    }
}
