use std::convert::Infallible;
use std::num::NonZeroU32;

use _accel::core::routing::draws::{Words, below, order};

/// Words that are given, in order; counts what is asked for.
struct Given {
    words: Vec<u32>,
    drawn: usize,
}

impl Words for Given {
    type Error = Infallible;

    fn words(&mut self, count: usize) -> Result<Vec<u32>, Infallible> {
        let words = self.words.iter().cycle().skip(self.drawn).take(count);
        let words = words.copied().collect();
        self.drawn += count;
        Ok(words)
    }
}

/// As Python's source has it: one word at a time.
fn slow_order(size: u32, words: &[u32]) -> (Vec<u32>, usize) {
    let (mut drawn, mut pool, mut result) = (0, (0..size).collect::<Vec<_>>(), Vec::new());
    for taken in 0..size {
        let left = size - taken;
        let bits = u32::BITS - left.leading_zeros();
        let at = loop {
            let word = words[drawn % words.len()] >> (32 - bits);
            drawn += 1;
            if word < left {
                break word;
            }
        };
        result.push(pool[at as usize]);
        pool[at as usize] = pool[(left - 1) as usize];
    }
    (result, drawn)
}

#[test]
fn orders_are_those_of_one_word_at_a_time_and_draw_as_many() {
    for seed in 1..200_u32 {
        let words: Vec<u32> = (0..97_u32)
            .map(|at| (at + 1).wrapping_mul(2_654_435_761).wrapping_mul(seed | 1))
            .collect();
        let size = seed % 50;
        let mut given = Given {
            words: words.clone(),
            drawn: 0,
        };
        let found = order(size, &mut given).unwrap();
        assert_eq!((found, given.drawn), slow_order(size, &words));
    }
}

#[test]
fn a_draw_is_made_again_until_it_is_below() {
    let mut given = Given {
        words: vec![u32::MAX, 0xC000_0000, 0x4000_0000],
        drawn: 0,
    };
    assert_eq!(below(NonZeroU32::new(3).unwrap(), &mut given).unwrap(), 1);
    assert_eq!(given.drawn, 3);
}
