//! The segments of a journal, in order.

use std::collections::VecDeque;
use std::io;
use std::ops::Range;
use std::sync::Arc;

use super::disk::{Disk, DiskFile};
use super::frame::{Frame, Mark, Seq};
use super::segment::{
    Broken, Depth, FrameRef, LiveFrame, ReadError, SEGMENT_HEADER_BYTES, Scan, Segment,
};

/// What was found when a journal was opened.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recovery {
    /// Frames that are there.
    pub frames: u64,
    /// Bytes of a write that did not end, cut off.
    pub torn: u64,
    /// What is no whole frame, and is left where it is.
    pub broken: Vec<Broken>,
    /// Files that are no segments, given another name.
    pub set_aside: Vec<String>,
}

/// Segments that are looked at for what is worth compacting: lanes wait meanwhile.
const LOOK: usize = 16;

/// The segments of a journal, in order; the last may be written to.
#[derive(Debug, Default)]
pub(super) struct Log {
    segments: VecDeque<Segment>,
}

/// How the name ends of a file that nobody can use, and nobody should throw away.
pub(super) const BROKEN: &str = ".broken";

/// What such a file is called.
pub(super) fn aside(name: &str) -> String {
    format!("{name}{BROKEN}")
}

/// The name under which a segment is written that is to replace another.
fn unfinished(name: &str) -> String {
    format!("{name}.tmp")
}

impl Log {
    /// Reads what a disk holds and mends what a crash left: nothing is appended to what is there.
    pub(super) fn open(disk: &dyn Disk) -> io::Result<(Self, Recovery)> {
        let (mut log, mut recovery) = (Self::default(), Recovery::default());
        let mut names = disk.list()?;
        names.sort_unstable();
        for name in names.iter().filter(|name| name.ends_with(".tmp")) {
            disk.remove(name)?;
        }
        names.retain(|name| Segment::is_name(name));
        // What comes after the segment that was written to last was being made, or taken away again.
        while let Some(name) = names.pop_if(|name| Segment::is_bare(disk, name).unwrap_or(false)) {
            disk.remove(&name)?;
        }
        for (position, name) in names.iter().enumerate() {
            let is_last = position + 1 == names.len();
            let depth = if is_last { Depth::Payloads } else { Depth::Indexes };
            let after = log.segments.back().map_or(0, Segment::last);
            let Some(mut scan) = Segment::scan(disk, name, after, depth)? else {
                // What has no frame was being made when the process ended.
                match disk.open(name)?.bytes()? <= SEGMENT_HEADER_BYTES {
                    true => disk.remove(name)?,
                    false => {
                        disk.rename(name, &aside(name))?;
                        recovery.set_aside.push(aside(name));
                    }
                }
                continue;
            };
            let before = log.segments.back();
            if before.is_some_and(|before| scan.segment.first <= before.covers) {
                // Compaction had written it anew, together with those before.
                disk.remove(name)?;
                continue;
            }
            if is_last {
                Segment::cut_torn_end(&mut scan)?;
                Segment::mark_broken(&scan)?;
            }
            let Scan { segment, broken, torn, .. } = scan;
            if is_last && segment.frames.is_empty() && segment.covers == 0 && broken.is_empty() {
                // The next one will have its name.
                disk.remove(name)?;
                continue;
            }
            recovery.frames += segment.frames.len() as u64;
            recovery.torn += torn;
            recovery.broken.extend(broken);
            log.segments.push_back(segment);
        }
        disk.sync()?;
        Ok((log, recovery))
    }

    /// The number of the last frame that it has had.
    pub(super) fn last(&self) -> Seq {
        self.segments.back().map_or(0, Segment::last)
    }

    /// The number of the first frame that it has, or would have.
    pub(super) fn first(&self) -> Option<Seq> {
        self.segments.front().map(|segment| segment.first)
    }

    pub(super) fn bytes(&self) -> u64 {
        self.segments.iter().map(|segment| segment.bytes).sum()
    }

    /// Bytes of the segments that hold a frame of this number or a later one.
    pub(super) fn bytes_from(&self, seq: Seq) -> u64 {
        let needed = self.segments.iter().filter(|segment| segment.last() >= seq);
        needed.map(|segment| segment.bytes).sum()
    }

