//! One Modbus device on a connection: its readings, its commands and its own pace.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::codec::{self, ReadBlock, WriteRequest};
use super::discover::{self, Scout};
use super::lever;
use super::limit::Refused;
use super::line::{Failure, Line};
use crate::devices::backoff::Backoff;
use crate::devices::face::Face;
use crate::devices::profile::file::Identity;
use crate::devices::profile::{Identify, ModbusWire, Profile, Source, Wire};
use crate::devices::sunspec;
use crate::site::{Link, Poll, Reason, Setpoint, Stop, Target};
use crate::units::Mono;

/// A unit that needs a second, agreeing sample is read again after this.
const CONFIRM: Duration = Duration::from_millis(250);
/// Pause after "busy", doubled each time.
const BUSY: Duration = Duration::from_millis(200);
/// What failed is read again after this, however seldom it is read.
const FAILED_AGAIN: Duration = Duration::from_secs(10);
/// Times "busy" in a row before the values count as unknown.
const BUSY_MAX: u32 = 3;

/// Why a turn ended early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The connection is gone; it may or may not be this unit's fault.
    Lost(Reason),
    /// Only this unit does not answer.
    Unit(Reason),
    /// It asks for patience.
    Busy,
}

struct Group {
    poll: Poll,
    due: Mono,
    blocks: Vec<ReadBlock>,
}

/// One device.
pub struct Unit {
    pub face: Face,
    pub stop: Stop,
    unit: u8,
    /// As it is on this device.
    profile: Arc<Profile>,
    wire: ModbusWire,
    scout: Scout,
    identified: bool,
    groups: Vec<Group>,
    refused: Refused,
    /// Most registers it gives at once, as far as it has shown; kept while the daemon runs.
    registers_max: u16,
    backoff: Backoff,
    busy: u32,
    /// Not before this instant.
    resume: Mono,
    /// Its last turn ended at this instant.
    turned: Mono,
}

impl Unit {
    pub fn new(face: Face, stop: Stop, unit: u8, wire: ModbusWire, backoff: Backoff) -> Self {
        let profile = Arc::clone(&face.profile);
        let (resume, busy) = (Mono(0), 0);
        // Known from the start: the turn that identifies the device also reads all of it.
        let (registers_max, refused) = (u16::MAX, Refused::default());
        let groups = groups(&profile, registers_max, resume);
        Self {
            face,
            stop,
            unit,
            profile,
            wire,
            scout: Scout::default(),
            identified: false,
            groups,
            refused,
            registers_max,
            backoff,
            busy,
            resume,
            turned: Mono(0),
        }
    }

    /// Commands may have changed.
    pub fn hear(&mut self, now: Mono) {
        self.face.hear(now);
    }

    /// It answers, as far as is known.
    pub fn is_up(&self) -> bool {
        self.face.link == Link::Up
    }

    /// It is due and has had no turn since `silence`, for which all had to wait.
    pub fn waits_since(&self, silence: Mono, now: Mono) -> bool {
        self.is_up() && self.turned < silence && self.due(now) <= now
    }

    /// Looked for at `at`, if not before.
    pub fn look_by(&mut self, at: Mono) {
        self.resume = self.resume.min(at);
    }

    /// What it shares its address with is back: so may it be.
    pub fn look_anew(&mut self, now: Mono) {
        self.backoff.reset();
        self.look_by(now);
    }

    /// When it wants its next turn.
    pub fn due(&self, now: Mono) -> Mono {
        if !self.identified {
            return self.resume;
        }
        let reads = self.groups.iter().map(|g| g.due).min();
        let writes = self.face.orders.next_due(now);
        reads.into_iter().chain(writes).min().unwrap_or(now + Duration::from_secs(1)).max(self.resume)
    }

    /// Longest time one turn takes by its own deadlines. A turn ends at the first time-out, but a slow device may come
    /// close to it at every request, and that is not the driver's fault.
    pub fn turn_max(&self) -> Duration {
        let reads = self.groups.iter().map(|g| g.blocks.len()).sum::<usize>();
        let requests = match self.face.profile.wire {
            // It is looked through first; a command takes reads and writes of what stands beside it.
            Wire::Sunspec(_) => discover::REQUESTS_MAX + reads + 8 * self.face.orders.safe().len(),
            _ => reads + self.face.orders.safe().len() + 3,
        };
        (self.wire.min_gap + self.wire.timeout) * u32::try_from(requests).unwrap_or(u32::MAX)
    }

