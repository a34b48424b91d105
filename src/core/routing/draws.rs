//! Draws as CPython's `random` makes them of its Mersenne Twister's words.

use std::num::NonZeroU32;

/// The generator: its next 32-bit words, in order.
pub trait Words {
    /// Why there is none.
    type Error;

    /// Exactly so many words; each may be drawn once.
    ///
    /// # Errors
    /// What the generator says.
    fn words(&mut self, count: usize) -> Result<Vec<u32>, Self::Error>;
}

/// What `word` says of a draw below `bound`: Python takes as many of its high bits as `bound` has, and draws again
/// where that is too much.
fn within(word: u32, bound: NonZeroU32) -> Option<u32> {
    Some(word >> bound.leading_zeros()).filter(|drawn| *drawn < bound.get())
}

/// `random._randbelow(bound)`.
///
/// # Errors
/// Those of the generator.
pub fn below<W: Words>(bound: NonZeroU32, words: &mut W) -> Result<u32, W::Error> {
    loop {
        for word in words.words(1)? {
            if let Some(drawn) = within(word, bound) {
                return Ok(drawn);
            }
        }
    }
}

/// `random.sample(range(size), size)`.
///
/// # Errors
/// Those of the generator.
pub fn order<W: Words>(size: u32, words: &mut W) -> Result<Vec<u32>, W::Error> {
    let mut pool: Vec<u32> = (0..size).collect();
    let mut order = Vec::with_capacity(pool.len());
    while !pool.is_empty() {
        // Each that is left takes one word at least, so none is drawn that Python would not draw.
        for word in words.words(pool.len())? {
            let bound = u32::try_from(pool.len()).ok().and_then(NonZeroU32::new);
            if let Some(drawn) = bound.and_then(|bound| within(word, bound)) {
                order.push(pool.swap_remove(drawn as usize));
            }
        }
    }
    Ok(order)
}
