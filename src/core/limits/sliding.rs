//! A sliding window of 60 sub-buckets.
//!
//! A sub-bucket counts until its whole width has left the window. So no request waits longer than under an exact log of
//! the last window, and in any window *less one sub-bucket* (59 s of 60) at most the limit is spent. Who times a burst
//! at the end of a sub-bucket may spend again that much earlier. Windows that 60 does not divide lose up to a further
//! sub-bucket by rounding.

use std::collections::VecDeque;

use super::quota::{Quota, Verdict, Window};

/// Sub-buckets of a window; fewer where they would be narrower than a millisecond divides.
pub const SUB_BUCKETS: u64 = 60;

#[derive(Clone, Copy)]
struct Grid {
    width_ms: u64,
    kept: u64,
}

impl Grid {
    fn of(window_ms: u64) -> Self {
        let width_ms = window_ms.div_ceil(SUB_BUCKETS).max(1);
        let kept = (window_ms / width_ms).max(1);
        Self { width_ms, kept }
    }

    /// Milliseconds until the sub-bucket no longer counts.
    fn leaves_in_ms(self, index: u64, now_ms: u64) -> u64 {
        (index.saturating_add(self.kept))
            .saturating_mul(self.width_ms)
            .saturating_sub(now_ms)
    }
}

#[derive(Clone, Copy, Debug)]
struct SubBucket {
    index: u64,
    spent: u64,
}

/// One key's sub-buckets, oldest first; empty ones are not kept.
#[derive(Clone, Debug, Default)]
pub struct Sliding {
    window_ms: u64,
    sub_buckets: VecDeque<SubBucket>,
}

impl Sliding {
    /// The current sub-bucket, and the first that still counts. `None` if the state is of another time or length.
    fn place(&self, quota: &Quota, now_ms: u64) -> Option<(u64, u64)> {
        let grid = Grid::of(quota.window_ms);
        let index = now_ms / grid.width_ms;
        let newest = self.sub_buckets.back().map_or(0, |newest| newest.index);
        if self.window_ms != quota.window_ms || newest > index.saturating_add(grid.kept) {
            return None;
        }
        let index = index.max(newest);
        Some((index, (index + 1).saturating_sub(grid.kept)))
    }

    fn advance(&mut self, quota: &Quota, now_ms: u64) -> u64 {
        let Some((index, first)) = self.place(quota, now_ms) else {
            *self = Self {
                window_ms: quota.window_ms,
                sub_buckets: VecDeque::new(),
            };
            return now_ms / Grid::of(quota.window_ms).width_ms;
        };
        while self
            .sub_buckets
            .front()
            .is_some_and(|oldest| oldest.index < first)
        {
            self.sub_buckets.pop_front();
        }
        index
    }
}

impl Window for Sliding {
    fn weigh(&self, quota: &Quota, cost: u64, now_ms: u64) -> Verdict {
        let grid = Grid::of(quota.window_ms);
        let first = self
            .place(quota, now_ms)
            .map_or(u64::MAX, |(_, first)| first);
        let counted = || self.sub_buckets.iter().filter(|sub| sub.index >= first);
        let spent = counted().fold(0_u64, |sum, sub| sum.saturating_add(sub.spent));
        let wanted = cost.max(1);
        let mut excess = spent.saturating_add(wanted).saturating_sub(quota.limit);
        let fits = excess == 0;
        let mut retry_after_ms = if fits { 0 } else { quota.window_ms };
        if !fits && wanted <= quota.limit {
            for sub in counted() {
                excess = excess.saturating_sub(sub.spent);
                if excess == 0 {
                    retry_after_ms = grid.leaves_in_ms(sub.index, now_ms);
                    break;
                }
            }
        }
        Verdict {
            fits,
            remaining: quota.limit.saturating_sub(spent),
            retry_after_ms,
            reset_after_ms: counted()
                .next_back()
                .map_or(0, |newest| grid.leaves_in_ms(newest.index, now_ms)),
            mark: 0,
        }
    }

    fn charge(&mut self, quota: &Quota, cost: u64, now_ms: u64) -> u64 {
        let index = self.advance(quota, now_ms);
        if cost > 0 {
            match self.sub_buckets.back_mut() {
                Some(newest) if newest.index == index => {
                    newest.spent = newest.spent.saturating_add(cost);
                }
                _ => self.sub_buckets.push_back(SubBucket { index, spent: cost }),
            }
        }
        index
    }

    fn settle(&mut self, quota: &Quota, mark: u64, delta: i64, now_ms: u64) -> bool {
        let grid = Grid::of(quota.window_ms);
        let placed = self.place(quota, now_ms);
        let index = placed.map_or(now_ms / grid.width_ms, |(index, _)| index);
        let known = placed.is_some() && self.sub_buckets.iter().any(|sub| sub.index == mark);
        let left = mark.saturating_add(grid.kept) <= index || mark > index;
        if left || (delta <= 0 && !known) {
            return false;
        }
        self.advance(quota, now_ms);
        let place = self.sub_buckets.partition_point(|sub| sub.index < mark);
        match self.sub_buckets.get_mut(place) {
            Some(sub) if sub.index == mark => {
                sub.spent = sub.spent.saturating_add_signed(delta);
                if sub.spent == 0 {
                    self.sub_buckets.remove(place);
                }
            }
            _ => {
                let spent = delta.unsigned_abs();
                self.sub_buckets
                    .insert(place, SubBucket { index: mark, spent });
            }
        }
        true
    }

    fn expires_ms(&self) -> u64 {
        self.sub_buckets.back().map_or(0, |newest| {
            Grid::of(self.window_ms).leaves_in_ms(newest.index, 0)
        })
    }
}
