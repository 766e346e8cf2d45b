//! A segment: one file of a log, and what is known of the frames in it.
//!
//! ```text
//! offset  bytes
//!      0      8  magic "AJSEGM02"
//!      8      8  number of its first frame
//!     16      8  number of the last frame that it stands for, of a compacted one; else 0
//!     24      4  crc32c of bytes 0..24
//!     28      4  zero
//!     32      …  frames
//! ```

use std::io;
use std::ops::Range;
use std::sync::Arc;

use super::disk::{Disk, DiskFile};
use super::frame::{FrameError, HEADER_BYTES, Header, MAGIC, Mark, SEQ_MAX, Seq};
use crate::channel::Cargo;

const SEGMENT_MAGIC: [u8; 8] = *b"AJSEGM02";

/// What a segment begins with that an older astload wrote.
const OLD_MAGIC: [u8; 8] = *b"AJSEGM01";

/// Bytes before the first frame.
pub(super) const SEGMENT_HEADER_BYTES: u64 = 32;

/// What is read at once where nobody knows how much there is.
const PIECE_BYTES: usize = 1 << 20;

/// Where a frame is.
#[derive(Debug, Clone)]
pub struct FrameRef {
    /// Its header.
    pub header: Header,
    /// Where it begins in its file.
    pub at: u64,
    /// Its units.
    pub marks: Arc<[Mark]>,
}

impl FrameRef {
    /// Reads what it holds.
    ///
    /// # Errors
    /// Where the disk does not give it, or it is not what was written.
    pub fn read(&self, file: &dyn DiskFile) -> Result<Cargo, ReadError> {
        let mut payload = vec![0; self.header.payload_bytes];
        file.read_at(&mut payload, self.payload_at())?;
        Ok(self.header.cargo(&self.marks, &payload)?)
    }

    /// Reads these of its units.
    pub(super) fn read_units(
        &self,
        file: &dyn DiskFile,
        positions: &[usize],
    ) -> Result<Cargo, ReadError> {
        Ok(match self.read(file)? {
            Cargo::Units(batch, lanes) if positions.len() < batch.len() => {
                let lanes = positions.iter().map(|&position| lanes[position]).collect();
                Cargo::Units(batch.take(positions), lanes)
            }
            cargo => cargo,
        })
    }

    /// Whether its payload is what was written, without keeping it.
    fn check(&self, file: &dyn DiskFile) -> Result<(), ReadError> {
        let mut payload = vec![0; self.header.payload_bytes];
        file.read_at(&mut payload, self.payload_at())?;
        Ok(self.header.check_payload(&payload)?)
    }

    /// The bytes as they stand.
    pub(super) fn copy(&self, file: &dyn DiskFile) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; self.header.frame_bytes() as usize];
        file.read_at(&mut bytes, self.at)?;
        Ok(bytes)
    }

    fn payload_at(&self) -> u64 {
        self.at + (HEADER_BYTES + self.header.index_bytes) as u64
    }
}

/// A frame, and which of its units are live.
#[derive(Debug)]
pub(super) struct LiveFrame {
    pub(super) file: Arc<dyn DiskFile>,
    pub(super) frame: FrameRef,
    pub(super) live: Vec<usize>,
}

/// Why a frame was not read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The disk did not give it.
    #[error(transparent)]
    Disk(#[from] io::Error),
    /// It is not what was written.
    #[error(transparent)]
    Frame(#[from] FrameError),
}

/// Bytes of a segment that are no whole frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    /// The segment's name.
    pub segment: String,
    /// Which bytes.
    pub bytes: Range<u64>,
    /// What is wrong with them.
    pub what: String,
}

/// A segment and what is in it.
#[derive(Debug)]
pub(super) struct Segment {
    pub(super) name: String,
    pub(super) file: Arc<dyn DiskFile>,
    /// Number of the first frame that it may hold.
    pub(super) first: Seq,
    /// Number of the last frame that a compacted segment stands for.
    pub(super) covers: Seq,
    pub(super) bytes: u64,
    pub(super) frames: Vec<FrameRef>,
    /// Bytes in it are no whole frame: it is kept when it is done with.
    pub(super) broken: bool,
    /// Nothing is appended any more.
    pub(super) sealed: bool,
}

/// What a scan found.
pub(super) struct Scan {
    pub(super) segment: Segment,
    pub(super) broken: Vec<Broken>,
    /// Where frames begin whose header is whole and that are broken.
    begun: Vec<u64>,
    /// Bytes at the end that were cut off: a write that did not end.
    pub(super) torn: u64,
}

/// How much of a segment is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Depth {
    /// Headers and indexes.
    Indexes,
    /// All of it.
    Payloads,
}