    pub(super) fn segments(&self) -> impl Iterator<Item = &Segment> {
        self.segments.iter()
    }

    /// Where the next frames of so many bytes go; `None` where a new segment has to be begun.
    pub(super) fn room(&self, bytes: u64, most: u64) -> Option<(Arc<dyn DiskFile>, u64)> {
        let last = self.segments.back().filter(|segment| !segment.sealed)?;
        let fits = last.frames.is_empty() || last.bytes + bytes <= most;
        fits.then(|| (last.file.clone(), last.bytes))
    }

    /// Nothing more goes into the last segment.
    pub(super) fn seal(&mut self) {
        if let Some(last) = self.segments.back_mut() {
            last.sealed = true;
        }
    }

    pub(super) fn push_segment(&mut self, segment: Segment) {
        self.segments.push_back(segment);
    }

    /// Frames were written to the last segment.
    pub(super) fn extend(&mut self, frames: Vec<FrameRef>) {
        if let Some(last) = self.segments.back_mut() {
            last.bytes = frames.last().map_or(last.bytes, |f| f.at + f.header.frame_bytes());
            last.frames.extend(frames);
        }
    }

    /// The first frame from a number on.
    pub(super) fn find(&self, seq: Seq) -> Option<(Arc<dyn DiskFile>, FrameRef)> {
        let from = self.segments.partition_point(|segment| segment.last() < seq);
        self.segments.range(from..).find_map(|segment| {
            let at = segment.frames.partition_point(|frame| frame.header.seq < seq);
            segment.frames.get(at).map(|frame| (segment.file.clone(), frame.clone()))
        })
    }

    /// A frame is not what was written: its segment is kept when it is done with.
    pub(super) fn set_broken(&mut self, seq: Seq) {
        let at = self.segments.partition_point(|segment| segment.last() < seq);
        if let Some(segment) = self.segments.get_mut(at) {
            segment.broken = true;
        }
    }

    /// Takes out the segments whose frames all have a number up to this.
    pub(super) fn take_passed(&mut self, through: Seq, with_last: bool) -> Vec<Segment> {
        let passed = |segment: &&Segment| segment.last() <= through;
        let mut count = self.segments.iter().take_while(passed).count();
        if count == self.segments.len() && !with_last {
            count = count.saturating_sub(1);
        }
        self.segments.drain(..count).collect()
    }

    /// Sealed segments, one after another, that are better written anew as one: at least half of
    /// what is in them is dead, and the rest fits into `most` bytes. Looks at a few segments, the first
    /// of them with this number or the next one, and says where to go on.
    pub(super) fn worth_compacting(
        &self,
        from: Seq,
        most: u64,
        is_dead: impl Fn(&Mark) -> bool,
    ) -> (Option<Range<Seq>>, Seq) {
        let mut run: Option<Run> = None;
        let start = self.segments.partition_point(|segment| segment.first < from);
        let next = self.segments.get(start + LOOK).map_or(0, |segment| segment.first);
        for segment in self.segments.range(start..).take(LOOK) {
            let next = (segment.sealed && !segment.broken).then(|| Run::of(segment, &is_dead));
            run = match (run, next) {
                (Some(run), Some(next)) if run.live + next.live <= most => Some(run.and(next)),
                (Some(run), _) if run.is_worth_it() => return (Some(run.seqs), from),
                (_, next) => next,
            };
        }
        let worth = run.filter(Run::is_worth_it).map(|run| run.seqs);
        let from = if worth.is_some() { from } else { next };
        (worth, from)
    }

    /// The frames of the segments in a range, each with what in it is live.
    pub(super) fn live_frames_in(
        &self,
        seqs: &Range<Seq>,
        is_dead: impl Fn(&Mark) -> bool,
    ) -> Vec<LiveFrame> {
        let within = |segment: &&Segment| seqs.contains(&segment.first);
        let mut frames = Vec::new();
        for segment in self.segments.iter().filter(within) {
            frames.extend(segment.frames.iter().map(|frame| {
                let positions = 0..frame.marks.len();
                let live = positions.filter(|&position| !is_dead(&frame.marks[position])).collect();
                LiveFrame { file: segment.file.clone(), frame: frame.clone(), live }
            }));
        }
        frames
    }

