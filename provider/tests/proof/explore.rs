//! Where the model goes: every call in every state, breadth first; and every fact that any number
//! of calls on any number of keys can give.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::model::*;
use super::rules::Rules;

/// Which calls are tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Vocabulary {
    /// Keys of the attacker's do whatever they are asked to ([`Rules::uses_are_free`]).
    Free,
    /// Every use has to be named in a template or set.
    Explicit,
}

/// What shall not be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goal {
    /// The attacker knows the planted value.
    Leak,
    /// The officer's key unwrapped a value that the attacker brought.
    Planting,
}

impl Goal {
    pub fn reached(self, state: &State) -> bool {
        match self {
            Self::Leak => state.knows(PLANTED),
            Self::Planting => state.planted,
        }
    }
}

/// A policy, the keys that are there, and what the policy says of them.
#[derive(Clone, Copy, Debug)]
pub struct Scenario {
    pub name: &'static str,
    /// `policy` of the configuration; SoftHSM2 for another module.
    pub policy: &'static str,
    pub rules: Rules,
    pub start: State,
    pub goal: Goal,
    /// Whether the goal cannot be reached.
    pub holds: bool,
}

const OURS: u16 = SENSITIVE | MODIFIABLE;
const LEAVES: u16 = OURS | EXTRACTABLE;
const SHARED: u16 = LEAVES | GUARDED;
/// The officer's key does everything.
const KEEPER: u16 = SENSITIVE | TRUSTED | MODIFIABLE | USES;
/// What keys do that `strict` makes.
const HALF: u16 = ENCRYPT | DECRYPT | DERIVE;

/// What is explored, by name.
pub fn scenarios() -> Vec<Scenario> {
    let recipient = PUBLIC | TRUSTED | MODIFIABLE | WRAP;
    let state = |planted: u16, officers: u16| {
        let officers = (officers != 0).then(|| Key::new(OFFICERS, officers));
        State::new(Key::new(PLANTED, planted), officers)
    };
    let derived = |uses| {
        let start = state(OURS | uses, OURS | TEMPLATED | DERIVE);
        State { derived: true, ..start }
    };
    let row = |policy, rules, name, start, holds| Scenario {
        name,
        policy,
        rules,
        start,
        goal: Goal::Leak,
        holds,
    };
    let standard = |name, start, holds| row("standard", Rules::STANDARD, name, start, holds);
    let strict = |name, start| row("strict", Rules::STRICT, name, start, true);
    let compatible = |name, start, holds| row("compatible", Rules::COMPATIBLE, name, start, holds);
    let softhsm = |name, start, holds| row("SoftHSM2", Rules::SOFTHSM, name, start, holds);
    vec![
        standard("not extractable", state(OURS | USES, KEEPER), true),
        standard("trusted only", state(SHARED | USES, KEEPER), true),
        standard("trusted only, one that wraps", state(SHARED | USES, KEEPER & !USES | WRAP), true),
        standard("trusted only, a recipient", state(SHARED | USES, recipient), true),
        standard("derived", derived(USES), true),
        Scenario {
            goal: Goal::Planting,
            ..standard("planting", state(OURS | USES, KEEPER & !USES | UNWRAP | ENCRYPT), true)
        },
        standard("extractable", state(LEAVES | USES, KEEPER), false),
        strict("not extractable", state(OURS | HALF, recipient)),
        strict("trusted only, a recipient", state(SHARED | HALF, recipient)),
        strict("extractable", state(LEAVES | HALF, recipient)),
        strict("extractable, a weak recipient", state(LEAVES | HALF, recipient | WEAK)),
        strict("derived", derived(HALF)),
        compatible("not extractable", state(OURS | USES, KEEPER), true),
        compatible("trusted only", state(SHARED | USES, KEEPER), false),
        compatible("extractable", state(LEAVES | USES, 0), false),
        compatible("derived", derived(USES), false),
        softhsm("not extractable", state(OURS | USES, KEEPER), true),
        softhsm("trusted only", state(SHARED | USES, KEEPER & !USES | WRAP), false),
        softhsm("extractable", state(LEAVES | USES, 0), false),
    ]
}

pub fn scenario(policy: &str, name: &str) -> Scenario {
    let all = scenarios();
    let found = all.into_iter().find(|row| row.policy == policy && row.name == name);
    found.unwrap_or_else(|| panic!("no scenario {policy}: {name}"))
}

/// What a template says of hiding.
const HIDES: [u16; 4] =
    [SENSITIVE, SENSITIVE | EXTRACTABLE, SENSITIVE | EXTRACTABLE | GUARDED, EXTRACTABLE];