    /// A new connection: the device is identified before anything else.
    pub fn connected(&mut self) {
        self.identified = false;
        self.face.connects = self.face.connects.saturating_add(1);
    }

    /// One turn: identify, write what is due, read what is due.
    pub async fn turn(&mut self, line: &mut Line, now: Mono) {
        let result = self.work(line, now).await;
        let now = self.face.now();
        self.turned = now;
        match result {
            Ok(()) => {
                self.learn();
                self.busy = 0;
                self.backoff.reset();
                self.face.answered();
            }
            Err(Fault::Busy) => self.pause(now),
            Err(Fault::Lost(reason) | Fault::Unit(reason)) => self.lost(reason, now),
        }
        if self.face.unconfirmed() {
            for g in self.groups.iter_mut().filter(|g| g.poll == Poll::Fast) {
                g.due = g.due.min(now + CONFIRM);
            }
        }
    }

    /// No answer. The first time it is tried again at once (a peer may close an idle connection); then with back-off.
    pub fn lost(&mut self, reason: Reason, now: Mono) {
        let again = self.face.failures == 0 && self.face.link == Link::Up && reason != Reason::IdentityMismatch;
        self.face.failed(reason, now);
        self.identified = false;
        self.resume = if again { now } else { now + self.backoff.next() };
    }

    /// There is no connection at all; when to try again is the connection's affair.
    pub fn unreachable(&mut self, reason: Reason, now: Mono) {
        self.face.failed(reason, now);
        self.identified = false;
        self.resume = now;
    }

    fn pause(&mut self, now: Mono) {
        self.busy = self.busy.saturating_add(1);
        self.face.errors = self.face.errors.saturating_add(1);
        if self.busy >= BUSY_MAX {
            self.face.all(Reason::DeviceBusy, now);
        }
        self.resume = now + BUSY * (1 << self.busy.min(5));
    }

    async fn work(&mut self, line: &mut Line, now: Mono) -> Result<(), Fault> {
        if !self.identified {
            self.identify(line).await?;
            self.discover(line).await?;
            self.face.orders.forget();
            self.groups = groups(&self.profile, self.registers_max, now);
            self.refused = Refused::default();
            self.identified = true;
        }
        self.write_due(line).await?;
        for n in 0..self.groups.len() {
            self.read_group(line, n, now).await?;
        }
        Ok(())
    }

    async fn identify(&mut self, line: &mut Line) -> Result<(), Fault> {
        let Some(Identify { kind, address, count, equals }) = self.wire.identify.clone() else { return Ok(()) };
        let block = ReadBlock { kind, address, count, points: Vec::new() };
        let words = match line.read(self.unit, &self.wire, &block).await {
            Ok(words) => words,
            Err(Failure::Exception(1..=3)) => return Err(Fault::Unit(Reason::IdentityMismatch)),
            Err(f) => return Err(fault(f)),
        };
        let same = match equals {
            Identity::Number(n) => words.first() == Some(&n),
            Identity::Text(text) => {
                let bytes: Vec<u8> = words.iter().flat_map(|w| w.to_be_bytes()).collect();
                let found = String::from_utf8_lossy(&bytes);
                found.trim_end_matches(['\0', ' ']) == text.trim_end_matches(['\0', ' '])
            }
        };
        if same { Ok(()) } else { Err(Fault::Unit(Reason::IdentityMismatch)) }
    }

    /// Where the points stand on this device, anew on each connection: a new firmware may have moved them.
    async fn discover(&mut self, line: &mut Line) -> Result<(), Fault> {
        let written = Arc::clone(&self.face.profile);
        let Wire::Sunspec(wire) = &written.wire else { return Ok(()) };
        let chain = self.scout.look(line, self.unit, wire, &self.face.name).await?;
        self.profile = Arc::new(sunspec::resolve(&written, wire, &chain));
        for n in 0..self.profile.points.len() {
            self.rate(line, n).await?;
        }
        let now = self.face.now();
        for (n, p) in self.profile.points.iter().enumerate().filter(|(_, p)| matches!(p.source, Source::Model(_))) {
            tracing::info!(device = self.face.name, point = p.point.name(), "the device has no model for it");
            self.face.reading(n, Err(Reason::NotImplemented), now);
        }
        Ok(())
    }