    /// Puts a segment in the place of those in a range, which are given back.
    pub(super) fn replace(&mut self, seqs: &Range<Seq>, segment: Segment) -> Vec<Segment> {
        let from = self.segments.partition_point(|segment| segment.first < seqs.start);
        let to = self.segments.partition_point(|segment| segment.first < seqs.end);
        let old = self.segments.drain(from..to).collect();
        self.segments.insert(from, segment);
        old
    }
}

/// Segments one after another.
struct Run {
    seqs: Range<Seq>,
    /// Bytes of frames, as far as their units are live …
    live: u64,
    /// … and are not.
    dead: u64,
}

impl Run {
    fn of(segment: &Segment, is_dead: impl Fn(&Mark) -> bool) -> Self {
        let mut run = Self { seqs: segment.first..segment.last() + 1, live: 0, dead: 0 };
        for frame in &segment.frames {
            let dead = frame.marks.iter().filter(|mark| is_dead(mark)).count() as u64;
            let bytes = frame.header.frame_bytes();
            let share = (bytes * dead).checked_div(frame.marks.len() as u64).unwrap_or(0);
            run.dead += share;
            run.live += bytes - share;
        }
        run
    }

    fn and(self, next: Self) -> Self {
        let seqs = self.seqs.start..next.seqs.end;
        Self { seqs, live: self.live + next.live, dead: self.dead + next.dead }
    }

    fn is_worth_it(&self) -> bool {
        self.dead > 0 && self.dead >= self.live
    }
}

/// Frames smaller than this are written with those beside them.
const SMALL_BYTES: usize = 128 << 10;

/// Writes frames into a segment's file, the first of them with this number.
pub(super) fn write_frames(
    file: &dyn DiskFile,
    at: u64,
    first: Seq,
    frames: &mut [Frame],
) -> io::Result<Vec<FrameRef>> {
    let mut refs = Vec::with_capacity(frames.len());
    let (mut at, mut small) = (at, Vec::new());
    for (seq, frame) in (first..).zip(frames) {
        let marks = frame.marks.clone();
        let (header, bytes) = frame.numbered(seq);
        refs.push(FrameRef { header, at: at + small.len() as u64, marks });
        if bytes.len() < SMALL_BYTES {
            small.extend_from_slice(bytes);
            continue;
        }
        for bytes in [&small, bytes] {
            file.write_at(bytes, at)?;
            at += bytes.len() as u64;
        }
        small.clear();
    }
    file.write_at(&small, at)?;
    Ok(refs)
}

/// Writes the live units of frames to a new segment that is to stand for a range of numbers.
///
/// It has its name when it is whole and, where that is asked for, synced.
pub(super) fn rewrite(
    disk: &dyn Disk,
    seqs: &Range<Seq>,
    frames: &[LiveFrame],
    durable: bool,
) -> Result<Segment, ReadError> {
    let name = Segment::name_of(seqs.start);
    let mut segment = Segment::create(disk, &unfinished(&name), seqs.start, seqs.end - 1)?;
    segment.sealed = true;
    for LiveFrame { file, frame, live } in frames {
        let (at, into) = (segment.bytes, segment.file.as_ref());
        let written = if live.len() == frame.marks.len() {
            into.write_at(&frame.copy(file.as_ref())?, at)?;
            vec![FrameRef { at, ..frame.clone() }]
        } else if live.is_empty() {
            continue;
        } else {
            let narrowed = frame.read_units(file.as_ref(), live)?;
            let frame_anew = Frame::rewritten(&narrowed, &frame.header)?;
            write_frames(into, at, frame.header.seq, &mut [frame_anew])?
        };
        segment.bytes += written.iter().map(|frame| frame.header.frame_bytes()).sum::<u64>();
        segment.frames.extend(written);
    }
    if durable {
        segment.file.sync()?;
    }
    disk.rename(&unfinished(&name), &name)?;
    if durable {
        disk.sync()?;
    }
    segment.name = name;
    Ok(segment)
}