/// What a template says of uses.
const TEMPLATES: [u16; 6] =
    [WRAP | UNWRAP, ENCRYPT | DECRYPT, WRAP | DECRYPT, UNWRAP | ENCRYPT, WRAP | DERIVE, USES];
/// What is set and cleared.
const CHANGES: [(u16, u16); 8] = [
    (0, 0),
    (0, SENSITIVE),
    (SENSITIVE, 0),
    (0, EXTRACTABLE),
    (EXTRACTABLE, 0),
    (GUARDED, 0),
    (0, GUARDED),
    (0, TRUSTED),
];

/// The calls that are tried in a state.
pub fn calls(state: &State, vocabulary: Vocabulary, calls: &mut Vec<Call>) {
    calls.clear();
    let there: Vec<usize> = (0..KEYS).filter(|place| state.keys[*place].is_some()).collect();
    let free = vocabulary == Vocabulary::Free;
    let uses: &[u16] = if free { &[USES] } else { &TEMPLATES };
    let asked = || HIDES.into_iter().flat_map(|hides| uses.iter().map(move |uses| hides | uses));
    if state.has_room() {
        for flags in asked() {
            calls.push(Call::Generate { flags: flags | MODIFIABLE });
            if flags & SENSITIVE == 0 {
                calls.push(Call::Create { flags: flags | MODIFIABLE });
                calls.push(Call::Create { flags: flags | MODIFIABLE | TRUSTED });
            }
        }
        if !free {
            calls.push(Call::Generate { flags: SENSITIVE | USES });
        }
    }
    for key in there.iter().copied() {
        let toggles = [WRAP, UNWRAP, ENCRYPT, DECRYPT, DERIVE, TRUSTED].map(|flag| (flag, 0));
        let toggled = toggles.into_iter().chain([(0, WRAP), (0, DECRYPT), (WRAP, DECRYPT)]);
        let changes = CHANGES.into_iter().chain(toggled.filter(|_| !free));
        for (set, clear) in changes {
            if (set, clear) != (0, 0) {
                calls.push(Call::Set { key, set, clear });
            }
            if state.has_room() {
                calls.push(Call::Copy { key, set, clear });
            }
        }
        calls.extend([Call::Digest { key }, Call::Read { key }, Call::Forge { with: key }]);
        if key > 1 {
            calls.push(Call::Destroy { key });
        }
        if state.has_room() {
            for how in HOWS {
                calls.extend(asked().map(|flags| Call::Derive {
                    how,
                    key,
                    flags: flags | MODIFIABLE,
                }));
            }
        }
        for mode in MODES {
            calls.extend(there.iter().map(|inner| Call::Wrap { mode, with: key, key: *inner }));
        }
        let value = state.keys[key].expect("it is there").value;
        for (mode, _, inner) in state.wrapped().filter(|(_, outer, _)| *outer == value) {
            calls.push(Call::Open { mode, with: key, inner });
            if mode == Mode::Nonce {
                calls.push(Call::Stream { with: key, inner });
            }
            if state.has_room() {
                let flags = asked().map(|flags| flags | MODIFIABLE);
                calls.extend(flags.map(|flags| Call::Unwrap { mode, with: key, inner, flags }));
            }
        }
    }
}

/// The name of a call, for counting.
pub fn kind(call: Call) -> String {
    match call {
        Call::Generate { .. } => "C_GenerateKey".to_owned(),
        Call::Create { .. } => "C_CreateObject".to_owned(),
        Call::Copy { .. } => "C_CopyObject".to_owned(),
        Call::Set { .. } => "C_SetAttributeValue".to_owned(),
        Call::Wrap { mode, .. } => format!("C_WrapKey {mode:?}"),
        Call::Unwrap { mode, .. } => format!("C_UnwrapKey {mode:?}"),
        Call::Open { mode, .. } => format!("C_Decrypt {mode:?}"),
        Call::Stream { .. } => "C_Encrypt stream".to_owned(),
        Call::Forge { .. } => "C_Encrypt forge".to_owned(),
        Call::Derive { how, .. } => format!("C_DeriveKey {how:?}"),
        Call::Digest { .. } => "C_DigestKey".to_owned(),
        Call::Read { .. } => "C_GetAttributeValue".to_owned(),
        Call::Destroy { .. } => "C_DestroyObject".to_owned(),
    }
}

/// A kind of transition: the call, and the rule that refused it or none.
pub type Transition = (String, Option<Refused>);