    /// Reads the rating that a command is a share of.
    async fn rate(&mut self, line: &mut Line, n: usize) -> Result<(), Fault> {
        for (which, block) in lever::ratings(&self.profile, n).into_iter().enumerate() {
            let words = match line.read(self.unit, &self.wire, &block).await {
                Ok(words) => words,
                Err(Failure::Exception(1..=3)) => Vec::new(),
                Err(f) => return Err(fault(f)),
            };
            if lever::take_rating(Arc::make_mut(&mut self.profile), n, which, &words) {
                break;
            }
        }
        Ok(())
    }

    async fn read_group(&mut self, line: &mut Line, n: usize, now: Mono) -> Result<(), Fault> {
        let Some(group) = self.groups.get_mut(n).filter(|g| g.due <= now) else { return Ok(()) };
        // Late turns are skipped, not made up for; `once` never comes again on this connection, if it has been read.
        let next = match group.poll.period() {
            Some(period) => (group.due + period).max(now + period / 2),
            None => Mono(u64::MAX),
        };
        let blocks = group.blocks.clone();
        let mut whole = true;
        for block in &blocks {
            whole &= self.read_block(line, n, block).await?;
        }
        if let Some(group) = self.groups.get_mut(n) {
            // What was taken apart is read on at once.
            let apart = group.blocks.iter().any(|b| !blocks.contains(b));
            group.due = if apart {
                now
            } else if whole {
                next
            } else {
                next.min(now + FAILED_AGAIN)
            };
        }
        Ok(())
    }

