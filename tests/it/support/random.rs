//! Randomness that can be had again.

/// `SplitMix64`. The seed is printed; set `LEADCAST_TEST_SEED` to repeat a run.
#[derive(Debug)]
pub struct Random(u64);

/// What `LEADCAST_TEST_SEED` asks for.
pub fn given_seed() -> Option<u64> {
    std::env::var("LEADCAST_TEST_SEED").ok().map(|seed| seed.parse().expect("a whole number"))
}

pub fn fresh_seed() -> u64 {
    uuid::Uuid::now_v7().as_u64_pair().1
}

impl Random {
    pub fn new() -> Self {
        let seed = given_seed().unwrap_or_else(fresh_seed);
        println!("LEADCAST_TEST_SEED={seed}");
        Self(seed)
    }

    pub fn of(seed: u64) -> Self {
        Self(seed)
    }

    /// Another one for somebody who takes turns with nobody.
    pub fn fork(&mut self) -> Self {
        Self(self.next())
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// From 0 to below `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    /// True in one of `n` cases.
    pub fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    pub fn pick<'a, T>(&mut self, choice: &'a [T]) -> &'a T {
        let count = u64::try_from(choice.len()).expect("a short list");
        &choice[usize::try_from(self.below(count)).expect("a short list")]
    }

    /// Some of them, perhaps one twice.
    pub fn some<T: Clone>(&mut self, choice: &[T], most: u64) -> Vec<T> {
        (0..=self.below(most)).map(|_| self.pick(choice).clone()).collect()
    }
}