/// What a search saw.
#[derive(Debug, Default)]
pub struct Seen {
    pub states: usize,
    pub transitions: usize,
    pub refused: usize,
    /// The longest sequence of calls that was tried.
    pub depth: usize,
    /// Whether nothing was left to be tried.
    pub closed: bool,
    /// The shortest sequence of calls that reaches the goal.
    pub attack: Option<Vec<Call>>,
    /// A sequence of calls for each kind of transition, the transition last.
    pub covering: BTreeMap<Transition, Vec<Call>>,
}

/// A state that was reached, and from where.
struct Node {
    state: State,
    from: usize,
    depth: usize,
}

/// Breadth first from the start, until the goal is reached, `depth` calls were made or `most`
/// states were seen.
pub fn explore(row: &Scenario, vocabulary: Vocabulary, depth: usize, most: usize) -> Seen {
    let rules = Rules { uses_are_free: vocabulary == Vocabulary::Free, ..row.rules };
    let start = row.start.canonical();
    let mut nodes = vec![Node { state: start, from: 0, depth: 0 }];
    let mut known = HashMap::from([(start, 0_usize)]);
    let mut seen = Seen { closed: true, ..Seen::default() };
    let mut firsts: BTreeMap<Transition, (usize, Option<usize>)> = BTreeMap::new();
    let (mut at, mut tried) = (0, Vec::new());
    'search: while at < nodes.len() {
        let (state, now) = (nodes[at].state, nodes[at].depth);
        if now == depth || nodes.len() > most {
            seen.closed = false;
            break;
        }
        seen.depth = seen.depth.max(now + 1);
        calls(&state, vocabulary, &mut tried);
        for call in &tried {
            seen.transitions += 1;
            let answer = rules.apply(&state, *call).map(State::canonical);
            let next = answer.ok().map(|next| {
                *known.entry(next).or_insert_with(|| {
                    nodes.push(Node { state: next, from: at, depth: now + 1 });
                    nodes.len() - 1
                })
            });
            seen.refused += usize::from(next.is_none());
            if vocabulary == Vocabulary::Explicit {
                firsts.entry((kind(*call), answer.err())).or_insert((at, next));
            }
            if let Some(index) = next.filter(|index| row.goal.reached(&nodes[*index].state)) {
                seen.closed = false;
                seen.attack = Some(concrete(&rules, row, vocabulary, &path(&nodes, index), None));
                break 'search;
            }
        }
        at += 1;
    }
    for (transition, (at, next)) in firsts {
        let mut states = path(&nodes, at);
        states.extend(next.map(|next| nodes[next].state));
        let calls = concrete(&rules, row, vocabulary, &states, Some(&transition));
        seen.covering.insert(transition, calls);
    }
    seen.states = nodes.len();
    seen
}

/// The states on the way to one, the start left out.
fn path(nodes: &[Node], mut index: usize) -> Vec<State> {
    let mut states = Vec::new();
    while index != 0 {
        states.push(nodes[index].state);
        index = nodes[index].from;
    }
    states.reverse();
    states
}

/// Calls that lead through these canonical states, with the places that keys really have; the last
/// is of the kind that is asked for.
fn concrete(
    rules: &Rules,
    row: &Scenario,
    vocabulary: Vocabulary,
    states: &[State],
    last: Option<&Transition>,
) -> Vec<Call> {
    let (mut now, mut made, mut tried) = (row.start, Vec::new(), Vec::new());
    let of_kind = |call: Call, why| last.is_some_and(|last| (kind(call), why) == *last);
    for (i, wanted) in states.iter().enumerate() {
        calls(&now, vocabulary, &mut tried);
        let is_last = i + 1 == states.len() && last.is_some_and(|last| last.1.is_none());
        let fits = |call: &&Call| {
            let done = rules.apply(&now, **call).ok().map(State::canonical);
            done == Some(*wanted) && (!is_last || of_kind(**call, None))
        };
        let call = *tried.iter().find(fits).expect("the search went this way");
        made.push(call);
        now = rules.apply(&now, call).expect("it was allowed");
    }
    if let Some((_, Some(why))) = last {
        calls(&now, vocabulary, &mut tried);
        let refused = |call: &&Call| {
            rules.apply(&now, **call).err() == Some(*why) && of_kind(**call, Some(*why))
        };
        made.push(*tried.iter().find(refused).expect("the search saw it refused"));
    }
    made
}

/// What any number of calls on any number of keys can give.
#[derive(Debug, Default)]
pub struct Facts {
    /// Keys and wrapped keys that there can be, values that can be known.
    pub facts: usize,
    /// How often a rule was asked.
    pub asked: usize,
    pub reached: bool,
}

