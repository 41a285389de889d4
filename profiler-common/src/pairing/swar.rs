//! Finding bytes eight at a time in a little-endian word.

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = 0x8080_8080_8080_8080;

/// Marks bytes below `limit` (at most 128) with their high bit. Only the lowest
/// mark is exact: a borrow can mark bytes above it.
#[inline(always)]
#[must_use]
pub const fn below(word: u64, limit: u8) -> u64 {
    word.wrapping_sub(ONES * limit as u64) & !word & HIGHS
}

/// Marks bytes equal to `byte` with their high bit; the lowest mark is exact.
#[inline(always)]
#[must_use]
pub const fn equal(word: u64, byte: u8) -> u64 {
    below(word ^ (ONES * byte as u64), 1)
}

/// Index of the lowest marked byte, 8 where none is. BPF has no instruction to
/// count zeros, so this counts the bytes up to the mark.
#[inline(always)]
#[must_use]
pub const fn first(marks: u64) -> u32 {
    if marks == 0 {
        return 8;
    }
    let up_to_mark = (marks & marks.wrapping_neg()).wrapping_sub(1);
    ((up_to_mark & ONES).wrapping_mul(ONES) >> 56) as u32 - 1
}

/// The byte at `index` (0..=7).
#[inline(always)]
#[must_use]
pub const fn byte(word: u64, index: u32) -> u8 {
    (word >> ((index & 7) * 8)) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_first_of_each() {
        let word = u64::from_le_bytes(*b"GET /a\r\n");
        assert_eq!(first(below(word, 0x21)), 3);
        assert_eq!(first(equal(word, b'\n')), 7);
        assert_eq!(first(equal(word, b'G')), 0);
        assert_eq!(first(equal(word, b'x')), 8);
        assert_eq!(byte(word, 4), b'/');
    }

    #[test]
    fn agrees_with_a_byte_loop() {
        // A walk over words that mix all byte values, high bits included.
        let mut word = 0x0123_4567_89ab_cdef_u64;
        for _ in 0..100_000 {
            word = word.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let bytes = word.to_le_bytes();
            for target in [0u8, b'\n', b' ', b'?', 0x7f, 0x80, 0xff] {
                let want = bytes.iter().position(|&b| b == target).unwrap_or(8);
                assert_eq!(first(equal(word, target)) as usize, want);
            }
            let want = bytes.iter().position(|&b| b < 0x21).unwrap_or(8);
            assert_eq!(first(below(word, 0x21)) as usize, want);
        }
    }
}
