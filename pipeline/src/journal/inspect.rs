//! Looks at a journal's folder, and mends it. Only mending changes anything.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use serde::Serialize;

use super::CURSORS;
use super::cursors::{Cursor, Cursors};
use super::disk::{Disk, Folder};
use super::frame::{FrameKind, Seq};
use super::log::{BROKEN, Log, aside, rewrite};
use super::segment::{Broken, Depth, FrameRef, LiveFrame, ReadError, Scan, Segment};

/// What a journal's folder holds.
#[derive(Debug, Serialize)]
pub struct Inspection {
    /// Its segments, in order.
    pub segments: Vec<SegmentReport>,
    /// Files that look like segments and are none.
    pub no_segments: Vec<String>,
    /// Files of segments that a repair, or opening the journal, took out.
    pub set_aside: Vec<String>,
    /// How far each lane is; `None` while another process has the journal open, or where that died
    /// and nobody has opened it since.
    pub cursors: Option<BTreeMap<String, Cursor>>,
}

/// What a segment holds.
#[derive(Debug, Serialize)]
pub struct SegmentReport {
    /// Its file.
    pub name: String,
    /// Bytes of its file.
    pub bytes: u64,
    /// Its frames.
    pub frames: Vec<FrameReport>,
    /// What in it is no whole frame.
    pub broken: Vec<BrokenReport>,
}

/// What a frame holds.
#[derive(Debug, Serialize)]
pub struct FrameReport {
    /// Its number.
    pub seq: Seq,
    /// What it holds.
    pub kind: &'static str,
    /// Its units.
    pub units: usize,
    /// Its bytes.
    pub bytes: u64,
    /// When it was written, in microseconds since 1970.
    pub written_at: u64,
}

/// Bytes that are no whole frame.
#[derive(Debug, Serialize)]
pub struct BrokenReport {
    /// Where they begin.
    pub from: u64,
    /// Where they end.
    pub to: u64,
    /// What is wrong with them.
    pub what: String,
}

/// How closely a journal is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// Its frames are counted; checksums of headers and indexes are held against them.
    Count,
    /// Everything in it is read.
    Read,
}

impl Inspection {
    /// Whether everything in it is whole.
    pub fn is_whole(&self) -> bool {
        self.no_segments.is_empty() && self.segments.iter().all(|s| s.broken.is_empty())
    }
}

/// Looks at a journal. What is still being written may look torn at its end.
///
/// # Errors
/// Where the folder cannot be read.
pub fn inspect(folder: &Path, look: Look) -> io::Result<Inspection> {
    let disk = Folder::open(folder)?;
    let mut inspection = Inspection {
        segments: Vec::new(),
        no_segments: Vec::new(),
        set_aside: set_aside(&disk)?,
        cursors: None,
    };
    let mut after = 0;
    for name in segment_names(&disk)? {
        let Some(scan) = scan(&disk, &name, after, look)? else {
            inspection.no_segments.push(name);
            continue;
        };
        after = scan.segment.last();
        inspection.segments.push(SegmentReport {
            name,
            bytes: scan.segment.bytes,
            frames: scan.segment.frames.iter().map(FrameReport::of).collect(),
            broken: scan.broken.into_iter().map(BrokenReport::from).collect(),
        });
    }
    let cursors = folder.join(CURSORS);
    inspection.cursors = match cursors.is_file() {
        false => Some(BTreeMap::new()),
        true => Cursors::peek(&cursors)?,
    };
    Ok(inspection)
}

/// Mends a journal: a torn end is cut off, and segments with broken frames are written anew without
/// them; the damaged files stay beside them, as `NAME.broken`. Returns those names.
///
/// # Errors
/// Where another process has it open, or the disk does not take it.
pub fn repair(folder: &Path) -> io::Result<Vec<String>> {
    let disk = Folder::open(folder)?;
    let _lock =
        Cursors::open(&folder.join(CURSORS)).map_err(|error| match Cursors::is_in_use(&error) {
            true => io::Error::new(io::ErrorKind::ResourceBusy, "another process has it open"),
            false => error,
        })?;
    let (_, recovery) = Log::open(&disk)?;
    let mut damaged = recovery.set_aside;
    let mut after = 0;
    for name in segment_names(&disk)? {
        let Some(found) = scan(&disk, &name, after, Look::Read)? else { continue };
        after = found.segment.last();
        if found.broken.is_empty() {
            continue;
        }
        let frames: Vec<LiveFrame> =
            found.segment.frames.iter().map(|frame| found.segment.whole(frame)).collect();
        let seqs = found.segment.first..found.segment.last() + 1;
        // Two names for one file: whatever happens, what is whole in it is not lost.
        let kept = folder.join(aside(&name));
        fs::remove_file(&kept).or_else(|error| match error.kind() {
            io::ErrorKind::NotFound => Ok(()),
            _ => Err(error),
        })?;
        fs::hard_link(folder.join(&name), &kept)?;
        rewrite(&disk, &seqs, &frames, true).map_err(|error| match error {
            ReadError::Disk(error) => error,
            ReadError::Frame(error) => io::Error::other(error),
        })?;
        damaged.push(aside(&name));
    }
    Ok(damaged)
}

fn segment_names(disk: &Folder) -> io::Result<Vec<String>> {
    let mut names = disk.list()?;
    names.retain(|name| Segment::is_name(name));
    names.sort_unstable();
    Ok(names)
}

fn set_aside(disk: &Folder) -> io::Result<Vec<String>> {
    let mut names = disk.list()?;
    names.retain(|name| name.strip_suffix(BROKEN).is_some_and(Segment::is_name));
    names.sort_unstable();
    Ok(names)
}

fn scan(disk: &Folder, name: &str, after: Seq, look: Look) -> io::Result<Option<Scan>> {
    let depth = match look {
        Look::Count => Depth::Indexes,
        Look::Read => Depth::Payloads,
    };
    let Some(mut scan) = Segment::scan(disk, name, after, depth)? else { return Ok(None) };
    if look == Look::Read {
        let file = scan.segment.file.clone();
        let mut unreadable = Vec::new();
        for frame in &scan.segment.frames {
            match frame.read(file.as_ref()) {
                Ok(_) => {}
                Err(ReadError::Disk(error)) => return Err(error),
                Err(ReadError::Frame(error)) => unreadable.push(Broken {
                    segment: name.to_owned(),
                    bytes: frame.at..frame.at + frame.header.frame_bytes(),
                    what: error.to_string(),
                }),
            }
        }
        let is_good = |frame: &FrameRef| unreadable.iter().all(|b| b.bytes.start != frame.at);
        scan.segment.frames.retain(is_good);
        scan.broken.extend(unreadable);
        scan.broken.sort_by_key(|broken| broken.bytes.start);
    }
    Ok(Some(scan))
}

impl FrameReport {
    fn of(frame: &FrameRef) -> Self {
        let header = &frame.header;
        let kind = match header.kind {
            FrameKind::Units => "units",
            FrameKind::Repo => "repository",
            FrameKind::Letter => "dead letter",
        };
        Self {
            seq: header.seq,
            kind,
            units: frame.marks.len(),
            bytes: header.frame_bytes(),
            written_at: header.written_at,
        }
    }
}

impl From<Broken> for BrokenReport {
    fn from(broken: Broken) -> Self {
        Self { from: broken.bytes.start, to: broken.bytes.end, what: broken.what }
    }
}