/// The facts that follow from a scenario, to the fixpoint. Every key that was there once counts as
/// there for ever, as does every attribute that it had; the attacker knows every value that the
/// token makes for him. What the first use of the officer's key decides is the one thing that goes
/// away, so both decisions are gone through.
pub fn saturate(row: &Scenario) -> Facts {
    let decisions = [WRAP, DECRYPT].map(|a| [UNWRAP, ENCRYPT].map(|b| a | b));
    let decisions = decisions.into_iter().flatten();
    let mut all = Facts::default();
    for never in if row.rules.first_use_decides { decisions.collect() } else { vec![0] } {
        let mut closure = Closure::new(row, never);
        while closure.grow(row.start.derived) {}
        all.facts += closure.keys.len() + closure.state.wrapped().count();
        all.asked += closure.asked;
        all.reached |= row.goal.reached(&closure.state);
    }
    all
}

struct Closure {
    rules: Rules,
    keys: BTreeSet<Key>,
    /// Of this only what is known and wrapped.
    state: State,
    asked: usize,
}

impl Closure {
    /// `never`: what the officer's key does not do, for it does the other.
    fn new(row: &Scenario, never: u16) -> Self {
        let rules = Rules { uses_are_free: true, first_use_decides: false, ..row.rules };
        let mut keys: BTreeSet<Key> = row.start.keys.into_iter().flatten().collect();
        keys = keys
            .into_iter()
            .map(|key| match key.is(TRUSTED) {
                true => Key { flags: key.flags & !never, ..key },
                false => key,
            })
            .collect();
        for flags in HIDES.map(|hides| hides | USES | MODIFIABLE) {
            let own = [flags, flags | TRUSTED].map(|flags| rules.born(flags));
            keys.extend(own.into_iter().flatten().map(|flags| Key::new(KNOWN, flags)));
        }
        Self { rules, keys, state: row.start, asked: 0 }
    }

    /// One round; whether anything was new.
    fn grow(&mut self, derived: bool) -> bool {
        let before = (self.keys.len(), self.state);
        let keys: Vec<Key> = self.keys.iter().copied().collect();
        for key in &keys {
            self.alone(*key, derived);
            for inner in &keys {
                for mode in MODES {
                    self.asked += 1;
                    if self.rules.wraps(*key, *inner, mode).is_ok() {
                        self.state.hold(mode, key.value, inner.value);
                        if key.is(WEAK) {
                            self.state.know(inner.value);
                        }
                    }
                }
            }
            self.opened(*key);
        }
        self.state.learn();
        (self.keys.len(), self.state) != before
    }

    fn add(&mut self, key: Key) {
        self.keys.insert(Key { roles: 0, ..key.bare() });
    }

    /// What comes of one key: changes, copies, derivations, its value.
    fn alone(&mut self, key: Key, derived: bool) {
        for (set, clear) in CHANGES {
            for copy in [false, true] {
                self.asked += 1;
                if let Ok(changed) = self.rules.changed(key, set, clear, copy) {
                    self.add(changed);
                }
            }
        }
        for (how, hides) in HOWS.into_iter().flat_map(|how| HIDES.map(|hides| (how, hides))) {
            self.asked += 1;
            let Ok(flags) = self.rules.derives(key, how, hides | USES | MODIFIABLE) else {
                continue;
            };
            let base = derived && key.value == OFFICERS;
            match how {
                How::Whole => self.add(Key::new(key.value, flags)),
                How::Piece => self.state.know(key.value),
                How::OneWay => self.add(Key::new(if base { PLANTED } else { KNOWN }, flags)),
                How::OneWayShort if base => self.state.know(PLANTED),
                How::OneWayShort => {}
            }
        }
        let kept = key.is(PUBLIC) || self.rules.hides_values && key.hidden();
        if !kept {
            self.state.know(key.value);
        }
    }

    /// What comes of wrapped keys under one key.
    fn opened(&mut self, key: Key) {
        let decrypts = self.rules.used(key, DECRYPT).is_ok();
        let encrypts = self.rules.used(key, ENCRYPT).is_ok();
        if encrypts {
            self.state.hold(Mode::Sound, key.value, KNOWN);
        }
        let under: Vec<_> =
            self.state.wrapped().filter(|(_, outer, _)| *outer == key.value).collect();
        for (mode, _, inner) in under {
            self.asked += 1;
            if decrypts || encrypts && mode == Mode::Nonce {
                self.state.know(inner);
            }
            for flags in HIDES.map(|hides| hides | USES | MODIFIABLE) {
                self.asked += 1;
                if self.rules.unwraps(key, mode, flags).is_ok() {
                    self.add(Key::new(inner, flags));
                    self.state.planted |= key.value == OFFICERS && inner == KNOWN;
                }
            }
        }
    }
}