    /// Whether it gave what the device has.
    async fn read_block(&mut self, line: &mut Line, n: usize, block: &ReadBlock) -> Result<bool, Fault> {
        let result = line.read(self.unit, &self.wire, block).await;
        let now = self.face.now();
        match result {
            Ok(words) => {
                for (point, value) in codec::decode(&self.profile, block, &words) {
                    self.face.reading(point, value, now);
                }
            }
            Err(Failure::Exception(code @ 1..=3)) => self.narrow(n, block, code, now),
            Err(f @ Failure::Exception(5 | 6 | 10 | 11)) | Err(f @ Failure::Lost(_)) => return Err(fault(f)),
            Err(Failure::Exception(code)) => {
                let reason = if matches!(code, 4 | 7 | 8) { Reason::DeviceFailure } else { Reason::BadReply };
                self.face.errors = self.face.errors.saturating_add(1);
                for point in &block.points {
                    self.face.reading(*point, Err(reason), now);
                }
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The device refuses a read: the block is taken apart to find out why, and a point it does not have is given up.
    fn narrow(&mut self, n: usize, block: &ReadBlock, code: u8, now: Mono) {
        self.face.errors = self.face.errors.saturating_add(1);
        let Some(group) = self.groups.get_mut(n) else { return };
        group.blocks.retain(|b| b != block);
        let parts = self.refused.take_apart(&self.profile, block);
        if let [point] = *block.points {
            tracing::warn!(
                device = self.face.name,
                address = block.address,
                code,
                "the device has no such register; point disabled"
            );
            self.face.reading(point, Err(Reason::IllegalAddress), now);
        } else {
            group.blocks.extend(parts);
        }
    }

    /// What a turn without fault says of how much the device gives at once.
    fn learn(&mut self) {
        let limit = self.refused.limit(self.groups.iter().flat_map(|g| &g.blocks));
        if let Some(registers) = limit.filter(|n| *n < self.registers_max) {
            tracing::warn!(
                device = self.face.name,
                registers,
                "the device gives fewer registers at once than its profile says; asked for no more from now on"
            );
            self.registers_max = registers;
        }
    }

    async fn write_due(&mut self, line: &mut Line) -> Result<(), Fault> {
        let now = self.face.now();
        self.face.orders.settle(now);
        for target in self.face.orders.due(now) {
            // What came of one may forbid the next, and so may a lease that ended meanwhile.
            if self.face.orders.due(self.face.now()).contains(&target) {
                self.write(line, target).await?;
            }
        }
        Ok(())
    }

    async fn write(&mut self, line: &mut Line, target: Target) -> Result<(), Fault> {
        let now = self.face.now();
        if !self.face.orders.afford(target, now) {
            return Ok(());
        }
        let requests = match self.requests(line, target).await? {
            Ok(requests) => requests,
            Err(reason) => {
                // What a device did not have beside its command now, it may have later.
                if reason != Reason::OutOfRange && lever::of(&self.profile, target.point).is_some() {
                    self.face.orders.failed(target, reason, now);
                } else {
                    self.face.orders.refused(target, reason, now);
                }
                return Ok(());
            }
        };
        let (mut result, mut held) = (Ok(()), target.value);
        for request in &requests {
            held = request.value;
            result = line.write(self.unit, &self.wire, request).await;
            if result.is_err() {
                break;
            }
        }
        let now = self.face.now();
        let orders = &mut self.face.orders;
        match result {
            Ok(()) => orders.acked(target, held, true, now),
            Err(Failure::Exception(1 | 2)) => orders.refused(target, Reason::IllegalAddress, now),
            Err(Failure::Exception(3)) => orders.refused(target, Reason::OutOfRange, now),
            Err(Failure::Exception(4 | 7 | 8)) => orders.failed(target, Reason::DeviceFailure, now),
            Err(f @ Failure::Exception(5 | 6)) => {
                orders.failed(target, Reason::DeviceBusy, now);
                return Err(fault(f));
            }
            // A device that falls silent over each write would else never be read either.
            Err(f @ Failure::Lost(reason)) => {
                orders.failed(target, reason, now);
                return Err(fault(f));
            }
            Err(f @ Failure::Exception(10 | 11)) => return Err(fault(f)),
            Err(Failure::Exception(_)) => orders.refused(target, Reason::BadReply, now),
        }
        Ok(())
    }

    /// What to send for a command.
    async fn requests(&mut self, line: &mut Line, target: Target) -> Result<Result<Vec<WriteRequest>, Reason>, Fault> {
        let Some((n, block)) = lever::of(&self.profile, target.point) else {
            return Ok(codec::encode(&self.profile, target.point, target.value).map(|r| vec![r]));
        };
        self.rate(line, n).await?;
        match line.read(self.unit, &self.wire, &block).await {
            Ok(words) => Ok(lever::encode(&self.profile, n, target.value, block.address, &words)),
            Err(Failure::Exception(1..=3)) => Ok(Err(Reason::IllegalAddress)),
            Err(f) => Err(fault(f)),
        }
    }

    /// The fallback values, for an ordered stop.
    pub async fn write_safe(&mut self, line: &mut Line) {
        for target in self.face.orders.safe().to_vec() {
            if !self.identified || self.write(line, target).await.is_err() {
                return;
            }
        }
    }

    /// The commands' receiver, to wait on.
    pub fn commands(&mut self) -> Option<&mut watch::Receiver<Option<Arc<Setpoint>>>> {
        self.face.commands.as_mut()
    }

    /// The frame as it stands.
    pub fn publish(&mut self, next_turn: Mono) {
        self.face.publish(next_turn);
    }
}

pub const fn fault(f: Failure) -> Fault {
    match f {
        Failure::Lost(reason) => Fault::Lost(reason),
        Failure::Exception(5 | 6) => Fault::Busy,
        Failure::Exception(10 | 11) => Fault::Unit(Reason::GatewayPath),
        Failure::Exception(4 | 7 | 8) => Fault::Unit(Reason::DeviceFailure),
        Failure::Exception(_) => Fault::Unit(Reason::BadReply),
    }
}

fn groups(profile: &Profile, registers_max: u16, now: Mono) -> Vec<Group> {
    [Poll::Once, Poll::Fast, Poll::Slow]
        .into_iter()
        .map(|poll| Group { poll, due: now, blocks: codec::plan_reads_of(profile, poll, registers_max) })
        .filter(|g| !g.blocks.is_empty())
        .collect()
}