impl Segment {
    /// The name of the segment that begins with a frame.
    pub(super) fn name_of(first: Seq) -> String {
        format!("{first:020}.journal")
    }

    /// Whether a file's name is that of a segment.
    pub(super) fn is_name(name: &str) -> bool {
        let digits = name.strip_suffix(".journal").unwrap_or_default();
        digits.len() == 20 && digits.bytes().all(|byte| byte.is_ascii_digit())
    }

    /// Whether a file was begun as a segment, and nothing came.
    pub(super) fn is_bare(disk: &dyn Disk, name: &str) -> io::Result<bool> {
        let file = disk.open(name)?;
        let bytes = file.bytes()?;
        let stands_for_others =
            read_header(file.as_ref(), bytes)?.is_some_and(|(_, last)| last > 0);
        Ok(bytes <= SEGMENT_HEADER_BYTES && !stands_for_others)
    }

    /// A new segment of no frames, under a name.
    pub(super) fn create(disk: &dyn Disk, name: &str, first: Seq, covers: Seq) -> io::Result<Self> {
        let file = disk.create(name)?;
        let mut header = [0; SEGMENT_HEADER_BYTES as usize];
        header[..8].copy_from_slice(&SEGMENT_MAGIC);
        header[8..16].copy_from_slice(&first.to_le_bytes());
        header[16..24].copy_from_slice(&covers.to_le_bytes());
        let crc = crc32c::crc32c(&header[..24]);
        header[24..28].copy_from_slice(&crc.to_le_bytes());
        file.write_at(&header, 0)?;
        let name = name.to_owned();
        Ok(Self {
            name,
            file,
            first,
            covers,
            bytes: SEGMENT_HEADER_BYTES,
            frames: Vec::new(),
            broken: false,
            sealed: false,
        })
    }

    /// Number of the last frame that it has had; of an empty one, of the last before it.
    pub(super) fn last(&self) -> Seq {
        self.frames.last().map_or(self.first - 1, |frame| frame.header.seq).max(self.covers)
    }

    /// A frame of this segment, of which everything is live.
    pub(super) fn whole(&self, frame: &FrameRef) -> LiveFrame {
        let live = (0..frame.marks.len()).collect();
        LiveFrame { file: self.file.clone(), frame: frame.clone(), live }
    }

    /// Finds the frames of a file, whose numbers are all above `after`.
    ///
    /// Returns `None` where the file is no segment, or another than its name says. One that an older
    /// astload wrote is an error: it is whole, and nobody here can read it.
    pub(super) fn scan(
        disk: &dyn Disk,
        name: &str,
        after: Seq,
        depth: Depth,
    ) -> io::Result<Option<Scan>> {
        let file = disk.open(name)?;
        let bytes = file.bytes()?;
        check_version(file.as_ref(), bytes, name)?;
        let header = read_header(file.as_ref(), bytes)?;
        let Some((first, covers)) = header.filter(|(first, _)| name == Self::name_of(*first))
        else {
            return Ok(None);
        };
        let mut segment = Self {
            name: name.to_owned(),
            file,
            first,
            covers,
            bytes,
            frames: Vec::new(),
            broken: false,
            sealed: true,
        };
        let (mut broken, mut begun): (Vec<Broken>, Vec<u64>) = (Vec::new(), Vec::new());
        let (mut at, mut last) = (SEGMENT_HEADER_BYTES, after.max(first - 1));
        while at < bytes {
            match segment.frame_at(at, last, depth)? {
                Ok(frame) => {
                    at += frame.header.frame_bytes();
                    last = frame.header.seq;
                    segment.frames.push(frame);
                }
                Err(Bad { what, end }) => {
                    begun.extend(end.map(|_| at));
                    let next = match end {
                        Some(end) => end,
                        None => segment.next_header(at + 1, last)?,
                    };
                    match broken.last_mut().filter(|before| before.bytes.end == at) {
                        Some(before) => before.bytes.end = next,
                        None => broken.push(Broken {
                            segment: name.to_owned(),
                            bytes: at..next,
                            what: what.to_string(),
                        }),
                    }
                    at = next;
                }
            }
        }
        segment.broken = !broken.is_empty();
        Ok(Some(Scan { segment, broken, begun, torn: 0 }))
    }

    /// Cuts off what is broken at the very end: a write that did not end.
    pub(super) fn cut_torn_end(scan: &mut Scan) -> io::Result<()> {
        let end = scan.segment.bytes;
        let Some(torn) = scan.broken.pop_if(|broken| broken.bytes.end == end) else {
            return Ok(());
        };
        scan.segment.file.truncate(torn.bytes.start)?;
        scan.segment.file.sync()?;
        scan.segment.bytes = torn.bytes.start;
        scan.segment.broken = !scan.broken.is_empty();
        scan.torn = torn.bytes.end - torn.bytes.start;
        Ok(())
    }

