//! Many texts counted as one: at once what is remembered or short, the rest when the caller is ready for it.

use super::SpellsAddedToken;
use super::memo::{Fingerprint, Memo, Naming, SHORTEST};
use crate::core::guard::Guard;
use crate::core::guard::ticket::{Path, Ticket};
use std::collections::VecDeque;
use std::sync::Arc;

/// A memo and the guard that says whether it may be used, text by text.
pub struct Memory {
    memo: Memo,
    guard: Arc<Guard>,
}

impl Memory {
    /// `guard` counts as handled what was remembered, and as declined what had to be counted.
    #[must_use]
    pub fn new(memo: Memo, guard: Arc<Guard>) -> Self {
        Self { memo, guard }
    }

    /// Memory of the table.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.memo.bytes()
    }

    fn look_up(&self, name: Fingerprint, now_ns: u64) -> Lookup {
        let ticket = self.guard.admit_at(name.unit(), [] as [&str; 0], now_ns);
        if ticket.path() == Path::Python {
            return Lookup::Unasked;
        }
        let Some(count) = self.memo.get(name) else {
            self.guard.declined(ticket, "not counted before");
            return Lookup::Unknown(name);
        };
        if ticket.path() == Path::Native {
            self.guard.handled_at(ticket, now_ns);
            return Lookup::Known(count);
        }
        Lookup::Doubted(name, ticket, count)
    }

    fn settle(&self, found: &Lookup, counted: Option<u64>) {
        match (found, counted) {
            (Lookup::Unknown(name), Some(count)) => self.memo.put(*name, count),
            (Lookup::Doubted(name, ticket, remembered), Some(count)) => {
                self.guard.compared(*ticket, count == *remembered);
                self.memo.put(*name, count);
            }
            (Lookup::Doubted(_, ticket, _), None) => self.guard.abandoned(*ticket),
            _ => {}
        }
    }
}

/// What the memo said of a text.
enum Lookup {
    /// Not asked, or not to be used for this text.
    Unasked,
    Known(u64),
    Unknown(Fingerprint),
    /// Remembered, but to be compared with a fresh count.
    Doubted(Fingerprint, Ticket, u64),
}

/// What is found out once for all texts of a batch.
struct Asked<'m> {
    memory: &'m Memory,
    naming: Naming,
    now_ns: u64,
}

/// How much may be done at once, in bytes of text. What is beyond is put off to a time when nobody waits.
#[derive(Clone, Copy, Debug)]
pub struct Haste {
    /// To count.
    pub count_bytes: usize,
    /// To look up; that takes a tenth of the time.
    pub look_up_bytes: usize,
}

/// The tokens of many texts, each counted by `count`.
///
/// Dropped before its end it gives back what it asked of the guard.
pub struct Batch<'t, 'm, C> {
    count: C,
    memory: Option<Asked<'m>>,
    tokens: u64,
    refused: Option<SpellsAddedToken>,
    /// The last short texts, by length: a prompt has the same few roles again and again.
    repeated: [(&'t str, u64); 4],
    /// Put off; None: not looked up yet.
    open: VecDeque<(&'t str, Option<Lookup>)>,
}

impl<'t, 'm, C: Fn(&str) -> Result<usize, SpellsAddedToken>> Batch<'t, 'm, C> {
    /// Counts what may be counted at once. `salt` differs between counters that may count differently.
    pub fn begin(
        texts: impl Iterator<Item = &'t str>,
        count: C,
        salt: u64,
        memory: Option<&'m Memory>,
        mut haste: Haste,
    ) -> Self {
        let mut batch = Self {
            count,
            memory: memory
                .filter(|memory| !memory.guard.bypassed())
                .map(|memory| Asked {
                    memory,
                    naming: memory.memo.naming(salt),
                    now_ns: memory.guard.now_ns(),
                }),
            tokens: 0,
            refused: None,
            repeated: [("", 0); 4],
            open: VecDeque::new(),
        };
        for text in texts {
            if batch.repeats(text) {
                continue;
            }
            let Some(found) = batch.look_up_now(text, &mut haste) else {
                batch.open.push_back((text, None));
                continue;
            };
            if let Lookup::Known(count) = found {
                batch.tokens += count;
            } else if let Some(left) = haste.count_bytes.checked_sub(text.len()) {
                haste.count_bytes = left;
                batch.count(text, &found);
            } else {
                batch.open.push_back((text, Some(found)));
            }
        }
        batch
    }

    /// Whether texts were put off.
    #[must_use]
    pub fn is_open(&self) -> bool {
        !self.open.is_empty()
    }

    /// Counts the rest and answers the tokens of all.
    ///
    /// # Errors
    /// What `count` said of a text.
    pub fn finish(mut self) -> Result<u64, SpellsAddedToken> {
        while let Some((text, found)) = self.open.pop_front() {
            match found.unwrap_or_else(|| self.look_up(text)) {
                Lookup::Known(count) => self.tokens += count,
                found => self.count(text, &found),
            }
        }
        self.refused.map_or(Ok(self.tokens), Err)
    }

    /// Adds a short text if it stood here before. The empty one is in no place at the start, for it may cost tokens.
    fn repeats(&mut self, text: &str) -> bool {
        match self.repeated.get(text.len() % self.repeated.len()) {
            Some((held, tokens)) if !text.is_empty() && *held == text => {
                self.tokens += tokens;
                true
            }
            _ => false,
        }
    }

    fn look_up_now(&self, text: &str, haste: &mut Haste) -> Option<Lookup> {
        if text.len() >= SHORTEST && self.memory.is_some() {
            haste.look_up_bytes = haste.look_up_bytes.checked_sub(text.len())?;
        }
        Some(self.look_up(text))
    }

    fn look_up(&self, text: &str) -> Lookup {
        match &self.memory {
            Some(asked) if text.len() >= SHORTEST && self.refused.is_none() => {
                let name = asked.naming.fingerprint(text);
                asked.memory.look_up(name, asked.now_ns)
            }
            _ => Lookup::Unasked,
        }
    }

    /// Counts one text. After a refusal nothing more is counted, but every ticket gets its outcome.
    fn count(&mut self, text: &'t str, found: &Lookup) {
        let counted = match self.refused {
            None => (self.count)(text).map(|tokens| tokens as u64),
            Some(refusal) => Err(refusal),
        };
        if let Some(Asked { memory, .. }) = &self.memory {
            memory.settle(found, counted.ok());
        }
        match counted {
            Ok(count) => {
                self.tokens += count;
                if text.len() < SHORTEST {
                    let place = text.len() % self.repeated.len();
                    if let Some(held) = self.repeated.get_mut(place) {
                        *held = (text, count);
                    }
                }
            }
            Err(refusal) => self.refused = Some(refusal),
        }
    }
}

impl<C> Drop for Batch<'_, '_, C> {
    fn drop(&mut self) {
        for (_, found) in self.open.drain(..) {
            if let (Some(Asked { memory, .. }), Some(found)) = (&self.memory, found) {
                memory.settle(&found, None);
            }
        }
    }
}
