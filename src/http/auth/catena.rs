//! `$2$`: Catena with the butterfly graph, in the one set of parameters that rspamd uses. Verification and creation only.

use blake2::{Blake2b512, Digest};

const LAMBDA: usize = 4;
const GARLIC: u32 = 10;

type Slot = [u8; 64];

fn hash(parts: &[&[u8]]) -> Slot {
    let mut state = Blake2b512::new();
    parts.iter().for_each(|part| state.update(part));
    state.finalize().into()
}

fn xor(a: &Slot, b: &Slot) -> Slot {
    let mut out = *a;
    out.iter_mut().zip(b).for_each(|(o, b)| *o ^= b);
    out
}

/// 32 bytes from a password and a salt of at most 255 bytes.
pub fn derive(password: &[u8], salt: &[u8]) -> [u8; 32] {
    let salt_length = u8::try_from(salt.len()).unwrap_or(u8::MAX);
    let tweak = [0, 4, 32, salt_length];
    let version = hash(&[b"Butterfly-Full"]);
    let data = hash(&[b"rspamd"]);
    let mut x = hash(&[&version, &tweak, &data, password, salt]);
    x = flap(&x, GARLIC.div_ceil(2), salt);
    x = flap(&x, GARLIC, salt);
    let [.., garlic] = GARLIC.to_be_bytes();
    x = hash(&[&[garlic], &x]);
    let mut out = [0; 32];
    out.iter_mut().zip(x).for_each(|(o, b)| *o = b);
    out
}

/// The memory of one flap: three half rows of slots that the rows of the graph take turns in.
struct Rows {
    slots: Vec<Slot>,
    columns: usize,
    offset: usize,
}

impl Rows {
    fn index(&self, row: usize, column: usize) -> usize {
        let half = self.columns / 2;
        match (row + self.offset) % 3 {
            0 => column,
            1 if column < half => column + self.columns,
            1 => column - half,
            _ => column + half,
        }
    }

    fn at(&self, row: usize, column: usize) -> &Slot {
        self.slots
            .get(self.index(row, column))
            .expect("index() stays within columns + columns / 2")
    }

    fn put(&mut self, row: usize, column: usize, value: Slot) {
        let index = self.index(row, column);
        *self.slots.get_mut(index).expect("index() stays within columns + columns / 2") = value;
    }
}

fn flap(x: &Slot, garlic: u32, salt: &[u8]) -> Slot {
    let columns = 1usize << garlic;
    let mut rows = Rows {
        slots: fill(x, columns),
        columns,
        offset: 0,
    };
    gamma(&mut rows.slots, garlic, salt);
    let last = 2 * garlic as usize - 1;
    for _ in 0..LAMBDA {
        for row in 1..=last {
            weave(&mut rows, row, garlic as usize);
        }
        rows.offset = (rows.offset + last) % 3;
    }
    *rows.at(0, columns - 1)
}

fn fill(x: &Slot, columns: usize) -> Vec<Slot> {
    let (first, second) = (hash(&[&[0], x]), hash(&[&[1], x]));
    let mut slots = Vec::with_capacity(columns + columns / 2);
    let (mut before, mut latest) = (first, hash(&[&first, &second]));
    slots.push(latest);
    while slots.len() < columns {
        let next = hash(&[&latest, &before]);
        before = latest;
        latest = next;
        slots.push(latest);
    }
    slots.resize(columns + columns / 2, [0; 64]);
    slots
}

/// Stirs the slots in an order that depends on the salt.
fn gamma(slots: &mut [Slot], garlic: u32, salt: &[u8]) {
    let mut random = Xorshift::new(salt);
    for _ in 0..1u64 << (3 * garlic).div_ceil(4) {
        let mut pick = || usize::try_from(random.next() >> (64 - garlic)).unwrap_or(0);
        let (a, b) = (pick(), pick());
        let mixed = match (slots.get(a), slots.get(b)) {
            (Some(x), Some(y)) => hash(&[x, y]),
            _ => continue,
        };
        if let Some(slot) = slots.get_mut(a) {
            *slot = mixed;
        }
    }
}

/// One row of the graph from the row above it.
fn weave(rows: &mut Rows, row: usize, garlic: usize) {
    let above = row - 1;
    let shift = if above < garlic { garlic - 1 - above } else { above - (garlic - 1) };
    let sigma = 1usize << shift;
    let corner = xor(rows.at(above, rows.columns - 1), rows.at(above, 0));
    let first = hash(&[&corner, rows.at(above, sigma)]);
    rows.put(row, 0, hash(&[&[0], &first]));
    for column in 1..rows.columns {
        let mixed = xor(rows.at(row, column - 1), rows.at(above, column));
        let value = hash(&[&mixed, rows.at(above, column ^ sigma)]);
        rows.put(row, column, value);
    }
}

/// xorshift1024*, seeded with two hashes of the salt.
struct Xorshift {
    state: [u64; 16],
    at: usize,
}

impl Xorshift {
    fn new(salt: &[u8]) -> Self {
        let a = hash(&[salt]);
        let b = hash(&[&a]);
        let mut state = [0; 16];
        let bytes = a.iter().chain(&b);
        for (i, &byte) in bytes.enumerate() {
            if let Some(word) = state.get_mut(i / 8) {
                *word |= u64::from(byte) << (i % 8 * 8);
            }
        }
        Xorshift { state, at: 0 }
    }

    fn word(&mut self) -> &mut u64 {
        self.state.get_mut(self.at & 15).expect("masked to the array's length")
    }

    fn next(&mut self) -> u64 {
        let mut old = *self.word();
        self.at = (self.at + 1) & 15;
        let mut new = *self.word();
        new ^= new << 31;
        new ^= new >> 11;
        old ^= old >> 30;
        *self.word() = old ^ new;
        (old ^ new).wrapping_mul(1_181_783_497_276_652_981)
    }
}
