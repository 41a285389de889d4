//! Which variant is measured when.
//!
//! A random order a round, and the same order backwards in the next one: whatever
//! drifts evenly over two rounds weighs on all variants alike, and no variant is
//! always next to the same other one.

/// The orders of so many rounds.
pub fn orders<T: Copy>(items: &[T], rounds: usize, random: &mut fastrand::Rng) -> Vec<Vec<T>> {
    let mut orders: Vec<Vec<T>> = Vec::with_capacity(rounds);
    for round in 0..rounds {
        let mut order = match orders.last() {
            Some(last) if round % 2 == 1 => {
                orders.push(last.iter().rev().copied().collect());
                continue;
            }
            _ => items.to_vec(),
        };
        random.shuffle(&mut order);
        orders.push(order);
    }
    orders
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_round_has_everything_and_every_second_is_reversed() {
        let items = [1, 2, 3, 4, 5, 6];
        let orders = orders(&items, 5, &mut fastrand::Rng::with_seed(1));
        assert_eq!(orders.len(), 5);
        for order in &orders {
            let mut sorted = order.clone();
            sorted.sort_unstable();
            assert_eq!(sorted, items);
        }
        for pair in orders.chunks_exact(2) {
            let backwards: Vec<_> = pair[0].iter().rev().copied().collect();
            assert_eq!(pair[1], backwards);
        }
        assert_ne!(orders[0], orders[2], "drawn anew");
    }
}