    /// Makes frames that are broken known as such to whoever reads no payloads: they lose their magic.
    pub(super) fn mark_broken(scan: &Scan) -> io::Result<()> {
        let file = scan.segment.file.as_ref();
        let mut begun = scan.begun.iter().filter(|&&at| at < scan.segment.bytes).peekable();
        if begun.peek().is_none() {
            return Ok(());
        }
        begun.try_for_each(|&at| file.write_at(&[0; MAGIC.len()], at))?;
        file.sync()
    }

    /// The frame at an offset, or why there is none.
    fn frame_at(&self, at: u64, last: Seq, depth: Depth) -> io::Result<Result<FrameRef, Bad>> {
        let left = self.bytes - at;
        let short = || Bad {
            what: FrameError::Field(format!("the file ends inside of a frame, after {left} bytes")),
            end: None,
        };
        if left < HEADER_BYTES as u64 {
            return Ok(Err(short()));
        }
        let mut bytes = [0; HEADER_BYTES];
        self.file.read_at(&mut bytes, at)?;
        let header = match Header::parse(&bytes) {
            Ok(header) if header.frame_bytes() > left => return Ok(Err(short())),
            Ok(header) if header.seq <= last => {
                let message = format!("frame {} stands after frame {last}", header.seq);
                return Ok(Err(Bad { what: FrameError::Field(message), end: None }));
            }
            Ok(header) => header,
            Err(what) => return Ok(Err(Bad { what, end: None })),
        };
        // The header proves itself, so it is known where the next one stands.
        let bad = |what| Bad { what, end: Some(at + header.frame_bytes()) };
        let mut index = vec![0; header.index_bytes];
        self.file.read_at(&mut index, at + HEADER_BYTES as u64)?;
        let frame = match header.marks(&index) {
            Ok(marks) => FrameRef { header, at, marks: marks.into() },
            Err(what) => return Ok(Err(bad(what))),
        };
        match depth {
            Depth::Indexes => Ok(Ok(frame)),
            Depth::Payloads => match frame.check(self.file.as_ref()) {
                Ok(()) => Ok(Ok(frame)),
                Err(ReadError::Frame(what)) => Ok(Err(bad(what))),
                Err(ReadError::Disk(error)) => Err(error),
            },
        }
    }

    /// Where the next header stands that proves itself, or the end.
    fn next_header(&self, from: u64, last: Seq) -> io::Result<u64> {
        let mut piece = vec![0; PIECE_BYTES + HEADER_BYTES];
        let mut start = from;
        while start + HEADER_BYTES as u64 <= self.bytes {
            let length = (self.bytes - start).min(piece.len() as u64) as usize;
            self.file.read_at(&mut piece[..length], start)?;
            let found = piece[..length].array_windows().position(|bytes: &[u8; HEADER_BYTES]| {
                bytes[..4] == MAGIC && Header::parse(bytes).is_ok_and(|header| header.seq > last)
            });
            if let Some(offset) = found {
                return Ok(start + offset as u64);
            }
            start += (length - HEADER_BYTES + 1) as u64;
        }
        Ok(self.bytes)
    }
}

/// What is no whole frame.
struct Bad {
    what: FrameError,
    /// Where the next one stands, if that is known.
    end: Option<u64>,
}

fn check_version(file: &dyn DiskFile, bytes: u64, name: &str) -> io::Result<()> {
    let mut magic = [0; OLD_MAGIC.len()];
    if bytes >= SEGMENT_HEADER_BYTES {
        file.read_at(&mut magic, 0)?;
    }
    match magic == OLD_MAGIC {
        false => Ok(()),
        true => Err(io::Error::new(
            io::ErrorKind::Unsupported,
            format!(
                "{name} was written by an older astload: deliver it with that, or use another folder"
            ),
        )),
    }
}

/// The first and the covered number of a segment; `None` where it is none.
fn read_header(file: &dyn DiskFile, bytes: u64) -> io::Result<Option<(Seq, Seq)>> {
    if bytes < SEGMENT_HEADER_BYTES {
        return Ok(None);
    }
    let mut header = [0; SEGMENT_HEADER_BYTES as usize];
    file.read_at(&mut header, 0)?;
    let number = |at: usize| header[at..at + 8].try_into().map_or(0, u64::from_le_bytes);
    let crc = crc32c::crc32c(&header[..24]).to_le_bytes();
    let (first, covers) = (number(8), number(16));
    let is_segment = header[..8] == SEGMENT_MAGIC
        && header[24..28] == crc
        && (1..=SEQ_MAX).contains(&first)
        && covers <= SEQ_MAX;
    Ok(is_segment.then_some((first, covers)))
}
